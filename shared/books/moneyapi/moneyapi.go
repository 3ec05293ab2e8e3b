// Package moneyapi serves over HTTP the answer to the question where money is: of a settlement, of
// a creator, or of all creators of a tenant.
package moneyapi

import (
	"context"
	"net/http"
	"unicode/utf8"

	"fenzhang/shared/books/whereabouts"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
)

// API handles the route of this question.
type API struct{ Money whereabouts.Service }

// Routes lists the one route, GET /v1/money.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{{Method: http.MethodGet, Path: "/v1/money", Roles: identity.AllRoles(),
		Handle: a.locateMoney}}
}

// maxCursor is the greatest length of a cursor, in bytes; a cursor is the id of a creator.
const maxCursor = 64

// locateMoney handles GET /v1/money for one settlement, for one creator or, without either, for the
// tenant's creators page by page. A creator who gives no id sees its own money.
func (a API) locateMoney(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	settlement := r.Query.Get("settlement_id")
	creator := r.Query.Get("creator_id")
	cursor := r.Query.Get("cursor")
	if problems := queryProblems(ident.Settlement(settlement), ident.Creator(creator),
		cursor); len(problems) > 0 {
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	var v whereabouts.View
	var err error
	switch {
	case settlement != "":
		v, err = a.Money.LocateSettlement(ctx, r.Principal, settlement)
	case creator != "":
		v, err = a.Money.LocateCreator(ctx, r.Principal, ident.Creator(creator))
	case r.SeesOnlyOwn(): // A creator may not see the tenant's other creators.
		v, err = a.Money.LocateCreator(ctx, r.Principal, r.Creator)
	default:
		v, err = a.Money.LocateTenant(ctx, r.Tenant, cursor)
	}
	return httpapi.OK(v), err
}

// queryProblems lists what is wrong with the query string.
func queryProblems(settlement ident.Settlement, creator ident.Creator,
	cursor string) []fault.Field {
	var out []fault.Field
	if settlement != "" && creator != "" {
		out = append(out, fault.Field{Field: "creator_id",
			Problem: "must be left out when settlement_id is given"})
	}
	if cursor != "" &&
		(settlement != "" || creator != "" || len(cursor) > maxCursor || !utf8.ValidString(cursor)) {
		out = append(out, fault.Field{Field: "cursor",
			Problem: "is not a cursor of the tenant's list; leave it out to begin anew"})
	}
	return out
}
