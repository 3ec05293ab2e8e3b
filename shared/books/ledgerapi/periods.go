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

// periodView is a period as people see it.
type periodView struct {
	Entity    ident.Entity         `json:"paying_entity"`
	Month     civil.Month          `json:"period"`
	State     string               `json:"state"`
	ClosingBy *string              `json:"closing_by"`
	ClosingAt *time.Time           `json:"closing_at"`
	CheckedAt *time.Time           `json:"checked_at"`
	Complete  bool                 `json:"complete"` // all books were checked; otherwise call again
	Books     int                  `json:"books"`
	Checks    []period.Check       `json:"checks"`
	SealedBy  *string              `json:"sealed_by"`
	SealedAt  *time.Time           `json:"sealed_at"`
	Hash      *string              `json:"hash"`
	AuditSeq  *int64               `json:"audit_seq"`
	AuditHash *string              `json:"audit_hash"`
	Balance   *ledger.TrialBalance `json:"trial_balance,omitempty"` // of a sealed period, where one is shown
}

func viewOf(p period.Period, whole bool) periodView {
	v := periodView{Entity: p.Entity, Month: p.Month, State: p.State, ClosingBy: &p.ClosingBy,
		ClosingAt: &p.ClosingAt,
		Complete:  p.Review.Complete, Books: p.Review.Books, Checks: p.Review.Checks}
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

// periodOf reads the path of a period.
func (a API) periodOf(ctx context.Context, r *httpapi.Request) (string, civil.Month, error) {
	m, err := civil.ParseMonth(r.Params["period"])
	if err != nil {
		return "", m, fault.Invalid(fault.Field{Field: "period", Problem: civil.ErrMonth.Error()})
	}
	return r.Params["id"], m, a.entity(ctx, r.Tenant, r.Params["id"])
}

func (a API) period(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	entity, month, err := a.periodOf(ctx, r)
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
	return httpapi.OK(viewOf(*p, true)), nil
}

// periodsAnswer lists the periods that are closing or sealed, newest first, and the first month
// that takes entries.
type periodsAnswer struct {
	Entity  ident.Entity `json:"paying_entity"`
	Open    civil.Month  `json:"open"`
	Periods []periodView `json:"periods"`
}

func (a API) listPeriods(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	ans := periodsAnswer{Entity: ident.Entity(q.id("paying_entity", true)), Periods: []periodView{}}
	if err := q.err(); err != nil {
		return httpapi.Response{}, err
	}
	if err := a.entity(ctx, r.Tenant, string(ans.Entity)); err != nil {
		return httpapi.Response{}, err
	}
	today, err := a.Clock.Today(ctx)
	if err != nil {
		return httpapi.Response{}, fault.Later(err)
	}
	found, err := a.Periods.Store.ListPeriods(ctx, r.Tenant, ans.Entity)
	if err != nil {
		return httpapi.Response{}, err
	}
	ans.Open = today.Month()
	if len(found) > 0 && !found[0].Month.Before(ans.Open) {
		ans.Open = found[0].Month.Add(1)
	}
	for _, p := range found {
		ans.Periods = append(ans.Periods, viewOf(p, false))
	}
	return httpapi.OK(ans), nil
}

func (a API) closePeriod(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	return a.periodAct(ctx, r, a.Periods.Close)
}

func (a API) sealPeriod(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	return a.periodAct(ctx, r, a.Periods.Seal)
}

func (a API) periodAct(ctx context.Context, r *httpapi.Request,
	act func(context.Context, identity.Principal, ident.Entity,
		civil.Month) (period.Period, error)) (httpapi.Response, error) {
	if err := r.JSON(&struct{}{}); len(r.Body) > 0 && err != nil {
		return httpapi.Response{}, err
	}
	entity, month, err := a.periodOf(ctx, r)
	if err != nil {
		return httpapi.Response{}, err
	}
	p, err := act(ctx, r.Principal, ident.Entity(entity), month)
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(viewOf(p, true)), nil
}
