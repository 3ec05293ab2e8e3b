// Command manage-settlements serves the routes that read, list, change, hold and reopen
// settlements, the health check, and the contract.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/settlement/settlementapi"
)

func main() { assembly.Run(build) }

// build returns the handler of the settlement routes.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	service, err := p.SettlementService()
	if err != nil {
		return nil, err
	}
	return trigger.Mux{HTTP: p.NewAPI(routes(settlementapi.API{Service: service})...).AnswerEvent}, nil
}

// routes returns all routes of this function; the last two need no token.
func routes(settlements settlementapi.API) []httpapi.Route {
	return append(settlements.ManageRoutes(),
		httpapi.Route{Method: "GET", Path: "/healthz", Open: true, Handle: settlementapi.ServeHealth},
		httpapi.Route{Method: "GET", Path: "/v1/openapi.json", Open: true,
			Handle: settlementapi.ServeOpenAPI},
	)
}
