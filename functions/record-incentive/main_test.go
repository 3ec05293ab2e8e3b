package main

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentiveapi"
	"fenzhang/shared/income/incentive/incentivetest"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/tenancy"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "record-incentive", incentiveapi.Routes(nil, nil))
}

// directory knows every creator and no strategy.
type directory struct{}

func (directory) Creator(_ context.Context, _ ident.Tenant, creator ident.Creator) (tenancy.Creator, error) {
	return tenancy.Creator{CreatorID: creator}, nil
}

func (directory) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	return nil, nil
}

func TestSamples(t *testing.T) {
	c := clock.FixedAt(time.Date(2026, 8, 3, 12, 0, 0, 0, civil.Shanghai))
	recorder := &incentive.Recorder{Clock: c, Directory: directory{}, Events: incentivetest.NewMemory(), NewID: ids.NewSource(c.Now)}
	api := &httpapi.API{Routes: incentiveapi.Routes(recorder, nil), Clock: c, Log: slog.New(slog.DiscardHandler),
		Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	triggertest.RunSamples(t, api, map[string]triggertest.Check{"event.json": triggertest.ExpectStatus(http.StatusCreated)})
}
