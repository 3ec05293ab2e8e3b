package main

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/settlement/filedmonth/filedmonthapi"
	"fenzhang/shared/settlement/lawdiffapi"
	"fenzhang/shared/settlement/receivable/receivableapi"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/shadowapi"
	"fenzhang/shared/settlement/taxapi"
	"fenzhang/shared/settlement/trueup/trueupapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "compute-tax", routes(taxapi.API{}, shadowapi.API{}, lawdiffapi.API{}, receivableapi.API{}, filedmonthapi.API{}, trueupapi.API{}))
}

func TestSamples(t *testing.T) {
	w := settletest.Open(t)
	id := w.OpenSample(t)
	corpus := func(ctx context.Context) *tax.Corpus { return w.Rules.Current(ctx).Corpus }
	questions := taxapi.API{Corpus: corpus, Directory: w.People, Rows: w.Store, Clock: w.Clock}
	function := triggers(&assembly.Parts{Log: slog.New(slog.DiscardHandler)}, w.Taxes, nil)
	function.HTTP = w.ServeRoutes(questions.Routes()).HTTP
	triggertest.RunSamples(t, function, map[string]triggertest.Check{
		"event.json": triggertest.ExpectStatus(http.StatusOK), "event-queue.json": triggertest.ExpectNoFailures,
	})
	s, err := w.Store.Load(t.Context(), settletest.Tenant, id)
	if err != nil || s.Quote == "" {
		t.Errorf("the sample quoted nothing (%v)", err)
	}
}
