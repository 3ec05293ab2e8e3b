// Command compute-tax quotes and books the taxes of settlements from the tax queue, and answers tax
// questions over HTTP.
package main

import (
	"context"
	"slices"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/filedmonth/filedmonthapi"
	"fenzhang/shared/settlement/filedmonth/filedmonthdb"
	"fenzhang/shared/settlement/lawdiffapi"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivableapi"
	"fenzhang/shared/settlement/receivable/receivabledb"
	"fenzhang/shared/settlement/shadowapi"
	"fenzhang/shared/settlement/taxapi"
	"fenzhang/shared/settlement/trueup/trueupapi"
)

func main() { assembly.Run(build) }

// build returns the handler of the tax queue and of the tax routes.
func build(ctx context.Context, p *assembly.Parts) (lambda.Handler, error) {
	taxes, err := p.TaxService(ctx)
	if err != nil {
		return nil, err
	}
	// the rules may change while the function runs, so each question reads the current ones
	corpus := func(ctx context.Context) *tax.Corpus { return taxes.Rules.Current(ctx).Corpus }
	questions := taxapi.API{Corpus: corpus, Directory: p.Directory, Rows: taxes.Service.Store,
		Clock: p.Clock}
	comparisons := shadowapi.API{Store: taxes.Shadows.Store}
	diffs, open, err := lawDiffAPIs(ctx, p, taxes)
	if err != nil {
		return nil, err
	}
	months, err := filedMonths(p)
	if err != nil {
		return nil, err
	}
	return triggers(p, taxes,
		routes(questions, comparisons, diffs, claimsAPI(p, taxes), months, open)), nil
}

// triggers connects the tax queue and HTTP with the service.
func triggers(p *assembly.Parts, taxes *settlement.Taxes, routes []httpapi.Route) trigger.Mux {
	return trigger.Mux{Queue: p.TaskHandler(taxes.RunTask), HTTP: p.NewAPI(routes...).AnswerEvent}
}

// routes returns all routes of this function.
func routes(questions taxapi.API, comparisons shadowapi.API, diffs lawdiffapi.API,
	claims receivableapi.API, months filedmonthapi.API, trueUps trueupapi.API) []httpapi.Route {
	return slices.Concat(questions.Routes(), comparisons.Routes(), diffs.Routes(), claims.Routes(),
		months.Routes(), trueUps.Routes())
}

// claimsAPI returns the routes for receivables and for months whose returns are filed.
func claimsAPI(p *assembly.Parts, taxes *settlement.Taxes) receivableapi.API {
	store := &receivabledb.Store{DB: p.DB, Ledger: p.Vars.Need("TABLE_LEDGER"),
		Settlements: p.Vars.Need("TABLE_SETTLEMENTS"), NewToken: p.NewID, Periods: p.AccountingPeriods()}
	raise := &receivable.Claims{Store: store, Directory: p.Directory, Clock: p.Clock, NewID: p.NewID,
		Raised: taxes.Requote}
	return receivableapi.API{Claims: raise, Directory: p.Directory}
}

// filedMonths serves the months whose returns a paying entity has filed.
func filedMonths(p *assembly.Parts) (filedmonthapi.API, error) {
	months, err := filedmonth.New(&filedmonthdb.Store{DB: p.DB, Ledger: p.Vars.Need("TABLE_LEDGER"),
		Settlements: p.Vars.Need("TABLE_SETTLEMENTS"), NewToken: p.NewID}, p.Directory, p.Clock, p.NewID)
	return filedmonthapi.API{Months: months}, err
}

// lawDiffAPIs returns the routes that compare settlements with another version of the law, and
// those for true-ups, which correct what was withheld after two people have approved.
func lawDiffAPIs(ctx context.Context, p *assembly.Parts,
	taxes *settlement.Taxes) (lawdiffapi.API, trueupapi.API, error) {
	laws, err := p.RuleSet(ctx)
	if err != nil {
		return lawdiffapi.API{}, trueupapi.API{}, err
	}
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		return lawdiffapi.API{}, trueupapi.API{}, err
	}
	trueUps, err := p.TrueUpService(taxes)
	if err != nil {
		return lawdiffapi.API{}, trueupapi.API{}, err
	}
	diffs := lawdiffapi.API{TrueUps: trueUps, Settlements: taxes.Service.Store, Directory: p.Directory,
		Laws: laws, Calendar: calendar, Clock: p.Clock, Position: p.Directory.Position}
	return diffs, trueupapi.API{TrueUps: trueUps, Calendar: calendar, Clock: p.Clock}, nil
}
