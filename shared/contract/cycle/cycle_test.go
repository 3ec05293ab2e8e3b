package cycle_test

import (
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/tenancy"
)

const tip = "live_tip"

func terms(id, from, to, kind string, version int) tenancy.Contract {
	k := tenancy.Contract{Version: tenancy.Version{From: civil.MustDate(from), Version: version}, ContractID: id, PayingEntity: "e", Cycle: kind, Routes: map[string]string{tip: tenancy.MCNPays}}
	if to != "" {
		k.To = civil.MustDate(to)
	}
	return k
}

func TestPartsOfDays(t *testing.T) {
	for _, c := range []struct{ cycle, day, want string }{
		{"month", "2026-08-31", "2026-08"}, {"half_month", "2026-08-15", "2026-08-H1"}, {"half_month", "2026-08-16", "2026-08-H2"},
		{"weekly", "2026-08-02", "2026-08-W1"}, {"weekly", "2026-08-03", "2026-08-W2"}, {"weekly", "2026-08-31", "2026-08-W6"},
		{"daily", "2026-08-05", "2026-08-D05"}, {"on_demand", "2026-08-05", "2026-08-N1"},
	} {
		course := cycle.NewTimeline([]tenancy.Contract{terms("a", "2026-01-01", "", c.cycle, 1)}, tip)
		if got := course.PeriodOf(civil.MustDate(c.day)); got.String() != c.want {
			t.Errorf("%s %s: %s, want %s", c.cycle, c.day, got, c.want)
		}
	}
}

func TestTermsThatChangeWithinTheMonth(t *testing.T) {
	second := terms("a", "2026-08-11", "", "month", 2)
	second.PayDay = 20
	for name, c := range map[string]struct {
		contracts []tenancy.Contract
		day, want string
		next      string
	}{
		"before the change":       {[]tenancy.Contract{terms("a", "2026-01-01", "", "month", 1), second}, "2026-08-10", "2026-08", "2026-08-C11"},
		"after the change":        {[]tenancy.Contract{terms("a", "2026-01-01", "", "month", 1), second}, "2026-08-11", "2026-08-C11", "2026-09"},
		"the same terms again":    {[]tenancy.Contract{terms("a", "2026-01-01", "", "month", 1), terms("a", "2026-08-11", "", "month", 2)}, "2026-08-20", "2026-08", "2026-09"},
		"another contract's days": {[]tenancy.Contract{terms("a", "2026-01-01", "2026-08-10", "month", 1), terms("b", "2026-08-11", "", "weekly", 1)}, "2026-08-05", "2026-08", "2026-08-N1"},
		"the other contract":      {[]tenancy.Contract{terms("a", "2026-01-01", "2026-08-10", "month", 1), terms("b", "2026-08-11", "", "weekly", 1)}, "2026-08-12", "2026-08-W3C11", "2026-08-W4"},
		"joined within the month": {[]tenancy.Contract{terms("a", "2026-08-11", "", "month", 1)}, "2026-08-12", "2026-08", "2026-09"},
		"no contract":             {nil, "2026-08-12", "2026-08", "2026-09"},
		"left":                    {[]tenancy.Contract{terms("a", "2026-01-01", "2026-08-20", "half_month", 1)}, "2026-08-18", "2026-08-H2", "2026-08-N1"},
	} {
		course := cycle.NewTimeline(c.contracts, tip)
		got := course.PeriodOf(civil.MustDate(c.day))
		if next := course.NextPeriod(got); got.String() != c.want || next.String() != c.next {
			t.Errorf("%s: %s then %s, want %s then %s", name, got, next, c.want, c.next)
		}
	}
}

// The days of 2026 are those of the State Council's notice: 2026-02-15 to 23 and 2026-10-01 to 07 are off, 2026-09-20, a Sunday, and 2026-10-10, a
// Saturday, are worked.
func TestDaysOfParts(t *testing.T) {
	days, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change           func(*tenancy.Contract)
		period           string
		statement, right string
	}{
		"none fixed":                      {func(*tenancy.Contract) {}, "2026-08", "2026-09-01", "2026-08-31"},
		"pay day in the holiday":          {func(k *tenancy.Contract) { k.PayDay = 5 }, "2026-09", "2026-10-08", "2026-10-08"},
		"moved back":                      {func(k *tenancy.Contract) { k.PayDay, k.PayDayMoves = 18, "previous" }, "2026-01", "2026-02-14", "2026-02-14"},
		"not back into the month":         {func(k *tenancy.Contract) { k.PayDay, k.PayDayMoves = 5, "previous" }, "2026-09", "2026-10-08", "2026-10-08"},
		"a worked Saturday":               {func(k *tenancy.Contract) { k.PayDay = 10 }, "2026-09", "2026-10-10", "2026-10-10"},
		"cut-off, and a worked Sunday":    {func(k *tenancy.Contract) { k.CutOffDay, k.PayDay = 8, 20 }, "2026-08", "2026-09-08", "2026-09-20"},
		"a week and two working days":     {func(k *tenancy.Contract) { k.PayAfterWorkingDays = 2 }, "2026-08-W2", "2026-08-11", "2026-08-11"},
		"working days over the holiday":   {func(k *tenancy.Contract) { k.PayAfterWorkingDays = 3 }, "2026-09-H2", "2026-10-10", "2026-10-10"},
		"three days after, on a Saturday": {func(k *tenancy.Contract) { k.PayAfterDays = 3 }, "2026-08-D05", "2026-08-10", "2026-08-10"},
	} {
		k := terms("a", "2026-01-01", "", "month", 1)
		c.change(&k)
		p, err := cycle.ParsePeriod(c.period)
		if err != nil {
			t.Fatal(err)
		}
		got := cycle.DatesOfPeriod(k, p, p.LastDay(), days)
		if got.Missing != "" || got.Statement.String() != c.statement || got.Right.String() != c.right {
			t.Errorf("%s: statement %s, right %s, %q; want %s and %s", name, got.Statement, got.Right, got.Missing, c.statement, c.right)
		}
	}
}

// While the calendar of a year is not loaded the contract's day stays where it is; the rule finds the day again when it
// is, as if it had been there from the beginning.
func TestDaysOfAYearThatIsNotLoaded(t *testing.T) {
	year := func(y int, off ...string) calendar.Year {
		n := calendar.Year{Year: y}
		for _, d := range off {
			n.Holidays = append(n.Holidays, civil.MustDate(d))
		}
		return n
	}
	load := func(years ...calendar.Year) *calendar.Calendar {
		c, err := calendar.New(years...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := load(year(2026, "2026-12-31"))
	after := load(year(2026, "2026-12-31"), year(2027, "2027-01-01", "2027-01-15"))
	for name, c := range map[string]struct {
		change           func(*tenancy.Contract)
		end              string // of the contract; "" where it goes on
		statement, right string // as long as 2027 is not loaded
		missing          string
		later            string // the right, when it is
	}{
		"none fixed":        {func(*tenancy.Contract) {}, "", "2027-01-01", "2026-12-31", "", "2026-12-31"},
		"pay day":           {func(k *tenancy.Contract) { k.PayDay = 15 }, "", "2027-01-15", "2027-01-15", "calendar.2027", "2027-01-18"},
		"moved back":        {func(k *tenancy.Contract) { k.PayDay, k.PayDayMoves = 15, "previous" }, "", "2027-01-15", "2027-01-15", "calendar.2027", "2027-01-14"},
		"cut-off":           {func(k *tenancy.Contract) { k.CutOffDay = 2 }, "", "2027-01-02", "2026-12-31", "", "2026-12-31"},
		"days after":        {func(k *tenancy.Contract) { k.PayAfterDays = 2 }, "", "2027-01-02", "2027-01-02", "calendar.2027", "2027-01-04"},
		"two working days":  {func(k *tenancy.Contract) { k.PayAfterWorkingDays = 2 }, "", "2027-01-02", "2027-01-02", "calendar.2027", "2027-01-05"},
		"ended with it":     {func(k *tenancy.Contract) { k.PayDay = 15 }, "2026-12-31", "2027-01-01", "2027-01-01", "calendar.2027", "2027-01-04"},
		"ended long before": {func(k *tenancy.Contract) { k.PayDay = 15 }, "2026-12-20", "2026-12-21", "2026-12-21", "", "2026-12-21"},
	} {
		k := terms("a", "2026-01-01", "", "month", 1)
		c.change(&k)
		p := cycle.WholeMonth(civil.MustMonth("2026-12"))
		dates := func(days cycle.Calendar) cycle.Dates {
			d := cycle.DatesOfPeriod(k, p, p.LastDay(), days)
			if c.end != "" {
				d = d.AfterContractEnd(p, civil.MustDate(c.end), days)
			}
			return d
		}
		got := dates(before)
		if got.Statement.String() != c.statement || got.Right.String() != c.right || got.Missing != c.missing {
			t.Errorf("%s: statement %s, right %s, missing %q; want %s, %s and %q", name, got.Statement, got.Right, got.Missing, c.statement, c.right, c.missing)
		}
		if whole := dates(after); whole.Right.String() != c.later || whole.Missing != "" {
			t.Errorf("%s: right %s when the year is loaded, want %s", name, whole.Right, c.later)
		}
		if c.missing == "" {
			continue
		}
		if again, missing := got.Rule.PayDay(after); again.String() != c.later || missing != "" {
			t.Errorf("%s: found again as %s, missing %q, want %s", name, again, missing, c.later)
		}
	}
}

// Every day lies in the part to which its lines go, parts do not overlap, and closed ones lead on without end.
func TestPartsHoldTheirDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var contracts []tenancy.Contract
		for i := range rapid.IntRange(0, 4).Draw(t, "versions") {
			from := civil.MustDate("2026-07-01").AddDays(rapid.IntRange(0, 90).Draw(t, "from"))
			k := terms("a", from.String(), "", rapid.SampledFrom(tenancy.Cycles()).Draw(t, "cycle"), i+1)
			k.PayAfterDays = rapid.IntRange(0, 1).Draw(t, "terms")
			if rapid.IntRange(0, 3).Draw(t, "ends") == 0 {
				k.To = from.AddDays(rapid.IntRange(0, 60).Draw(t, "days"))
			}
			contracts = append(contracts, k)
		}
		course := cycle.NewTimeline(contracts, tip)
		day := civil.MustDate("2026-07-01").AddDays(rapid.IntRange(0, 120).Draw(t, "day"))
		p := course.PeriodOf(day)
		if k, covered := course.ContractOn(day); covered {
			s, ok := course.SpanOf(p)
			if !ok || day.Before(s.First) || day.After(s.Last) || s.Contract.Cycle != k.Cycle {
				t.Fatalf("%s lies in %s, which is %s to %s by %s", day, p, s.First, s.Last, s.Contract.Cycle)
			}
		}
		seen := map[cycle.Period]bool{}
		for range 200 {
			again, err := cycle.ParsePeriod(p.String())
			if err != nil || again != p || seen[p] {
				t.Fatalf("%s comes twice or reads as %s, %v", p, again, err)
			}
			seen[p] = true
			p = course.NextPeriod(p)
		}
	})
}

func FuzzParsePeriod(f *testing.F) {
	for _, s := range []string{"2026-08", "2026-08-H1", "2026-08-W6C31", "2026-08-D09", "2026-08-N12", "2026-08-C11", "2026-08-", "2026-08-D9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := cycle.ParsePeriod(s); err == nil && p.String() != s {
			t.Errorf("%q reads as %s", s, p)
		}
	})
}
