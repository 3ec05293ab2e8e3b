// Command compute-tax quotes and books settlements from the tax queue, and answers tax questions over HTTP.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/settlement"
	"fenzhang/shared/sqsbatch"
	"fenzhang/shared/taxapi"
	"fenzhang/shared/trigger"
	"fenzhang/shared/usage"
)

func main() { assembly.Run(build) }

func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	taxes, err := p.Taxes()
	if err != nil {
		return nil, err
	}
	questions := taxapi.API{Engine: taxes.Engine, Directory: p.Directory, Clock: p.Clock}
	return trigger.Mux{
		Queue: sqsbatch.Each(p.Log, func(ctx context.Context, body []byte, _ events.SQSMessage) error {
			task, err := settlement.DecodeTask(body)
			if err != nil {
				return err
			}
			usage.For(ctx, task.Tenant)
			return taxes.Do(ctx, task)
		}),
		HTTP: p.API(questions.Routes()...).Serve,
	}, nil
}
