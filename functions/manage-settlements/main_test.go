package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"fenzhang/local/settletest"
	"fenzhang/shared/httpapi"
	"fenzhang/shared/settlementapi"
)

func TestSampleLists(t *testing.T) {
	w := settletest.Open(t)
	w.Call(t, settlementapi.API{Service: w.Service}.ManageRoutes(), http.StatusOK)
}

func TestContractIsServedAsItStands(t *testing.T) {
	res, err := contract(t.Context(), &httpapi.Request{})
	body, ok := res.Body.(json.RawMessage)
	if err != nil || !ok || !json.Valid(body) || len(body) < 10_000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
