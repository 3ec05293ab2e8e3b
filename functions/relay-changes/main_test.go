package main

import (
	"context"
	"slices"
	"testing"

	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/settlement/relay"
)

type sent []relay.Message

func (s *sent) Send(_ context.Context, ms []relay.Message) error {
	*s = append(*s, ms...)
	return nil
}

func TestSamples(t *testing.T) {
	var out sent
	stream := relay.Stream{Sender: &out}
	triggertest.RunSamples(t, trigger.Mux{Stream: stream.Handle}, map[string]triggertest.Check{"event.json": triggertest.ExpectNoFailures})
	var queues []relay.Queue
	for _, m := range out {
		queues = append(queues, m.Queue)
	}
	if want := []relay.Queue{relay.Audit, relay.Tax, relay.Bus}; !slices.Equal(queues, want) {
		t.Errorf("sent to %v, want %v", queues, want)
	}
}
