package main

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/taxapi"
)

func TestSamples(t *testing.T) {
	w := settletest.Open(t)
	id := w.OpenSample(t)
	corpus := func(ctx context.Context) *tax.Corpus { return w.Rules.Current(ctx).Corpus }
	questions := taxapi.API{Corpus: corpus, Directory: w.People, Rows: w.Store, Clock: w.Clock}
	function := triggers(&assembly.Parts{Log: slog.New(slog.DiscardHandler)}, w.Taxes, nil)
	function.HTTP = w.Serve(questions.Routes()).HTTP
	triggertest.Samples(t, function, map[string]triggertest.Check{
		"event.json": triggertest.Status(http.StatusOK), "event-queue.json": triggertest.NoFailures,
	})
	s, err := w.Store.Load(t.Context(), settletest.Tenant, id)
	if err != nil || s.Quote == "" {
		t.Errorf("the sample quoted nothing (%v)", err)
	}
}
