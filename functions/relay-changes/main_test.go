package main

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/relay"
	"fenzhang/shared/trigger"
)

type sent []relay.Message

func (s *sent) Send(_ context.Context, ms []relay.Message) error {
	*s = append(*s, ms...)
	return nil
}

func TestSampleOfAnOpeningBecomesItsMessages(t *testing.T) {
	payload, err := os.ReadFile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	var out sent
	stream := relay.Stream{Sender: &out}
	answer, err := trigger.Mux{Stream: stream.Handle}.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var res events.DynamoDBEventResponse
	if err := json.Unmarshal(answer, &res); err != nil || len(res.BatchItemFailures) != 0 {
		t.Errorf("answer %s, %v", answer, err)
	}
	var queues []relay.Queue
	for _, m := range out {
		queues = append(queues, m.Queue)
	}
	if want := []relay.Queue{relay.Audit, relay.Tax, relay.Bus}; !slices.Equal(queues, want) {
		t.Errorf("sent to %v, want %v", queues, want)
	}
}
