// Command manage-tenants serves a tenant's master data (paying entities, taxpayers, creators,
// contracts, reward strategies, tax positions and review rules) and imports the opening balances of
// a new tenant.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/master"
	"fenzhang/shared/master/masterapi"
	"fenzhang/shared/opening"
	"fenzhang/shared/opening/openingapi"
	"fenzhang/shared/opening/openingdb"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
)

func main() { assembly.Run(build) }

// build returns the handler of the master data and import routes.
func build(ctx context.Context, p *assembly.Parts) (lambda.Handler, error) {
	taxes, err := p.TaxService(ctx)
	if err != nil {
		return nil, err
	}
	merges, err := settlement.NewMerging(taxes.Service, p.SettlementStore(), p.Directory.EntityIDs)
	if err != nil {
		return nil, err
	}
	masters := &master.Service{
		Store: p.Directory, Vault: p.NewVault(), Secret: p.NewSecret("LOOKUP_SECRET_ARN").Get,
		Clock:         p.Clock,
		NewID:         p.NewID,
		Corpus:        func(ctx context.Context) *tax.Corpus { return taxes.Rules.Current(ctx).Corpus },
		MergeFollowUp: merges,
	}
	return trigger.Mux{
		HTTP: p.NewAPI(routes(masters, importService(p, masters, taxes))...).AnswerEvent}, nil
}

// routes returns all routes of this function.
func routes(masters *master.Service, imports *opening.Service) []httpapi.Route {
	return append(masterapi.API{Master: masters}.Routes(),
		openingapi.API{Imports: imports}.Routes()...)
}

// importService returns the service that imports opening balances into the real tables.
func importService(p *assembly.Parts, masters *master.Service,
	taxes *settlement.Taxes) *opening.Service {
	ledger, settlements := p.Vars.Need("TABLE_LEDGER"), p.Vars.Need("TABLE_SETTLEMENTS")
	claims := &receivable.Claims{
		Store: &receivabledb.Store{DB: p.DB, Ledger: ledger, Settlements: settlements,
			NewToken: p.NewID, Periods: p.AccountingPeriods()},
		Directory: p.Directory, Clock: p.Clock, NewID: p.NewID, Raised: taxes.Requote,
	}
	periods := &perioddb.Store{DB: p.DB, Ledger: ledger, Settlements: settlements, NewToken: p.NewID}
	return &opening.Service{
		Master: masters, Directory: p.Directory, Payer: taxes.Service, Clock: p.Clock, NewID: p.NewID,
		Store: &openingdb.Store{Rows: taxes.Service.Store, DB: p.DB, Ledger: ledger,
			Outbox: settlements, NewToken: p.NewID},
		Debts:   openingdb.Debts{Claims: claims},
		Periods: openingdb.Seals{Entities: p.Directory, Periods: periods},
	}
}
