package main

import (
	"testing"

	"fenzhang/shared/contracttest"
	"fenzhang/shared/settlementapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "manage-settlements", routes(settlementapi.API{}))
}
