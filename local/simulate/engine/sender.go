package engine

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/settlement/payoutqueue"
	"fenzhang/shared/settlement/relay"
)

// sender sends messages to the queues of a world as relay.AWS does to SQS: all of them, a part of
// them with an error, or all of them with a lost answer.
type sender struct{ w *World }

// errNotSent is returned by sender.Send when some messages may not have reached their queue.
var errNotSent = errors.New("simulate: the queue took not all messages")

// Sender returns the client that sends messages to the queues of this world.
func (w *World) Sender() relay.Sender { return sender{w} }

// RebookingQueue returns the client of SQS by which pay-out asks for another booking.
func (w *World) RebookingQueue() payoutqueue.API { return rebookingQueue{w} }

// Send puts messages into their queues. Events for the bus are dropped: nobody in the simulation
// reads the bus.
//
// Errors: errNotSent when a part was not sent or the answer was lost, ErrKilled when the task was
// killed.
func (d sender) Send(ctx context.Context, messages []relay.Message) error {
	t, w := TaskOf(ctx), d.w
	if t.Killed {
		return ErrKilled
	}
	w.Sleep(t, w.DurationBetween(time.Millisecond, 8*time.Millisecond))
	take, err := len(messages), error(nil)
	if len(messages) > 0 && w.Faults.IsDue() {
		switch kind := PickRandom(w, []string{FaultSendFailed, FaultKill, FaultLostAnswer}); kind {
		case FaultSendFailed:
			w.Faults.CountFault(kind)
			take, err = w.Rand.IntN(len(messages)), errNotSent
		case FaultKill:
			w.Faults.CountFault(kind)
			take, err = w.Rand.IntN(len(messages)+1), ErrKilled
			t.Killed = true
		case FaultLostAnswer:
			w.Faults.CountFault(kind)
			err = errNotSent
		}
	}
	for _, m := range messages[:take] {
		if m.Queue == relay.Bus {
			continue
		}
		w.Queues[m.Queue].enqueue(m.Group, m.ID, string(m.Body))
	}
	return err
}

// rebookingQueue is the SQS client that package payoutqueue uses.
type rebookingQueue struct{ w *World }

var _ payoutqueue.API = rebookingQueue{}

// SendMessage puts a task for compute-tax into the tax queue.
func (r rebookingQueue) SendMessage(ctx context.Context, in *sqs.SendMessageInput,
	_ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	r.w.Faults.CountFault(FaultMonthEnd)
	err := sender(r).Send(ctx,
		[]relay.Message{{Queue: relay.Tax, Group: aws.ToString(in.MessageGroupId),
			ID: aws.ToString(in.MessageDeduplicationId), Body: []byte(aws.ToString(in.MessageBody))}})
	return &sqs.SendMessageOutput{}, err
}
