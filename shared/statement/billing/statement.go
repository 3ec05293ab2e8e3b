// Package billing makes the month's account of each creator: it finds the buckets of income lines
// that are due and opens one settlement for each of them.
package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// System is the actor of statements that no person asked for.
const System = "system:build-statements"

// The reasons, besides those of missing rules and contracts, for which a due bucket opens nothing.
const (
	// by the contract's route somebody else settles this income
	NotThePayer = "not_the_payer"
	// the sum is not above zero; what is below went on to the next part
	NothingToPay = "nothing_to_pay"
	// below zero, and the contract has ended: no later income takes it
	BelowZeroAtEnd = "below_zero_at_end"
	// the creator's share is below the contract's minimum and was carried on
	BelowTheMinimum = income.MinimumPayout
	// accrued in the books of another paying entity than the contract names now
	EntityChanged = "entity_changed"
	// the bucket's sums are not those of its lines: nothing is paid until a person has looked
	TotalsDiffer    = "totals_differ"
	ContractMissing = income.ContractMissing // no contract covers the income
)

const (
	monthsBack = 14 // how many months before the current one a run looks back
	// the same for a run that a person asks for on demand: what waits for that is never too old
	demandMonths = 120
	maxSkips     = 1000
)

// Service opens what is due.
type Service struct {
	Settlements *settlement.Service
	Buckets     income.BucketStore
	Log         *slog.Logger
}

// Skip is a bucket that was due and opened nothing.
type Skip struct {
	CreatorID  ident.Creator  `json:"creator_id"`
	IncomeType string         `json:"income_type"`
	Period     civil.Month    `json:"period"`
	Part       string         `json:"part,omitempty"`
	Reason     string         `json:"reason"`
	Text       bilingual.Text `json:"text"` // the reason, for a person
}

// Report tells what was due on a date and what came of it.
type Report struct {
	Date    civil.Date     `json:"date"`
	Due     int            `json:"due"` // with what was settled or carried before
	Opened  int            `json:"opened"`
	Already int            `json:"already"` // settled or carried before
	Reasons map[string]int `json:"reasons"` // how many were skipped for each reason
	// the first of them: a report does not grow with the tenant
	Skipped []Skip `json:"skipped"`
}

func newReport(date civil.Date) Report {
	return Report{Date: date, Reasons: map[string]int{}, Skipped: []Skip{}}
}

// addReport counts another part of the same run.
func (r *Report) addReport(p Report) {
	r.Due = r.Due + p.Due
	r.Opened = r.Opened + p.Opened
	r.Already = r.Already + p.Already
	for reason, n := range p.Reasons {
		r.Reasons[reason] += n
	}
	r.Skipped = append(r.Skipped, p.Skipped[:min(len(p.Skipped), maxSkips-len(r.Skipped))]...)
}

// countBucket counts one bucket.
func (r *Report) countBucket(b income.Bucket, o outcome) {
	switch o.result {
	case notDue:
		return
	case opened:
		r.Opened++
	case already:
		r.Already++
	case skipped:
		r.Reasons[o.reason]++
		r.Skipped = append(r.Skipped,
			Skip{b.CreatorID, b.IncomeType, b.Period, b.Part.String(), o.reason, ReasonText(o.reason)})
	}
	r.Due++
}

// Order is what a run is for.
type Order struct {
	Tenant   ident.Tenant
	By       string     // subject of the person who runs it, or System
	Date     civil.Date // business date on which the statements are due
	OnDemand bool       // what is gathered until somebody asks for it is asked for
	today    civil.Date
}

type result int

const (
	notDue result = iota
	opened
	already
	skipped
)

type outcome struct {
	result result
	reason string
}

// runCreator opens what is due of one creator. What fails for a passing reason is in the error; the
// rest goes on.
func (s *Service) runCreator(ctx context.Context, o Order, creator ident.Creator) (Report, error) {
	r := newReport(o.Date)
	back := monthsBack
	if o.OnDemand {
		back = demandMonths
	}
	month := o.Date.Month()
	buckets, err := s.Buckets.ListBuckets(ctx, o.Tenant, creator, month.Add(-back), month)
	if err != nil {
		return r, err
	}
	slices.SortStableFunc(buckets, compareByTime)
	var failed error
	for _, b := range buckets {
		out, err := s.decideBucket(ctx, o, b)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("statement %s of %s: %w", b.Name(), creator, err))
			continue
		}
		r.countBucket(b, out)
	}
	return r, failed
}

// compareByTime orders buckets so that what is carried on is decided before what it is carried into.
func compareByTime(a, b income.Bucket) int {
	last := func(b income.Bucket) string { return b.CyclePeriod().LastDay().String() }
	return cmp.Or(cmp.Compare(a.Period.String(), b.Period.String()), cmp.Compare(last(a), last(b)),
		cmp.Compare(a.Part.N, b.Part.N),
		cmp.Compare(a.Part.Cut, b.Part.Cut), cmp.Compare(a.IncomeType, b.IncomeType))
}

// decideBucket decides one bucket. A rival's write is read and decided anew.
func (s *Service) decideBucket(ctx context.Context, o Order, b income.Bucket) (outcome, error) {
	known := true
	return optimistic.Value(ctx, func() (outcome, error) {
		if !known {
			now, there, err := s.Buckets.ReadBucket(ctx, o.Tenant, b.CreatorID, b.CyclePeriod(), b.IncomeType)
			if err != nil || !there {
				return outcome{}, err
			}
			b = now
		}
		known = false
		return skipIfRuleMissing(s.decideOnce(ctx, o, b))
	})
}

// skipIfRuleMissing turns a missing contract or rule into a reason; it is no failure, the bucket waits.
func skipIfRuleMissing(out outcome, err error) (outcome, error) {
	if fault.HasCode(err, fault.RuleMissing) {
		return outcome{skipped, fault.Of(err).Reason}, nil
	}
	return out, err
}

// decideOnce decides a bucket as it was read. What is done costs no further read: a night takes what is
// due or was undone.
func (s *Service) decideOnce(ctx context.Context, o Order, b income.Bucket) (outcome, error) {
	if b.IsDone() {
		return outcome{result: already}, nil
	}
	t, err := s.findTerms(ctx, o, b)
	if err != nil || !t.isDue(o, b) {
		return outcome{}, err
	}
	occurrence, alive, err := s.nextOccurrence(ctx, b)
	switch {
	case err != nil:
		return outcome{}, err
	case alive:
		return outcome{result: already}, nil
	case !t.covered:
		return outcome{skipped, ContractMissing}, nil
	case !tenancy.IsPaidByTenant(t.Contract.Routes[b.IncomeType]):
		return outcome{skipped, NotThePayer}, nil
	}
	return s.settleBucket(ctx, o, b, t, occurrence)
}

// nextOccurrence gives the number of the next occurrence, and whether the settlement that consumed the
// bucket was not undone. Where it was reopened, its last occurrence counts.
func (s *Service) nextOccurrence(ctx context.Context, b income.Bucket) (next int, alive bool, err error) {
	if b.State == income.Open {
		return 1, false, nil
	}
	for id := b.Settlement; ; {
		last, err := s.Settlements.Store.Load(ctx, b.Tenant, id)
		if fault.HasCode(err,
			fault.NotFound) { // bucket and settlement are written together; this cannot be
			err = fault.Internal(err)
		}
		if err != nil {
			return 0, false, err
		}
		if last.ReopenedBy == "" {
			return last.Occurrence + 1, !last.Dead(), nil
		}
		id = last.ReopenedBy
	}
}

// settleBucket opens the settlement of a due bucket, or carries one on of which nothing is paid.
func (s *Service) settleBucket(ctx context.Context, o Order, b income.Bucket, t terms,
	occurrence int) (outcome, error) {
	sum, err := s.Buckets.SumLines(ctx, b)
	if err != nil {
		return outcome{}, err
	}
	if sum != b.Totals {
		return s.reportDifference(ctx, o, b, sum)
	}
	if !b.Distributable.Positive() {
		return s.closeWithoutPayment(ctx, o, b, t)
	}
	fresh, err := s.Settlements.Prepare(ctx,
		settlement.Income{Tenant: o.Tenant, CreatorID: b.CreatorID, IncomeType: b.IncomeType,
			Platform: singlePlatform(b),
			Period:   b.Period, Part: b.Part, Amount: b.Distributable, GrossBeforePlatform: b.Gross,
			Source: b.Source, Terms: &t.Terms}, o.today)
	if err != nil {
		return outcome{}, err
	}
	if len(b.Entities) > 0 && !slices.Equal(b.Entities, []ident.Entity{fresh.Entity}) {
		s.Log.WarnContext(ctx, "accrued at another paying entity", "tenant", o.Tenant, "creator_id",
			b.CreatorID, "bucket", b.Name(), "entity", fresh.Entity)
		return outcome{skipped, EntityChanged}, nil
	}
	if t.holdsBack(b, fresh.CreatorShare()) {
		if into, goesOn := t.course.CarryForwardPeriod(b.CyclePeriod()); goesOn {
			return s.carryForward(ctx, o, b, t, income.MinimumPayout, into)
		}
	}
	if err := s.Settlements.Store.Apply(ctx, s.openingChange(o, b, fresh, occurrence)); err != nil {
		return outcome{}, err
	}
	return outcome{result: opened}, nil
}

// closeWithoutPayment closes a bucket in which there is nothing to pay; what is below zero goes on, if there is
// where to.
func (s *Service) closeWithoutPayment(ctx context.Context, o Order, b income.Bucket, t terms) (outcome, error) {
	into, goesOn := t.course.CarryForwardPeriod(b.CyclePeriod())
	if b.Distributable.Negative() && !goesOn {
		return outcome{skipped, BelowZeroAtEnd}, nil
	}
	if b.Distributable.IsZero() {
		into = b.CyclePeriod()
	}
	return s.carryForward(ctx, o, b, t, income.BelowZero, into)
}

// carryForward takes a bucket's money on. What is gathered on demand stays where it is until its month is
// over.
func (s *Service) carryForward(ctx context.Context, o Order, b income.Bucket, t terms, reason string,
	into cycle.Period) (outcome, error) {
	told := outcome{skipped, reason}
	if reason == income.BelowZero {
		told.reason = NothingToPay
	}
	if into.Month.After(o.Date.Month()) {
		return told, nil
	}
	return told, s.Buckets.CarryForward(ctx, b, income.CarryOrder{Reason: reason, Into: into, Course: t.course,
		By: o.By, ActID: s.Settlements.NewID(), At: s.Settlements.Clock.Instant()})
}

// reportDifference tells sums that do not agree with their lines from ones that moved while they were read.
func (s *Service) reportDifference(ctx context.Context, o Order, b income.Bucket,
	sum income.Totals) (outcome, error) {
	now, _, err := s.Buckets.ReadBucket(ctx, o.Tenant, b.CreatorID, b.CyclePeriod(), b.IncomeType)
	if err != nil {
		return outcome{}, err
	}
	if now.State != b.State || now.Totals != b.Totals {
		return outcome{}, optimistic.ErrRival
	}
	s.Log.ErrorContext(ctx, "a bucket's sums are not those of its lines", "tenant", o.Tenant,
		"creator_id", b.CreatorID, "bucket", b.Name(),
		"lines", sum.Lines, "counted", b.Lines, "sum", sum.Distributable.String(), "held",
		b.Distributable.String())
	return outcome{skipped, TotalsDiffer}, nil
}

// singlePlatform is where the income was earned, if that is one place.
func singlePlatform(b income.Bucket) string {
	if len(b.Platforms) == 1 {
		return b.Platforms[0]
	}
	return ""
}

// openingChange makes the change that opens a prepared settlement and closes the bucket of its lines.
func (s *Service) openingChange(o Order, b income.Bucket, fresh settlement.Settlement,
	occurrence int) settlement.Change {
	fresh = fresh.FromStatement(settlement.StatementIncome{
		CreatorID: b.CreatorID, IncomeType: b.IncomeType, Period: b.CyclePeriod(),
		Distributable: b.Distributable, Gross: b.Gross, By: b.Uploaders,
	}, occurrence)
	c := s.Settlements.Opening(fresh,
		settlement.Act{ID: s.Settlements.NewID(), Name: "settlement.opened", By: o.By})
	c.Bucket = &settlement.BucketClose{CreatorID: b.CreatorID, Period: b.CyclePeriod(),
		IncomeType: b.IncomeType, Gross: b.Distributable, Occurrence: b.Occurrence + 1}
	return c
}
