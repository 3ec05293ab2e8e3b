package filedmonth_test

import (
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/settletest"
)

func september() filedmonth.FiledMonth {
	return filedmonth.FiledMonth{Entity: settletest.Ordinary, Month: civil.MustMonth("2026-09"),
		FiledOn: civil.MustDate("2026-10-12"), Reference: "return-1"}
}

func TestAMonthIsFiledOnceAndTheSameFilingIsReplayed(t *testing.T) {
	w := settletest.OpenIn(t, dynamotest.OpenInMemory(t))
	w.SetDate("2026-10-15")
	months := w.FilingRecorder(t)
	first, replayed, err := months.Record(t.Context(), settletest.Tenant, "finance@a", september())
	if err != nil || replayed || first.By != "finance@a" || first.Act == "" || !first.At.Equal(w.Clock.Instant()) {
		t.Fatalf("recorded %+v, replayed %v: %v", first, replayed, err)
	}
	w.AdvanceTime(time.Hour)
	again, replayed, err := months.Record(t.Context(), settletest.Tenant, "finance@b", september())
	if err != nil || !replayed || again.Act != first.Act || again.By != "finance@a" {
		t.Errorf("the same filing again: %+v, replayed %v: %v", again, replayed, err)
	}
	for name, change := range map[string]func(*filedmonth.FiledMonth){
		"another day":       func(f *filedmonth.FiledMonth) { f.FiledOn = f.FiledOn.AddDays(1) },
		"another reference": func(f *filedmonth.FiledMonth) { f.Reference = "return-2" },
	} {
		f := september()
		change(&f)
		_, _, err := months.Record(t.Context(), settletest.Tenant, "finance@a", f)
		if !fault.HasCode(err, fault.OtherContent) || fault.AsError(err).Reason != "month_filed" {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := months.FiledMonths(t.Context(), settletest.Tenant, settletest.Ordinary)
	if err != nil || len(list) != 1 || list[0].Reference != "return-1" {
		t.Errorf("filed months: %+v, %v", list, err)
	}
	isFiled := filedmonth.Lookup(list)
	if !isFiled(civil.MustMonth("2026-09")) || isFiled(civil.MustMonth("2026-08")) {
		t.Error("the lookup finds another month than September")
	}
}

// A booking of the last day may still be under way: two minutes after the end the month can be filed, not before.
func TestAMonthIsFiledOnlyWhenItIsOver(t *testing.T) {
	end := civil.MustDate("2026-10-01").Start()
	for name, tt := range map[string]struct {
		at  time.Time
		day string
		ok  bool
	}{
		"last day":                      {end.Add(-time.Minute), "2026-09-30", false},
		"the instant of its end":        {end, "2026-10-01", false},
		"a second less than the wait":   {end.Add(filedmonth.LongestBooking - time.Second), "2026-10-01", false},
		"when the wait is over":         {end.Add(filedmonth.LongestBooking), "2026-10-01", true},
		"business date ahead of clocks": {end.Add(-time.Hour), "2026-10-02", true},
	} {
		w := settletest.OpenIn(t, dynamotest.OpenInMemory(t))
		w.SetDate(tt.day)
		w.AdvanceTime(tt.at.Sub(w.Now()))
		_, _, err := w.FilingRecorder(t).Record(t.Context(), settletest.Tenant, "finance@a", september())
		if tt.ok && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !tt.ok && (!fault.HasCode(err, fault.IllegalMove) || fault.AsError(err).Reason != "month_not_over") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMonthOfAnUnknownEntityIsNotFiled(t *testing.T) {
	w := settletest.OpenIn(t, dynamotest.OpenInMemory(t))
	w.SetDate("2026-10-15")
	f := september()
	f.Entity = "ent-unknown"
	if _, _, err := w.FilingRecorder(t).Record(t.Context(), settletest.Tenant, "finance@a", f); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("an unknown entity: %v", err)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := filedmonth.New(nil, nil, clock.Clock{}, nil)
	want := "filedmonth.Recorder is incomplete, these parts are missing: clock, entities, newID, store"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v", err)
	}
}
