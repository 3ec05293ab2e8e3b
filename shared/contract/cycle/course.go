package cycle

import (
	"reflect"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Timeline knows which contract of a creator governs an income type on which day.
type Timeline struct {
	contracts map[string][]tenancy.Contract // approved versions by contract id
	// days on which another version may come into force, in order
	changes    []civil.Date
	incomeType string
}

// NewTimeline makes the timeline of an income type from all versions of all contracts of a creator.
// Versions that are not approved are ignored.
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

// firstDayOfTerms returns the first day of the run of days, up to the given day, on which the same
// versions are in force. The run does not begin before first.
func (c Timeline) firstDayOfTerms(first, day civil.Date) civil.Date {
	for _, change := range slices.Backward(c.changes) {
		if !change.After(day) {
			return laterDay(first, change)
		}
	}
	return first
}

// lastDayOfTerms returns the last day of the run of days, from the given day on, on which the same
// versions are in force. The run does not end after last.
func (c Timeline) lastDayOfTerms(day, last civil.Date) civil.Date {
	for _, change := range c.changes {
		if change.After(day) {
			return earlierDay(last, change.AddDays(-1))
		}
	}
	return last
}

// ContractOn returns the contract in force on a day, and false if there is none. At most one
// contract of a creator covers an income type on a day.
func (c Timeline) ContractOn(day civil.Date) (tenancy.Contract, bool) {
	for _, versions := range c.contracts {
		k, ok := tenancy.InForce(versions, day)
		if _, covered := k.Routes[c.incomeType]; ok && covered {
			return k, true
		}
	}
	return tenancy.Contract{}, false
}

// PeriodOf returns the settlement period of an income line of a day: the part of its month by the
// contract's cycle. Income that no contract covers is gathered by month until a contract covers it.
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

// termsChangeDay returns the day of the month on which the terms of a day came into force, if other
// terms were in force earlier in the same part; otherwise 0. The day must be covered by a contract.
func (c Timeline) termsChangeDay(first, day civil.Date) int {
	k, _ := c.ContractOn(day)
	begin := c.firstDayOfTerms(first, day)
	// Go back over versions with the same terms: they are one run, although the version number
	// changes.
	for begin.After(first) {
		before := begin.AddDays(-1)
		if b, ok := c.ContractOn(before); !ok || !c.haveSameTerms(b, k) {
			break
		}
		begin = c.firstDayOfTerms(first, before)
	}
	// Days without a contract before the run are no other terms; only a covered day makes a cut.
	for d := begin; d.After(first); d = c.firstDayOfTerms(first, d.AddDays(-1)) {
		if _, ok := c.ContractOn(d.AddDays(-1)); ok {
			return begin.Day()
		}
	}
	return 0
}

// haveSameTerms reports whether two versions settle the income type in the same way.
func (c Timeline) haveSameTerms(a, b tenancy.Contract) bool {
	if a.ContractID != b.ContractID || a.Version.Version == b.Version.Version {
		return a.ContractID == b.ContractID
	}
	return reflect.DeepEqual(c.settlementTerms(a), c.settlementTerms(b))
}

// settlementTerms returns a copy of a contract with only the fields that decide how an income line
// is settled.
func (c Timeline) settlementTerms(k tenancy.Contract) tenancy.Contract {
	out := k
	out.Version = tenancy.Version{}
	out.LeftOn = civil.Date{}
	out.ProjectReason = ""
	out.ApprovedBy = ""
	out.AcceptAfterDays = 0
	out.Routes = map[string]string{c.incomeType: k.Routes[c.incomeType]}
	split := k.Splits[c.incomeType]
	split.Measured = "" // there is only one measure, so stating it changes nothing
	out.Splits = map[string]tenancy.Split{c.incomeType: split}
	return out
}

// Span is the run of days in a part of a month that one set of terms governs.
type Span struct {
	First, Last civil.Date
	Contract    tenancy.Contract // the contract that governs these days
	from        civil.Date       // first day of the span that the contract covers
}

// SpanOf returns the days of a part up to the first change of terms, and false if no contract
// covers any of them.
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
	if found { // the contract may end before the part does
		s.Last = covered
	}
	return s, found
}

// NextPeriod returns the period for income lines whose period is closed already. If the same
// contract is in force after that period, this is the following period; otherwise it is a further
// part of the same month, because another contract's terms must not apply to these lines.
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

// CarryForwardPeriod returns the period to which an unpaid amount of p is carried forward: the
// period of the next day, or the next month if p was gathered on demand. CarryForwardPeriod returns
// false if the same entity does not pay the creator then.
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

// isPaidBy reports whether a contract with the paying entity is in force on a day.
func (c Timeline) isPaidBy(day civil.Date, entity ident.Entity) bool {
	k, ok := c.ContractOn(day)
	return ok && k.PayingEntity == entity
}

// EndOfCooperation returns the last day of the cooperation under the contract of a period: the day
// on which the creator left, or the contract's last day if no other contract with the same paying
// entity follows. EndOfCooperation returns false while the cooperation goes on.
func (c Timeline) EndOfCooperation(p Period) (civil.Date, bool) {
	s, ok := c.SpanOf(p)
	if !ok {
		return civil.Date{}, false
	}
	versions := c.contracts[s.Contract.ContractID]
	end, over := c.lastCoveredDay(versions, s.Last)
	over = over && !c.isPaidBy(end.AddDays(1), s.Contract.PayingEntity)
	newest, _ := tenancy.LatestVersion(versions)
	// The creator may leave before the contract's last day; the earlier of the two days counts.
	if left := newest.LeftOn; !left.IsZero() && (!over || left.Before(end)) {
		end, over = left, true
	}
	return end, over
}

// lastCoveredDay follows the versions of a contract from a covered day to the last day before a
// gap. lastCoveredDay returns false if the contract has no end.
func (c Timeline) lastCoveredDay(versions []tenancy.Contract, day civil.Date) (civil.Date, bool) {
	for {
		k, ok := tenancy.InForce(versions, day)
		if _, covered := k.Routes[c.incomeType]; !ok || !covered {
			return day.AddDays(-1), true
		}
		// A newer version that begins later ends this one before its own last day.
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
