package billing

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/income"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// terms are what the contracts say about one bucket.
type terms struct {
	settlement.Terms
	course   cycle.Timeline
	covered  bool // a contract governs the bucket
	onDemand bool // it waits until somebody asks for it
	final    bool // the cooperation is over: everything is settled, below the minimum too
}

// findTerms finds the contract that governs a bucket, and its days.
func (s *Service) findTerms(ctx context.Context, o Order, b income.Bucket) (terms, error) {
	period := b.CyclePeriod()
	contracts, err := s.Settlements.Directory.ContractsOf(ctx, b.Tenant, b.CreatorID, b.IncomeType,
		period.LastDay())
	if err != nil {
		return terms{}, err
	}
	t := terms{course: cycle.NewTimeline(contracts, b.IncomeType)}
	span, covered := t.course.SpanOf(period)
	if !covered {
		return t, nil
	}
	t.covered, t.Contract = true, span.Contract
	t.onDemand = period.Part.Kind == cycle.OnDemand && t.Contract.Cycle == tenancy.OnDemand
	last := span.Last
	if t.onDemand && o.OnDemand && o.Date.Before(last) {
		last = o.Date // the demand ends the part
	}
	t.Dates = cycle.DatesOfPeriod(t.Contract, period, last, s.Settlements.Calendar)
	end, over := t.course.EndOfCooperation(period)
	if over {
		t.final = o.Date.After(end)
		t.Dates = t.Dates.AfterContractEnd(period, end, s.Settlements.Calendar)
	}
	return t, nil
}

// isDue tells whether a bucket is to be decided on the order's date.
func (t terms) isDue(o Order, b income.Bucket) bool {
	switch {
	case !t.covered:
		return b.CyclePeriod().LastDay().Before(o.Date)
	case t.onDemand && !t.final:
		return o.OnDemand && !o.Date.Before(b.CyclePeriod().FirstDay())
	}
	return !t.Dates.Statement.After(o.Date)
}

// holdsBack tells whether a creator's share is too small to be paid now.
func (t terms) holdsBack(b income.Bucket, share money.Amount) bool {
	if b.State != income.Open || t.final || share.Cmp(t.Contract.MinimumPayout) >= 0 {
		return false
	}
	months := t.Contract.MinimumPayoutMonths
	return months == 0 || b.Period.Sub(b.HeldSince()) < months
}

// dueDate is the day from which the bucket is settled; the zero date where only a demand or a
// contract makes it so.
func (t terms) dueDate() civil.Date {
	if !t.covered || t.onDemand && !t.final {
		return civil.Date{}
	}
	return t.Dates.Statement
}
