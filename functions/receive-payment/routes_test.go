package main

import (
	"testing"

	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/payout/payouthttp"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "receive-payment", []httpapi.Route{payouthttp.Callback(nil)})
}
