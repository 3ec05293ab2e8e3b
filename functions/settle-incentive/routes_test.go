package main

import (
	"testing"

	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/settlement/settlementapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "settle-incentive", settlementapi.API{}.SettleRoutes())
}
