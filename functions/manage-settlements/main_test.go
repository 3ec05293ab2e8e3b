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
	contracttest.CheckServedRoutes(t, "manage-settlements", routes(settlementapi.API{}))
}

func TestSamples(t *testing.T) {
	w := settletest.Open(t)
	routes := settlementapi.API{Service: w.Service}.ManageRoutes()
	triggertest.RunSamples(t, w.ServeRoutes(routes), map[string]triggertest.Check{"event.json": triggertest.ExpectStatus(http.StatusOK)})
}
