package civil_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
)

// instant draws moments from 1970 to 2200, in any zone.
func instant(t *rapid.T) time.Time {
	zone := time.FixedZone("any", rapid.IntRange(-14*3600, 14*3600).Draw(t, "zone"))
	return time.Unix(rapid.Int64Range(0, 7_258_118_400).Draw(t, "seconds"), 0).In(zone)
}

func TestDayOfAnInstantIsTheOneInShanghai(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := instant(t)
		d := civil.DateOf(at)
		if at.Before(d.Start()) || !at.Before(d.AddDays(1).Start()) {
			t.Fatalf("%s lies on %s, which begins at %s", at, d, d.Start())
		}
		if m := civil.MonthOf(at); m != d.Month() || d.Before(m.First()) || d.After(m.Last()) {
			t.Fatalf("%s lies in %s", d, m)
		}
	})
	if d := civil.DateOf(time.Date(2026, 9, 30, 16, 0, 0, 0, time.UTC)); d != civil.MustDate("2026-10-01") {
		t.Errorf("16:00 in London is %s in Shanghai", d)
	}
}

func TestDatesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := civil.DateOf(instant(t))
		if back, err := civil.ParseDate(d.String()); err != nil || back != d {
			t.Fatalf("%s became %s, %v", d, back, err)
		}
		m := d.Month()
		if back, err := civil.ParseMonth(m.String()); err != nil || back != m {
			t.Fatalf("%s became %s, %v", m, back, err)
		}
		in := struct {
			D, None civil.Date
			M, No   civil.Month
		}{D: d, M: m}
		out := in
		doc, err := json.Marshal(in)
		if err == nil {
			err = json.Unmarshal(doc, &out)
		}
		if err != nil || out != in {
			t.Fatalf("%+v became %+v by %s, %v", in, out, doc, err)
		}
	})
}

func TestDaysCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, n := civil.DateOf(instant(t)), rapid.IntRange(-5000, 5000).Draw(t, "days")
		e := d.AddDays(n)
		if e.AddDays(-n) != d || e.Start().Sub(d.Start()) != time.Duration(n)*24*time.Hour {
			t.Fatalf("%s and %d days is %s", d, n, e)
		}
		if e.After(d) != (n > 0) || e.Before(d) != (n < 0) || d.Before(e) != e.After(d) {
			t.Fatalf("%s and %s are in the wrong order", d, e)
		}
		if (d.String() < e.String()) != d.Before(e) {
			t.Fatalf("%s and %s sort otherwise as texts", d, e)
		}
	})
}

func TestMonthsCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, n := civil.MonthOf(instant(t)), rapid.IntRange(-500, 500).Draw(t, "months")
		o := m.Add(n)
		if o.Sub(m) != n || o.Add(-n) != m || o.After(m) != (n > 0) || o.Before(m) != (n < 0) || o.Number() < 1 || o.Number() > 12 {
			t.Fatalf("%s and %d months is %s", m, n, o)
		}
		if m.Last().AddDays(1) != m.Add(1).First() || m.First().Day() != 1 || m.Last().Month() != m {
			t.Fatalf("%s goes from %s to %s", m, m.First(), m.Last())
		}
		day := rapid.IntRange(1, 31).Draw(t, "day")
		if d := m.Day(day); d.Month() != m || d.Day() != min(day, m.Last().Day()) {
			t.Fatalf("day %d of %s is %s", day, m, d)
		}
	})
}

func TestWhatIsNoDate(t *testing.T) {
	for _, text := range []string{"", "2026-02-30", "2026-13-01", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", "2026/01/01", " 2026-01-01", "1899-12-31", "２026-01-01"} {
		if d, err := civil.ParseDate(text); err == nil {
			t.Errorf("%q was read as %s", text, d)
		}
	}
	for _, text := range []string{"", "2026", "2026-00", "2026-13", "2026-1", "2026-01-01", "1899-12"} {
		if m, err := civil.ParseMonth(text); err == nil {
			t.Errorf("%q was read as %s", text, m)
		}
	}
	for _, doc := range []string{`20260101`, `"x"`, `{}`, `""`} {
		var d civil.Date
		var m civil.Month
		if json.Unmarshal([]byte(doc), &d) == nil || json.Unmarshal([]byte(doc), &m) == nil {
			t.Errorf("%s was read as %s, %s", doc, d, m)
		}
	}
}

func TestParts(t *testing.T) {
	d := civil.NewDate(2026, time.February, 29) // rolls over
	if d != civil.MustDate("2026-03-01") || d.Year() != 2026 || d.Day() != 1 || d.Weekday() != time.Sunday || d.IsZero() {
		t.Errorf("29 February 2026 is %s, a %s", d, d.Weekday())
	}
	if m := civil.NewMonth(2026, 14); m != civil.MustMonth("2027-02") || m.Year() != 2027 || m.Number() != 2 || m.Last().Day() != 28 {
		t.Errorf("month 14 of 2026 is %s", m)
	}
	if (civil.Date{}).String() != "" || (civil.Month{}).String() != "" || !(civil.Month{}).IsZero() {
		t.Error("no day and no month are written as something")
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("2026-09-15")
	f.Add("2024-02-29")
	f.Add("2026-9-5")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := civil.ParseDate(text); err == nil && d.String() != text {
			t.Fatalf("%q was read as %s", text, d)
		}
		if m, err := civil.ParseMonth(text); err == nil && m.String() != text {
			t.Fatalf("%q was read as %s", text, m)
		}
	})
}
