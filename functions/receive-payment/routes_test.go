package main

import (
	"testing"

	"fenzhang/shared/contracttest"
	"fenzhang/shared/httpapi"
	"fenzhang/shared/payouthttp"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "receive-payment", []httpapi.Route{payouthttp.Callback(nil)})
}
