package calendar_test

import (
	"errors"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/fault"

	"pgregory.net/rapid"
)

func days(ss ...string) []civil.Date {
	var out []civil.Date
	for _, s := range ss {
		out = append(out, civil.MustDate(s))
	}
	return out
}

func TestWorking(t *testing.T) {
	c, err := calendar.New(calendar.Year{Year: 2026, Holidays: days("2026-10-01", "2026-10-02"), WorkDays: days("2026-10-10")})
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]bool{
		"2026-09-30": true,  // Wednesday
		"2026-10-01": false, // day off
		"2026-10-03": false, // Saturday
		"2026-10-10": true,  // Saturday that is worked
		"2026-10-11": false, // Sunday
	} {
		if got, err := c.IsWorkingDay(civil.MustDate(day)); err != nil || got != want {
			t.Errorf("%s: %v, %v", day, got, err)
		}
	}
	_, err = c.IsWorkingDay(civil.MustDate("2027-01-04"))
	if f := fault.AsError(err); f.Code != fault.RuleMissing || f.Reason != "calendar_missing" || f.Missing != "calendar.2027" {
		t.Errorf("a year without a notice: %v", err)
	}
}

func TestNoticesAreChecked(t *testing.T) {
	tests := []struct {
		name  string
		years []calendar.Year
		want  error
	}{
		{"a year twice", []calendar.Year{{Year: 2026}, {Year: 2026}}, calendar.ErrDuplicateYear},
		{"a day of another year", []calendar.Year{{Year: 2026, Holidays: days("2027-01-01")}}, calendar.ErrWrongDay},
		{"off and worked", []calendar.Year{{Year: 2026, Holidays: days("2026-01-01"), WorkDays: days("2026-01-01")}}, calendar.ErrWrongDay},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := calendar.New(tt.years...); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// OnOrAfter is the first working day not before d: it works, and nothing between works.
func TestOnOrAfterIsTheFirst(t *testing.T) {
	c, err := calendar.New(calendar.Year{Year: 2026, Holidays: days("2026-10-01", "2026-10-02", "2026-10-05"), WorkDays: days("2026-10-10")})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		d := civil.MustDate("2026-01-01").AddDays(rapid.IntRange(0, 350).Draw(t, "day"))
		got, err := c.WorkingDayOnOrAfter(d)
		if err != nil {
			t.Fatal(err)
		}
		for x := d; !x.After(got); x = x.AddDays(1) {
			work, err := c.IsWorkingDay(x)
			if err != nil || work != (x == got) {
				t.Fatalf("from %s: %s chosen, %s works: %v, %v", d, got, x, work, err)
			}
		}
		if next, err := c.NextWorkingDay(d); err != nil || !next.After(d) {
			t.Fatalf("next after %s is %s, %v", d, next, err)
		}
	})
}
