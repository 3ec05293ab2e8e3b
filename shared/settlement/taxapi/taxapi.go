// Package taxapi serves computations of tax over HTTP: quotes of one payment, comparisons of lawful
// regimes, forecasts of the annual settlement, and the tax rules in force on a day.
package taxapi

import (
	"context"

	"fenzhang/shared/clock"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/tenancy"
)

// API handles the routes of tax computations.
type API struct {
	// Corpus returns the policy packs that are active at the time of the request.
	Corpus    func(context.Context) *tax.Corpus
	Directory tenancy.Directory
	Rows      Rows
	Clock     clock.Clock
}

// Routes lists the HTTP routes of the function compute-tax.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/tax/quote", Roles: identity.AllRoles(), Handle: a.quoteTax},
		{Method: "POST", Path: "/v1/tax/plan", Roles: identity.AllRoles(), Handle: a.comparePlans},
		{Method: "POST", Path: "/v1/tax/forecast", Roles: identity.AllRoles(), Handle: a.forecastYear},
		{Method: "GET", Path: "/v1/tax/rules", Roles: identity.AllRoles(), Handle: a.listRules},
	}
}
