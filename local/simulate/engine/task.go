package engine

import (
	"context"
	"time"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/ident"
)

// Task is one call of a handler: a request, a delivery, a run of a schedule.
type Task struct {
	Name   string
	Tenant ident.Tenant  // whom it serves; "" where it serves all tenants
	Skew   time.Duration // of the clock of the machine that it runs on
	Killed bool          // killed: whatever it still tries fails
	turn   chan struct{}
}

type taskKey struct{}

func TaskOf(ctx context.Context) *Task {
	t, _ := ctx.Value(taskKey{}).(*Task)
	return t
}

// StartTask runs a task from now on; then is called when it has ended, and is told whether it was
// killed.
func (s *Scheduler) StartTask(t *Task, do func(context.Context), then func(killed bool)) {
	t.turn = make(chan struct{})
	s.openTasks++
	ctx := context.WithValue(context.Background(), taskKey{}, t)
	ctx = pace.InTurn(ctx, func(_ context.Context, most time.Duration) error {
		s.Sleep(t, time.Duration(s.Rand.Int64N(int64(most))))
		return nil
	})
	mine := s.takeWorker()
	mine <- func() {
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

// takeWorker gives a goroutine that waits for a task. Tasks take them over from each other: a new
// one has to grow its stack anew each time.
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
