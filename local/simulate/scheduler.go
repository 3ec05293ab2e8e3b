package main

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"time"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/ident"
)

// scheduler decides what happens next. Everything that runs is a task in a goroutine of its own,
// but only the one that the scheduler let go on runs: it gives the turn back whenever it asks a
// store, a queue or a gateway for something. Time is the scheduler's own; a seed decides
// everything, so that it can be played again.
type scheduler struct {
	now     int64 // nanoseconds since 1970
	seq     uint64
	heap    agenda
	rng     *rand.Rand
	back    chan struct{} // the turn comes back
	current *task
	open    int // tasks that have begun and not ended
	idle    []chan func()
}

// appointment is a task that goes on, or something that begins, at a time.
type appointment struct {
	at   int64
	seq  uint64
	task *task
	do   func()
}

type agenda []appointment

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || (a[i].at == a[j].at && a[i].seq < a[j].seq)
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(appointment)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// task is one call of a handler: a request, a delivery, a run of a schedule.
type task struct {
	name   string
	tenant ident.Tenant  // whom it serves; "" where it serves all tenants
	skew   time.Duration // of the clock of the machine that it runs on
	dead   bool          // killed: whatever it still tries fails
	turn   chan struct{}
}

type taskKey struct{}

func taskOf(ctx context.Context) *task {
	t, _ := ctx.Value(taskKey{}).(*task)
	return t
}

func newScheduler(rng *rand.Rand, start time.Time) *scheduler {
	return &scheduler{now: start.UnixNano(), rng: rng, back: make(chan struct{})}
}

// Now is the time as the running task's machine reads it.
func (s *scheduler) Now() time.Time {
	if s.current == nil {
		return time.Unix(0, s.now)
	}
	return time.Unix(0, s.now+int64(s.current.skew))
}

// at has something begin at a time; what lies behind begins now.
func (s *scheduler) at(when time.Time, do func()) {
	s.push(appointment{at: max(when.UnixNano(), s.now), do: do})
}

// after has something begin after a while.
func (s *scheduler) after(d time.Duration, do func()) {
	s.push(appointment{at: s.now + int64(d), do: do})
}

func (s *scheduler) push(a appointment) {
	s.seq++
	a.seq = s.seq
	heap.Push(&s.heap, a)
}

// begin runs a task from now on; then is called when it has ended, and is told whether it was
// killed.
func (s *scheduler) begin(t *task, do func(context.Context), then func(killed bool)) {
	t.turn = make(chan struct{})
	s.open++
	ctx := context.WithValue(context.Background(), taskKey{}, t)
	ctx = pace.InTurn(ctx, func(_ context.Context, most time.Duration) error {
		s.wait(t, time.Duration(s.rng.Int64N(int64(most))))
		return nil
	})
	mine := s.worker()
	mine <- func() {
		<-t.turn
		do(ctx)
		s.open--
		s.current = nil
		if then != nil {
			then(t.dead)
		}
		s.idle = append(s.idle, mine)
		s.back <- struct{}{}
	}
	s.push(appointment{at: s.now, task: t})
}

// worker gives a goroutine that waits for a task. Tasks take them over from each other: a new one
// has to grow its stack anew each time.
func (s *scheduler) worker() chan func() {
	if n := len(s.idle); n > 0 {
		mine := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return mine
	}
	mine := make(chan func(), 1)
	go func() {
		for work := range mine {
			work()
		}
	}()
	return mine
}

// dismiss ends the goroutines that wait for tasks.
func (s *scheduler) dismiss() {
	for _, mine := range s.idle {
		close(mine)
	}
	s.idle = nil
}

// wait lets a task sleep and others run. Where nobody else is due meanwhile, the clock only moves.
func (s *scheduler) wait(t *task, d time.Duration) {
	until := s.now + int64(d)
	if len(s.heap) == 0 || s.heap[0].at > until {
		s.now = until
		return
	}
	s.push(appointment{at: until, task: t})
	s.back <- struct{}{}
	<-t.turn
}

// run goes on until nothing is left to do, or nothing before a time.
func (s *scheduler) run(until time.Time) {
	end := until.UnixNano()
	for len(s.heap) > 0 && s.heap[0].at <= end {
		next := heap.Pop(&s.heap).(appointment)
		s.now = max(s.now, next.at)
		s.current = next.task
		if next.task == nil {
			next.do()
			continue
		}
		next.task.turn <- struct{}{}
		<-s.back
		s.current = nil
	}
	s.now = max(s.now, end)
}

// chance is true once in n times.
func (s *scheduler) chance(n int) bool { return s.rng.IntN(n) == 0 }

// between gives a random time in a span.
func (s *scheduler) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.rng.Int64N(int64(most-least)+1))
}

// one picks from some.
func one[V any](s *scheduler, from []V) V { return from[s.rng.IntN(len(from))] }
