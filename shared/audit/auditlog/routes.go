package auditlog

import (
	"context"

	"fenzhang/shared/audit"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
)

// Evidence finds and proves records.
type Evidence interface {
	Record(ctx context.Context, tenant ident.Tenant, id string) (audit.Sealed, error)
	Prove(ctx context.Context, tenant ident.Tenant, id string) (audit.Proof, error)
}

// Routes are the audit part of the HTTP contract. A record holds no personal data, so reading it
// leaves no record.
func Routes(e Evidence) []httpapi.Route {
	roles := []identity.Role{identity.Auditor, identity.Admin}
	return []httpapi.Route{
		{Method: "GET", Path: "/v1/audit/records/{id}", Roles: roles,
			Handle: func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
				sealed, err := e.Record(ctx, r.Tenant, r.Params["id"])
				return httpapi.OK(sealed), err
			}},
		{Method: "GET", Path: "/v1/audit/records/{id}/proof", Roles: roles,
			Handle: func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
				proof, err := e.Prove(ctx, r.Tenant, r.Params["id"])
				return httpapi.OK(proof), err
			}},
	}
}
