// Package trueupapi serves the routes of open true-ups (补扣补退) and of amended returns (更正申报清单).
package trueupapi

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/settlement/trueup"
)

// API serves the routes of true-ups and amended returns.
type API struct {
	TrueUps  *trueup.Service
	Calendar *calendar.Calendar
	Clock    clock.Clock
}

// Routes lists the routes of true-ups and amended returns with the roles that may call them.
func (a API) Routes() []httpapi.Route {
	readers := []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
	return []httpapi.Route{
		{Method: "GET", Path: "/v1/tax/true-ups", Roles: readers, Handle: a.listTrueUps},
		{Method: "POST", Path: "/v1/tax/true-ups/{id}/decide", Roles: []identity.Role{identity.Finance},
			Handle: a.decide},
		{Method: "POST", Path: "/v1/tax/true-ups/{id}/confirm",
			Roles: []identity.Role{identity.Approver, identity.Admin}, Handle: a.confirm},
		{Method: "GET", Path: "/v1/tax/amendments", Roles: readers, Handle: a.amendments},
	}
}

// maxReason is the greatest length of a reason in characters.
const maxReason = 500

// page is the query of both lists.
type page struct {
	entity ident.Entity
	month  civil.Month
	cursor string
	limit  int
}

// parsePage reads the query of a list and reports every invalid field at once.
func parsePage(r *httpapi.Request) (page, error) {
	q := page{entity: ident.Entity(r.Query.Get("paying_entity")), cursor: r.Query.Get("cursor")}
	var p fault.Problems
	var err error
	if q.month, err = civil.ParseMonth(r.Query.Get("month")); err != nil {
		p.Add("month", civil.ErrMonth.Error())
	}
	p.AddIf(!ident.Valid(q.entity), "paying_entity", "must be 1 to 64 letters, digits, - or _")
	p.AddIf(q.cursor != "" && !ident.Valid(q.cursor), "cursor",
		"is not a cursor of this list; leave it out to begin anew")
	if q.limit, err = r.PageLimit(); err != nil {
		p.Add("limit", "must be 1 to 100")
	}
	if p != nil {
		return q, fault.Invalid(p...)
	}
	return q, nil
}

type listAnswer struct {
	TrueUps    []trueup.TrueUp `json:"true_ups"`
	NextCursor *string         `json:"next_cursor"`
}

// listTrueUps handles GET /v1/tax/true-ups.
func (a API) listTrueUps(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q, err := parsePage(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	list, next, err := a.TrueUps.Open(ctx, r.Tenant, q.entity, q.month, q.cursor, q.limit)
	out := listAnswer{TrueUps: append([]trueup.TrueUp{}, list...)}
	if next != "" {
		out.NextCursor = &next
	}
	return httpapi.OK(out), err
}

// decision is the body of a request that decides on a true-up.
type decision struct {
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
}

// problems lists every invalid field of a decision.
func (d decision) problems() []fault.Field {
	var p fault.Problems
	may := []string{trueup.Collect, trueup.GiveBack, trueup.LeaveToAnnual}
	p.AddIf(!slices.Contains(may, d.Decision), "decision", "must be one of "+strings.Join(may, ", "))
	p.AddIf(d.Reason == "" || utf8.RuneCountInString(d.Reason) > maxReason, "reason",
		"must say why, in at most 500 characters")
	return p
}

// decide handles POST /v1/tax/true-ups/{id}/decide: one person decides on a true-up.
func (a API) decide(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var d decision
	if err := r.DecodeJSON(&d); err != nil {
		return httpapi.Response{}, err
	}
	if p := d.problems(); p != nil {
		return httpapi.Response{}, fault.Invalid(p...)
	}
	kept, replayed, err := a.TrueUps.Decide(ctx, r.Principal, r.Params["id"], d.Decision, d.Reason)
	return httpapi.CreatedOrReplayed(kept, replayed), err
}

// confirm handles POST /v1/tax/true-ups/{id}/confirm: a second person confirms a decision.
func (a API) confirm(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	if err := r.RequireNoFields(); err != nil {
		return httpapi.Response{}, err
	}
	kept, err := a.TrueUps.Confirm(ctx, r.Principal, r.Params["id"])
	return httpapi.OK(kept), err
}

type amendAnswer struct {
	Amendments []trueup.Amended `json:"amendments"`
	NextCursor *string          `json:"next_cursor"`
}

// amendments handles GET /v1/tax/amendments: the returns that must be filed again.
func (a API) amendments(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q, err := parsePage(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	today, err := a.Clock.Today(ctx)
	if err != nil {
		return httpapi.Response{}, fault.Temporary(err)
	}
	desk := lawdiff.LatenessRules{Rules: a.TrueUps.Law(ctx).National(), Calendar: a.Calendar,
		PaidOn: today}
	list, next, err := a.TrueUps.Amendments(ctx, r.Tenant, q.entity, q.month, desk, q.cursor, q.limit)
	out := amendAnswer{Amendments: append([]trueup.Amended{}, list...)}
	if next != "" {
		out.NextCursor = &next
	}
	return httpapi.OK(out), err
}
