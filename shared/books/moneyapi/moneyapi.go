// Package moneyapi answers over HTTP where money is.
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

// API answers the route.
type API struct{ Money whereabouts.Service }

// Routes are the routes of the question where money is.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{{Method: http.MethodGet, Path: "/v1/money", Roles: identity.AllRoles(),
		Handle: a.handle}}
}

// maxCursor bounds a cursor and an id, in bytes.
const maxCursor = 64

// handle answers for a settlement, a creator or, without either, for the tenant's creators page by
// page. A caller who is a creator and names nothing asks for its own money.
func (a API) handle(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	settlement := r.Query.Get("settlement_id")
	creator := r.Query.Get("creator_id")
	cursor := r.Query.Get("cursor")
	if problems := problems(ident.Settlement(settlement), ident.Creator(creator),
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
	case r.OnlyOwn():
		v, err = a.Money.LocateCreator(ctx, r.Principal, r.Creator)
	default:
		v, err = a.Money.LocateTenant(ctx, r.Tenant, cursor)
	}
	return httpapi.OK(v), err
}

func problems(settlement ident.Settlement, creator ident.Creator, cursor string) []fault.Field {
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
