// Command manage-tenants keeps a tenant's master data: paying entities, taxpayers, creators, contracts, reward
// strategies, tax positions and rules of review; and takes what a tenant brings along from before.
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/opening"
	"fenzhang/shared/opening/openingdb"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
)

func main() { assembly.Run(build) }

func build(ctx context.Context, p *assembly.Parts) (lambda.Handler, error) {
	taxes, err := p.Taxes(ctx)
	if err != nil {
		return nil, err
	}
	corpus := func(ctx context.Context) *tax.Corpus { return taxes.Rules.Current(ctx).Corpus }
	s := &service{corpus: corpus, store: p.Directory, clock: p.Clock, newID: p.NewID, lookup: p.Secret("LOOKUP_SECRET_ARN").Get, vault: p.Vault()}
	lists, ok := taxes.Store.(settlement.MergeStore)
	if !ok {
		return nil, fmt.Errorf("manage-tenants: merging taxpayers needs the real tables (%T)", taxes.Store)
	}
	s.merging = &settlement.Merging{Service: taxes.Service, Store: lists, Entities: s.entityIDs}
	imports := openingService(s, taxes, tables{p.DB, p.Vars.Need("TABLE_LEDGER"), p.Vars.Need("TABLE_SETTLEMENTS"), p.NewID, p.Periods()})
	return trigger.Mux{HTTP: p.API(routes(s, openings{imports})...).Serve}, nil
}

func routes(master *service, imports openings) []httpapi.Route {
	return append(master.routes(), imports.routes()...)
}

// tables are what an import writes to.
type tables struct {
	db                  dynamo.API
	ledger, settlements string
	newToken            func() string
	periods             ledger.Periods
}

// openingService is the opening import over the real tables.
func openingService(s *service, taxes *settlement.Taxes, t tables) *opening.Service {
	claims := &receivable.Claims{Store: &receivabledb.Store{DB: t.db, Ledger: t.ledger, Settlements: t.settlements, NewToken: t.newToken, Periods: t.periods}, Directory: s.store, Clock: s.clock, NewID: s.newID, Raised: taxes.Requote}
	return &opening.Service{
		Master: master{s}, Directory: s.store, Debts: debts{claims}, Payer: taxes.Service, Clock: s.clock, NewID: s.newID,
		Store:   &openingdb.Store{Rows: taxes.Store, DB: t.db, Ledger: t.ledger, Outbox: t.settlements, NewToken: t.newToken},
		Periods: seals{s.store.Entities, &perioddb.Store{DB: t.db, Ledger: t.ledger, Settlements: t.settlements, NewToken: t.newToken}},
	}
}
