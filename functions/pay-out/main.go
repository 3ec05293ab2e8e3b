// Command pay-out sends payments to payees through the payment gateways and queries the gateways
// about payments whose outcome is unknown.
package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/sqsbatch"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/gateway"
	"fenzhang/shared/payout/payoutvault"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/payoutqueue"
)

func main() { assembly.Run(build) }

// build returns the handler of the payout queue and of the schedule.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	service, err := p.SettlementService()
	if err != nil {
		return nil, err
	}
	payables := settlement.NewPayables(service)
	at := payoutgateway.Addresses{Douyin: p.Vars.Need("GATEWAY_DOUYIN_URL"),
		Bank: p.Vars.Need("GATEWAY_BANK_URL"), Callback: p.Vars.Need("CALLBACK_URL")}
	return triggers(&payout.Service{
		Payables: payables, Unclear: payables, Accounts: payoutvault.Accounts{Vault: p.NewVault(),
			Keepers: p.Directory},
		Rebooking: payoutqueue.Rebooking{SQS: sqs.NewFromConfig(p.AWS),
			Queue: p.Vars.Need("QUEUE_TAX_URL")},
		Merchants: payoutgateway.NewLive(p.NewSecret("GATEWAY_SECRET_ARN").Get, at, p.Clock.Now),
		Clock:     p.Clock, Log: p.Log,
	}, p.Log), nil
}

// triggers connects the queue, whose groups (one for each payee) run in parallel, and the schedule
// with the service.
func triggers(s *payout.Service, log *slog.Logger) trigger.Mux {
	return trigger.Mux{
		Queue: sqsbatch.HandleGroupsInParallel(log,
			func(ctx context.Context, body []byte, _ events.SQSMessage) error {
				return s.HandleMessage(ctx, body)
			}),
		Schedule: func(ctx context.Context, _ trigger.Schedule) error { return s.SweepUnclear(ctx) },
	}
}
