// Package replay computes how a proposed contract would have split the settlements of past months,
// and the difference for each party. It stores nothing.
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

// The limits of one replay: months, settlements, and settlements in one read.
const (
	MaxMonths      = 24
	MaxSettlements = 2000
	pageSize       = 100
)

// Request is a proposed contract, which is not stored, and the first and last month to replay.
type Request struct {
	Contract tenancy.Contract `json:"contract"`
	From     civil.Month      `json:"from"`
	To       civil.Month      `json:"to"`
}

// Line is what a party received of one income type in one month, and what the proposed contract
// would have given it.
type Line struct {
	Month      civil.Month `json:"month"`
	IncomeType string      `json:"income_type"`
	Total
}

// Total is what a party received, what the proposed contract would have given it, and the
// difference. Party is "creator", "mcn" or the id of a payee.
type Total struct {
	Party      string       `json:"party"`
	Then       money.Amount `json:"then"`
	Proposed   money.Amount `json:"proposed"`
	Difference money.Amount `json:"difference"`
}

// Report is the result of a replay. Lines are sorted by month, income type and party. Income types
// that the proposed contract does not cover are listed in NotCovered and are in no line.
type Report struct {
	CreatorID ident.Creator `json:"creator_id"`
	// Level is the current level of the creator, which weights the proposed shares.
	Level  string  `json:"level"`
	Lines  []Line  `json:"lines"`
	Totals []Total `json:"totals"`
	// Settlements has the ids of the settlements that were replayed.
	Settlements []string `json:"settlements"`
	// NotCovered has the income types for which the proposed contract has no split.
	NotCovered []string `json:"not_covered"`
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

// Service replays settlements under proposed contracts.
type Service struct {
	Settlements Settlements
	Creators    Creators
}

// problems lists what is wrong with a request.
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

// Run replays a proposed contract on a creator's settlements. Settlements that were undone, earlier
// occurrences of a reopened payable and other payees' own settlements are left out, so that each
// yuan is counted once.
//
// Errors: fault.InvalidInput; fault.MissingObject for an unknown creator; 2001 when the creator has
// more settlements than one replay reads.
func (s Service) Run(ctx context.Context, tenant ident.Tenant, r Request) (Report, error) {
	if p := r.problems(); len(p) > 0 {
		return Report{}, fault.Invalid(p...)
	}
	creator, err := s.Creators.Creator(ctx, tenant, r.Contract.CreatorID)
	if err != nil {
		return Report{}, err
	}
	run := newCalculation(r, creator)
	if err := run.compilePlans(creator); err != nil {
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
			run.addSettlement(st)
		}
		if read += len(page); next == "" {
			return run.buildReport(), nil
		}
		// The limit keeps a replay within the time of one request.
		if read >= MaxSettlements {
			return Report{}, fault.Invalid(fault.Field{Field: "contract.creator_id",
				Problem: "has more than 2000 settlements; one replay reads no more"})
		}
		cursor = next
	}
}

// lineKey identifies a line of the report.
type lineKey struct {
	month      civil.Month
	incomeType string
	party      string
}

// calculation adds up one replay.
type calculation struct {
	request Request
	plans   map[string]*split.Plan
	sums    map[lineKey]*Total
	totals  map[string]*Total
	// shares is memory for the shares of one settlement, which the next settlement uses again.
	shares []split.Share
	report Report
}

// newCalculation starts a replay without any settlement.
func newCalculation(r Request, creator tenancy.Creator) *calculation {
	return &calculation{request: r, plans: map[string]*split.Plan{}, sums: map[lineKey]*Total{},
		totals: map[string]*Total{},
		report: Report{CreatorID: creator.CreatorID, Level: creator.Level, Lines: []Line{},
			Totals: []Total{}, Settlements: []string{}, NotCovered: []string{}}}
}

// compilePlans compiles the split of each income type of the proposed contract.
func (r *calculation) compilePlans(creator tenancy.Creator) error {
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

// isCounted reports whether a settlement is in the months of the request and holds money that no
// other settlement holds: it was not undone or reopened, and it is neither the settlement of
// another payee nor an opening balance.
func (r *calculation) isCounted(s settlement.Settlement) bool {
	within := !s.ServicePeriod.Before(r.request.From) && !r.request.To.Before(s.ServicePeriod)
	return within && !s.IsUndone() && s.ReopenedBy == "" && s.Parent == "" &&
		s.Source != settlement.SourceOpening
}

// addSettlement adds a settlement's shares, as they were and as the proposed contract splits them.
func (r *calculation) addSettlement(s settlement.Settlement) {
	if !r.isCounted(s) {
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
		for _, t := range r.totalsOfShare(s, p) {
			t.Then = t.Then.Add(p.Amount)
		}
	}
	// The shares of the proposed contract are computed from the same gross.
	r.shares = plan.SplitAmount(r.shares[:0], s.Gross)
	for _, p := range r.shares {
		for _, t := range r.totalsOfShare(s, p) {
			t.Proposed = t.Proposed.Add(p.Amount)
		}
	}
}

// totalsOfShare returns the two sums to which a share is added: that of its month, income type and
// party, and the party's total.
func (r *calculation) totalsOfShare(s settlement.Settlement, p split.Share) [2]*Total {
	party := p.Party
	if p.Kind != split.KindPayee {
		// Contracts give creator and agency any names; their kind is common.
		party = p.Kind
	}
	k := lineKey{s.ServicePeriod, s.IncomeType, party}
	if r.sums[k] == nil {
		r.sums[k] = &Total{Party: party}
	}
	if r.totals[party] == nil {
		r.totals[party] = &Total{Party: party}
	}
	return [2]*Total{r.sums[k], r.totals[party]}
}

// buildReport computes the differences and sorts the report.
func (r *calculation) buildReport() Report {
	for k, t := range r.sums {
		t.Difference = t.Proposed.Sub(t.Then)
		r.report.Lines = append(r.report.Lines, Line{k.month, k.incomeType, *t})
	}
	// Maps have no order; the report is sorted, so that the same replay gives the same report.
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
