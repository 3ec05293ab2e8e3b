// Command relay-changes reads the stream of the settlements table, as its only reader, and sends
// the messages that follow from each write to the queues and the event bus.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/settlement/relay"
)

func main() { assembly.Run(build) }

// build returns the handler of the stream.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	s := relay.Stream{
		Sender: p.NewSender(relay.Queues()...),
		Quarantine: relay.QuarantineStore{DB: p.DB, Table: p.Vars.Need("TABLE_CONTROL"),
			Now: p.Clock.Now},
		Log: p.Log,
	}
	return trigger.Mux{Stream: s.Handle}, nil
}
