package main

import (
	"net/http"
	"testing"

	"fenzhang/local/settletest"
	"fenzhang/shared/settlementapi"
)

func TestSampleOpensASettlement(t *testing.T) {
	w := settletest.Open(t)
	w.Call(t, settlementapi.API{Service: w.Service}.SettleRoutes(), http.StatusCreated)
}
