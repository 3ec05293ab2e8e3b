package cycle

import (
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/tenancy"
)

// spanByDays and cutByDays ask for the contract of each single day.
func (c Timeline) spanByDays(p Period) (Span, bool) {
	first, last := p.calendarDays()
	if p.Part.Cut > 0 {
		first = laterDay(first, p.Month.Day(p.Part.Cut))
	}
	s, found := Span{First: first, Last: last}, false
	covered := first
	for d := first; !d.After(last); d = d.AddDays(1) {
		k, ok := c.ContractOn(d)
		if !ok {
			continue
		}
		if found && !c.haveSameTerms(k, s.Contract) {
			break
		}
		if !found {
			s.Contract, s.from, found = k, d, true
		}
		covered = d
	}
	if found {
		s.Last = covered
	}
	return s, found
}

func (c Timeline) cutByDays(first, day civil.Date) int {
	k, _ := c.ContractOn(day)
	begin := day
	for begin.After(first) {
		before := begin.AddDays(-1)
		if b, ok := c.ContractOn(before); !ok || !c.haveSameTerms(b, k) {
			break
		}
		begin = before
	}
	for d := begin.AddDays(-1); !d.Before(first); d = d.AddDays(-1) {
		if _, ok := c.ContractOn(d); ok {
			return begin.Day()
		}
	}
	return 0
}

// Going from change to change finds what asking for every day does.
func TestRunsOfDaysAreTheirDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var contracts []tenancy.Contract
		for i := range rapid.IntRange(0, 5).Draw(t, "versions") {
			from := civil.MustDate("2026-07-20").AddDays(rapid.IntRange(0, 40).Draw(t, "from"))
			k := tenancy.Contract{Version: tenancy.Version{From: from, Version: i + 1}, ContractID: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "contract"),
				Cycle: rapid.SampledFrom(tenancy.Cycles()).Draw(t, "cycle"), PayAfterDays: rapid.IntRange(0, 1).Draw(t, "terms")}
			if rapid.IntRange(0, 4).Draw(t, "covers") > 0 {
				k.Routes = map[string]string{"live_tip": tenancy.MCNPays}
			}
			if rapid.Bool().Draw(t, "ends") {
				k.To = from.AddDays(rapid.IntRange(0, 20).Draw(t, "days"))
			}
			overlaps := false // two contracts never cover an income type on the same day
			for _, other := range contracts {
				overlaps = overlaps || other.ContractID != k.ContractID
			}
			if !overlaps {
				contracts = append(contracts, k)
			}
		}
		c := NewTimeline(contracts, "live_tip")
		for n := range 31 {
			day := civil.MustDate("2026-08-01").AddDays(n)
			_, covered := c.ContractOn(day)
			if first := PeriodOfCycle(rapid.SampledFrom(tenancy.Cycles()).Draw(t, "part"), day).FirstDay(); covered && c.termsChangeDay(first, day) != c.cutByDays(first, day) {
				t.Fatalf("%s from %s: cut %d, by days %d", day, first, c.termsChangeDay(first, day), c.cutByDays(first, day))
			}
			p := PeriodOfCycle(rapid.SampledFrom(tenancy.Cycles()).Draw(t, "period"), day)
			p.Part.Cut = rapid.SampledFrom([]int{0, day.Day()}).Draw(t, "cut")
			got, ok := c.SpanOf(p)
			want, wanted := c.spanByDays(p)
			if ok != wanted || got.First != want.First || got.Last != want.Last || got.from != want.from || got.Contract.Version != want.Contract.Version {
				t.Fatalf("%s: %+v %t, by days %+v %t", p, got, ok, want, wanted)
			}
		}
	})
}
