// Package people holds those who act in a simulated run: creators, staff, clients, the law office
// and people who try what is forbidden.
package people

import (
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/system"
	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
)

// Actors are the staff of both agencies and the clients that call the product, with the master
// data and the law under which they work.
type Actors struct {
	Directory *Directory
	Laws      *Laws
	Days      Days
	Filing    *calendar.Calendar // the working days by which tax returns are due
	Variants  Variants
	Plan      Plan
	PaperAt   int64 // when the studio hands in its licence, in nanoseconds since 1970
	Answered  Answered
	Acts      int // acts of people and clients that were answered with 2xx
	Refused   int // illegal acts that were refused

	world       *engine.World
	sys         *system.System
	bug         system.Bug
	extra       int // payables added by AddPayables
	corrections int // how many corrections of taxes finance has asked for
	deskSaw     int // number of writes when the tax desk last read the true-ups
}

// New makes the actors of a world and the product that they use.
func New(w *engine.World, l Law, bug system.Bug, seed uint64) (*Actors, *system.System, error) {
	a := &Actors{world: w, bug: bug, Filing: l.Calendar}
	a.Directory = newDirectory(a)
	a.drawVariants()
	a.Days = newDays(w, l.Calendar, seed)
	a.Laws = &Laws{w: w, first: l.Corpus, other: l.ChangedCorpus}
	w.PayoutFails = a.payoutFails
	var err error
	a.sys, err = system.New(w, system.Setup{Directory: a.Directory, Rules: a.Laws, Calendar: a.Days,
		Filing: a.Filing, Tenants: a.Directory.TenantIDs,
		Entities: []string{OrdinaryEntity, PlatformEntity}, Bug: bug})
	return a, a.sys, err
}

// LeastSettlements is the least number of settlements in a run; when fewer come about, AddPayables
// has more payables settled.
const LeastSettlements = 30

// Plan is the time span and the tenants of a run.
type Plan struct {
	Start, End time.Time
	Tenants    []string
}

// PlanRun schedules everything that people, clients and scheduled jobs do in a run.
func (a *Actors) PlanRun() {
	p := &a.Plan
	p.Tenants = a.Directory.TenantIDs
	p.Start = a.world.TrueTime()
	p.End = civil.MustDate("2026-09-17").Start()
	for _, t := range p.Tenants {
		// all uploads of a tenant begin with the same creator, so that their lines meet in the same
		// buckets
		from := a.world.Rand.IntN(len(CreatorNames()))
		for n := range uploadsOfTenant {
			a.planUpload(ident.Tenant(t), n, from)
		}
		for n := range batchesOfTenant {
			a.planEvents(ident.Tenant(t), n)
		}
		a.planOfficeVisits(ident.Tenant(t))
		a.planClosing(ident.Tenant(t))
		a.planTaxWork(ident.Tenant(t))
		a.planLicence(ident.Tenant(t))
	}
	for n := range payablesOfTenant {
		// both tenants get the same payables, so that their settlements have the same ids: a mix-up of
		// tenants then finds something
		for _, t := range p.Tenants {
			a.planPayable(a.newPayable(ident.Tenant(t), n), a.randomMoment(0, 13))
		}
	}
	// lines, rewards and payees may have opened too few settlements: these calls add the rest
	a.world.RunAt(a.randomMoment(5, 10), func() { a.AddPayables(LeastSettlements - 14) })
	a.world.RunAt(a.randomMoment(14, 17), func() { a.AddPayables(LeastSettlements - 5) })
	a.planNightlyJobs()
	a.planSweeps()
	a.world.RunAt(a.randomMoment(3, 6), func() { a.Directory.late = true })
}

// randomMoment returns a random time between two days of the run, counted from its start.
func (a *Actors) randomMoment(fromDay, toDay int) time.Time {
	return a.Plan.Start.Add(a.world.DurationBetween(time.Duration(fromDay)*24*time.Hour,
		time.Duration(toDay)*24*time.Hour))
}

// randomAmount draws an income: small, exactly at a threshold of the tax law, large or ordinary.
func (a *Actors) randomAmount() money.Amount {
	switch a.world.Rand.IntN(6) {
	case 0:
		return money.Fen(1 + a.world.Rand.Int64N(200))
	case 1:
		return money.Fen(engine.PickRandom(a.world,
			[]int64{80_000, 80_001, 114_286, 400_000, 571_429, 10_000_000, 500_000}))
	case 2:
		return money.Fen(2_000_000 + a.world.Rand.Int64N(10_000_000))
	}
	return money.Fen(10_000 + a.world.Rand.Int64N(900_000))
}

// AddPayables has more payables settled until the run has a number of settlements.
func (a *Actors) AddPayables(until int) {
	known := 0
	for it := range a.world.DB.Items(engine.SettlementsTable) {
		if dynamo.TextOf(it, "sk") == "META" {
			known++
		}
	}
	for range until - known {
		a.planPayable(a.newPayable(ident.Tenant(engine.PickRandom(a.world, a.Plan.Tenants)),
			payablesOfTenant+a.extra),
			a.world.TrueTime())
		a.extra++
	}
}

// isRetryable reports whether an error is temporary, so that the client sends the item again.
func isRetryable(err error) bool { return err != nil && fault.AsError(err).Status() >= 500 }

// HasEnded reports whether a settlement has reached its last state: failed, or paid with nothing
// unclear about the payout.
func HasEnded(s settlement.Settlement) bool {
	return s.Status == settlement.Failed ||
		(s.Status == settlement.Paid &&
			(s.Payout == nil || s.Payout.State == payout.Paid || s.Payout.State == payout.Returned))
}
