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

// chartKind is the kind of master data under which charts of accounts are stored.
const chartKind = "chart"

// storedChart is one version of a paying entity's changes to the standard chart of accounts.
type storedChart struct {
	Version int    `json:"version"`
	By      string `json:"by"`
	ledger.Custom
}

// chartView is the response body with the whole chart of a paying entity.
type chartView struct {
	Entity ident.Entity `json:"paying_entity"`
	// Version is 0 for the unchanged standard chart.
	Version  int              `json:"version"`
	Accounts []chartAccountIn `json:"accounts"`
}

// chartAccountIn is one account of a chart.
type chartAccountIn struct {
	ledger.ChartAccount
	// Own is true for an account that the paying entity has added.
	Own bool `json:"own"`
}

// loadChartChanges reads the last version of a paying entity's changes to the standard chart, and
// the digest of their content. The version is 0 when there are no changes.
func (a API) loadChartChanges(ctx context.Context, tenant ident.Tenant,
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

// FindChart returns the chart of accounts of a paying entity.
func (a API) FindChart(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) (ledger.Chart, error) {
	own, _, err := a.loadChartChanges(ctx, tenant, entity)
	if err != nil {
		return ledger.Chart{}, err
	}
	return chartWithChanges(own.Custom)
}

// chartWithChanges returns the standard chart with a paying entity's changes.
func chartWithChanges(own ledger.Custom) (ledger.Chart, error) {
	std, err := ledger.StandardChart()
	if err == nil {
		std, err = std.WithCustom(own)
	}
	if err != nil {
		return std, fault.Internal(err)
	}
	return std, nil
}

// chartResponse returns the whole chart of a paying entity, with a mark on each account that the
// entity has added.
func chartResponse(entity ident.Entity, own storedChart) (httpapi.Response, error) {
	c, err := chartWithChanges(own.Custom)
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

// readChart handles GET /v1/paying-entities/{id}/chart.
func (a API) readChart(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	entity := r.Params["id"]
	if err := a.checkEntity(ctx, r.Tenant, entity); err != nil {
		return httpapi.Response{}, err
	}
	own, _, err := a.loadChartChanges(ctx, r.Tenant, ident.Entity(entity))
	if err != nil {
		return httpapi.Response{}, err
	}
	return chartResponse(ident.Entity(entity), own)
}

// chartBody is the request body of a change: the version that the caller has read, and all
// differences from the standard chart.
type chartBody struct {
	Version int `json:"version"`
	ledger.Custom
}

// changeChart handles PUT /v1/paying-entities/{id}/chart.
func (a API) changeChart(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var b chartBody
	if err := r.DecodeJSON(&b); err != nil {
		return httpapi.Response{}, err
	}
	entity := r.Params["id"]
	return optimistic.RetryValue(ctx, func() (httpapi.Response, error) {
		return a.tryChangeChart(ctx, r, ident.Entity(entity), b)
	})
}

// tryChangeChart tries once to store a changed chart. changeChart repeats it when another change
// won the race.
func (a API) tryChangeChart(ctx context.Context, r *httpapi.Request, entity ident.Entity,
	b chartBody) (httpapi.Response, error) {
	// The body is validated before the paying entity is looked up, as the contract orders refusals.
	if problems := b.Problems(ledger.Custom{}); len(problems) > 0 {
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	if err := a.checkEntity(ctx, r.Tenant, string(entity)); err != nil {
		return httpapi.Response{}, err
	}
	stored, digest, err := a.loadChartChanges(ctx, r.Tenant, entity)
	if err != nil {
		return httpapi.Response{}, err
	}
	content, err := json.Marshal(b.Custom)
	if err != nil {
		return httpapi.Response{}, fault.Internal(err)
	}
	sum := sha256.Sum256(content)
	newDigest := hex.EncodeToString(sum[:])
	if stored.Version == b.Version+1 && digest == newDigest {
		// The same change is stored already: an earlier try succeeded and its answer was lost.
		res, err := chartResponse(entity, stored)
		return res.MarkReplayed(), err
	}
	if stored.Version != b.Version {
		return httpapi.Response{},
			fault.New(fault.StaleVersion, "stale_version",
				"Somebody changed it first; read it again, then send your change with its version.")
	}
	// Accounts that were added before may not be removed, so the stored changes count too.
	if problems := b.Problems(stored.Custom); len(problems) > 0 {
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	return a.storeChart(ctx, r, entity, b, content, newDigest)
}

// storeChart stores the next version of a chart together with its audit record.
func (a API) storeChart(ctx context.Context, r *httpapi.Request, entity ident.Entity, b chartBody,
	content []byte, digest string) (httpapi.Response, error) {
	next := storedChart{Version: b.Version + 1, By: r.Subject, Custom: b.Custom}
	err := a.Master.Put(ctx, tenancy.Change{
		Objects: []tenancy.Object{{Kind: chartKind, ID: string(entity), Version: next.Version, Doc: next,
			Digest: digest}},
		Record: audit.Record{ID: a.NewID(), Tenant: r.Tenant, At: a.Clock.Instant(), Actor: r.Subject,
			Act: "chart.changed", Object: string(entity),
			What: content, Trace: r.Trace}})
	if err != nil {
		return httpapi.Response{}, err
	}
	return chartResponse(entity, next)
}
