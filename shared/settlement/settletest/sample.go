package settletest

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// ServeRoutes returns a Lambda handler that serves HTTP routes with the clock of the world, default
// limits and no revoked tokens.
func (w *World) ServeRoutes(routes []httpapi.Route) trigger.Mux {
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	api := httpapi.API{Routes: routes, Clock: w.Clock, Log: log, Limits: httpapi.DefaultLimits(),
		Revoked: httpapi.NoRevocations{}}
	return trigger.Mux{HTTP: api.AnswerEvent}
}

// AddDemoPeople adds the taxpayers, creators and contracts of the demo data, to which the sample
// events of functions refer. Only tests in a folder of functions/ can call it, because it reads a
// relative path.
func (w *World) AddDemoPeople(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "samples", Tenant, "master.json"))
	if err != nil {
		t.Fatal(err)
	}
	var master struct {
		Taxpayers []tenancy.Taxpayer `json:"taxpayers"`
		Creators  []tenancy.Creator  `json:"creators"`
		Contracts []tenancy.Contract `json:"contracts"`
	}
	if err := json.Unmarshal(text, &master); err != nil {
		t.Fatal(err)
	}
	for _, taxpayer := range master.Taxpayers {
		w.People.Taxpayers[string(taxpayer.TaxpayerID)] = taxpayer
	}
	for _, creator := range master.Creators {
		w.People.People[string(creator.CreatorID)] = creator
	}
	for _, contract := range master.Contracts {
		w.People.Contracts[string(contract.CreatorID)] = contract
	}
}

// OpenSample opens the settlement to which the sample events of queue functions refer, and returns
// its id.
func (w *World) OpenSample(t testing.TB) ident.Settlement {
	t.Helper()
	w.AddDemoPeople(t)
	call := settlement.Request{UserID: "c045", ActivityID: "group-buy-2026-08", TS: 1789387200000,
		Amount: money.MustParse("2160.00"), IncomeType: "commerce_commission"}
	answer, _, err := w.Settle(t.Context(), CallerWith(identity.Operator),
		"demo-direct-2026-08-2", call)
	if err != nil {
		t.Fatal(err)
	}
	return answer.SettlementID
}
