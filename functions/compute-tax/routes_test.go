package main

import (
	"testing"

	"fenzhang/shared/contracttest"
	"fenzhang/shared/lawdiffapi"
	"fenzhang/shared/receivableapi"
	"fenzhang/shared/shadowapi"
	"fenzhang/shared/taxapi"
	"fenzhang/shared/trueupapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "compute-tax", routes(taxapi.API{}, shadowapi.API{}, lawdiffapi.API{}, receivableapi.API{}, trueupapi.API{}))
}
