// Package shadowapi serves over HTTP the reports on shadow policy packs: how they would have
// changed the taxes of settlements before they become active.
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

// API handles the route of shadow reports.
type API struct {
	Store settlement.ShadowStore
}

// Routes lists the route of shadow reports.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{{Method: "GET", Path: "/v1/tax/shadow",
		Roles:  []identity.Role{identity.Finance, identity.Auditor, identity.Admin},
		Handle: a.reportShadow}}
}

// shadowAnswer is the response body. It lists differences only when the request names a version.
type shadowAnswer struct {
	Reports     []settlement.ShadowReport `json:"reports"`
	Differences []difference              `json:"differences"`
	NextCursor  *string                   `json:"next_cursor"`
}

// difference is a comparison with the change of the net.
type difference struct {
	settlement.Comparison
	Net money.Amount `json:"net_difference"`
}

// reportShadow handles GET /v1/tax/shadow: it sums up the comparisons of all shadow versions, or of
// the one that the request names, with a page of its differences.
func (a API) reportShadow(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	limit, err := r.PageLimit()
	if err != nil {
		return httpapi.Response{}, err
	}
	versions, err := a.comparedVersions(ctx, r.Tenant, r.Query.Get("shadow"))
	if err != nil {
		return httpapi.Response{}, err
	}
	out := shadowAnswer{Reports: []settlement.ShadowReport{}, Differences: []difference{}}
	for _, v := range versions {
		report, err := a.Store.ShadowReport(ctx, r.Tenant, v)
		if err != nil {
			return httpapi.Response{}, err
		}
		out.Reports = append(out.Reports, report)
	}
	// Differences are long, so they are listed only for one version.
	if r.Query.Get("shadow") == "" {
		return httpapi.OK(out), nil
	}
	err = a.addDifferences(ctx, r, versions[0], limit, &out)
	return httpapi.OK(out), err
}

// addDifferences adds a page of the differences of one shadow version to the response.
func (a API) addDifferences(ctx context.Context, r *httpapi.Request, version tax.PackID, limit int,
	out *shadowAnswer) error {
	list, next, err := a.Store.Comparisons(ctx, r.Tenant, version.Pack, version.Version,
		r.Query.Get("cursor"), limit)
	if err != nil {
		return err
	}
	for _, c := range list {
		out.Differences = append(out.Differences, difference{c, c.NetDifference()})
	}
	if next != "" {
		out.NextCursor = &next
	}
	return nil
}

// comparedVersions lists the shadow versions with which settlements were compared, or only the one
// with the given name.
//
// Errors: fault.MissingObject when no settlement was compared with the named version.
func (a API) comparedVersions(ctx context.Context, tenant ident.Tenant,
	name string) ([]tax.PackID, error) {
	all, err := a.Store.Shadowed(ctx, tenant)
	if err != nil || name == "" {
		return all, err
	}
	want, err := settlement.ParseShadow(name)
	if err != nil {
		return nil, err
	}
	// Only versions with comparisons are found; another version is unknown here.
	for _, id := range all {
		if id.Pack == want.Pack && id.Version == want.Version {
			return []tax.PackID{id}, nil
		}
	}
	return nil, fault.MissingObject("comparison with " + name)
}
