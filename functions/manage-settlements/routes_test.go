package main

import (
	"testing"

	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/settlement/settlementapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "manage-settlements", routes(settlementapi.API{}))
}
