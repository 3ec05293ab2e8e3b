// Command build-statements records income lines and opens the settlements that are due: for one
// call, each night by its schedule, and for cohorts of creators through a queue.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/assembly"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/sqsbatch"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/statement/billing/billingapi"
)

func main() { assembly.Run(build) }

// build returns the handler of the routes, the cohort queue and the nightly schedule.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	settlements, err := p.SettlementService()
	if err != nil {
		return nil, err
	}
	lines := &incomedb.Store{DB: p.DB, Ledger: p.Vars.Need("TABLE_LEDGER"),
		Settlements: p.Vars.Need("TABLE_SETTLEMENTS"), NewToken: p.NewID}
	night := billingapi.NightlyRun{
		Billing:    &billing.Service{Settlements: settlements, Buckets: lines, Log: p.Log},
		Statements: p.StatementService(),
		Cohorts: billingapi.SQSQueue{SQS: sqs.NewFromConfig(p.AWS),
			URL: p.Vars.Need("QUEUE_COHORT_URL")},
		Log: p.Log,
	}
	recorder := &income.Recorder{Lines: lines, Directory: p.Directory, Clock: p.Clock, NewID: p.NewID}
	routes := billingapi.API{Recorder: recorder, Nightly: night, Log: p.Log}.Routes()
	return triggers(p.NewAPI(routes...), night), nil
}

// triggers connects HTTP, queue and schedule with the nightly run.
func triggers(api *httpapi.API, night billingapi.NightlyRun) trigger.Mux {
	return trigger.Mux{HTTP: api.AnswerEvent,
		Queue:    sqsbatch.HandleOneByOne(night.Log, night.RunCohort),
		Schedule: night.FanOutTenants}
}
