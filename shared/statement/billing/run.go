package billing

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/tenancy"
)

// MaxCohorts is the largest number of parts into which a tenant's creators are divided for the
// nightly run.
const MaxCohorts = 16

// maxDirectCreators is the largest number of creators that one call settles itself; the run of a
// larger tenant is sent to the queue in parts.
const maxDirectCreators = 300

// creatorsAtOnce is the largest number of creators that are settled at the same time; pageSize is
// the number of creators in one read.
const (
	creatorsAtOnce = 8
	pageSize       = 500
)

// Task is the part of a run for one cohort, as it is sent to the queue: the creators whose ids are
// greater than After and at most Upto.
type Task struct {
	Tenant ident.Tenant  `json:"tenant"`
	After  ident.Creator `json:"after,omitempty"`
	// Upto is the last id of the cohort; "" means that the cohort has no upper end.
	Upto ident.Creator `json:"upto,omitempty"`
	Date civil.Date    `json:"date"`
	By   string        `json:"by"`
}

// Includes reports whether a creator belongs to the cohort.
func (t Task) Includes(creator ident.Creator) bool {
	return creator > t.After && (t.Upto == "" || creator <= t.Upto)
}

// ErrTooManyCreators reports that a tenant has more creators than one call settles; its run must be
// split by SplitIntoTasks.
var ErrTooManyCreators = errors.New("statement: too many creators for one call")

// ErrTotalsDiffer reports that a cohort has buckets whose totals differ from the sums of their
// lines; the log and the report name them.
var ErrTotalsDiffer = errors.New("statement: a bucket's sums are not those of its lines")

// CompleteOrder fills in the date of an order: the business date when none is given. A date in the
// future is refused, because its months are not over.
func (s *Service) CompleteOrder(ctx context.Context, o Order) (Order, error) {
	today, err := s.Settlements.Clock.Today(ctx)
	if err != nil {
		return o, fault.Temporary(err)
	}
	o.today = today
	if o.Date.IsZero() {
		o.Date = today
	}
	if o.Date.After(today) {
		return o, fault.Invalid(
			fault.Field{Field: "date", Problem: "must not lie after the business date, " + today.String()})
	}
	return o, nil
}

// OpenDueSettlements opens the due settlements of one creator or, for "", of all creators of a
// small tenant. It may be run twice, late and in parallel, because each bucket is consumed once.
//
// OpenDueSettlements returns fault.MissingObject for an unknown creator, and ErrTooManyCreators,
// with nothing done, for a tenant whose run must be split.
func (s *Service) OpenDueSettlements(ctx context.Context, o Order,
	creator ident.Creator) (Report, error) {
	o, err := s.CompleteOrder(ctx, o)
	if err != nil {
		return Report{}, err
	}
	if creator != "" {
		if _, err := s.Settlements.Directory.Creator(ctx, o.Tenant, creator); err != nil {
			return Report{}, err
		}
		return s.runCreators(ctx, o, []string{string(creator)})
	}
	page, next, err := s.Settlements.Directory.Creators(ctx, o.Tenant, "", maxDirectCreators)
	if err != nil {
		return Report{}, err
	}
	if next != "" {
		return newReport(o.Date), ErrTooManyCreators
	}
	ids := make([]string, len(page))
	for i, c := range page {
		ids[i] = string(c.CreatorID)
	}
	return s.runCreators(ctx, o, ids)
}

// SplitIntoTasks divides a tenant's run into tasks. Every creator id, also that of a creator who is
// created meanwhile, belongs to exactly one task. The creators are listed here once, so that each
// task lists only its own creators.
func (s *Service) SplitIntoTasks(ctx context.Context, o Order) ([]Task, error) {
	// ends holds the last creator id of each page except the last page.
	var ends []string
	for cursor := ""; ; {
		_, next, err := s.Settlements.Directory.Creators(ctx, o.Tenant, cursor, pageSize)
		if err != nil {
			return nil, err
		}
		if cursor = next; cursor == "" {
			break
		}
		ends = append(ends, cursor)
	}
	pages := len(ends) + 1
	tasks := make([]Task, min(pages, MaxCohorts))
	after := ""
	for n := range tasks {
		tasks[n] = Task{Tenant: o.Tenant, After: ident.Creator(after), Date: o.Date, By: o.By}
		if n+1 < len(tasks) {
			after = ends[(n+1)*pages/len(tasks)-1]
			tasks[n].Upto = ident.Creator(after)
		}
	}
	return tasks, nil
}

// RunTask opens the due settlements of one cohort. Its error is for the queue: the task is tried
// again and, when that does not help, reaches the dead-letter queue and its alarm.
func (s *Service) RunTask(ctx context.Context, t Task) (Report, error) {
	o, err := s.CompleteOrder(ctx, Order{Tenant: t.Tenant, By: t.By, Date: t.Date})
	if err != nil {
		return Report{}, err
	}
	sum := newReport(o.Date)
	var failed error
	for cursor := t.After; ; {
		page, next, err := s.Settlements.Directory.Creators(ctx, t.Tenant, string(cursor), pageSize)
		if err != nil {
			return sum, errors.Join(failed, err)
		}
		var ids []string
		for _, c := range page {
			if t.Includes(c.CreatorID) {
				ids = append(ids, string(c.CreatorID))
			}
		}
		part, err := s.runCreators(ctx, o, ids)
		sum.addReport(part)
		// Only the errors of the first failing page are kept, because there may be one for each creator.
		if failed == nil {
			failed = err
		}
		if cursor = ident.Creator(next); cursor == "" || (t.Upto != "" && cursor >= t.Upto) {
			break
		}
	}
	if sum.Reasons[TotalsDiffer] > 0 {
		failed = errors.Join(failed, ErrTotalsDiffer)
	}
	return sum, failed
}

// runCreators opens the due settlements of some creators, several at the same time.
func (s *Service) runCreators(ctx context.Context, o Order, ids []string) (Report, error) {
	parts, errs := make([]Report, len(ids)), make([]error, len(ids))
	var work errgroup.Group
	work.SetLimit(pace.Parallelism(ctx, creatorsAtOnce))
	for i, id := range ids {
		work.Go(func() error {
			parts[i], errs[i] = s.runCreator(ctx, o, ident.Creator(id))
			return nil
		})
	}
	work.Wait() //nolint:errcheck // errs holds the error of each creator
	sum := newReport(o.Date)
	for _, p := range parts {
		sum.addReport(p)
	}
	failed := errors.Join(errs...)
	s.Log.InfoContext(ctx, "statements run", "tenant", o.Tenant, "date", o.Date.String(), "by", o.By,
		"creators", len(ids),
		"due", sum.Due, "opened", sum.Opened, "already", sum.Already, "skipped", len(sum.Skipped),
		"failed", failed != nil)
	return sum, failed
}

// ShownStatement is a bucket as its creator and the tenant's people see it.
type ShownStatement struct {
	income.Bucket
	// DueOn is the day from which an open bucket is settled; the zero date when no day is known.
	DueOn civil.Date
	// Waits is the reason why an open bucket is not settled yet: not_due, on_demand, next_run,
	// contract_missing or not_the_payer.
	Waits string
	// Parked is "contract_missing" when no contract covers the bucket yet.
	Parked string
	// SettledBy is the contract's route when somebody other than the tenant pays the creator.
	SettledBy string
}

// ListStatements lists a creator's buckets of a month or, for the zero month, of the last fourteen
// months. For a caller who may not see the creator, the creator does not exist.
func (s *Service) ListStatements(ctx context.Context, by identity.Principal, creator ident.Creator,
	period civil.Month) ([]ShownStatement, error) {
	if !by.CanSee(creator) {
		return nil, fault.MissingObject("creator")
	}
	if _, err := s.Settlements.Directory.Creator(ctx, by.Tenant, creator); err != nil {
		return nil, err
	}
	today, err := s.Settlements.Clock.Today(ctx)
	if err != nil {
		return nil, fault.Temporary(err)
	}
	from, to := period, period
	if period.IsZero() {
		from, to = today.Month().Add(1-monthsBack), today.Month()
	}
	buckets, err := s.Buckets.ListBuckets(ctx, by.Tenant, creator, from, to)
	if err != nil {
		return nil, err
	}
	shown := make([]ShownStatement, len(buckets))
	for i, b := range buckets {
		if shown[i], err = s.describeBucket(ctx, b, today); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// describeBucket adds to an open bucket the day on which it is settled and the reason why it is not
// settled yet.
func (s *Service) describeBucket(ctx context.Context, b income.Bucket,
	today civil.Date) (ShownStatement, error) {
	out := ShownStatement{Bucket: b}
	if b.State != income.Open {
		return out, nil
	}
	t, err := s.findTerms(ctx, Order{Tenant: b.Tenant, Date: today}, b)
	if fault.HasCode(err, fault.RuleMissing) {
		out.Waits = fault.AsError(err).Reason
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.DueOn = t.dueDate()
	route := t.Contract.Routes[b.IncomeType]
	switch {
	case !t.covered:
		out.Waits, out.Parked = ContractMissing, ContractMissing
	case !tenancy.IsPaidByTenant(route):
		out.Waits, out.SettledBy = NotThePayer, route
	case out.DueOn.IsZero():
		out.Waits = OnDemand
	case out.DueOn.After(today):
		out.Waits = NotDue
	default:
		out.Waits = NextRun
	}
	return out, nil
}
