package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/settlement/settlementapi"
	"fenzhang/shared/settlement/settletest"
)

func TestSamples(t *testing.T) {
	w := settletest.Open(t)
	routes := settlementapi.API{Service: w.Service}.ManageRoutes()
	triggertest.Samples(t, w.Serve(routes), map[string]triggertest.Check{"event.json": triggertest.Status(http.StatusOK)})
}

func TestContractIsServedAsItStands(t *testing.T) {
	res, err := contract(t.Context(), &httpapi.Request{})
	body, ok := res.Body.(json.RawMessage)
	if err != nil || !ok || !json.Valid(body) || len(body) < 10_000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
