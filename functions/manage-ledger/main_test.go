package main

import (
	"net/http"
	"testing"

	"fenzhang/shared/books/ledgerapi"
	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/books/moneyapi"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/settlement/settletest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "manage-ledger", routes(ledgerapi.API{}, moneyapi.API{}))
}

func TestSamples(t *testing.T) {
	w := settletest.Open(t)
	lines := &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: w.NextID}
	check := ledgercheck.Service{Journal: ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}, Settlements: w.Store, Buckets: lines, Days: incentivedb.NewDays(w.Tables.Client, w.Tables.Incentives), Creators: w.People}
	triggertest.RunSamples(t, w.ServeRoutes(ledgerapi.API{Check: check}.Routes()), map[string]triggertest.Check{"event.json": triggertest.ExpectStatus(http.StatusOK)})
}
