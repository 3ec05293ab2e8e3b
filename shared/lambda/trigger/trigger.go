// Package trigger tells a function's triggers apart, so that one binary can serve HTTP, a queue, a
// stream and a schedule and each keeps its own answer.
package trigger

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/events"
)

// Mux holds one handler for each kind of event; a nil one refuses its kind. It implements
// lambda.Handler.
type Mux struct {
	HTTP     func(context.Context, events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse
	Queue    func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	Stream   func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)
	Objects  func(context.Context, events.S3Event) error
	Schedule func(context.Context, Schedule) error
	// Order takes what a person asks for by invoking the function with a job, where no schedule does;
	// the answer tells what was done.
	Order func(context.Context, json.RawMessage) (any, error)
}

// Kind is what an event comes from, in AWS's own name where it has one.
type Kind string

// The kinds of events.
const (
	HTTP    Kind = "http"
	Queue   Kind = "aws:sqs"
	Stream  Kind = "aws:dynamodb"
	Objects Kind = "aws:s3"
	Job     Kind = "schedule" // of a schedule, or of a person who invokes the function
)

// KindOf is the kind of an event, and empty for one that is none of them, such as a call of the
// authorizer.
func KindOf(payload []byte) (Kind, error) {
	var h head
	err := json.Unmarshal(payload, &h)
	return h.kind(), err
}

// Schedule is the input that the template gives to its schedules; a person may invoke a function
// with it too.
type Schedule struct {
	Job  string `json:"job"`            // what to do, "close-day"
	Date string `json:"date,omitempty"` // business date to do it for; empty means today
	Time string `json:"time,omitempty"` // the scheduled time, for the log
}

// errUnknown is an event that this function has no handler for.
var errUnknown = errors.New("trigger: this function does not serve such an event")

type head struct {
	RequestContext *struct {
		HTTP *json.RawMessage `json:"http"`
	} `json:"requestContext"`
	Records []struct {
		EventSource string `json:"eventSource"`
	} `json:"Records"`
	Job string `json:"job"`
}

// Invoke finds the kind of the event and answers it.
func (m Mux) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var h head
	if err := json.Unmarshal(payload, &h); err != nil {
		return nil, err
	}
	switch kind := h.kind(); {
	case kind == HTTP && m.HTTP != nil:
		return decodeAndHandle(payload, func(ev events.APIGatewayV2HTTPRequest) (any, error) {
			return m.HTTP(ctx, ev), nil
		})
	case kind == Queue && m.Queue != nil:
		return decodeAndHandle(payload, func(ev events.SQSEvent) (any, error) { return m.Queue(ctx, ev) })
	case kind == Stream && m.Stream != nil:
		return decodeAndHandle(payload, func(ev events.DynamoDBEvent) (any, error) {
			return m.Stream(ctx, ev)
		})
	case kind == Objects && m.Objects != nil:
		return decodeAndHandle(payload, func(ev events.S3Event) (any, error) {
			return nil, m.Objects(ctx, ev)
		})
	case kind == Job && m.Schedule != nil:
		return decodeAndHandle(payload, func(ev Schedule) (any, error) {
			return nil, m.Schedule(ctx, ev)
		})
	case kind == Job && m.Order != nil:
		return decodeAndHandle(payload, func(ev json.RawMessage) (any, error) { return m.Order(ctx, ev) })
	}
	return nil, errUnknown
}

func (h head) kind() Kind {
	switch {
	case h.RequestContext != nil && h.RequestContext.HTTP != nil:
		return HTTP
	case len(h.Records) > 0:
		return Kind(h.Records[0].EventSource)
	case h.Job != "":
		return Job
	}
	return ""
}

func decodeAndHandle[E any](payload []byte, do func(E) (any, error)) ([]byte, error) {
	var ev E
	if err := json.Unmarshal(payload, &ev); err != nil {
		return nil, err
	}
	out, err := do(ev)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}
