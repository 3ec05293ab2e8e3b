package people

import (
	"context"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/statement/billing"
)

// planNightlyJobs schedules the nightly jobs: days of incentives are closed at 00:30, statements
// are made at 02:00, in some nights twice.
func (a *Actors) planNightlyJobs() {
	for day := civil.MustDate("2026-08-28"); !day.After(
		civil.MustDate("2026-09-16")); day = day.AddDays(1) {
		if a.world.Chance(3) {
			a.world.RunAt(day.Start().Add(30*time.Minute), func() {
				a.RunJob("close-days", func(ctx context.Context) error {
					return a.sys.Accruer.CloseDueDays(ctx)
				}, 1)
			})
		}
		// statements are due on these days; in other nights the job finds little to do
		if busy := day.Day() == 1 || day.Day() == 7 || day.Day() == 15; !busy && !a.world.Chance(16) {
			continue
		}
		times := 1
		if a.world.Chance(3) {
			a.world.Faults.CountFault(engine.FaultRepeatedNight)
			times++
		}
		for range times {
			a.world.RunAt(day.Start().Add(2*time.Hour+a.world.DurationBetween(0, 2*time.Second)), func() {
				a.RunStatements()
			})
		}
	}
}

// RunStatements makes the statements that are due, for all creators of a tenant or for one cohort
// of them.
func (a *Actors) RunStatements() {
	for _, t := range a.Directory.TenantIDs {
		order := billing.Order{Tenant: ident.Tenant(t), By: billing.System}
		a.runTenantJob("build-statements", ident.Tenant(t), func(ctx context.Context) error {
			_, err := a.sys.Statements.OpenDueSettlements(ctx, order, "")
			return err
		}, 1)
		if a.world.Chance(3) {
			c := engine.PickRandom(a.world, CreatorNames()) // the cohort begins or ends with this creator
			cohort := billing.Task{Tenant: ident.Tenant(t), Upto: ident.Creator(c), By: billing.System}
			if a.world.Chance(2) {
				cohort.After, cohort.Upto = ident.Creator(c), ""
			}
			a.runTenantJob("build-cohort", ident.Tenant(t), func(ctx context.Context) error {
				today, err := a.sys.Settlements.Clock.Today(ctx)
				if err != nil {
					return err
				}
				cohort.Date = today
				_, err = a.sys.Statements.RunTask(ctx, cohort)
				return err
			}, 1)
		}
	}
}

// RunJob runs a scheduled job for all tenants, and again a minute later when it fails, as the
// schedule's retry policy does.
func (a *Actors) RunJob(name string, do func(context.Context) error, try int) {
	a.runTenantJob(name, "", do, try)
}

// runTenantJob runs a scheduled job for one tenant and repeats it when it fails.
func (a *Actors) runTenantJob(name string, tenant ident.Tenant, do func(context.Context) error,
	try int) {
	var err error
	a.world.StartTask(a.world.NewTask(name, tenant), func(ctx context.Context) {
		err = do(ctx)
	}, func(killed bool) {
		if (err != nil || killed) && try < 6 {
			a.world.Trace.Printf("again", "%s: %v", name, err)
			a.world.RunAfter(time.Duration(try)*time.Minute, func() {
				a.runTenantJob(name, tenant, do, try+1)
			})
		}
	})
}

// planSweeps schedules two sweeps of settlements and two of payouts at random times.
func (a *Actors) planSweeps() {
	for range 2 {
		a.world.RunAt(a.randomMoment(0, 20), a.SweepSettlements)
		a.world.RunAt(a.randomMoment(0, 20), a.SweepPayouts)
	}
}

// SweepSettlements runs the sweep of advance-settlement, which finds settlements whose task was
// lost.
func (a *Actors) SweepSettlements() {
	if a.sys.Bug.NoSweeps {
		return
	}
	a.RunJob("sweep", a.sys.Advancer.Sweep, 1)
}

// SweepPayouts runs the sweep of pay-out, which asks gateways about unclear payouts.
func (a *Actors) SweepPayouts() {
	if a.sys.Bug.NoSweeps {
		return
	}
	a.RunJob("sweep-payouts", func(ctx context.Context) error {
		return a.sys.Payouts.Sweep(ctx, a.world.Now().Add(-time.Minute), 1000)
	}, 6)
}
