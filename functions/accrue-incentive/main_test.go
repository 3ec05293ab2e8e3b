package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivestream"
	"fenzhang/shared/income/incentive/incentivetest"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

type directory struct{}

func (directory) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	return nil, nil
}
func (directory) Tenants(context.Context) ([]string, error) { return []string{"demo-mcn"}, nil }

// What the stream's sample records is accrued when the schedule's closes its day.
func TestSamples(t *testing.T) {
	m, log := incentivetest.NewMemory(), slog.New(slog.DiscardHandler)
	days := incentivetest.Days{Memory: m}
	h := incentivestream.Handler{Log: log, Accruer: &incentive.Accruer{
		Clock: clock.FixedAt(time.Date(2026, 10, 16, 0, 30, 0, 0, civil.Shanghai)), Directory: directory{}, Chunks: days, Days: days, Parked: m, Accruals: m, Log: log,
	}}
	triggertest.RunSamples(t, h.Triggers(), map[string]triggertest.Check{"event.json": triggertest.ExpectNoFailures, "event-schedule.json": triggertest.ExpectEmptyAnswer})
	if _, err := h.Triggers().Invoke(t.Context(), triggertest.ReadSample(t, "event-schedule.json")); err != nil {
		t.Fatal(err)
	}
	if len(m.Posted) != 1 || m.Posted[0].Total != money.Fen(150) {
		t.Errorf("posted %+v", m.Posted)
	}
}
