// Command accrue-incentive counts recorded incentive events into each creator's day and, at 00:30
// in Shanghai, closes the days that are over and accrues the rewards for them.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incentive/incentivestream"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/settlement/relay"
)

func main() { assembly.Run(build) }

// build returns the handler of the incentives stream and of the nightly schedule.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	incentives := p.Vars.Need("TABLE_INCENTIVES")
	events, days := incentivedb.NewEvents(p.DB, incentives), incentivedb.NewDays(p.DB, incentives)
	h := incentivestream.Handler{
		Accruer: &incentive.Accruer{
			Clock: p.Clock, Directory: p.Directory, Chunks: days, Days: days, Parked: events, Log: p.Log,
			Accruals: &incomedb.Accruals{
				Store: &incomedb.Store{DB: p.DB, Ledger: p.Vars.Need("TABLE_LEDGER"),
					Settlements: p.Vars.Need("TABLE_SETTLEMENTS"), NewToken: p.NewID},
				Incentives: incentives, Directory: p.Directory, NewID: p.NewID, Periods: p.AccountingPeriods(),
			},
		},
		Quarantine: relay.QuarantineStore{DB: p.DB, Table: p.Vars.Need("TABLE_CONTROL"),
			Now: p.Clock.Now},
		Log: p.Log,
	}
	return h.Triggers(), nil
}
