// Package billing decides the buckets of income lines that are due and opens one settlement for
// each bucket that is to be paid. It runs every night and on demand.
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

// System is the actor of settlements that the nightly run opens.
const System = "system:build-statements"

// The reasons, besides those of missing rules and contracts, for which a due bucket opens no
// settlement.
const (
	// NotThePayer means that by the contract's route somebody other than the tenant pays this income.
	NotThePayer = "not_the_payer"
	// NothingToPay means that the bucket's sum is zero or negative; a negative sum was carried forward
	// to the next period.
	NothingToPay = "nothing_to_pay"
	// BelowZeroAtEnd means that the sum is negative and the contract has ended, so that no later
	// income can absorb it.
	BelowZeroAtEnd = "below_zero_at_end"
	// BelowTheMinimum means that the creator's share is below the contract's minimum payout and was
	// carried forward.
	BelowTheMinimum = income.MinimumPayout
	// EntityChanged means that the money was accrued in the books of another paying entity than the
	// one that the contract has now.
	EntityChanged = "entity_changed"
	// TotalsDiffer means that the bucket's totals differ from the sums of its lines; nothing is paid
	// until a person has examined it.
	TotalsDiffer = "totals_differ"
	// ContractMissing means that no contract covers the income.
	ContractMissing = income.ContractMissing
)

const (
	// monthsBack is the number of months before the current one in which a run looks for buckets.
	monthsBack = 14
	// demandMonths is the same number for a run on demand, because income that waits for a demand
	// never becomes too old.
	demandMonths = 120
	// maxSkips is the largest number of skipped buckets that a report lists.
	maxSkips = 1000
)

// Service opens the settlements that are due.
type Service struct {
	Settlements *settlement.Service
	Buckets     income.BucketStore
	Log         *slog.Logger
}

// Skip is a bucket that was due and opened no settlement.
type Skip struct {
	CreatorID  ident.Creator `json:"creator_id"`
	IncomeType string        `json:"income_type"`
	Period     civil.Month   `json:"period"`
	Part       string        `json:"part,omitempty"`
	Reason     string        `json:"reason"`
	// Text is the reason in words for a person.
	Text bilingual.Text `json:"text"`
}

// Report counts what was due on a date and what became of it.
type Report struct {
	Date civil.Date `json:"date"`
	// Due counts the due buckets, those settled or carried before included.
	Due    int `json:"due"`
	Opened int `json:"opened"`
	// Already counts the due buckets that were settled or carried before this run.
	Already int `json:"already"`
	// Reasons counts the skipped buckets by reason.
	Reasons map[string]int `json:"reasons"`
	// Skipped lists the first skipped buckets; it is bounded so that a report does not grow with the
	// tenant.
	Skipped []Skip `json:"skipped"`
}

// newReport returns an empty report.
func newReport(date civil.Date) Report {
	return Report{Date: date, Reasons: map[string]int{}, Skipped: []Skip{}}
}

// addReport adds the report of another part of the same run.
func (r *Report) addReport(p Report) {
	r.Due = r.Due + p.Due
	r.Opened = r.Opened + p.Opened
	r.Already = r.Already + p.Already
	for reason, n := range p.Reasons {
		r.Reasons[reason] += n
	}
	r.Skipped = append(r.Skipped, p.Skipped[:min(len(p.Skipped), maxSkips-len(r.Skipped))]...)
}

// countBucket adds one decided bucket to the report.
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

// Order is the request for a run.
type Order struct {
	Tenant ident.Tenant
	// By is the subject of the person who runs it, or System.
	By string
	// Date is the business date on which the statements are due.
	Date civil.Date
	// OnDemand requests also the income that the contract settles on demand.
	OnDemand bool
	today    civil.Date
}

// result is what became of a bucket in a run.
type result int

const (
	notDue result = iota
	opened
	already
	skipped
)

// outcome is the result of deciding a bucket; reason is set for a skipped one.
type outcome struct {
	result result
	reason string
}

// runCreator opens the due settlements of one creator. An error of one bucket is joined to the
// returned error and does not stop the other buckets.
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

// compareByTime orders buckets so that a bucket is decided before the bucket into which its money
// is carried.
func compareByTime(a, b income.Bucket) int {
	last := func(b income.Bucket) string { return b.CyclePeriod().LastDay().String() }
	return cmp.Or(cmp.Compare(a.Period.String(), b.Period.String()), cmp.Compare(last(a), last(b)),
		cmp.Compare(a.Part.N, b.Part.N),
		cmp.Compare(a.Part.Cut, b.Part.Cut), cmp.Compare(a.IncomeType, b.IncomeType))
}

// decideBucket decides one bucket; when somebody else wrote it meanwhile, it is read and decided
// again.
func (s *Service) decideBucket(ctx context.Context, o Order, b income.Bucket) (outcome, error) {
	known := true
	return optimistic.RetryValue(ctx, func() (outcome, error) {
		if !known {
			now, there, err := s.Buckets.ReadBucket(ctx, o.Tenant, b.CreatorID, b.CyclePeriod(),
				b.IncomeType)
			if err != nil || !there {
				return outcome{}, err
			}
			b = now
		}
		known = false
		return skipIfRuleMissing(s.decideOnce(ctx, o, b))
	})
}

// skipIfRuleMissing turns a missing contract or rule into a reason for skipping the bucket; it is
// not a failure, because the bucket waits for the rule.
func skipIfRuleMissing(out outcome, err error) (outcome, error) {
	if fault.HasCode(err, fault.RuleMissing) {
		return outcome{skipped, fault.AsError(err).Reason}, nil
	}
	return out, err
}

// decideOnce decides a bucket as it was read. A finished bucket needs no further read, so that the
// cost of a night depends only on the buckets that are due or whose settlement was undone.
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

// nextOccurrence returns the number of the bucket's next occurrence, and whether the settlement
// that consumed the bucket is still in force. When that settlement was reopened, its last successor
// counts.
func (s *Service) nextOccurrence(ctx context.Context,
	b income.Bucket) (next int, alive bool, err error) {
	if b.State == income.Open {
		return 1, false, nil
	}
	for id := b.Settlement; ; {
		last, err := s.Settlements.Store.Load(ctx, b.Tenant, id)
		// Bucket and settlement are written in one transaction, so a missing settlement is an internal
		// error.
		if fault.HasCode(err, fault.NotFound) {
			err = fault.Internal(err)
		}
		if err != nil {
			return 0, false, err
		}
		if last.ReopenedBy == "" {
			return last.Occurrence + 1, !last.IsUndone(), nil
		}
		id = last.ReopenedBy
	}
}

// settleBucket opens the settlement of a due bucket, or carries its money forward when nothing is
// paid now.
func (s *Service) settleBucket(ctx context.Context, o Order, b income.Bucket, t terms,
	occurrence int) (outcome, error) {
	sum, err := s.Buckets.SumLines(ctx, b)
	if err != nil {
		return outcome{}, err
	}
	// The lines are added up again before money is paid from the totals.
	if sum != b.Totals {
		return s.reportDifference(ctx, o, b, sum)
	}
	if !b.Distributable.Positive() {
		return s.closeWithoutPayment(ctx, o, b, t)
	}
	fresh, err := s.Settlements.Prepare(ctx, incomeOf(o, b, t), o.today)
	if err != nil {
		return outcome{}, err
	}
	// Money that was accrued at one company must not be paid from the books of another one.
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

// incomeOf returns the income of a bucket from which a settlement is prepared.
func incomeOf(o Order, b income.Bucket, t terms) settlement.Income {
	return settlement.Income{Tenant: o.Tenant, CreatorID: b.CreatorID, IncomeType: b.IncomeType,
		Platform: singlePlatform(b), Period: b.Period, Part: b.Part, Amount: b.Distributable,
		GrossBeforePlatform: b.Gross, Source: b.Source, Terms: &t.Terms}
}

// closeWithoutPayment closes a bucket in which there is nothing to pay; a negative sum is carried
// forward if the contract has a later period.
func (s *Service) closeWithoutPayment(ctx context.Context, o Order, b income.Bucket,
	t terms) (outcome, error) {
	into, goesOn := t.course.CarryForwardPeriod(b.CyclePeriod())
	if b.Distributable.Negative() && !goesOn {
		return outcome{skipped, BelowZeroAtEnd}, nil
	}
	if b.Distributable.IsZero() {
		into = b.CyclePeriod()
	}
	return s.carryForward(ctx, o, b, t, income.BelowZero, into)
}

// carryForward carries a bucket's money into a later period. The money of an on-demand bucket stays
// where it is until the month is over.
func (s *Service) carryForward(ctx context.Context, o Order, b income.Bucket, t terms,
	reason string,
	into cycle.Period) (outcome, error) {
	skip := outcome{skipped, reason}
	if reason == income.BelowZero {
		skip.reason = NothingToPay
	}
	if into.Month.After(o.Date.Month()) {
		return skip, nil
	}
	return skip, s.Buckets.CarryForward(ctx, b,
		income.CarryOrder{Reason: reason, Into: into, Course: t.course,
			By: o.By, ActID: s.Settlements.NewID(), At: s.Settlements.Clock.Instant()})
}

// reportDifference logs a bucket whose totals differ from its lines and skips it. When the bucket
// was written while its lines were read, it returns optimistic.ErrRival instead, so that the bucket
// is decided again.
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

// singlePlatform returns the platform on which the income was earned, "" when there are several.
func singlePlatform(b income.Bucket) string {
	if len(b.Platforms) == 1 {
		return b.Platforms[0]
	}
	return ""
}

// openingChange returns the change that opens a prepared settlement and closes the bucket of its
// lines.
func (s *Service) openingChange(o Order, b income.Bucket, fresh settlement.Settlement,
	occurrence int) settlement.Change {
	fresh = fresh.FromStatement(settlement.StatementIncome{
		CreatorID: b.CreatorID, IncomeType: b.IncomeType, Period: b.CyclePeriod(),
		Distributable: b.Distributable, Gross: b.Gross, By: b.Uploaders,
	}, occurrence)
	c := s.Settlements.OpeningChange(fresh,
		settlement.Act{ID: s.Settlements.NewID(), Name: "settlement.opened", By: o.By})
	c.Bucket = &settlement.BucketClose{CreatorID: b.CreatorID, Period: b.CyclePeriod(),
		IncomeType: b.IncomeType, Gross: b.Distributable, Occurrence: b.Occurrence + 1}
	return c
}
