package engine

import (
	"context"
	"time"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/ident"
)

// Task is one invocation of a function: a request, a delivery of messages, or a scheduled job.
type Task struct {
	Name   string
	Tenant ident.Tenant  // the tenant that the task serves; "" for all tenants
	Skew   time.Duration // how far the clock of the task's machine is ahead
	Killed bool          // the process was killed: every further call fails
	turn   chan struct{}
}

// taskKey is the key under which a context holds its task.
type taskKey struct{}

// TaskOf returns the task in which a call runs, and nil outside of tasks.
func TaskOf(ctx context.Context) *Task {
	t, _ := ctx.Value(taskKey{}).(*Task)
	return t
}

// StartTask starts a task now. When the task has ended, the function then is called with whether
// the task was killed.
func (s *Scheduler) StartTask(t *Task, do func(context.Context), then func(killed bool)) {
	t.turn = make(chan struct{})
	s.openTasks++
	ctx := context.WithValue(context.Background(), taskKey{}, t)
	// pauses between retries pass in simulated time
	ctx = pace.WithPause(ctx, func(_ context.Context, most time.Duration) error {
		s.Sleep(t, time.Duration(s.Rand.Int64N(int64(most))))
		return nil
	})
	mine := s.takeWorker()
	mine <- func() {
		// the task begins when the scheduler comes to its appointment
		<-t.turn
		do(ctx)
		s.openTasks--
		s.current = nil
		if then != nil {
			then(t.Killed)
		}
		s.idleWorkers = append(s.idleWorkers, mine)
		s.yielded <- struct{}{}
	}
	s.schedule(appointment{at: s.now, task: t})
}

// takeWorker returns a goroutine that waits for work. Goroutines are reused: a new one would have
// to grow its stack again for every task.
func (s *Scheduler) takeWorker() chan func() {
	if n := len(s.idleWorkers); n > 0 {
		mine := s.idleWorkers[n-1]
		s.idleWorkers = s.idleWorkers[:n-1]
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

// StopWorkers ends the goroutines that wait for tasks.
func (s *Scheduler) StopWorkers() {
	for _, mine := range s.idleWorkers {
		close(mine)
	}
	s.idleWorkers = nil
}
