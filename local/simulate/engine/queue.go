package engine

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/lambda/sqsbatch"
)

// Queue is a FIFO queue: the messages of a group keep their order, one delivery of a group is under
// way at a time unless it takes longer than the visibility timeout, an id that came within five
// minutes is no second message, and what failed five times goes to the dead letters.
type Queue struct {
	w           *World
	name        string
	groups      []*group
	ids         map[string]int64
	deadLetters []message
	handle      Function
	number      int
}

// Function is a Lambda function that reads a queue.
type Function = func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

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

func NewQueue(w *World, name string, handle Function) *Queue {
	return &Queue{w: w, name: name, ids: map[string]int64{}, handle: handle}
}

func (q *Queue) findGroup(name string) *group {
	for _, g := range q.groups {
		if g.name == name {
			return g
		}
	}
	g := &group{name: name}
	q.groups = append(q.groups, g)
	return g
}

// enqueue takes a message.
func (q *Queue) enqueue(groupName, id, body string) {
	s := q.w.Scheduler
	if at, known := q.ids[id]; known && s.now-at < int64(dedupWindow) {
		return
	}
	q.ids[id] = s.now
	q.number++
	g := q.findGroup(groupName)
	from := s.now + int64(s.DurationBetween(2*time.Millisecond, 400*time.Millisecond))
	if q.w.Faults.Chance(60, FaultDelay) {
		from = s.now + int64(s.DurationBetween(time.Minute, 20*time.Minute))
	}
	g.waiting = append(g.waiting, message{number: q.number, id: id, body: body, from: from})
	q.schedulePoll(g)
}

// schedulePoll has the group looked at when its first message is visible and no delivery is under
// way.
func (q *Queue) schedulePoll(g *group) {
	if g.polled || g.busy != 0 || len(g.waiting) == 0 {
		return
	}
	g.polled = true
	q.w.RunAfter(max(0, time.Duration(g.waiting[0].from-q.w.now)), func() {
		g.polled = false
		if g.busy == 0 && len(g.waiting) > 0 {
			if g.waiting[0].from > q.w.now {
				q.schedulePoll(g)
				return
			}
			q.deliver(g)
		}
	})
}

// deliver hands the first messages of a group to a function.
func (q *Queue) deliver(g *group) {
	w, s := q.w, q.w.Scheduler
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
	w.Delivered += n
	w.Trace.Addf("deliver", "%s: %d of group %.8s, first for the %d. time", q.name, n, g.name,
		g.waiting[0].receives)
	var res events.SQSEventResponse
	var err error
	t := w.NewTask(q.name, "")
	s.StartTask(t, func(ctx context.Context) { res, err = q.handle(ctx, ev) }, func(killed bool) {
		if err != nil || killed {
			return // the messages come back when their time is over
		}
		var failed []string
		for _, f := range res.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		q.finishDelivery(g, this, numbers, failed)
	})
	s.RunAfter(visibility, func() {
		if g.busy == this {
			g.busy = 0
			q.moveToDeadLetters(g)
			q.schedulePoll(g)
		}
	})
}

// finishDelivery takes what was done off the queue and leaves what failed.
func (q *Queue) finishDelivery(g *group, delivery int, numbers []int, failed []string) {
	s := q.w.Scheduler
	again := q.w.Faults.Chance(40, FaultDuplicate) // the function's answer did not reach the queue
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
	q.moveToDeadLetters(g)
	q.schedulePoll(g)
}

// moveToDeadLetters puts messages that were tried too often aside.
func (q *Queue) moveToDeadLetters(g *group) {
	g.waiting = slices.DeleteFunc(g.waiting, func(m message) bool {
		if m.receives < sqsbatch.LastDelivery {
			return false
		}
		q.w.Trace.Addf("buried", "%s %s", q.name, m.body)
		q.deadLetters = append(q.deadLetters, m)
		return true
	})
}

// RedriveDeadLetters puts the dead letters back, as an operator does once the trouble is over.
func (q *Queue) RedriveDeadLetters() int {
	n := len(q.deadLetters)
	for _, m := range q.deadLetters {
		q.number++
		g := q.findGroup("redriven-" + m.id)
		g.waiting = append(g.waiting, message{number: q.number, id: m.id, body: m.body, from: q.w.now})
		q.schedulePoll(g)
	}
	q.deadLetters = nil
	return n
}

// IsEmpty tells that nothing lies in the queue.
func (q *Queue) IsEmpty() bool {
	for _, g := range q.groups {
		if len(g.waiting) > 0 {
			return false
		}
	}
	return true
}
