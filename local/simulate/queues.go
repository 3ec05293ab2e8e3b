package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/lambda/sqsbatch"
	"fenzhang/shared/settlement/payoutqueue"
	"fenzhang/shared/settlement/relay"
)

// queue is a FIFO queue: the messages of a group keep their order, one delivery of a group is under
// way at a time unless it takes longer than the visibility timeout, an id that came within five
// minutes is no second message, and what failed five times goes to the dead letters.
type queue struct {
	w      *world
	name   string
	groups []*group
	ids    map[string]int64
	dead   []message
	handle func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	number int
}

type group struct {
	name     string
	waiting  []message
	busy     int // number of the delivery that is under way, 0 for none
	polled   bool
	delivery int
}

type message struct {
	number   int
	id, body string
	receives int
	from     int64 // visible from
}

const (
	dedupWindow = 5 * time.Minute
	visibility  = 3 * time.Minute
	batchSize   = 10
)

func newQueue(w *world, name string,
	handle func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)) *queue {
	return &queue{w: w, name: name, ids: map[string]int64{}, handle: handle}
}

func (q *queue) group(name string) *group {
	for _, g := range q.groups {
		if g.name == name {
			return g
		}
	}
	g := &group{name: name}
	q.groups = append(q.groups, g)
	return g
}

// put takes a message.
func (q *queue) put(groupName, id, body string) {
	s := q.w.s
	if at, known := q.ids[id]; known && s.now-at < int64(dedupWindow) {
		return
	}
	q.ids[id] = s.now
	q.number++
	g := q.group(groupName)
	from := s.now + int64(s.between(2*time.Millisecond, 400*time.Millisecond))
	if q.w.faults.chance(60, faultDelay) {
		from = s.now + int64(s.between(time.Minute, 20*time.Minute))
	}
	g.waiting = append(g.waiting, message{number: q.number, id: id, body: body, from: from})
	q.poll(g)
}

// poll has the group looked at when its first message is visible and no delivery is under way.
func (q *queue) poll(g *group) {
	if g.polled || g.busy != 0 || len(g.waiting) == 0 {
		return
	}
	g.polled = true
	q.w.s.after(max(0, time.Duration(g.waiting[0].from-q.w.s.now)), func() {
		g.polled = false
		if g.busy == 0 && len(g.waiting) > 0 {
			if g.waiting[0].from > q.w.s.now {
				q.poll(g)
				return
			}
			q.deliver(g)
		}
	})
}

// deliver hands the first messages of a group to a function.
func (q *queue) deliver(g *group) {
	w, s := q.w, q.w.s
	n := 0
	for n < len(g.waiting) && n < batchSize && g.waiting[n].from <= s.now {
		n++
	}
	g.delivery++
	this := g.delivery
	g.busy = this
	var ev events.SQSEvent
	numbers := make([]int, n)
	for i := range n {
		m := &g.waiting[i]
		m.receives++
		numbers[i] = m.number
		ev.Records = append(ev.Records,
			events.SQSMessage{MessageId: strconv.Itoa(m.number), Body: m.body, EventSourceARN: q.name,
				Attributes: map[string]string{"MessageGroupId": g.name,
					"ApproximateReceiveCount": strconv.Itoa(m.receives), "MessageDeduplicationId": m.id}})
	}
	w.delivered += n
	w.trace.add("deliver", "%s: %d of group %.8s, first for the %d. time", q.name, n, g.name,
		g.waiting[0].receives)
	var res events.SQSEventResponse
	var err error
	t := w.task(q.name, "")
	s.begin(t, func(ctx context.Context) { res, err = q.handle(ctx, ev) }, func(killed bool) {
		if err != nil || killed {
			return // the messages come back when their time is over
		}
		var failed []string
		for _, f := range res.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		q.settle(g, this, numbers, failed)
	})
	s.after(visibility, func() {
		if g.busy == this {
			g.busy = 0
			q.bury(g)
			q.poll(g)
		}
	})
}

// settle takes what was done off the queue and leaves what failed.
func (q *queue) settle(g *group, delivery int, numbers []int, failed []string) {
	s := q.w.s
	again := q.w.faults.chance(40, faultDuplicate) // the function's answer did not reach the queue
	g.waiting = slices.DeleteFunc(g.waiting, func(m message) bool {
		return slices.Contains(numbers, m.number) && !again &&
			!slices.Contains(failed, strconv.Itoa(m.number))
	})
	if g.busy != delivery {
		return // another delivery has begun since; it finds out by itself
	}
	g.busy = 0
	if len(failed) > 0 || again {
		for i := range g.waiting {
			if slices.Contains(numbers, g.waiting[i].number) {
				g.waiting[i].from = s.now + int64(visibility)
			}
		}
	}
	q.bury(g)
	q.poll(g)
}

// bury puts messages that were tried too often aside.
func (q *queue) bury(g *group) {
	g.waiting = slices.DeleteFunc(g.waiting, func(m message) bool {
		if m.receives < sqsbatch.LastDelivery {
			return false
		}
		q.w.trace.add("buried", "%s %s", q.name, m.body)
		q.dead = append(q.dead, m)
		return true
	})
}

// redrive puts the dead letters back, as an operator does once the trouble is over.
func (q *queue) redrive() int {
	n := len(q.dead)
	for _, m := range q.dead {
		q.number++
		g := q.group("redriven-" + m.id)
		g.waiting = append(g.waiting, message{number: q.number, id: m.id, body: m.body, from: q.w.s.now})
		q.poll(g)
	}
	q.dead = nil
	return n
}

// idle tells that nothing lies in the queue.
func (q *queue) idle() bool {
	for _, g := range q.groups {
		if len(g.waiting) > 0 {
			return false
		}
	}
	return true
}

// sender sends to the queues as relay.AWS does: all, a part with an error, or all with a lost
// answer.
type sender struct{ w *world }

var errNotSent = errors.New("simulate: the queue took not all messages")

func (d sender) Send(ctx context.Context, messages []relay.Message) error {
	t, w := taskOf(ctx), d.w
	if t.dead {
		return errKilled
	}
	w.s.wait(t, w.s.between(time.Millisecond, 8*time.Millisecond))
	take, err := len(messages), error(nil)
	if len(messages) > 0 && w.faults.due() {
		switch kind := one(w.s, []string{faultSend, faultKill, faultLost}); kind {
		case faultSend:
			w.faults.count(kind)
			take, err = w.s.rng.IntN(len(messages)), errNotSent
		case faultKill:
			w.faults.count(kind)
			take, err = w.s.rng.IntN(len(messages)+1), errKilled
			t.dead = true
		case faultLost:
			w.faults.count(kind)
			err = errNotSent
		}
	}
	for _, m := range messages[:take] {
		if m.Queue == relay.Bus {
			w.told[m.ID]++
			continue
		}
		w.queue(m.Queue).put(m.Group, m.ID, string(m.Body))
	}
	return err
}

// rebooker is SQS for payoutqueue.
type rebooker struct{ w *world }

var _ payoutqueue.API = rebooker{}

func (r rebooker) SendMessage(ctx context.Context, in *sqs.SendMessageInput,
	_ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	r.w.faults.count(faultMonthEnd)
	err := sender(r).Send(ctx,
		[]relay.Message{{Queue: relay.Tax, Group: aws.ToString(in.MessageGroupId),
			ID: aws.ToString(in.MessageDeduplicationId), Body: []byte(aws.ToString(in.MessageBody))}})
	return &sqs.SendMessageOutput{}, err
}
