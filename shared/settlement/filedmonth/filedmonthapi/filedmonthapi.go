// Package filedmonthapi serves the routes by which finance records filed months and reads them.
package filedmonthapi

import (
	"context"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement/filedmonth"
)

// API serves the routes of filed months.
type API struct{ Months *filedmonth.Recorder }

// Routes lists the routes of filed months with the roles that may call them.
func (a API) Routes() []httpapi.Route {
	readers := []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/tax/filed-months", Roles: []identity.Role{identity.Finance},
			Handle: a.record},
		{Method: "GET", Path: "/v1/tax/filed-months", Roles: readers, Handle: a.listFiledMonths},
	}
}

const (
	idProblem    = "must be 1 to 64 letters, digits, - or _"
	maxReference = 100 // characters
)

// filing is the body of a request that records a filed month.
type filing struct {
	Entity    ident.Entity `json:"paying_entity"`
	Month     civil.Month  `json:"month"`
	FiledOn   civil.Date   `json:"filed_on"`
	Reference string       `json:"reference"`
}

// validate reports every problem of the body of a request at once.
func (f filing) validate() error {
	var p fault.Problems
	p.AddIf(!ident.Valid(f.Entity), "paying_entity", idProblem)
	p.AddIf(f.Month.IsZero(), "month", civil.ErrMonth.Error())
	p.AddIf(f.FiledOn.IsZero(), "filed_on", civil.ErrDate.Error())
	p.AddIf(f.Reference == "" || utf8.RuneCountInString(f.Reference) > maxReference, "reference",
		"must name the return, in at most 100 characters")
	return p.Err()
}

// record handles POST /v1/tax/filed-months: finance records that a month is filed.
func (a API) record(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var f filing
	if err := r.DecodeJSON(&f); err != nil {
		return httpapi.Response{}, err
	}
	if err := f.validate(); err != nil {
		return httpapi.Response{}, err
	}
	kept, replayed, err := a.Months.Record(ctx, r.Tenant, r.Subject, filedmonth.FiledMonth{
		Entity: f.Entity, Month: f.Month, FiledOn: f.FiledOn, Reference: f.Reference})
	return httpapi.CreatedOrReplayed(kept, replayed), err
}

type filedAnswer struct {
	FiledMonths []filedmonth.FiledMonth `json:"filed_months"`
}

// listFiledMonths handles GET /v1/tax/filed-months: the filed months of one paying entity.
func (a API) listFiledMonths(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	entity := r.Query.Get("paying_entity")
	if !ident.Valid(entity) {
		return httpapi.Response{}, fault.Invalid(fault.Field{Field: "paying_entity", Problem: idProblem})
	}
	months, err := a.Months.FiledMonths(ctx, r.Tenant, ident.Entity(entity))
	return httpapi.OK(filedAnswer{months}), err
}
