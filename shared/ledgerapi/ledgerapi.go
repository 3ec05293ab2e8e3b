// Package ledgerapi is the ledger over HTTP: the routes of manage-ledger.
package ledgerapi

import (
	"fenzhang/shared/httpapi"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledgercheck"
)

// API answers the routes.
type API struct {
	Check ledgercheck.Service
}

// Routes are the routes of manage-ledger.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{
		{Method: "GET", Path: "/v1/ledger/check", Roles: readers(), Handle: a.Check.Handle},
	}
}

// readers are the roles that read the books.
func readers() []identity.Role {
	return []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
}
