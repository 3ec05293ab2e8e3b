package main

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/statement/billing/billingapi"
	"fenzhang/shared/statement/statementdb"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "build-statements", billingapi.API{}.Routes())
}

// nobody takes no cohort: the sample's tenant is small enough for one call.
type nobody struct{}

func (nobody) SendTasks(context.Context, []billing.Task) error { return nil }

func TestSamples(t *testing.T) {
	w, log, token := settletest.Open(t), slog.New(slog.DiscardHandler), ids.NewSource(time.Now)
	w.AddDemoPeople(t)
	w.SetDate("2026-11-16")
	lines := &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: token}
	statements := &billing.Service{Settlements: w.Service, Buckets: lines, Log: log}
	night := billingapi.NightlyRun{
		Billing: statements, Cohorts: nobody{}, Log: log,
		Statements: &statement.Service{States: &statementdb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: token}, Clock: w.Clock, NewID: w.NextID},
	}
	routes := billingapi.API{Recorder: &income.Recorder{Lines: lines, Directory: w.People, Clock: w.Clock, NewID: w.NextID}, Nightly: night, Log: log}.Routes()
	api := &httpapi.API{Routes: routes, Clock: w.Clock, Log: log, Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	triggertest.RunSamples(t, triggers(api, night), map[string]triggertest.Check{
		"event.json": triggertest.ExpectStatus(http.StatusOK), "event-queue.json": triggertest.ExpectNoFailures, "event-schedule.json": triggertest.ExpectEmptyAnswer,
	})
	shown, err := statements.ListStatements(t.Context(), settletest.CallerWith(identity.Finance), "c001", civil.Month{})
	if err != nil || len(shown) != 1 || shown[0].Period.String() != "2026-10" {
		t.Errorf("the sample's line is in no statement: %+v %v", shown, err)
	}
}
