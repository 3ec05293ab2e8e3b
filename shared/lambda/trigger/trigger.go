// Package trigger dispatches the events of a function by their kind, so that one function can serve
// HTTP, a queue, a stream and a schedule and answer each in the form that AWS expects.
package trigger

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/events"
)

// Mux has one handler for each kind of event and refuses the events of a kind without a handler.
// Mux implements lambda.Handler.
type Mux struct {
	HTTP     func(context.Context, events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse
	Queue    func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	Stream   func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)
	Objects  func(context.Context, events.S3Event) error
	Schedule func(context.Context, Schedule) error
	// Order serves an invocation with a job in a function that has no schedule: a person invokes it by
	// hand. Its result is the answer of the invocation.
	Order func(context.Context, json.RawMessage) (any, error)
}

// Kind is the source of an event, by the name that AWS uses for it where there is one.
type Kind string

// A function serves one or more of these kinds of events.
const (
	HTTP    Kind = "http"
	Queue   Kind = "aws:sqs"
	Stream  Kind = "aws:dynamodb"
	Objects Kind = "aws:s3"
	// Job is the kind of a schedule's event and of an invocation by hand.
	Job Kind = "schedule"
)

// KindOf returns the kind of an event; "" when it is none of the kinds, for example a call of the
// authorizer.
func KindOf(payload []byte) (Kind, error) {
	var h head
	err := json.Unmarshal(payload, &h)
	return h.kind(), err
}

// Schedule is the event that template.yaml defines for schedules; a person may invoke a function
// with it too.
type Schedule struct {
	// Job is what to do, such as close-day.
	Job string `json:"job"`
	// Date is the business date for which to do it; empty means today.
	Date string `json:"date,omitempty"`
	// Time is the scheduled time, for the log only.
	Time string `json:"time,omitempty"`
}

// errUnknown reports an event for which the function has no handler.
var errUnknown = errors.New("trigger: this function does not serve such an event")

// head is the part of an event by which its kind is recognized.
type head struct {
	RequestContext *struct {
		HTTP *json.RawMessage `json:"http"`
	} `json:"requestContext"`
	Records []struct {
		EventSource string `json:"eventSource"`
	} `json:"Records"`
	Job string `json:"job"`
}

// Invoke recognizes the kind of the event and calls its handler.
//
// Errors: errUnknown when there is none; the errors of the handler.
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
	// a function with a schedule serves a job by hand in the same way
	case kind == Job && m.Schedule != nil:
		return decodeAndHandle(payload, func(ev Schedule) (any, error) {
			return nil, m.Schedule(ctx, ev)
		})
	case kind == Job && m.Order != nil:
		return decodeAndHandle(payload, func(ev json.RawMessage) (any, error) { return m.Order(ctx, ev) })
	}
	return nil, errUnknown
}

// kind returns the kind of an event. HTTP events have a request context, queues, streams and
// buckets send records, and schedules have a job.
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

// decodeAndHandle decodes an event into its type, calls its handler and encodes the result.
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
