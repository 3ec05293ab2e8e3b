// Package sqsbatch calls a handler for each message of an SQS batch and reports the failed messages
// only, so that the queue delivers only those again.
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

// Handler processes one message. When it returns an error, the message stays in the queue. After an
// error that passes, a later delivery succeeds; after a lasting one the message reaches the
// dead-letter queue, which has an alarm.
type Handler func(ctx context.Context, body []byte, m events.SQSMessage) error

const (
	// The names of two attributes of a message: its group in a FIFO queue, and how often it was
	// delivered, including this time.
	groupAttribute    = "MessageGroupId"
	receivesAttribute = "ApproximateReceiveCount"
)

// LastDelivery is maxReceiveCount of every queue in template.yaml. A message that fails at this
// delivery goes to the dead-letter queue.
const LastDelivery = 5

// HandleOneByOne returns a function's handler that processes the messages of a batch one after
// another.
//
// After a failure it skips the other messages of the same group and reports them as failed, because
// later messages of a group must not overtake earlier ones; other groups continue. A message that
// fails at its last delivery does not stop its group: it will not be delivered again, and the
// messages behind it were counted as delivered each time, so that skipping them once more would
// send them to the dead-letter queue too. A panic fails its message only. The list of failures is
// never nil, because Lambda would take a missing list for success of all.
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

// HandleGroupsInParallel is HandleOneByOne, but processes the groups of a batch at the same time,
// for handlers that wait for other systems. Messages of one group still follow each other.
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

// groupPositions returns, for each group, the positions of its messages in the batch. Each message
// of a standard queue, which has no groups, is a group by itself.
func groupPositions(messages []events.SQSMessage) [][]int {
	var out [][]int
	place := map[string]int{}
	for i, m := range messages {
		name, fifo := m.Attributes[groupAttribute]
		at, seen := place[name]
		// the first message of a group, and each message without a group, opens a new list
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

// handleInOrder processes the messages at the given positions and marks the messages that failed or
// were skipped.
func handleInOrder(ctx context.Context, log *slog.Logger, handle Handler,
	messages []events.SQSMessage,
	places []int, failed []bool) {
	stopped := false
	for _, i := range places {
		// once the invocation's time is over, the rest would fail one by one; the queue delivers it again
		if stopped || ctx.Err() != nil {
			failed[i] = true
			continue
		}
		if err := handleMessage(ctx, handle, messages[i]); err != nil {
			logFailure(ctx, log, messages[i], err)
			// after its last delivery a message no longer blocks the messages behind it
			failed[i], stopped = true, !isLastDelivery(messages[i])
		}
	}
}

// isLastDelivery reports whether the queue will not deliver the message again.
func isLastDelivery(m events.SQSMessage) bool {
	n, err := strconv.Atoi(m.Attributes[receivesAttribute])
	return err == nil && n >= LastDelivery
}

// batchResponse returns the answer that lists the failed messages.
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

// handleMessage calls the handler for one message and turns a panic into an error.
func handleMessage(ctx context.Context, handle Handler, m events.SQSMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			// a panic that went on would end the invocation, and the queue would deliver the whole batch
			// again
			err = fault.Internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return handle(ctx, []byte(m.Body), m)
}

// logFailure logs a failed message without its body, which may contain personal data.
func logFailure(ctx context.Context, log *slog.Logger, m events.SQSMessage, err error) {
	e := fault.AsError(err)
	log.ErrorContext(ctx, "message failed", "message_id", m.MessageId, "queue", m.EventSourceARN,
		"group", m.Attributes[groupAttribute],
		"receives", m.Attributes[receivesAttribute], "code", int(e.Code), "reason", e.Reason, "cause",
		e.Error())
}
