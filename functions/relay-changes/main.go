// Command relay-changes is the only reader of the settlements stream: it turns each write into
// messages for the queues and the event bus.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/settlement/relay"
)

func main() { assembly.Run(build) }

func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	s := relay.Stream{
		Sender: p.NewSender(relay.Queues()...),
		Quarantine: relay.QuarantineStore{DB: p.DB, Table: p.Vars.Need("TABLE_CONTROL"),
			Now: p.Clock.Now},
		Log: p.Log,
	}
	return trigger.Mux{Stream: s.Handle}, nil
}
