package people

import (
	"context"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/ident"
)

// mergedTaxpayer says into which taxpayer another one was merged, and when.
type mergedTaxpayer struct {
	into string
	at   int64
}

// The taxpayers of the run. MergedTaxpayer may turn out to be the person
// MergedInto.
const (
	MergedInto     = "tp-" + First
	MergedTaxpayer = "tp-" + Fifth
)

// Taxpayers returns the taxpayers of each tenant; two of them may turn out to be one person.
func Taxpayers() []string {
	return []string{MergedInto, "tp-" + Worker, "tp-" + Studio, MergedTaxpayer}
}

// SurvivorOf returns the taxpayer into which another was merged, as far as the machine of the call
// knows, and otherwise the taxpayer itself.
func (d *Directory) SurvivorOf(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) string {
	if m := d.merged[string(tenant+"/")+string(taxpayer)]; d.actors.world.KnowsOfChange(ctx, m.at) {
		return m.into
	}
	return string(taxpayer)
}

// planMerge schedules that two taxpayers of a tenant are found to be one person. The master data
// changes at once; the tax lists are moved by the call that follows, or by its repetition.
func (a *Actors) planMerge(tenant ident.Tenant) {
	a.world.RunAt(a.randomMoment(1, 19), func() {
		// the machines learn of the merge one after another (World.HasHeard)
		a.Directory.merged[string(tenant+"/"+MergedTaxpayer)] = mergedTaxpayer{MergedInto,
			a.world.TrueNanos()}
		a.world.Trace.Printf("merge", "%s: %s is %s", tenant, MergedTaxpayer, MergedInto)
		a.callMerge(tenant, 1)
		if a.world.Chance(3) {
			a.world.Faults.CountFault(engine.FaultDoubleClick)
			a.world.RunAfter(a.world.DurationBetween(0, time.Second), func() { a.callMerge(tenant, 1) })
		}
	})
}

// callMerge moves the tax list of the merged taxpayer, and repeats the call until it succeeds.
func (a *Actors) callMerge(tenant ident.Tenant, try int) {
	var err error
	a.world.StartTask(a.world.NewTask("merge", tenant), func(ctx context.Context) {
		err = a.sys.Merging.ApplyMerge(ctx, tenant, MergedTaxpayer, MergedInto, adminOf(tenant))
	}, func(killed bool) {
		a.world.Trace.Printf("answer", "%s merge: %v", tenant, err)
		switch {
		case err != nil || killed:
			a.world.RunAfter(time.Duration(try)*a.world.DurationBetween(time.Second, 2*time.Minute), func() {
				a.callMerge(tenant, try+1)
			})
		default:
			a.Acts++
		}
	})
}
