// Package settlementapi serves settlements over HTTP. It has the routes of the functions
// settle-incentive and manage-settlements.
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

// API handles the routes of settlements.
type API struct{ Service *settlement.Service }

// SettleRoutes lists the routes of the function settle-incentive.
func (a API) SettleRoutes() []httpapi.Route {
	return []httpapi.Route{{Method: "POST", Path: "/v1/incentive/settle", Roles: preparerRoles(),
		Handle: a.settlePayable}}
}

// ManageRoutes lists the routes of the function manage-settlements.
func (a API) ManageRoutes() []httpapi.Route {
	one := "/v1/settlements/{id}"
	movers := append(preparerRoles(), identity.Approver)
	return []httpapi.Route{
		{Method: "GET", Path: "/v1/settlements", Roles: identity.AllRoles(), Handle: a.listSettlements},
		{Method: "GET", Path: one, Roles: identity.AllRoles(), Handle: a.readSettlement},
		{Method: "GET", Path: one + "/explanation", Roles: identity.AllRoles(),
			Handle: a.explainSettlement},
		{Method: "POST", Path: one + "/transitions", Roles: movers, Handle: a.transitionSettlement},
		{Method: "POST", Path: "/v1/settlements/transitions", Roles: movers, Handle: a.transitionInBulk},
		{Method: "POST", Path: one + "/hold", Roles: preparerRoles(), Handle: a.putOnHold},
		{Method: "POST", Path: one + "/release", Roles: preparerRoles(), Handle: a.releaseHold},
		{Method: "POST", Path: one + "/invoice", Roles: preparerRoles(), Handle: a.recordInvoice},
		{Method: "POST", Path: "/v1/contracts/replay",
			Roles: []identity.Role{identity.Finance, identity.Admin}, Handle: a.replayContract},
		{Method: "POST", Path: one + "/parties", Roles: []identity.Role{identity.Finance, identity.Admin},
			Handle: a.requestPartySettlement},
		{Method: "POST", Path: one + "/confirm-net", Roles: approverRoles(), Handle: a.confirmNet},
		{Method: "POST", Path: one + "/cancel", Roles: approverRoles(), Handle: a.cancelSettlement},
		{Method: "POST", Path: one + "/reopen", Roles: approverRoles(), Handle: a.reopenSettlement},
	}
}

// preparerRoles are the roles that prepare settlements: they settle, submit, hold and release.
func preparerRoles() []identity.Role {
	return []identity.Role{identity.Operator, identity.Finance, identity.Admin}
}

// approverRoles are the roles that approve, reject, cancel and reopen settlements.
func approverRoles() []identity.Role { return []identity.Role{identity.Approver} }

// settledAnswer is the response body of a settle call.
type settledAnswer struct {
	SettlementID  ident.Settlement  `json:"settlement_id"`
	Status        settlement.Status `json:"status"`
	StatusVersion int               `json:"status_version"`
	Arrival       *civil.Stamp      `json:"expected_arrival"`
}

// settlePayable handles POST /v1/incentive/settle. A repeated call gets the first answer again,
// marked as replayed.
func (a API) settlePayable(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	key := r.Header["x-idemp-key"]
	var req settlement.Request
	if problems := strictjson.Decode(r.Body, &req); len(problems) > 0 {
		// The service has to know whether the body is JSON at all: the problems of a body that is no
		// JSON are not problems of its fields.
		var document map[string]json.RawMessage
		unreadable := len(strictjson.Decode(r.Body, &document)) > 0
		return httpapi.Response{}, a.Service.RefuseUnreadable(ctx, key, req, problems, unreadable)
	}
	ans, how, err := a.Service.Settle(ctx, r.Principal, key, req)
	if err != nil {
		return httpapi.Response{}, err
	}
	body := settledAnswer{ans.SettlementID, ans.Status, ans.StatusVersion, civil.StampOf(ans.Arrival)}
	switch how {
	case settlement.Again:
		return httpapi.Created(body).MarkReplayed(), nil
	case settlement.Existing:
		return httpapi.OK(body).MarkReplayed(), nil
	default:
		return httpapi.Created(body), nil
	}
}

// readSettlement handles GET /v1/settlements/{id}.
func (a API) readSettlement(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	s, err := a.Service.Read(ctx, r.Principal, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.settlementResponse(ctx, r, s)
}

// settlementResponse returns one settlement with its figures and its history.
func (a API) settlementResponse(ctx context.Context, r *httpapi.Request,
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

// explainSettlement handles GET /v1/settlements/{id}/explanation.
func (a API) explainSettlement(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
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

// listAnswer is the response body of a page of settlements.
type listAnswer struct {
	Settlements []View  `json:"settlements"`
	NextCursor  *string `json:"next_cursor"`
}

// listSettlements handles GET /v1/settlements. A creator sees only settlements of its own.
func (a API) listSettlements(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q, limit, onlyOverdue, err := readListQuery(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	if r.SeesOnlyOwn() {
		if q.Creator != "" && q.Creator != r.Creator {
			// An empty list, not an error: a creator cannot find out which other creators exist.
			return httpapi.OK(listAnswer{Settlements: []View{}}), nil
		}
		q.Creator = r.Creator
	}
	viewer, err := a.Service.Viewer(ctx, r.Principal)
	if err != nil {
		return httpapi.Response{}, err
	}
	if onlyOverdue {
		q.Only = func(s settlement.Settlement) bool {
			_, overdue := viewer.Overdue(s)
			return overdue
		}
	}
	page, next, err := a.Service.Store.List(ctx, r.Tenant, q, r.Query.Get("cursor"), limit)
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.listResponse(ctx, viewer, page, next)
}

// listResponse returns a page of settlements with their figures and without their history.
func (a API) listResponse(ctx context.Context, viewer settlement.Viewer,
	page []settlement.Settlement, next string) (httpapi.Response, error) {
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

// transitionSettlement handles POST /v1/settlements/{id}/transitions.
func (a API) transitionSettlement(ctx context.Context,
	r *httpapi.Request) (httpapi.Response, error) {
	var b transitionBody
	// The role is checked before the body's problems are answered, as the contract orders refusals.
	unreadable := r.DecodeJSON(&b)
	if err := checkTargetRole(r.Principal, b.To); err != nil {
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
	s, err := a.Service.Transition(ctx, b.intent(r), b.To)
	return a.actResponse(ctx, r, s, err)
}

// checkTargetRole returns an error when the caller's role may not move a settlement to a status.
// Preparers may move to IN_REVIEW, approvers to APPROVED and FAILED; only the system moves to
// PAYING and PAID.
func checkTargetRole(p identity.Principal, to settlement.Status) error {
	switch {
	case to == settlement.InReview && !p.HasRole(preparerRoles()...),
		(to == settlement.Approved || to == settlement.Failed) && !p.HasRole(approverRoles()...),
		to == settlement.Paying || to == settlement.Paid:
		return identity.RoleForbidden()
	}
	return nil
}

// actResponse returns the response of an act on a settlement: the settlement after the act, or the
// error of the act.
func (a API) actResponse(ctx context.Context, r *httpapi.Request, s settlement.Settlement,
	err error) (httpapi.Response, error) {
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.settlementResponse(ctx, r, s)
}

// putOnHold handles POST /v1/settlements/{id}/hold.
func (a API) putOnHold(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, h, err := readHold(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	s, err := a.Service.PutOnHold(ctx, in, h)
	return a.actResponse(ctx, r, s, err)
}

// releaseHold handles POST /v1/settlements/{id}/release.
func (a API) releaseHold(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, err := readAct(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	s, err := a.Service.ReleaseHold(ctx, in)
	return a.actResponse(ctx, r, s, err)
}

// cancelSettlement handles POST /v1/settlements/{id}/cancel, which requires a reason.
func (a API) cancelSettlement(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, err := readAct(r)
	if err == nil && in.Reason == "" {
		err = fault.Invalid(fault.Field{Field: "reason", Problem: "must say why"})
	}
	if err != nil {
		return httpapi.Response{}, err
	}
	s, err := a.Service.Cancel(ctx, in)
	return a.actResponse(ctx, r, s, err)
}

// reopenSettlement handles POST /v1/settlements/{id}/reopen.
func (a API) reopenSettlement(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, err := readAct(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	s, err := a.Service.Reopen(ctx, in)
	return a.actResponse(ctx, r, s, err)
}

// requestPartySettlement handles POST /v1/settlements/{id}/parties: it asks for the settlement of
// another payee's share to be opened.
func (a API) requestPartySettlement(ctx context.Context,
	r *httpapi.Request) (httpapi.Response, error) {
	in, payee, err := readParty(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	s, err := a.Service.RequestPartySettlement(ctx, in, payee)
	return a.actResponse(ctx, r, s, err)
}

// confirmNet handles POST /v1/settlements/{id}/confirm-net.
func (a API) confirmNet(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, net, err := readConfirmedNet(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	s, err := a.Service.ConfirmNet(ctx, in, net)
	return a.actResponse(ctx, r, s, err)
}

// recordInvoice handles POST /v1/settlements/{id}/invoice.
func (a API) recordInvoice(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, paper, err := readInvoice(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	s, err := a.Service.RecordInvoice(ctx, in, paper)
	return a.actResponse(ctx, r, s, err)
}

// ServeHealth handles GET /healthz, which needs no token.
func ServeHealth(_ context.Context, _ *httpapi.Request) (httpapi.Response, error) {
	return httpapi.Response{Status: http.StatusOK, Body: map[string]string{"status": "ok"}}, nil
}
