package main

import (
	"testing"

	"fenzhang/shared/books/ledgerapi"
	"fenzhang/shared/books/moneyapi"
	"fenzhang/shared/lambda/contracttest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "manage-ledger", routes(ledgerapi.API{}, moneyapi.API{}))
}
