// Command settle-incentive serves the route that opens a settlement for a payable that is not
// recorded as income lines.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/settlement/settlementapi"
)

func main() { assembly.Run(build) }

// build returns the handler of that route.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	service, err := p.SettlementService()
	if err != nil {
		return nil, err
	}
	return trigger.Mux{
			HTTP: p.NewAPI(settlementapi.API{Service: service}.SettleRoutes()...).AnswerEvent},
		nil
}
