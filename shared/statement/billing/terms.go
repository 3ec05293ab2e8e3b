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

// terms are the clauses of the contracts that apply to one bucket.
type terms struct {
	settlement.Terms
	course cycle.Timeline
	// covered reports that a contract is in force for the bucket.
	covered bool
	// onDemand reports that the bucket is settled only when somebody demands it.
	onDemand bool
	// final reports that the cooperation has ended: everything is settled, even below the minimum
	// payout.
	final bool
}

// findTerms finds the contract that governs a bucket and computes the bucket's settlement days.
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
		// A bucket that is settled on demand ends on the day of the demand.
		last = o.Date
	}
	t.Dates = cycle.DatesOfPeriod(t.Contract, period, last, s.Settlements.Calendar)
	end, over := t.course.EndOfCooperation(period)
	if over {
		t.final = o.Date.After(end)
		t.Dates = t.Dates.AfterContractEnd(period, end, s.Settlements.Calendar)
	}
	return t, nil
}

// isDue reports whether a bucket must be decided on the date of the order.
func (t terms) isDue(o Order, b income.Bucket) bool {
	switch {
	case !t.covered:
		return b.CyclePeriod().LastDay().Before(o.Date)
	case t.onDemand && !t.final:
		return o.OnDemand && !o.Date.Before(b.CyclePeriod().FirstDay())
	}
	return !t.Dates.Statement.After(o.Date)
}

// holdsBack reports whether a creator's share is below the contract's minimum payout and may still
// be held back.
func (t terms) holdsBack(b income.Bucket, share money.Amount) bool {
	if b.State != income.Open || t.final || share.Cmp(t.Contract.MinimumPayout) >= 0 {
		return false
	}
	months := t.Contract.MinimumPayoutMonths
	return months == 0 || b.Period.Sub(b.HeldSince()) < months
}

// dueDate returns the day from which the bucket is settled; the zero date when a demand or a
// contract is needed first.
func (t terms) dueDate() civil.Date {
	if !t.covered || t.onDemand && !t.final {
		return civil.Date{}
	}
	return t.Dates.Statement
}
