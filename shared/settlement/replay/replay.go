// Package replay runs a proposed contract over the settlements of past months and tells each
// party's difference. Nothing is written.
package replay

import (
	"cmp"
	"context"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// Bounds of one replay.
const (
	MaxMonths      = 24
	MaxSettlements = 2000
	pageSize       = 100
)

// Request is a contract that is not stored, and the months to run it over, both inclusive.
type Request struct {
	Contract tenancy.Contract `json:"contract"`
	From     civil.Month      `json:"from"`
	To       civil.Month      `json:"to"`
}

// Line is a party's money of an income type in a month: as it was shared, and as the proposal would
// share it.
type Line struct {
	Month      civil.Month `json:"month"`
	IncomeType string      `json:"income_type"`
	Total
}

// Total is a party's money. Party is creator, mcn or the id of a payee.
type Total struct {
	Party      string       `json:"party"`
	Then       money.Amount `json:"then"`
	Proposed   money.Amount `json:"proposed"`
	Difference money.Amount `json:"difference"`
}

// Report is the outcome. Lines go by month, income type and party. What the proposal does not cover
// is named and stands in no line.
type Report struct {
	CreatorID   ident.Creator `json:"creator_id"`
	Level       string        `json:"level"` // the creator's level now, by which the proposal weighs
	Lines       []Line        `json:"lines"`
	Totals      []Total       `json:"totals"`
	Settlements []string      `json:"settlements"` // those that were read
	NotCovered  []string      `json:"not_covered"` // income types without a split in the proposal
}

// Settlements lists a creator's settlements, newest first.
type Settlements interface {
	List(ctx context.Context, tenant ident.Tenant, q settlement.Query, cursor string,
		limit int) ([]settlement.Settlement, string, error)
}

// Creators finds payee accounts.
type Creators interface {
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (tenancy.Creator, error)
}

// Service replays.
type Service struct {
	Settlements Settlements
	Creators    Creators
}

// problems lists all that is wrong with a request.
func (r Request) problems() []fault.Field {
	var found fault.Problems
	for _, p := range r.Contract.Problems() {
		found.Add("contract."+p.Field, p.Problem)
	}
	switch {
	case r.From.IsZero() || r.To.IsZero():
		found.Add("from", "must be a month, YYYY-MM, and to as well")
	case r.To.Before(r.From):
		found.Add("to", "must not be before from")
	case !r.To.Before(r.From.Add(MaxMonths)):
		found.Add("to", "must be at most 24 months, from included")
	}
	return found
}

// Run replays a proposal over what stands: settlements that were undone, later occurrences of the
// same money and payees' own settlements are left out, so that each yuan is counted once.
//
// Errors: fault.InvalidInput; fault.Absent for an unknown creator; 2001 when the creator has more
// settlements than one replay reads.
func (s Service) Run(ctx context.Context, tenant ident.Tenant, r Request) (Report, error) {
	if p := r.problems(); len(p) > 0 {
		return Report{}, fault.Invalid(p...)
	}
	creator, err := s.Creators.Creator(ctx, tenant, r.Contract.CreatorID)
	if err != nil {
		return Report{}, err
	}
	run := &replay{request: r, plans: map[string]*split.Plan{}, sums: map[key]*Total{},
		totals: map[string]*Total{},
		report: Report{CreatorID: creator.CreatorID, Level: creator.Level, Lines: []Line{},
			Totals: []Total{}, Settlements: []string{}, NotCovered: []string{}}}
	if err := run.compile(creator); err != nil {
		return Report{}, err
	}
	cursor := ""
	for read := 0; ; {
		page, next, err := s.Settlements.List(ctx, tenant, settlement.Query{Creator: creator.CreatorID},
			cursor, pageSize)
		if err != nil {
			return Report{}, err
		}
		for _, st := range page {
			run.add(st)
		}
		if read += len(page); next == "" {
			return run.done(), nil
		}
		if read >= MaxSettlements {
			return Report{}, fault.Invalid(fault.Field{Field: "contract.creator_id",
				Problem: "has more than 2000 settlements; one replay reads no more"})
		}
		cursor = next
	}
}

type key struct {
	month      civil.Month
	incomeType string
	party      string
}

type replay struct {
	request Request
	plans   map[string]*split.Plan
	sums    map[key]*Total
	totals  map[string]*Total
	shares  []split.Share
	report  Report
}

func (r *replay) compile(creator tenancy.Creator) error {
	for incomeType, terms := range r.request.Contract.Splits {
		plan, err := split.CompilePlan(incomeType, terms, creator.Level)
		if err != nil {
			return fault.Invalid(fault.Field{Field: "contract.splits." + incomeType,
				Problem: "cannot be applied: " + err.Error()})
		}
		r.plans[incomeType] = plan
	}
	return nil
}

// counts tells whether a settlement's money belongs to the months asked for, and to no other
// settlement.
func (r *replay) counts(s settlement.Settlement) bool {
	within := !s.ServicePeriod.Before(r.request.From) && !r.request.To.Before(s.ServicePeriod)
	return within && !s.Dead() && s.ReopenedBy == "" && s.Parent == "" &&
		s.Source != settlement.SourceOpening
}

func (r *replay) add(s settlement.Settlement) {
	if !r.counts(s) {
		return
	}
	plan, ok := r.plans[s.IncomeType]
	if !ok {
		if !slices.Contains(r.report.NotCovered, s.IncomeType) {
			r.report.NotCovered = append(r.report.NotCovered, s.IncomeType)
		}
		return
	}
	r.report.Settlements = append(r.report.Settlements, s.ID)
	for _, p := range s.Shares {
		for _, t := range r.of(s, p) {
			t.Then = t.Then.Add(p.Amount)
		}
	}
	r.shares = plan.SplitAmount(r.shares[:0], s.Gross)
	for _, p := range r.shares {
		for _, t := range r.of(s, p) {
			t.Proposed = t.Proposed.Add(p.Amount)
		}
	}
}

// of finds the sums that a share belongs to: of its month and income type, and the party's total.
func (r *replay) of(s settlement.Settlement, p split.Share) [2]*Total {
	party := p.Party
	if p.Kind != split.KindPayee { // contracts name their own side as they like
		party = p.Kind
	}
	k := key{s.ServicePeriod, s.IncomeType, party}
	if r.sums[k] == nil {
		r.sums[k] = &Total{Party: party}
	}
	if r.totals[party] == nil {
		r.totals[party] = &Total{Party: party}
	}
	return [2]*Total{r.sums[k], r.totals[party]}
}

func (r *replay) done() Report {
	for k, t := range r.sums {
		t.Difference = t.Proposed.Sub(t.Then)
		r.report.Lines = append(r.report.Lines, Line{k.month, k.incomeType, *t})
	}
	slices.SortFunc(r.report.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Month.String(), b.Month.String()),
			cmp.Compare(a.IncomeType, b.IncomeType), cmp.Compare(a.Party, b.Party))
	})
	for _, t := range r.totals {
		t.Difference = t.Proposed.Sub(t.Then)
		r.report.Totals = append(r.report.Totals, *t)
	}
	slices.SortFunc(r.report.Totals, func(a, b Total) int { return cmp.Compare(a.Party, b.Party) })
	slices.Sort(r.report.Settlements)
	slices.Sort(r.report.NotCovered)
	return r.report
}
