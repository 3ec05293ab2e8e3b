// Command advance-settlement moves settlements where no person is needed and sweeps up what has stood still.
package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/civil"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
)

func main() { assembly.Run(build) }

func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	service, err := p.Settlements()
	if err != nil {
		return nil, err
	}
	due, err := calendarDue(p.Vars.Need("CALENDAR_DUE"))
	if err != nil {
		return nil, err
	}
	v := settlement.Advancer{Service: service, Log: p.Log, CalendarDue: due, Enqueue: enqueue(p.Sender(relay.Tax, relay.Settle, relay.Payout), p.Clock.Now)}
	return triggers(p, v), nil
}

func triggers(p *assembly.Parts, v settlement.Advancer) trigger.Mux {
	return trigger.Mux{
		Queue:    p.Tasks(v.Do),
		Schedule: func(ctx context.Context, _ trigger.Schedule) error { return v.Sweep(ctx) },
	}
}

// calendarDue reads a month and day, as in 11-01.
func calendarDue(day string) (civil.Date, error) {
	d, err := civil.ParseDate("2028-" + day) // a leap year has every day
	if err != nil {
		return d, fmt.Errorf("CALENDAR_DUE: %w", err)
	}
	return d, nil
}

// enqueue names each minute a round of its own: within it a repeated message is one, after it a new one.
func enqueue(sender relay.Sender, now func() time.Time) func(context.Context, settlement.Settlement, string) error {
	return func(ctx context.Context, s settlement.Settlement, op string) error {
		m, err := relay.Again(s, op, strconv.FormatInt(now().Unix()/60, 36))
		if err != nil {
			return err
		}
		return sender.Send(ctx, []relay.Message{m})
	}
}
