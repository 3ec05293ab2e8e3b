package engine

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// Scheduler decides what happens next. Everything that runs is a task in a goroutine of its own,
// but only the one that the scheduler let go on runs: it gives the turn back whenever it asks a
// store, a queue or a gateway for something. Time is the scheduler's own; a seed decides
// everything, so that it can be played again.
type Scheduler struct {
	now         int64 // nanoseconds since 1970
	seq         uint64
	agenda      agenda
	Rand        *rand.Rand
	yielded     chan struct{} // the turn comes back
	current     *Task
	openTasks   int // tasks that have begun and not ended
	idleWorkers []chan func()
}

// appointment is a task that goes on, or something that begins, at a time.
type appointment struct {
	at   int64
	seq  uint64
	task *Task
	do   func()
}

type agenda []appointment

func (a agenda) Len() int { return len(a) }

func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || (a[i].at == a[j].at && a[i].seq < a[j].seq)
}

func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

func (a *agenda) Push(x any) { *a = append(*a, x.(appointment)) }

func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func newScheduler(rng *rand.Rand, start time.Time) *Scheduler {
	return &Scheduler{now: start.UnixNano(), Rand: rng, yielded: make(chan struct{})}
}

// Now is the time as the running task's machine reads it.
func (s *Scheduler) Now() time.Time {
	if s.current == nil {
		return time.Unix(0, s.now)
	}
	return time.Unix(0, s.now+int64(s.current.Skew))
}

// TrueTime returns the time as a right clock shows it.
func (s *Scheduler) TrueTime() time.Time { return time.Unix(0, s.now) }

// TrueNanos returns the true time in nanoseconds since 1970.
func (s *Scheduler) TrueNanos() int64 { return s.now }

// HasAppointments reports whether anything is scheduled.
func (s *Scheduler) HasAppointments() bool { return len(s.agenda) > 0 }

// RunAt has something begin at a time; what lies behind begins now.
func (s *Scheduler) RunAt(when time.Time, do func()) {
	s.schedule(appointment{at: max(when.UnixNano(), s.now), do: do})
}

// RunAfter has something begin after a while.
func (s *Scheduler) RunAfter(d time.Duration, do func()) {
	s.schedule(appointment{at: s.now + int64(d), do: do})
}

func (s *Scheduler) schedule(a appointment) {
	s.seq++
	a.seq = s.seq
	heap.Push(&s.agenda, a)
}

// Sleep lets a task sleep and others run. Where nobody else is due meanwhile, the clock only moves.
func (s *Scheduler) Sleep(t *Task, d time.Duration) {
	until := s.now + int64(d)
	if len(s.agenda) == 0 || s.agenda[0].at > until {
		s.now = until
		return
	}
	s.schedule(appointment{at: until, task: t})
	s.yielded <- struct{}{}
	<-t.turn
}

// RunUntil goes on until nothing is left to do, or nothing before a time.
func (s *Scheduler) RunUntil(until time.Time) {
	end := until.UnixNano()
	for len(s.agenda) > 0 && s.agenda[0].at <= end {
		next := heap.Pop(&s.agenda).(appointment)
		s.now = max(s.now, next.at)
		s.current = next.task
		if next.task == nil {
			next.do()
			continue
		}
		next.task.turn <- struct{}{}
		<-s.yielded
		s.current = nil
	}
	s.now = max(s.now, end)
}

// Chance is true once in n times.
func (s *Scheduler) Chance(n int) bool { return s.Rand.IntN(n) == 0 }

// DurationBetween gives a random time in a span.
func (s *Scheduler) DurationBetween(least, most time.Duration) time.Duration {
	return least + time.Duration(s.Rand.Int64N(int64(most-least)+1))
}

// PickRandom picks from some.
func PickRandom[V any](w *World, from []V) V { return from[w.Rand.IntN(len(from))] }
