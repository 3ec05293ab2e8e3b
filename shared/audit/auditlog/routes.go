package auditlog

import (
	"context"

	"fenzhang/shared/audit"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
)

// Evidence reads records and makes proofs of them; audit.Reader implements it.
type Evidence interface {
	Record(ctx context.Context, tenant ident.Tenant, id string) (audit.Sealed, error)
	Prove(ctx context.Context, tenant ident.Tenant, id string) (audit.Proof, error)
}

// Routes lists the routes of audit records and their proofs. A record holds no personal data, so
// reading one is not itself recorded.
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
