// Package shadowapi shows over HTTP what policy packs in the shadow would have changed.
package shadowapi

import (
	"context"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// API answers the route.
type API struct {
	Store settlement.ShadowStore
}

// Routes is the one route.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{{Method: "GET", Path: "/v1/tax/shadow",
		Roles: []identity.Role{identity.Finance, identity.Auditor, identity.Admin}, Handle: a.shadow}}
}

// answer is the body. Differences are listed for the one version that was asked for.
type answer struct {
	Reports     []settlement.ShadowReport `json:"reports"`
	Differences []difference              `json:"differences"`
	NextCursor  *string                   `json:"next_cursor"`
}

type difference struct {
	settlement.Comparison
	Net money.Amount `json:"net_difference"`
}

// shadow sums up all versions, or shows one with its differences.
func (a API) shadow(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	limit, err := r.Limit()
	if err != nil {
		return httpapi.Response{}, err
	}
	versions, err := a.versions(ctx, r.Tenant, r.Query.Get("shadow"))
	if err != nil {
		return httpapi.Response{}, err
	}
	out := answer{Reports: []settlement.ShadowReport{}, Differences: []difference{}}
	for _, v := range versions {
		report, err := a.Store.ShadowReport(ctx, r.Tenant, v)
		if err != nil {
			return httpapi.Response{}, err
		}
		out.Reports = append(out.Reports, report)
	}
	if r.Query.Get("shadow") == "" {
		return httpapi.OK(out), nil
	}
	list, next, err := a.Store.Comparisons(ctx, r.Tenant, versions[0].Pack, versions[0].Version,
		r.Query.Get("cursor"), limit)
	if err != nil {
		return httpapi.Response{}, err
	}
	for _, c := range list {
		out.Differences = append(out.Differences, difference{c, c.NetDifference()})
	}
	if next != "" {
		out.NextCursor = &next
	}
	return httpapi.OK(out), nil
}

// versions are all that were compared, or the one that is named.
func (a API) versions(ctx context.Context, tenant ident.Tenant, name string) ([]tax.PackID, error) {
	all, err := a.Store.Shadowed(ctx, tenant)
	if err != nil || name == "" {
		return all, err
	}
	want, err := settlement.ParseShadow(name)
	if err != nil {
		return nil, err
	}
	for _, id := range all {
		if id.Pack == want.Pack && id.Version == want.Version {
			return []tax.PackID{id}, nil
		}
	}
	return nil, fault.Absent("comparison with " + name)
}
