// Package taxapi answers tax questions over HTTP: quotes, and the rules in force on a day.
package taxapi

import (
	"context"

	"fenzhang/shared/clock"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/tenancy"
)

// API answers the routes.
type API struct {
	// Corpus gives all packs as they stand at the moment of a request.
	Corpus    func(context.Context) *tax.Corpus
	Directory tenancy.Directory
	Rows      Rows
	Clock     clock.Clock
}

// Routes are the routes of compute-tax.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/tax/quote", Roles: identity.AllRoles(), Handle: a.quote},
		{Method: "POST", Path: "/v1/tax/plan", Roles: identity.AllRoles(), Handle: a.plan},
		{Method: "POST", Path: "/v1/tax/forecast", Roles: identity.AllRoles(), Handle: a.forecast},
		{Method: "GET", Path: "/v1/tax/rules", Roles: identity.AllRoles(), Handle: a.rules},
	}
}
