// Command build-statements takes income lines and opens the settlements that are due: by hand, each night by its
// schedule, and fanned out by cohort through a queue.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/assembly"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/sqsbatch"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/statement/billing"
)

func main() { assembly.Run(build) }

func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	settlements, err := p.Settlements()
	if err != nil {
		return nil, err
	}
	lines := &incomedb.Store{DB: p.DB, Ledger: p.Vars.Need("TABLE_LEDGER"), Settlements: p.Vars.Need("TABLE_SETTLEMENTS"), NewToken: p.NewID}
	h := handler{
		recorder:   &income.Recorder{Lines: lines, Directory: p.Directory, Clock: p.Clock, NewID: p.NewID},
		statements: &statement.Service{Settlements: settlements, Buckets: lines, Log: p.Log},
		papers:     p.Papers(),
		cohorts:    queue{sqs.NewFromConfig(p.AWS), p.Vars.Need("QUEUE_COHORT_URL")},
		log:        p.Log,
	}
	return trigger.Mux{HTTP: p.API(h.routes()...).Serve, Queue: sqsbatch.Each(p.Log, h.cohort), Schedule: h.night}, nil
}
