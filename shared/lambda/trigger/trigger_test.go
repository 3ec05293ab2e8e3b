package trigger_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/lambda/trigger"
)

var errFailed = errors.New("failed")

// every serves each kind of event and says which one it was.
func every(told *string) trigger.Mux {
	return trigger.Mux{
		HTTP: func(_ context.Context, ev events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
			*told = "http " + ev.RawPath
			return events.APIGatewayV2HTTPResponse{StatusCode: 201}
		},
		Queue: func(_ context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
			*told = "queue " + ev.Records[0].Body
			return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: ev.Records[0].MessageId}}}, nil
		},
		Stream: func(_ context.Context, ev events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
			*told = "stream " + ev.Records[0].EventID
			return events.DynamoDBEventResponse{}, nil
		},
		Objects: func(_ context.Context, ev events.S3Event) error {
			*told = "objects " + ev.Records[0].S3.Object.Key
			return nil
		},
		Schedule: func(_ context.Context, s trigger.Schedule) error {
			*told = "schedule " + s.Job + " " + s.Date
			return errFailed
		},
	}
}

func TestEachKindOfEventHasItsHandlerAndItsAnswer(t *testing.T) {
	var told string
	for payload, c := range map[string]struct{ told, answer string }{
		`{"requestContext":{"http":{"method":"GET"}},"rawPath":"/healthz","job":"x"}`: {"http /healthz", `"statusCode":201`},
		`{"Records":[{"eventSource":"aws:sqs","messageId":"m1","body":"b"}]}`:         {"queue b", `"itemIdentifier":"m1"`},
		`{"Records":[{"eventSource":"aws:dynamodb","eventID":"e1"}]}`:                 {"stream e1", `"batchItemFailures"`},
		`{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"k"}}}]}`:          {"objects k", "null"},
	} {
		out, err := every(&told).Invoke(t.Context(), []byte(payload))
		if err != nil || told != c.told || !strings.Contains(string(out), c.answer) {
			t.Errorf("%s: %s answers %s, %v", payload, told, out, err)
		}
	}
	if _, err := every(&told).Invoke(t.Context(), []byte(`{"job":"close-day","date":"2026-11-30"}`)); !errors.Is(err, errFailed) || told != "schedule close-day 2026-11-30" {
		t.Errorf("%s: %v", told, err)
	}
}

// A function refuses what it does not serve, so that the event goes to the dead-letter queue and is not lost.
func TestWhatIsNotServedIsAnError(t *testing.T) {
	for _, payload := range []string{`{"requestContext":{"http":{}}}`, `{"Records":[{"eventSource":"aws:sqs"}]}`, `{"Records":[{"eventSource":"aws:sns"}]}`,
		`{"Records":[]}`, `{"job":"x"}`, `{}`, `[]`, `{`} {
		if out, err := (trigger.Mux{}).Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%s was answered with %s", payload, out)
		}
	}
	var told string
	if _, err := every(&told).Invoke(t.Context(), []byte(`{"Records":[{"eventSource":"aws:sns"}]}`)); err == nil {
		t.Errorf("%s took an unknown source", told)
	}
}

func TestAnOrderIsAnsweredWhereNoScheduleIsServed(t *testing.T) {
	m := trigger.Mux{Order: func(_ context.Context, order json.RawMessage) (any, error) {
		return map[string]int{"bytes": len(order)}, nil
	}}
	if out, err := m.Invoke(t.Context(), []byte(`{"job":"revoke"}`)); err != nil || string(out) != `{"bytes":16}` {
		t.Errorf("%s, %v", out, err)
	}
}
