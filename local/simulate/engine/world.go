// Package engine is the simulated world in which the functions of the product run: time and tasks,
// machines with wrong clocks, tables, streams, queues, payment gateways, and the faults that they
// meet. Package engine knows no rule of money; package system runs the product in this
// world.
package engine

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/memdb"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/relay"
)

// World is everything that surrounds the functions of the product in one run. A seed decides
// everything that happens in a World.
type World struct {
	*Scheduler
	Faults   *Faults
	Trace    *Trace
	DB       *memdb.DB
	Lag      *IndexLag
	Streams  *Streams
	Queues   map[relay.Queue]*Queue
	Gateways []*Gateway

	// BeforeSend is called when a payment order reaches a gateway, before the gateway enters the
	// order in its book.
	BeforeSend func(ident.Tenant, payout.Order)
	// PayoutFails draws whether a payout of a tenant fails at the gateway.
	PayoutFails func(ident.Tenant) bool
	// DeliverNotice posts a notice of a gateway to the product.
	DeliverNotice func(*Gateway, Notice)

	Delivered int      // messages and stream records that were delivered to functions
	Broken    []string // descriptions of broken promises, at most mostBroken
	skews     []time.Duration
	ids       int
	partial   bool // the running database call processes only a part of its batch
}

// mostBroken bounds how many broken promises of one run are kept: the first ones show the cause.
const mostBroken = 20

// NewWorld makes the world of a seed. The trace is written to out unless out is nil.
func NewWorld(seed uint64, start time.Time, out io.Writer) (*World, error) {
	rng := rand.New(rand.NewPCG(seed, 0x66656e7a68616e67))
	w := &World{Scheduler: newScheduler(rng, start), DB: memdb.New(), Queues: map[relay.Queue]*Queue{}}
	w.Trace = &Trace{out: out, now: w.TrueTime}
	w.Faults = newFaults(w.Scheduler, w.Trace)
	w.Lag = &IndexLag{w: w, under: map[string]places{}}
	w.Streams = &Streams{w: w}
	for _, in := range tableSchemas() {
		if err := w.DB.CreateTable(in); err != nil {
			return nil, err
		}
	}
	w.drawClockSkews()
	return w, nil
}

// drawClockSkews sets how wrong the clocks of the machines are: in most runs less than half a
// second, in every third run up to 25 seconds.
func (w *World) drawClockSkews() {
	w.skews = []time.Duration{0}
	most := 500 * time.Millisecond
	if w.Chance(3) {
		most = 25 * time.Second
		w.Faults.CountFault(FaultClockSkew)
	}
	for range 5 {
		w.skews = append(w.skews, w.DurationBetween(-most, most))
	}
}

// ReportBroken notes that a promise was found broken.
func (w *World) ReportBroken(promise, format string, args ...any) {
	text := promise + ": " + fmt.Sprintf(format, args...)
	if len(w.Broken) < mostBroken {
		w.Broken = append(w.Broken, text)
	}
	w.Trace.Printf("BROKEN", "%s", text)
}

// NewID returns the next id of the run; ids are as wide as real ones and ascend.
func (w *World) NewID() string {
	w.ids++
	return fmt.Sprintf("%026d", w.ids)
}

// NewTask makes a task that runs on one of the machines, drawn at random.
func (w *World) NewTask(name string, tenant ident.Tenant) *Task {
	return &Task{Name: name, Tenant: tenant, Skew: PickRandom(w, w.skews)}
}

// knownAfter is how long a machine may remember what was before a change of rules or master data.
const knownAfter = 30 * time.Second

// KnowsOfChange reports whether the machine of a call knows by now of a change that was made at an
// instant in nanoseconds since 1970; 0 means that the change is never made. Machines learn of a
// change one after another, within knownAfter.
func (w *World) KnowsOfChange(ctx context.Context, changed int64) bool {
	if changed == 0 || changed > w.now {
		return false
	}
	t := TaskOf(ctx)
	if t == nil { // the checks after the run read what is in force
		return true
	}
	for n, skew := range w.skews {
		if skew == t.Skew {
			return w.now-changed >= int64(knownAfter)*int64(n)/int64(len(w.skews))
		}
	}
	return true
}

// IsIdle reports whether no message waits in a queue and no task runs.
func (w *World) IsIdle() bool {
	for _, q := range w.Queues {
		if !q.IsEmpty() {
			return false
		}
	}
	return w.openTasks == 0
}

// Today returns the date in China by a correct clock.
func (w *World) Today() civil.Date { return civil.DateOf(w.TrueTime()) }
