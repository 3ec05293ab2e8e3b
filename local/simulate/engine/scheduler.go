package engine

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// Scheduler decides which task runs next, and is the clock of the simulation. Every task has its
// own goroutine, but only one of them runs at a time: a task yields when it calls a table, a queue
// or a gateway. All random choices come from one seed, so that a run can be repeated exactly.
type Scheduler struct {
	now         int64 // nanoseconds since 1970
	seq         uint64
	agenda      agenda
	Rand        *rand.Rand
	yielded     chan struct{} // receives when the running task yields
	current     *Task
	openTasks   int // tasks that were started and have not ended
	idleWorkers []chan func()
}

// appointment is a time at which a sleeping task continues, or at which a function is called.
type appointment struct {
	at   int64
	seq  uint64
	task *Task
	do   func()
}

// agenda is a heap of appointments: the earliest first, those of one instant in the order in which
// they were made.
type agenda []appointment

// Len implements heap.Interface.
func (a agenda) Len() int { return len(a) }

// Less implements heap.Interface: it orders by time, and at one time by the order of scheduling.
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || (a[i].at == a[j].at && a[i].seq < a[j].seq)
}

// Swap implements heap.Interface.
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(appointment)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// newScheduler returns a scheduler whose clock shows start.
func newScheduler(rng *rand.Rand, start time.Time) *Scheduler {
	return &Scheduler{now: start.UnixNano(), Rand: rng, yielded: make(chan struct{})}
}

// Now returns the time as the clock of the running task's machine shows it.
func (s *Scheduler) Now() time.Time {
	if s.current == nil {
		return time.Unix(0, s.now)
	}
	return time.Unix(0, s.now+int64(s.current.Skew))
}

// TrueTime returns the time as a correct clock shows it.
func (s *Scheduler) TrueTime() time.Time { return time.Unix(0, s.now) }

// TrueNanos returns the true time in nanoseconds since 1970.
func (s *Scheduler) TrueNanos() int64 { return s.now }

// HasAppointments reports whether anything is scheduled.
func (s *Scheduler) HasAppointments() bool { return len(s.agenda) > 0 }

// RunAt schedules a function for a time; a time in the past means now.
func (s *Scheduler) RunAt(when time.Time, do func()) {
	s.schedule(appointment{at: max(when.UnixNano(), s.now), do: do})
}

// RunAfter schedules a function for the time after a delay.
func (s *Scheduler) RunAfter(d time.Duration, do func()) {
	s.schedule(appointment{at: s.now + int64(d), do: do})
}

// schedule adds an appointment to the agenda.
func (s *Scheduler) schedule(a appointment) {
	s.seq++
	a.seq = s.seq
	heap.Push(&s.agenda, a)
}

// Sleep suspends a task for a duration while other tasks run. When no other appointment is due in
// the meantime, only the clock moves: switching goroutines would cost time for nothing.
func (s *Scheduler) Sleep(t *Task, d time.Duration) {
	until := s.now + int64(d)
	// nobody else is due before this task: no need to yield
	if len(s.agenda) == 0 || s.agenda[0].at > until {
		s.now = until
		return
	}
	s.schedule(appointment{at: until, task: t})
	s.yielded <- struct{}{}
	<-t.turn
}

// RunUntil runs tasks in the order of their appointments until none is left before a time, and
// sets the clock to that time.
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

// Chance returns true once in n calls on average.
func (s *Scheduler) Chance(n int) bool { return s.Rand.IntN(n) == 0 }

// DurationBetween returns a random duration between two bounds.
func (s *Scheduler) DurationBetween(least, most time.Duration) time.Duration {
	return least + time.Duration(s.Rand.Int64N(int64(most-least)+1))
}

// PickRandom returns a random element of a list.
func PickRandom[V any](w *World, from []V) V { return from[w.Rand.IntN(len(from))] }
