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

// MaxCohorts is the most parts into which a tenant's creators are divided for the nightly run.
const MaxCohorts = 16

// maxDirectCreators is how many creators one call serves itself; a larger tenant is fanned out.
const maxDirectCreators = 300

// creatorsAtOnce bounds how many creators are settled at the same time, pageSize how many are
// listed in one read.
const (
	creatorsAtOnce = 8
	pageSize       = 500
)

// Task is one cohort's part of a run, as it lies in the queue: the creators whose ids come after
// one and up to another.
type Task struct {
	Tenant ident.Tenant  `json:"tenant"`
	After  ident.Creator `json:"after,omitempty"`
	Upto   ident.Creator `json:"upto,omitempty"` // "" is without end
	Date   civil.Date    `json:"date"`
	By     string        `json:"by"`
}

// Includes tells whether a creator belongs to the cohort.
func (t Task) Includes(creator ident.Creator) bool {
	return creator > t.After && (t.Upto == "" || creator <= t.Upto)
}

// ErrTooManyCreators tells that a tenant has more creators than one call serves; its run is fanned out by
// Tasks.
var ErrTooManyCreators = errors.New("statement: too many creators for one call")

// ErrTotalsDiffer tells that a cohort has buckets whose sums are wrong; they are in the log and in the
// report.
var ErrTotalsDiffer = errors.New("statement: a bucket's sums are not those of its lines")

// CompleteOrder completes an order: no date is the business date; one in the future is refused, because its
// months are not over.
func (s *Service) CompleteOrder(ctx context.Context, o Order) (Order, error) {
	today, err := s.Settlements.Clock.Today(ctx)
	if err != nil {
		return o, fault.Later(err)
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

// OpenDueSettlements opens what is due of one creator or, with "", of all of a small tenant's. It may be run
// twice, late and in parallel: each bucket is consumed once.
//
// Errors: fault.Absent for an unknown creator; ErrTooMany for a tenant that is to be fanned out,
// nothing done.
func (s *Service) OpenDueSettlements(ctx context.Context, o Order, creator ident.Creator) (Report, error) {
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

// SplitIntoTasks are the parts into which a tenant's run is fanned out: every id, of whoever may come along
// too, is in one of them. The creators are listed here once, so that each part lists its own alone.
func (s *Service) SplitIntoTasks(ctx context.Context, o Order) ([]Task, error) {
	var ends []string // last id of each page but the last one
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

// RunTask opens what is due of one cohort. Its error is for the queue: the task is tried again, and
// reaches the dead-letter queue and its alarm where that does not help.
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
		if failed == nil { // one page's failures are enough for the log: they may be as many as creators
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

// runCreators runs some creators, several at a time.
func (s *Service) runCreators(ctx context.Context, o Order, ids []string) (Report, error) {
	parts, errs := make([]Report, len(ids)), make([]error, len(ids))
	var work errgroup.Group
	work.SetLimit(pace.AtOnce(ctx, creatorsAtOnce))
	for i, id := range ids {
		work.Go(func() error {
			parts[i], errs[i] = s.runCreator(ctx, o, ident.Creator(id))
			return nil
		})
	}
	work.Wait() //nolint:errcheck // each creator has an error of its own
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

// ShownStatement is a statement as its creator and the tenant's people see it.
type ShownStatement struct {
	income.Bucket
	DueOn civil.Date // from which an open one is settled; the zero date where no day is known
	// why an open one waits: not_due, on_demand, next_run, contract_missing, not_the_payer
	Waits     string
	Parked    string // "contract_missing": no contract covers it yet
	SettledBy string // the route by which somebody else settles it
}

// ListStatements gives a creator's statements of a month or, with the zero month, of the last fourteen, to
// somebody who may see them; for anybody else the creator does not exist.
func (s *Service) ListStatements(ctx context.Context, by identity.Principal, creator ident.Creator,
	period civil.Month) ([]ShownStatement, error) {
	if !by.MaySee(creator) {
		return nil, fault.Absent("creator")
	}
	if _, err := s.Settlements.Directory.Creator(ctx, by.Tenant, creator); err != nil {
		return nil, err
	}
	today, err := s.Settlements.Clock.Today(ctx)
	if err != nil {
		return nil, fault.Later(err)
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

// describeBucket says when an open statement is settled, and why not yet.
func (s *Service) describeBucket(ctx context.Context, b income.Bucket, today civil.Date) (ShownStatement, error) {
	out := ShownStatement{Bucket: b}
	if b.State != income.Open {
		return out, nil
	}
	t, err := s.findTerms(ctx, Order{Tenant: b.Tenant, Date: today}, b)
	if fault.HasCode(err, fault.RuleMissing) {
		out.Waits = fault.Of(err).Reason
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
