package main

import (
	"net/http"
	"testing"

	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/settlement/settlementapi"
	"fenzhang/shared/settlement/settletest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "settle-incentive", settlementapi.API{}.SettleRoutes())
}

func TestSamples(t *testing.T) {
	w := settletest.Open(t)
	w.AddDemoPeople(t)
	w.SetDate("2026-11-16")
	routes := settlementapi.API{Service: w.Service}.SettleRoutes()
	triggertest.RunSamples(t, w.ServeRoutes(routes), map[string]triggertest.Check{"event.json": triggertest.ExpectStatus(http.StatusCreated)})
}
