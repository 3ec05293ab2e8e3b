package main

import (
	"testing"

	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/settlement/lawdiffapi"
	"fenzhang/shared/settlement/receivable/receivableapi"
	"fenzhang/shared/settlement/shadowapi"
	"fenzhang/shared/settlement/taxapi"
	"fenzhang/shared/settlement/trueup/trueupapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "compute-tax", routes(taxapi.API{}, shadowapi.API{}, lawdiffapi.API{}, receivableapi.API{}, trueupapi.API{}))
}
