package ledgerapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"fenzhang/shared/audit"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/tenancy"
)

// chartKind is the kind of master data that a chart is.
const chartKind = "chart"

// storedChart is one version of what a paying entity changed in the standard chart.
type storedChart struct {
	Version int    `json:"version"`
	By      string `json:"by"`
	ledger.Custom
}

// chartView is a whole chart.
type chartView struct {
	Entity   ident.Entity     `json:"paying_entity"`
	Version  int              `json:"version"` // 0: the standard chart, unchanged
	Accounts []chartAccountIn `json:"accounts"`
}

type chartAccountIn struct {
	ledger.ChartAccount
	Own bool `json:"own"` // added by the paying entity
}

// custom reads what a paying entity changed last; version 0 when nothing.
func (a API) custom(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) (storedChart, string, error) {
	var c storedChart
	found, there, err := a.Master.LatestVersion(ctx, tenant, chartKind, string(entity))
	if err != nil || !there {
		return c, "", err
	}
	if err := json.Unmarshal(found.Doc, &c); err != nil {
		return c, "", fault.Internal(err)
	}
	return c, found.Digest, nil
}

// Chart gives the chart of a paying entity.
func (a API) Chart(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) (ledger.Chart, error) {
	own, _, err := a.custom(ctx, tenant, entity)
	if err != nil {
		return ledger.Chart{}, err
	}
	return merged(own.Custom)
}

func merged(own ledger.Custom) (ledger.Chart, error) {
	std, err := ledger.StandardChart()
	if err == nil {
		std, err = std.WithCustom(own)
	}
	if err != nil {
		return std, fault.Internal(err)
	}
	return std, nil
}

func showChart(entity ident.Entity, own storedChart) (httpapi.Response, error) {
	c, err := merged(own.Custom)
	if err != nil {
		return httpapi.Response{}, err
	}
	view := chartView{Entity: entity, Version: own.Version,
		Accounts: make([]chartAccountIn, len(c.Accounts))}
	added := map[ledger.Account]bool{}
	for _, x := range own.Accounts {
		added[x.Account] = true
	}
	for i, x := range c.Accounts {
		view.Accounts[i] = chartAccountIn{x, added[x.Account]}
	}
	return httpapi.OK(view), nil
}

func (a API) chart(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	entity := r.Params["id"]
	if err := a.entity(ctx, r.Tenant, entity); err != nil {
		return httpapi.Response{}, err
	}
	own, _, err := a.custom(ctx, r.Tenant, ident.Entity(entity))
	if err != nil {
		return httpapi.Response{}, err
	}
	return showChart(ident.Entity(entity), own)
}

// chartBody is a change: the version that was read, and all that differs from the standard chart.
type chartBody struct {
	Version int `json:"version"`
	ledger.Custom
}

func (a API) changeChart(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var b chartBody
	if err := r.JSON(&b); err != nil {
		return httpapi.Response{}, err
	}
	entity := r.Params["id"]
	return optimistic.Value(ctx, func() (httpapi.Response, error) {
		return a.changeOnce(ctx, r, ident.Entity(entity), b)
	})
}

func (a API) changeOnce(ctx context.Context, r *httpapi.Request, entity ident.Entity,
	b chartBody) (httpapi.Response, error) {
	if problems := b.Problems(ledger.Custom{}); len(problems) > 0 {
		// the body in itself, before the object
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	if err := a.entity(ctx, r.Tenant, string(entity)); err != nil {
		return httpapi.Response{}, err
	}
	had, digest, err := a.custom(ctx, r.Tenant, entity)
	if err != nil {
		return httpapi.Response{}, err
	}
	content, err := json.Marshal(b.Custom)
	if err != nil {
		return httpapi.Response{}, fault.Internal(err)
	}
	sum := sha256.Sum256(content)
	next := storedChart{Version: b.Version + 1, By: r.Subject, Custom: b.Custom}
	switch asked := hex.EncodeToString(sum[:]); {
	case had.Version == next.Version && digest == asked: // our own change, its answer was lost
		res, err := showChart(entity, had)
		return res.Replayed(), err
	case had.Version != b.Version:
		return httpapi.Response{},
			fault.New(fault.StaleVersion, "stale_version",
				"Somebody changed it first; read it again, then send your change with its version.")
	default:
		if problems := b.Problems(had.Custom); len(problems) > 0 {
			return httpapi.Response{}, fault.Invalid(problems...)
		}
		err = a.Master.Put(ctx, tenancy.Change{
			Objects: []tenancy.Object{{Kind: chartKind, ID: string(entity), Version: next.Version, Doc: next,
				Digest: asked}},
			Record: audit.Record{ID: a.NewID(), Tenant: r.Tenant, At: a.Clock.Instant(), Actor: r.Subject,
				Act: "chart.changed", Object: string(entity),
				What: content, Trace: r.Trace}})
		if err != nil {
			return httpapi.Response{}, err
		}
		return showChart(entity, next)
	}
}
