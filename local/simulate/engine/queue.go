package engine

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/lambda/sqsbatch"
)

// Queue is an SQS FIFO queue. The messages of a group are delivered in order, one delivery at a
// time unless it takes longer than the visibility timeout. A deduplication id that was received
// within five minutes is dropped. A message that failed five times goes to the dead letters.
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

// group is the messages of one message group of a FIFO queue.
type group struct {
	name     string
	waiting  []message
	busy     int // number of the delivery under way; 0 when there is none
	polled   bool
	delivery int
}

// message is a message in a queue.
type message struct {
	number   int
	id, body string
	receives int
	from     int64 // when the message becomes visible, in nanoseconds since 1970
}

const (
	dedupWindow = 5 * time.Minute
	visibility  = 3 * time.Minute
	batchSize   = 10
)

// NewQueue makes an empty queue whose messages are delivered to a function.
func NewQueue(w *World, name string, handle Function) *Queue {
	return &Queue{w: w, name: name, ids: map[string]int64{}, handle: handle}
}

// findGroup returns the message group with a name, and creates the group when it is new.
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

// enqueue adds a message to its group; a message whose deduplication id came within five minutes
// is dropped. A message becomes visible after milliseconds, in some cases after minutes.
func (q *Queue) enqueue(groupName, id, body string) {
	s := q.w.Scheduler
	if at, known := q.ids[id]; known && s.now-at < int64(dedupWindow) {
		return
	}
	// the window begins with the last accepted message of the id
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

// schedulePoll schedules the next delivery of a group for the time at which its first message
// becomes visible. Nothing is scheduled while a delivery is under way.
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

// deliver hands the first visible messages of a group to the function, ten at most, and hides them
// for the visibility timeout.
func (q *Queue) deliver(g *group) {
	w, s := q.w, q.w.Scheduler
	n := 0
	for n < len(g.waiting) && n < batchSize && g.waiting[n].from <= s.now {
		n++
	}
	g.delivery++
	this := g.delivery
	g.busy = this
	ev, numbers := q.receive(g, n)
	w.Delivered += n
	w.Trace.Printf("deliver", "%s: %d of group %.8s, first for the %d. time", q.name, n, g.name,
		g.waiting[0].receives)
	var res events.SQSEventResponse
	var err error
	t := w.NewTask(q.name, "")
	s.StartTask(t, func(ctx context.Context) { res, err = q.handle(ctx, ev) }, func(killed bool) {
		if err != nil || killed {
			return // the messages become visible again after the visibility timeout
		}
		var failed []string
		for _, f := range res.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		q.finishDelivery(g, this, numbers, failed)
	})
	s.RunAfter(visibility, func() { q.endVisibility(g, this) })
}

// endVisibility makes the messages of a delivery visible again when it has not ended within the
// visibility timeout.
func (q *Queue) endVisibility(g *group, delivery int) {
	if g.busy != delivery {
		return
	}
	g.busy = 0
	q.moveToDeadLetters(g)
	q.schedulePoll(g)
}

// receive makes the event with the first n messages of a group, and returns their numbers.
func (q *Queue) receive(g *group, n int) (ev events.SQSEvent, numbers []int) {
	for i := range n {
		m := &g.waiting[i]
		m.receives++
		numbers = append(numbers, m.number)
		ev.Records = append(ev.Records,
			events.SQSMessage{MessageId: strconv.Itoa(m.number), Body: m.body, EventSourceARN: q.name,
				Attributes: map[string]string{"MessageGroupId": g.name,
					"ApproximateReceiveCount": strconv.Itoa(m.receives), "MessageDeduplicationId": m.id}})
	}
	return ev, numbers
}

// finishDelivery deletes the messages that a delivery has handled, and leaves the failed ones in
// the queue. In some cases the deletion is lost, so that handled messages are delivered again.
func (q *Queue) finishDelivery(g *group, delivery int, numbers []int, failed []string) {
	s := q.w.Scheduler
	// the deletion of the messages is lost: they are delivered again
	again := q.w.Faults.Chance(40, FaultDuplicate)
	g.waiting = slices.DeleteFunc(g.waiting, func(m message) bool {
		return slices.Contains(numbers, m.number) && !again &&
			!slices.Contains(failed, strconv.Itoa(m.number))
	})
	if g.busy != delivery {
		return // the timeout is over and another delivery has begun; that one frees the group
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

// moveToDeadLetters moves messages that were received too often from a group to the dead letters.
func (q *Queue) moveToDeadLetters(g *group) {
	g.waiting = slices.DeleteFunc(g.waiting, func(m message) bool {
		// the functions too treat this delivery as the last one
		if m.receives < sqsbatch.LastDelivery {
			return false
		}
		q.w.Trace.Printf("buried", "%s %s", q.name, m.body)
		q.deadLetters = append(q.deadLetters, m)
		return true
	})
}

// RedriveDeadLetters puts the dead letters back into the queue, as an operator does after an
// incident, and returns how many there were. Each gets a message group of its own, so that no old
// message blocks it.
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

// IsEmpty reports whether no message waits in the queue; dead letters do not count.
func (q *Queue) IsEmpty() bool {
	for _, g := range q.groups {
		if len(g.waiting) > 0 {
			return false
		}
	}
	return true
}
