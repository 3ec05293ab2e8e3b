package cycle

import (
	"reflect"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Timeline is what a creator's contracts say about an income type as time goes on.
type Timeline struct {
	contracts map[string][]tenancy.Contract // versions by contract
	// days from which another version may be in force, in order
	changes    []civil.Date
	incomeType string
}

// NewTimeline takes all versions of all contracts of a creator.
func NewTimeline(contracts []tenancy.Contract, incomeType string) Timeline {
	approved := tenancy.ApprovedOnly(contracts)
	c := Timeline{contracts: tenancy.GroupByContract(approved),
		changes: make([]civil.Date, 0, len(approved)+1), incomeType: incomeType}
	for i := range approved {
		c.changes = append(c.changes, approved[i].From)
		if to := approved[i].To; !to.IsZero() {
			c.changes = append(c.changes, to.AddDays(1))
		}
	}
	slices.SortFunc(c.changes, civil.Date.Compare)
	return c
}

// firstDayOfTerms is the first day, but none before first, from which the same version is in force as on a
// day.
func (c Timeline) firstDayOfTerms(first, day civil.Date) civil.Date {
	for _, change := range slices.Backward(c.changes) {
		if !change.After(day) {
			return laterDay(first, change)
		}
	}
	return first
}

// lastDayOfTerms is the last day, but none after last, up to which the same version is in force as on a day.
func (c Timeline) lastDayOfTerms(day, last civil.Date) civil.Date {
	for _, change := range c.changes {
		if change.After(day) {
			return earlierDay(last, change.AddDays(-1))
		}
	}
	return last
}

// ContractOn gives the contract in force on a day; false when there is none. At most one contract
// of a creator covers an income type on a day.
func (c Timeline) ContractOn(day civil.Date) (tenancy.Contract, bool) {
	for _, versions := range c.contracts {
		k, ok := tenancy.InForce(versions, day)
		if _, covered := k.Routes[c.incomeType]; ok && covered {
			return k, true
		}
	}
	return tenancy.Contract{}, false
}

// PeriodOf is where a line of a day is gathered: the part of its month by the cycle in force on the
// day. What no contract covers is gathered by the month, until one does.
func (c Timeline) PeriodOf(day civil.Date) Period {
	k, ok := c.ContractOn(day)
	if !ok {
		return WholeMonth(day.Month())
	}
	p := PeriodOfCycle(k.Cycle, day)
	first, _ := p.calendarDays()
	p.Part.Cut = c.termsChangeDay(first, day)
	return p
}

// termsChangeDay is the day of the month on which the terms of a covered day began, if others were in force
// earlier in the part.
func (c Timeline) termsChangeDay(first, day civil.Date) int {
	k, _ := c.ContractOn(day)
	begin := c.firstDayOfTerms(first, day)
	for begin.After(first) {
		before := begin.AddDays(-1)
		if b, ok := c.ContractOn(before); !ok || !c.haveSameTerms(b, k) {
			break
		}
		begin = c.firstDayOfTerms(first, before)
	}
	for d := begin; d.After(first); d = c.firstDayOfTerms(first, d.AddDays(-1)) {
		if _, ok := c.ContractOn(d.AddDays(-1)); ok {
			return begin.Day()
		}
	}
	return 0
}

// haveSameTerms tells whether two versions settle the income type alike.
func (c Timeline) haveSameTerms(a, b tenancy.Contract) bool {
	if a.ContractID != b.ContractID || a.Version.Version == b.Version.Version {
		return a.ContractID == b.ContractID
	}
	return reflect.DeepEqual(c.settlementTerms(a), c.settlementTerms(b))
}

// settlementTerms leaves of a contract what decides how a line is settled.
func (c Timeline) settlementTerms(k tenancy.Contract) tenancy.Contract {
	out := k
	out.Version = tenancy.Version{}
	out.LeftOn = civil.Date{}
	out.ProjectReason = ""
	out.ApprovedBy = ""
	out.AcceptAfterDays = 0
	out.Routes = map[string]string{c.incomeType: k.Routes[c.incomeType]}
	split := k.Splits[c.incomeType]
	split.Measured = "" // written down or not, there is one measure
	out.Splits = map[string]tenancy.Split{c.incomeType: split}
	return out
}

// Span is the run of days of a part that one set of terms governs.
type Span struct {
	First, Last civil.Date
	Contract    tenancy.Contract // that governs them
	from        civil.Date       // first day that the contract covers
}

// SpanOf gives the days of a part up to the first change of terms; false when no contract covers
// any of them.
func (c Timeline) SpanOf(p Period) (Span, bool) {
	first, last := p.calendarDays()
	if p.Part.Cut > 0 {
		first = laterDay(first, p.Month.Day(p.Part.Cut))
	}
	s, found := Span{First: first, Last: last}, false
	covered := first
	for d := first; !d.After(last); d = c.lastDayOfTerms(d, last).AddDays(1) {
		k, ok := c.ContractOn(d)
		if !ok {
			continue
		}
		if found && !c.haveSameTerms(k, s.Contract) {
			break
		}
		if !found {
			s.Contract = k
			s.from = d
			found = true
		}
		covered = c.lastDayOfTerms(d, last)
	}
	if found { // the contract may have ended within the part
		s.Last = covered
	}
	return s, found
}

// NextPeriod is where lines go for which a part is closed: on by time as long as the same contract
// goes on, else, because another contract's terms are not theirs, into further parts of the same
// month.
func (c Timeline) NextPeriod(p Period) Period {
	s, ok := c.SpanOf(p)
	if p.Part.Kind == OnDemand {
		p.Part.N++
		return p
	}
	if !ok {
		return c.PeriodOf(p.Month.Add(1).First())
	}
	after := s.Last.AddDays(1)
	if k, goesOn := c.ContractOn(after); goesOn && k.ContractID == s.Contract.ContractID {
		return c.PeriodOf(after)
	}
	return Period{p.Month, Part{Kind: OnDemand, N: 1, Cut: c.termsChangeDay(p.Month.First(), s.from)}}
}

// CarryForwardPeriod is the part into which what is not paid in p goes on: that of the next day, or
// of the next month where p was gathered on demand, if the same entity still pays the creator then.
func (c Timeline) CarryForwardPeriod(p Period) (Period, bool) {
	s, ok := c.SpanOf(p)
	if !ok {
		return Period{}, false
	}
	day := s.Last.AddDays(1)
	if p.Part.Kind == OnDemand {
		day = p.Month.Add(1).First()
	}
	if !c.isPaidBy(day, s.Contract.PayingEntity) {
		return Period{}, false
	}
	return c.PeriodOf(day), true
}

// isPaidBy tells whether a contract with the paying entity is in force on a day.
func (c Timeline) isPaidBy(day civil.Date, entity ident.Entity) bool {
	k, ok := c.ContractOn(day)
	return ok && k.PayingEntity == entity
}

// EndOfCooperation is the last day of the cooperation under the contract that governs a part: the
// day on which the creator left, or the contract's last one if no other contract with the paying
// entity follows on it; false while it goes on.
func (c Timeline) EndOfCooperation(p Period) (civil.Date, bool) {
	s, ok := c.SpanOf(p)
	if !ok {
		return civil.Date{}, false
	}
	versions := c.contracts[s.Contract.ContractID]
	end, over := c.lastCoveredDay(versions, s.Last)
	over = over && !c.isPaidBy(end.AddDays(1), s.Contract.PayingEntity)
	newest, _ := tenancy.LatestVersion(versions)
	if left := newest.LeftOn; !left.IsZero() && (!over || left.Before(end)) {
		end, over = left, true
	}
	return end, over
}

// lastCoveredDay follows a contract from a day that it covers to the last one without a gap.
func (c Timeline) lastCoveredDay(versions []tenancy.Contract, day civil.Date) (civil.Date, bool) {
	for {
		k, ok := tenancy.InForce(versions, day)
		if _, covered := k.Routes[c.incomeType]; !ok || !covered {
			return day.AddDays(-1), true
		}
		until := k.To
		for _, v := range versions {
			if before := v.From.AddDays(-1); v.Version.Version > k.Version.Version && v.From.After(day) &&
				(until.IsZero() || before.Before(until)) {
				until = before
			}
		}
		if until.IsZero() {
			return civil.Date{}, false
		}
		day = until.AddDays(1)
	}
}
