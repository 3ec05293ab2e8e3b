// Package sqsbatch lets a function take a batch of queue messages one by one and answer with the
// failed ones only.
package sqsbatch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/fault"
)

// Handler takes one message. An error of any kind leaves the message in the queue: a passing one is
// tried again, a lasting one reaches the dead-letter queue and its alarm.
type Handler func(ctx context.Context, body []byte, m events.SQSMessage) error

// Attributes of a FIFO message: its group, and how often it was delivered, this time included.
const (
	groupAttribute    = "MessageGroupId"
	receivesAttribute = "ApproximateReceiveCount"
)

// LastDelivery is the delivery after which the queue puts a message that fails once more into the
// dead-letter queue: maxReceiveCount of every queue in the template.
const LastDelivery = 5

// HandleOneByOne makes the function's handler, which takes the messages one after another. After a
// failure the rest of the same message group is left alone and reported as failed too, because
// later messages of a group must not overtake it; other groups go on. A message that fails at its
// last delivery stops nobody: it will not come again, and those left alone behind it were counted
// as delivered with it, so that waiting once more would take them to the dead-letter queue too. A
// panic is a failure of its message only. The list of failures is never nil: an answer without a
// list would count as success of all.
func HandleOneByOne(log *slog.Logger, handle Handler) func(context.Context,
	events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
		failed := make([]bool, len(ev.Records))
		for _, group := range groupPositions(ev.Records) {
			handleInOrder(ctx, log, handle, ev.Records, group, failed)
		}
		return batchResponse(ev.Records, failed), nil
	}
}

// HandleGroupsInParallel is Each with the groups of a batch at the same time, for handlers that
// wait for others; messages of one group still follow each other.
func HandleGroupsInParallel(log *slog.Logger, handle Handler) func(context.Context,
	events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
		failed := make([]bool, len(ev.Records))
		var all sync.WaitGroup
		for _, group := range groupPositions(ev.Records) {
			all.Go(func() { handleInOrder(ctx, log, handle, ev.Records, group, failed) })
		}
		all.Wait()
		return batchResponse(ev.Records, failed), nil
	}
}

// groupPositions gives the places of the messages of each group, in the order of the batch.
// Messages of a standard queue have none and stand alone.
func groupPositions(messages []events.SQSMessage) [][]int {
	var out [][]int
	place := map[string]int{}
	for i, m := range messages {
		name, fifo := m.Attributes[groupAttribute]
		at, seen := place[name]
		if !fifo || !seen {
			at = len(out)
			out = append(out, nil)
		}
		if fifo {
			place[name] = at
		}
		out[at] = append(out[at], i)
	}
	return out
}

// handleInOrder takes the messages at the given places and marks those that failed or were left
// alone.
func handleInOrder(ctx context.Context, log *slog.Logger, handle Handler,
	messages []events.SQSMessage,
	places []int, failed []bool) {
	stopped := false
	for _, i := range places {
		if stopped || ctx.Err() != nil {
			failed[i] = true
			continue
		}
		if err := handleMessage(ctx, handle, messages[i]); err != nil {
			logFailure(ctx, log, messages[i], err)
			failed[i], stopped = true, !isLastDelivery(messages[i])
		}
	}
}

// isLastDelivery tells that the queue will not give the message again.
func isLastDelivery(m events.SQSMessage) bool {
	n, err := strconv.Atoi(m.Attributes[receivesAttribute])
	return err == nil && n >= LastDelivery
}

func batchResponse(messages []events.SQSMessage, failed []bool) events.SQSEventResponse {
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, m := range messages {
		if failed[i] {
			out.BatchItemFailures = append(out.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return out
}

func handleMessage(ctx context.Context, handle Handler, m events.SQSMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return handle(ctx, []byte(m.Body), m)
}

// logFailure logs a failure without the body, which may hold personal data.
func logFailure(ctx context.Context, log *slog.Logger, m events.SQSMessage, err error) {
	e := fault.Of(err)
	log.ErrorContext(ctx, "message failed", "message_id", m.MessageId, "queue", m.EventSourceARN,
		"group", m.Attributes[groupAttribute],
		"receives", m.Attributes[receivesAttribute], "code", int(e.Code), "reason", e.Reason, "cause",
		e.Error())
}
