// Package masterapi serves the routes of master data.
package masterapi

import (
	"context"
	"net/http"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/master"
	"fenzhang/shared/tenancy"
)

// API serves the routes of master data with the master service.
type API struct{ Master *master.Service }

// resource is a kind of master data with the path of its routes.
type resource struct {
	kind tenancy.Kind
	path string
}

// resources lists the kinds of which a tenant may have many objects.
func resources() []resource {
	return []resource{
		{tenancy.KindEntity, "/v1/paying-entities"},
		{tenancy.KindTaxpayer, "/v1/taxpayers"},
		{tenancy.KindCreator, "/v1/creators"},
		{tenancy.KindContract, "/v1/contracts"},
		{tenancy.KindStrategy, "/v1/strategies"},
		{tenancy.KindPosition, "/v1/positions"},
	}
}

// Routes lists the routes of master data with the roles that may call them.
func (a API) Routes() []httpapi.Route {
	readers := []identity.Role{identity.Operator, identity.Finance, identity.Approver,
		identity.Cashier, identity.Auditor, identity.Admin}
	keeper := []identity.Role{identity.Admin}
	// An approval is the act of a second person, so admins may give it too; the service refuses the
	// person who made the version.
	second := []identity.Role{identity.Approver, identity.Admin}
	routes := []httpapi.Route{
		{Method: http.MethodPost, Path: "/v1/positions/{id}/approve", Roles: second,
			Handle: approvalHandler(a.Master.ApprovePosition)},
		{Method: http.MethodPost, Path: "/v1/contracts/{id}/approve", Roles: second,
			Handle: approvalHandler(a.Master.ApproveContract)},
		{Method: http.MethodPost, Path: "/v1/taxpayers/{id}/merge", Roles: keeper,
			Handle: a.requestMerge},
		{Method: http.MethodPost, Path: "/v1/taxpayers/{id}/merge/approve", Roles: second,
			Handle: approvalHandler(a.Master.ApproveMerge)},
		{Method: http.MethodPut, Path: "/v1/review-rules", Roles: keeper, Handle: a.changeReviewRules},
		{Method: http.MethodGet, Path: "/v1/review-rules", Roles: readers, Handle: a.readReviewRules},
	}
	for _, of := range resources() {
		routes = append(routes,
			httpapi.Route{Method: http.MethodPost, Path: of.path, Roles: keeper,
				Handle: a.createHandler(of.kind)},
			httpapi.Route{Method: http.MethodPut, Path: of.path + "/{id}", Roles: keeper,
				Handle: a.changeHandler(of.kind)},
			httpapi.Route{Method: http.MethodGet, Path: of.path + "/{id}", Roles: readers,
				Handle: a.readHandler(of.kind)},
		)
	}
	return routes
}

// callerOf returns the caller of a request, as the master service expects it.
func callerOf(r *httpapi.Request) master.Caller {
	return master.Caller{Principal: r.Principal, Trace: r.Trace}
}

// respond answers 200 with the object; a repeated call gets the header Idempotency-Replayed.
func respond(answer master.Answer, err error) (httpapi.Response, error) {
	if err != nil {
		return httpapi.Response{}, err
	}
	if answer.Repeated {
		return httpapi.OK(answer.Object).MarkReplayed(), nil
	}
	return httpapi.OK(answer.Object), nil
}

// createHandler returns the handler of POST for a kind: 201 for a new object, 200 for a repeated
// call.
func (a API) createHandler(kind tenancy.Kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		answer, err := a.Master.Create(ctx, callerOf(r), kind, r.Body)
		if err == nil && !answer.Repeated {
			return httpapi.Created(answer.Object), nil
		}
		return respond(answer, err)
	}
}

// changeHandler returns the handler of PUT /{id} for a kind.
func (a API) changeHandler(kind tenancy.Kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		return respond(a.Master.Change(ctx, callerOf(r), kind, r.Params["id"], r.Body))
	}
}

// readHandler returns the handler of GET /{id}?date= for a kind.
func (a API) readHandler(kind tenancy.Kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		day, err := dateParam(r)
		if err != nil {
			return httpapi.Response{}, err
		}
		found, err := a.Master.Read(ctx, r.Tenant, kind, r.Params["id"], day)
		return httpapi.OK(found), err
	}
}

// dateParam reads the query parameter date; without it the zero date is returned, which means
// today.
func dateParam(r *httpapi.Request) (civil.Date, error) {
	if !r.Query.Has("date") {
		return civil.Date{}, nil
	}
	day, err := civil.ParseDate(r.Query.Get("date"))
	if err != nil {
		return day, fault.Invalid(fault.Field{Field: "date", Problem: err.Error()})
	}
	return day, nil
}

// approvalHandler returns the handler of a second person's approval, whose body must be empty.
func approvalHandler(approve func(context.Context, master.Caller,
	string) (master.Answer, error)) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		if err := r.RequireNoFields(); err != nil {
			return httpapi.Response{}, err
		}
		return respond(approve(ctx, callerOf(r), r.Params["id"]))
	}
}

// requestMerge serves POST /v1/taxpayers/{id}/merge.
func (a API) requestMerge(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var m master.MergeRequest
	if err := r.DecodeJSON(&m); err != nil {
		return httpapi.Response{}, err
	}
	return respond(a.Master.RequestMerge(ctx, callerOf(r), r.Params["id"], m))
}

// changeReviewRules serves PUT /v1/review-rules.
func (a API) changeReviewRules(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	return respond(a.Master.ChangeReviewRules(ctx, callerOf(r), r.Body))
}

// readReviewRules serves GET /v1/review-rules?date=.
func (a API) readReviewRules(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	day, err := dateParam(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	rules, err := a.Master.ReviewRules(ctx, r.Tenant, day)
	return httpapi.OK(rules), err
}
