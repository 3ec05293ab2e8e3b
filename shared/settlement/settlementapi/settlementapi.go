// Package settlementapi is settlements over HTTP: the routes of settle-incentive and
// manage-settlements.
package settlementapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement"
)

// API answers the routes.
type API struct{ Service *settlement.Service }

// SettleRoutes are the routes of settle-incentive.
func (a API) SettleRoutes() []httpapi.Route {
	return []httpapi.Route{{Method: "POST", Path: "/v1/incentive/settle", Roles: makers(),
		Handle: a.settle}}
}

// ManageRoutes are the routes of manage-settlements.
func (a API) ManageRoutes() []httpapi.Route {
	one := "/v1/settlements/{id}"
	movers := append(makers(), identity.Approver)
	return []httpapi.Route{
		{Method: "GET", Path: "/v1/settlements", Roles: identity.AllRoles(), Handle: a.list},
		{Method: "GET", Path: one, Roles: identity.AllRoles(), Handle: a.read},
		{Method: "GET", Path: one + "/explanation", Roles: identity.AllRoles(), Handle: a.explain},
		{Method: "POST", Path: one + "/transitions", Roles: movers, Handle: a.transition},
		{Method: "POST", Path: "/v1/settlements/transitions", Roles: movers, Handle: a.transitions},
		{Method: "POST", Path: one + "/hold", Roles: makers(), Handle: a.hold},
		{Method: "POST", Path: one + "/release", Roles: makers(), Handle: a.release},
		{Method: "POST", Path: one + "/invoice", Roles: makers(), Handle: a.invoice},
		{Method: "POST", Path: "/v1/contracts/replay",
			Roles: []identity.Role{identity.Finance, identity.Admin}, Handle: a.replay},
		{Method: "POST", Path: one + "/parties", Roles: []identity.Role{identity.Finance, identity.Admin},
			Handle: a.askParty},
		{Method: "POST", Path: one + "/confirm-net", Roles: deciders(), Handle: a.confirmNet},
		{Method: "POST", Path: one + "/cancel", Roles: deciders(), Handle: a.cancel},
		{Method: "POST", Path: one + "/reopen", Roles: deciders(), Handle: a.reopen},
	}
}

func makers() []identity.Role {
	return []identity.Role{identity.Operator, identity.Finance, identity.Admin}
}

func deciders() []identity.Role { return []identity.Role{identity.Approver} }

// settledAnswer is the body of a settle call's answer.
type settledAnswer struct {
	SettlementID  ident.Settlement  `json:"settlement_id"`
	Status        settlement.Status `json:"status"`
	StatusVersion int               `json:"status_version"`
	Arrival       *civil.Stamp      `json:"expected_arrival"`
}

func (a API) settle(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	key := r.Header["x-idemp-key"]
	var req settlement.Request
	if problems := strictjson.Decode(r.Body, &req); len(problems) > 0 {
		// one that cannot be read at all says nothing of its fields
		var document map[string]json.RawMessage
		unreadable := len(strictjson.Decode(r.Body, &document)) > 0
		return httpapi.Response{}, a.Service.Unread(ctx, key, req, problems, unreadable)
	}
	ans, how, err := a.Service.Settle(ctx, r.Principal, key, req)
	if err != nil {
		return httpapi.Response{}, err
	}
	body := settledAnswer{ans.SettlementID, ans.Status, ans.StatusVersion, civil.StampOf(ans.Arrival)}
	switch how {
	case settlement.Again:
		return httpapi.Created(body).Replayed(), nil
	case settlement.Existing:
		return httpapi.OK(body).Replayed(), nil
	}
	return httpapi.Created(body), nil
}

func (a API) read(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	s, err := a.Service.Read(ctx, r.Principal, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.show(ctx, r, s)
}

// show answers one settlement with its figures and history.
func (a API) show(ctx context.Context, r *httpapi.Request,
	s settlement.Settlement) (httpapi.Response, error) {
	viewer, err := a.Service.Viewer(ctx, r.Principal)
	if err != nil {
		return httpapi.Response{}, err
	}
	f, err := a.Service.Store.FiguresOf(ctx, []settlement.Settlement{s})
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(viewOf(viewer, s, f[s.ID], true)), nil
}

func (a API) explain(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	s, err := a.Service.Read(ctx, r.Principal, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	f, err := a.Service.Store.FiguresOf(ctx, []settlement.Settlement{s})
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(Explanation{SettlementID: ident.Settlement(s.ID),
		Steps: settlement.Explain(s, f[s.ID])}), nil
}

type listAnswer struct {
	Settlements []View  `json:"settlements"`
	NextCursor  *string `json:"next_cursor"`
}

func (a API) list(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q, limit, late, err := listQuery(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	if r.OnlyOwn() {
		if q.Creator != "" && q.Creator != r.Creator {
			return httpapi.OK(listAnswer{Settlements: []View{}}), nil
		}
		q.Creator = r.Creator
	}
	viewer, err := a.Service.Viewer(ctx, r.Principal)
	if err != nil {
		return httpapi.Response{}, err
	}
	if late {
		q.Only = func(s settlement.Settlement) bool {
			_, overdue := viewer.Overdue(s)
			return overdue
		}
	}
	page, next, err := a.Service.Store.List(ctx, r.Tenant, q, r.Query.Get("cursor"), limit)
	if err != nil {
		return httpapi.Response{}, err
	}
	f, err := a.Service.Store.FiguresOf(ctx, page)
	if err != nil {
		return httpapi.Response{}, err
	}
	ans := listAnswer{Settlements: make([]View, 0, len(page))}
	for _, s := range page {
		ans.Settlements = append(ans.Settlements, viewOf(viewer, s, f[s.ID], false))
	}
	if next != "" {
		ans.NextCursor = &next
	}
	return httpapi.OK(ans), nil
}

func (a API) transition(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var b transitionBody
	unreadable := r.JSON(&b)
	if err := mayMove(r.Principal, b.To); err != nil {
		return httpapi.Response{}, err
	}
	if unreadable != nil {
		return httpapi.Response{}, unreadable
	}
	p := b.problems()
	if !slices.Contains(settlement.Statuses(), b.To) {
		p = append(p, fault.Field{Field: "to", Problem: "must be a status"})
	}
	if p != nil {
		return httpapi.Response{}, fault.Invalid(p...)
	}
	return a.done(ctx, r)(a.Service.Transition(ctx, b.intent(r), b.To))
}

// mayMove is the role for a target: IN_REVIEW is a preparer's, APPROVED and FAILED an approver's,
// PAYING and PAID are the system's alone.
func mayMove(p identity.Principal, to settlement.Status) error {
	switch {
	case to == settlement.InReview && !p.Has(makers()...),
		(to == settlement.Approved || to == settlement.Failed) && !p.Has(deciders()...),
		to == settlement.Paying || to == settlement.Paid:
		return identity.Denied()
	}
	return nil
}

// done answers the settlement that an act left.
func (a API) done(ctx context.Context, r *httpapi.Request) func(settlement.Settlement,
	error) (httpapi.Response, error) {
	return func(s settlement.Settlement, err error) (httpapi.Response, error) {
		if err != nil {
			return httpapi.Response{}, err
		}
		return a.show(ctx, r, s)
	}
}

func (a API) hold(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, h, err := holdOf(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.done(ctx, r)(a.Service.PutOnHold(ctx, in, h))
}

func (a API) release(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, err := simple(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.done(ctx, r)(a.Service.Release(ctx, in))
}

func (a API) cancel(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, err := simple(r)
	if err == nil && in.Reason == "" {
		err = fault.Invalid(fault.Field{Field: "reason", Problem: "must say why"})
	}
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.done(ctx, r)(a.Service.Cancel(ctx, in))
}

func (a API) reopen(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, err := simple(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.done(ctx, r)(a.Service.Reopen(ctx, in))
}

func (a API) askParty(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, payee, err := partyOf(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.done(ctx, r)(a.Service.AskParty(ctx, in, payee))
}

func (a API) confirmNet(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, net, err := netOf(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.done(ctx, r)(a.Service.ConfirmNet(ctx, in, net))
}

func (a API) invoice(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, paper, err := invoiceOf(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.done(ctx, r)(a.Service.Invoice(ctx, in, paper))
}

// ServeHealth answers without a token.
func ServeHealth(_ context.Context, _ *httpapi.Request) (httpapi.Response, error) {
	return httpapi.Response{Status: http.StatusOK, Body: map[string]string{"status": "ok"}}, nil
}
