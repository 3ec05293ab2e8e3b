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

// API answers calls with what the service answers.
type API struct{ Master *master.Service }

// resource is a kind of master data that has many objects, and the path below which they lie.
type resource struct {
	kind tenancy.Kind
	path string
}

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

// Routes lists the routes with the roles that may call them.
func (a API) Routes() []httpapi.Route {
	readers := []identity.Role{identity.Operator, identity.Finance, identity.Approver,
		identity.Cashier,
		identity.Auditor, identity.Admin}
	keeper := []identity.Role{identity.Admin}
	second := []identity.Role{identity.Approver, identity.Admin}
	routes := []httpapi.Route{
		{Method: http.MethodPost, Path: "/v1/positions/{id}/approve", Roles: second,
			Handle: approval(a.Master.ApprovePosition)},
		{Method: http.MethodPost, Path: "/v1/contracts/{id}/approve", Roles: second,
			Handle: approval(a.Master.ApproveContract)},
		{Method: http.MethodPost, Path: "/v1/taxpayers/{id}/merge", Roles: keeper,
			Handle: a.requestMerge},
		{Method: http.MethodPost, Path: "/v1/taxpayers/{id}/merge/approve", Roles: second,
			Handle: approval(a.Master.ApproveMerge)},
		{Method: http.MethodPut, Path: "/v1/review-rules", Roles: keeper, Handle: a.changeReview},
		{Method: http.MethodGet, Path: "/v1/review-rules", Roles: readers, Handle: a.readReview},
	}
	for _, of := range resources() {
		routes = append(routes,
			httpapi.Route{Method: http.MethodPost, Path: of.path, Roles: keeper, Handle: a.create(of.kind)},
			httpapi.Route{Method: http.MethodPut, Path: of.path + "/{id}", Roles: keeper,
				Handle: a.change(of.kind)},
			httpapi.Route{Method: http.MethodGet, Path: of.path + "/{id}", Roles: readers,
				Handle: a.read(of.kind)},
		)
	}
	return routes
}

func caller(r *httpapi.Request) master.Caller {
	return master.Caller{Principal: r.Principal, Trace: r.Trace}
}

// respond answers 200 with the object, and says so when the same call had been answered before.
func respond(answer master.Answer, err error) (httpapi.Response, error) {
	if err != nil {
		return httpapi.Response{}, err
	}
	if answer.Repeated {
		return httpapi.OK(answer.Object).Replayed(), nil
	}
	return httpapi.OK(answer.Object), nil
}

func (a API) create(kind tenancy.Kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		answer, err := a.Master.Create(ctx, caller(r), kind, r.Body)
		if err == nil && !answer.Repeated {
			return httpapi.Created(answer.Object), nil
		}
		return respond(answer, err)
	}
}

func (a API) change(kind tenancy.Kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		return respond(a.Master.Change(ctx, caller(r), kind, r.Params["id"], r.Body))
	}
}

func (a API) read(kind tenancy.Kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		day, err := dayOf(r)
		if err != nil {
			return httpapi.Response{}, err
		}
		found, err := a.Master.Read(ctx, r.Tenant, kind, r.Params["id"], day)
		return httpapi.OK(found), err
	}
}

// dayOf reads ?date=; without it the day is zero.
func dayOf(r *httpapi.Request) (civil.Date, error) {
	if !r.Query.Has("date") {
		return civil.Date{}, nil
	}
	day, err := civil.ParseDate(r.Query.Get("date"))
	if err != nil {
		return day, fault.Invalid(fault.Field{Field: "date", Problem: err.Error()})
	}
	return day, nil
}

// approval serves a second person's approval, which has no content.
func approval(approve func(context.Context, master.Caller,
	string) (master.Answer, error)) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		if err := r.NoFields(); err != nil {
			return httpapi.Response{}, err
		}
		return respond(approve(ctx, caller(r), r.Params["id"]))
	}
}

func (a API) requestMerge(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var m master.MergeRequest
	if err := r.JSON(&m); err != nil {
		return httpapi.Response{}, err
	}
	return respond(a.Master.RequestMerge(ctx, caller(r), r.Params["id"], m))
}

func (a API) changeReview(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	return respond(a.Master.ChangeReviewRules(ctx, caller(r), r.Body))
}

func (a API) readReview(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	day, err := dayOf(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	rules, err := a.Master.ReviewRules(ctx, r.Tenant, day)
	return httpapi.OK(rules), err
}
