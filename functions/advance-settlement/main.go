// Command advance-settlement moves settlements on when no person has to act. Its schedule finds
// settlements that have waited too long.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
)

func main() { assembly.Run(build) }

// build returns the handler of the settle queue and of the schedule.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	service, err := p.SettlementService()
	if err != nil {
		return nil, err
	}
	due, err := settlement.ParseCalendarDue(p.Vars.Need("CALENDAR_DUE"))
	if err != nil {
		return nil, err
	}
	enqueue := relay.NewTaskSender(p.NewSender(relay.Tax, relay.Settle, relay.Payout), p.Clock.Now)
	v, err := settlement.NewAdvancer(service, enqueue, p.Log, due)
	if err != nil {
		return nil, err
	}
	return triggers(p, v), nil
}

// triggers connects the queue and the schedule with the service.
func triggers(p *assembly.Parts, v *settlement.Advancer) trigger.Mux {
	return trigger.Mux{
		Queue:    p.TaskHandler(v.RunTask),
		Schedule: func(ctx context.Context, _ trigger.Schedule) error { return v.Sweep(ctx) },
	}
}
