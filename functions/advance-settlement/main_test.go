package main

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

func TestSamples(t *testing.T) {
	w := settletest.Open(t)
	w.OpenSample(t)
	var asked []string
	v := w.Advancer(func(_ context.Context, s settlement.Settlement, op string) error {
		asked = append(asked, string(s.CreatorID+" ")+op)
		return nil
	}, nil)
	triggertest.RunSamples(t, triggers(&assembly.Parts{Log: slog.New(slog.DiscardHandler)}, v), map[string]triggertest.Check{
		"event.json": triggertest.ExpectNoFailures, "event-schedule.json": triggertest.ExpectEmptyAnswer,
	})
	if !slices.Contains(asked, "c045 "+settlement.OpQuote) {
		t.Errorf("the sweep found no settlement without a quote: %v", asked)
	}
}
