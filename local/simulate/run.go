package main

import (
	"context"
	"io"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/people"
	"fenzhang/local/simulate/promises"
	"fenzhang/local/simulate/system"
	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement/relay"
)

// outcome is the result of one run.
type outcome struct {
	seed        uint64
	broken      []string // promises that were found broken
	settlements int
	deliveries  int // messages and stream records handed to functions
	payouts     int
	acts        int // acts of people and clients that were answered with 2xx
	months      int // month ends that the run passed
	writes      int
	faults      map[string]int
	paths       map[string]int // how often each path was taken, such as "set-off" or "reopened"
	digest      uint64         // hash of all database writes in their order
}

// The least numbers of deliveries and faults in a run: a run with fewer of them tests too little.
const (
	leastDeliveries = 300
	leastFaults     = 20
)

// run is one simulated month of two agencies.
type run struct {
	world    *engine.World
	sys      *system.System
	actors   *people.Actors
	examiner *promises.Examiner
}

// firstMorning is when every run begins: four days before a month ends.
func firstMorning() time.Time { return time.Date(2026, 8, 27, 9, 0, 0, 0, civil.Shanghai) }

// newRun prepares the run of a seed.
func newRun(seed uint64, law people.Law, bug system.Bug, out io.Writer) (*run, error) {
	w, err := engine.NewWorld(seed, firstMorning(), out)
	if err != nil {
		return nil, err
	}
	actors, sys, err := people.New(w, law, bug, seed)
	if err != nil {
		return nil, err
	}
	return &run{w, sys, actors, promises.NewExaminer(w, sys, actors)}, nil
}

// simulate plays the run of a seed and checks all promises. What happens is written to out unless
// out is nil.
func simulate(seed uint64, law people.Law, bug system.Bug, out io.Writer) (outcome, error) {
	r, err := newRun(seed, law, bug, out)
	if err != nil {
		return outcome{}, err
	}
	defer r.world.StopWorkers()
	r.actors.PlanRun()
	r.world.RunUntil(r.actors.Plan.End)
	r.endTrouble()
	r.recoverLost()
	paths := r.examiner.Examine()
	o := r.outcome(seed, paths)
	if o.settlements < people.LeastSettlements || o.deliveries < leastDeliveries ||
		r.world.Faults.TotalCount() < leastFaults || o.months < 1 {
		r.world.ReportBroken("simulator",
			"too little happened: %d settlements, %d deliveries, %d faults, %d month ends",
			o.settlements, o.deliveries, r.world.Faults.TotalCount(), o.months)
	}
	o.broken, o.digest = r.world.Broken, r.world.Trace.Digest
	return o, nil
}

// endTrouble stops all faults, and lets the sweeps repair what lost stream records have held up.
func (r *run) endTrouble() {
	r.world.Faults.Over = true
	r.world.Trace.Printf("calm", "the trouble is over: %d faults", r.world.Faults.TotalCount())
	r.actors.AddPayables(people.LeastSettlements)
	r.settleDown("the sweeps")
	r.examiner.CheckNobodyWaits()
}

// recoverLost does what an operator does after an incident: lost stream records and dead letters
// are delivered again. Clients repeat their calls of settle and must get the first answers.
func (r *run) recoverLost() {
	n := r.world.Streams.ReplayLost()
	for _, name := range []relay.Queue{relay.Tax, relay.Settle, relay.Payout, relay.Audit} {
		n += r.world.Queues[name].RedriveDeadLetters()
	}
	r.world.Trace.Printf("calm", "%d records and dead letters are read again", n)
	// what is written from here on comes from lost records: the run must come to rest once more
	before := r.world.Streams.WriteCount()
	r.actors.RepeatSettleCalls()
	r.world.RunUntil(r.world.TrueTime().Add(time.Hour))
	if before != r.world.Streams.WriteCount() || !r.world.IsIdle() {
		r.settleDown("what was given up")
	}
}

// outcome counts the settlements, payouts, deliveries and writes of the run.
func (r *run) outcome(seed uint64, paths map[string]int) outcome {
	w := r.world
	o := outcome{seed: seed, paths: paths, deliveries: w.Delivered, acts: r.actors.Acts,
		faults: w.Faults.Counted, writes: w.Streams.WriteCount(),
		months: w.Today().Month().Sub(civil.DateOf(r.actors.Plan.Start).Month())}
	for it := range w.DB.Items(engine.SettlementsTable) {
		if dynamo.TextOf(it, "sk") == "META" {
			o.settlements++
		}
	}
	for _, g := range w.Gateways {
		o.payouts += len(g.Keys)
	}
	return o
}

const (
	quietRounds = 3  // the run is at rest after this many rounds without a write
	mostRounds  = 60 // a run that is not at rest after this many rounds is stuck
)

// settleDown lets people, scheduled jobs and sweeps work without faults until nothing is written
// any more. A run that does not come to rest breaks the promise that nothing is stuck.
func (r *run) settleDown(after string) {
	quiet := 0
	for round := range mostRounds {
		before := r.world.Streams.WriteCount()
		r.playRound(round)
		// each round lasts longer than the one before: retries wait for minutes, sweeps for hours
		r.world.RunUntil(r.world.TrueTime().Add(time.Duration(1+round) * 15 * time.Minute))
		if before != r.world.Streams.WriteCount() || !r.world.Streams.IsIdle() || !r.world.IsIdle() ||
			r.world.HasAppointments() {
			quiet = 0
			continue
		}
		if quiet++; quiet == quietRounds {
			return
		}
	}
	r.world.ReportBroken("stuck", "no rest after %s", after)
}

// playRound lets people, the sweeps and the nightly jobs take turns, each in every third round: in
// quietRounds rounds each of them has looked.
func (r *run) playRound(round int) {
	switch round % quietRounds {
	case 0:
		for _, t := range r.actors.Plan.Tenants {
			r.actors.HandleOpenSettlements(ident.Tenant(t))
		}
	case 1:
		r.actors.SweepSettlements()
		r.actors.SweepPayouts()
	case 2:
		r.actors.RunJob("close-days", func(ctx context.Context) error {
			return r.sys.Accruer.CloseDueDays(ctx)
		}, 1)
		r.world.RunAfter(5*time.Minute, r.actors.RunStatements)
	}
}
