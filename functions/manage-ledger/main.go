// Command manage-ledger shows and checks the books of paying entities and closes their accounting
// periods.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/audit/auditlog"
	"fenzhang/shared/books/ledgerapi"
	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/books/moneyapi"
	"fenzhang/shared/books/whereabouts"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/statement/billing"
)

func main() { assembly.Run(build) }

// build returns the handler of the ledger routes and of the routes that show where money is.
func build(ctx context.Context, p *assembly.Parts) (lambda.Handler, error) {
	taxes, err := p.TaxService(ctx)
	if err != nil {
		return nil, err
	}
	settlements := taxes.Service
	trueUps, err := p.TrueUpService(taxes)
	if err != nil {
		return nil, err
	}
	table := p.Vars.Need("TABLE_LEDGER")
	book := ledgerdb.Book{DB: p.DB, Table: table}
	lines := &incomedb.Store{DB: p.DB, Ledger: table, Settlements: p.Vars.Need("TABLE_SETTLEMENTS"),
		NewToken: p.NewID}
	days := incentivedb.NewDays(p.DB, p.Vars.Need("TABLE_INCENTIVES"))
	check := ledgercheck.Service{Journal: book, Settlements: settlements.Store, Buckets: lines,
		Days: days, Creators: p.Directory}
	a := ledgerapi.API{Check: check, Journal: book, Master: p.Directory, Creators: p.Directory,
		Settlements: settlements.Store, Clock: p.Clock, NewID: p.NewID}
	// the service of periods needs the ledger API for its charts, so it is set after it
	a.Periods = &period.Service{
		Store: &perioddb.Store{DB: p.DB, Ledger: table, Settlements: p.Vars.Need("TABLE_SETTLEMENTS"),
			NewToken: p.NewID},
		Books:    ledgercheck.Reviewer{Service: check, Contracts: p.Directory, TrueUps: trueUps},
		Creators: p.Directory, Days: days,
		Evidence: auditlog.NewIndex(p.DB, p.Vars.Need("TABLE_CONTROL")), Charts: a, Clock: p.Clock,
		NewID: p.NewID,
	}
	money := whereabouts.Service{Journal: book, Settlements: settlements.Store, Viewers: settlements,
		Creators:   p.Directory,
		Statements: &billing.Service{Settlements: settlements, Buckets: lines, Log: p.Log}}
	return trigger.Mux{HTTP: p.NewAPI(routes(a, moneyapi.API{Money: money})...).AnswerEvent}, nil
}

// routes returns all routes of this function.
func routes(books ledgerapi.API, money moneyapi.API) []httpapi.Route {
	return append(books.Routes(), money.Routes()...)
}
