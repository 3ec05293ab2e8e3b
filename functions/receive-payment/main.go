// Command receive-payment receives the signed notices of the payment gateways about the outcome of
// payments.
package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/gateway"
	"fenzhang/shared/payout/payouthttp"
	"fenzhang/shared/settlement"
)

func main() { assembly.Run(build) }

// build returns the handler of the notices.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	service, err := p.SettlementService()
	if err != nil {
		return nil, err
	}
	at := payoutgateway.Addresses{Douyin: p.Vars.Need("GATEWAY_DOUYIN_URL"),
		Bank: p.Vars.Need("GATEWAY_BANK_URL")}
	return triggers(&payout.Service{
		Payables:  settlement.NewPayables(service),
		Merchants: payoutgateway.NewLive(p.NewSecret("GATEWAY_SECRET_ARN").Get, at, p.Clock.Now),
		Clock:     p.Clock, Log: p.Log,
	}, p.Log), nil
}

// triggers connects HTTP with the service. The gateways have no tokens of ours, so nothing can be
// revoked: each notice carries its own signature.
func triggers(s *payout.Service, log *slog.Logger) trigger.Mux {
	api := &httpapi.API{
		Routes: []httpapi.Route{payouthttp.CallbackRoute(s)}, Clock: s.Clock, Log: log,
		Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{},
	}
	return trigger.Mux{HTTP: api.AnswerEvent}
}
