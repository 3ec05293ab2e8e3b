// Package sqsbatch lets a function take a batch of queue messages one by one and answer with the failed ones
// only.
package sqsbatch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/fault"
)

// Handler takes one message. An error of any kind leaves the message in the queue: a passing one is tried
// again, a lasting one reaches the dead-letter queue and its alarm.
type Handler func(ctx context.Context, body []byte, m events.SQSMessage) error

// groupAttribute names a FIFO message's group.
const groupAttribute = "MessageGroupId"

// Each makes the function's handler. After a failure the rest of the same message group is left alone and
// reported as failed too, because later messages of a group must not overtake it; other groups go on. A panic
// is a failure of its message only. The list of failures is never nil: an answer without a list would count
// as success of all.
func Each(log *slog.Logger, handle Handler) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
		out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		stopped := map[string]bool{}
		for _, m := range ev.Records {
			group, fifo := m.Attributes[groupAttribute]
			if (fifo && stopped[group]) || ctx.Err() != nil {
				out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
				continue
			}
			if err := one(ctx, handle, m); err != nil {
				report(ctx, log, m, group, err)
				stopped[group] = true
				out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		return out, nil
	}
}

func one(ctx context.Context, handle Handler, m events.SQSMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return handle(ctx, []byte(m.Body), m)
}

// report logs a failure without the body, which may hold personal data.
func report(ctx context.Context, log *slog.Logger, m events.SQSMessage, group string, err error) {
	e := fault.Of(err)
	log.ErrorContext(ctx, "message failed", "message_id", m.MessageId, "queue", m.EventSourceARN, "group", group,
		"receives", m.Attributes["ApproximateReceiveCount"], "code", int(e.Code), "reason", e.Reason, "cause", e.Error())
}
