package main

import (
	"testing"

	"fenzhang/shared/contracttest"
	"fenzhang/shared/ledgerapi"
	"fenzhang/shared/moneyapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "manage-ledger", routes(ledgerapi.API{}, moneyapi.API{}))
}
