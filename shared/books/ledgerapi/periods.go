package ledgerapi

import (
	"context"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/period"
)

// periodView is an accounting period in the form of the HTTP contract.
type periodView struct {
	Entity    ident.Entity `json:"paying_entity"`
	Month     civil.Month  `json:"period"`
	State     string       `json:"state"`
	ClosingBy *string      `json:"closing_by"`
	ClosingAt *time.Time   `json:"closing_at"`
	CheckedAt *time.Time   `json:"checked_at"`
	// Complete is true when all books were checked; otherwise a further call continues the check.
	Complete  bool           `json:"complete"`
	Books     int            `json:"books"`
	Checks    []period.Check `json:"checks"`
	SealedBy  *string        `json:"sealed_by"`
	SealedAt  *time.Time     `json:"sealed_at"`
	Hash      *string        `json:"hash"`
	AuditSeq  *int64         `json:"audit_seq"`
	AuditHash *string        `json:"audit_hash"`
	// Balance is the trial balance of a sealed period; lists of periods leave it out.
	Balance *ledger.TrialBalance `json:"trial_balance,omitempty"`
}

// newPeriodView returns the view of a period, with the trial balance of a sealed period if whole.
func newPeriodView(p period.Period, whole bool) periodView {
	v := periodView{Entity: p.Entity, Month: p.Month, State: p.State, ClosingBy: &p.ClosingBy,
		ClosingAt: &p.ClosingAt,
		Complete:  p.Review.Complete, Books: p.Review.Books, Checks: p.Review.Checks}
	// A period without checks has not been reviewed yet, so it has no time of a check.
	if v.Checks == nil {
		v.Checks = []period.Check{}
	} else {
		v.CheckedAt = &p.Review.At
	}
	if s := p.Seal; s != nil {
		v.SealedBy = &s.By
		v.SealedAt = &s.At
		v.Hash = &s.Hash
		v.AuditSeq = &s.AuditSeq
		v.AuditHash = &s.Audit
		if whole {
			v.Balance = &s.Balance
		}
	}
	return v
}

// readPeriodPath reads paying entity and month from the path of a request and checks that the
// paying entity exists.
func (a API) readPeriodPath(ctx context.Context, r *httpapi.Request) (string, civil.Month, error) {
	m, err := civil.ParseMonth(r.Params["period"])
	if err != nil {
		return "", m, fault.Invalid(fault.Field{Field: "period", Problem: civil.ErrMonth.Error()})
	}
	return r.Params["id"], m, a.checkEntity(ctx, r.Tenant, r.Params["id"])
}

// readPeriod handles GET /v1/ledger/periods/{id}/{period}. A period that nobody has begun to close
// is not stored and is shown as open.
func (a API) readPeriod(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	entity, month, err := a.readPeriodPath(ctx, r)
	if err != nil {
		return httpapi.Response{}, err
	}
	p, err := a.Periods.Store.Period(ctx, r.Tenant, ident.Entity(entity), month)
	if err != nil {
		return httpapi.Response{}, err
	}
	if p == nil {
		return httpapi.OK(periodView{Entity: ident.Entity(entity), Month: month, State: period.Open,
			Checks: []period.Check{}}), nil
	}
	return httpapi.OK(newPeriodView(*p, true)), nil
}

// periodsAnswer is the response body with the periods that are closing or sealed, newest first, and
// the month to which new entries are posted.
type periodsAnswer struct {
	Entity  ident.Entity `json:"paying_entity"`
	Open    civil.Month  `json:"open"`
	Periods []periodView `json:"periods"`
}

// listPeriods handles GET /v1/ledger/periods.
func (a API) listPeriods(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	ans := periodsAnswer{Entity: ident.Entity(q.readID("paying_entity", true)),
		Periods: []periodView{}}
	if err := q.problems.Err(); err != nil {
		return httpapi.Response{}, err
	}
	if err := a.checkEntity(ctx, r.Tenant, string(ans.Entity)); err != nil {
		return httpapi.Response{}, err
	}
	today, err := a.Clock.Today(ctx)
	if err != nil {
		return httpapi.Response{}, fault.Temporary(err)
	}
	found, err := a.Periods.Store.ListPeriods(ctx, r.Tenant, ans.Entity)
	if err != nil {
		return httpapi.Response{}, err
	}
	// Entries are posted to the current month, unless this month is closed already.
	ans.Open = today.Month()
	if len(found) > 0 && !found[0].Month.Before(ans.Open) {
		ans.Open = found[0].Month.Add(1)
	}
	for _, p := range found {
		ans.Periods = append(ans.Periods, newPeriodView(p, false))
	}
	return httpapi.OK(ans), nil
}

// closePeriod handles POST /v1/ledger/periods/{id}/{period}/close: it checks the books of the
// period.
func (a API) closePeriod(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	return a.changePeriod(ctx, r, a.Periods.Close)
}

// sealPeriod handles POST /v1/ledger/periods/{id}/{period}/seal: it seals a checked period for
// good.
func (a API) sealPeriod(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	return a.changePeriod(ctx, r, a.Periods.Seal)
}

// changePeriod runs an act on the period of a request and returns the period after it. The request
// has no body, or an empty JSON object.
func (a API) changePeriod(ctx context.Context, r *httpapi.Request,
	act func(context.Context, identity.Principal, ident.Entity,
		civil.Month) (period.Period, error)) (httpapi.Response, error) {
	if err := r.DecodeJSON(&struct{}{}); len(r.Body) > 0 && err != nil {
		return httpapi.Response{}, err
	}
	entity, month, err := a.readPeriodPath(ctx, r)
	if err != nil {
		return httpapi.Response{}, err
	}
	p, err := act(ctx, r.Principal, ident.Entity(entity), month)
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(newPeriodView(p, true)), nil
}
