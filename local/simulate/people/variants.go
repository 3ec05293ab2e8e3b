package people

import (
	"time"

	"fenzhang/local/simulate/engine"
)

// Variants are what happens in some runs only, so that runs stay short: each is taken by one tenant
// of a run in some.
type Variants struct {
	TaxDesk string // whose finance looks after open true-ups
	Merge   string // which learns that two of its taxpayers are one person
	// where amounts need several approvers, who decide many settlements in one call
	SeveralApprovers string
	Paper            string // which wants a paper of studios that arrives late
	Whereabouts      bool   // whether it is asked at the end where the money is
}

// oneIn picks a tenant once in n runs.
func (a *Actors) drawTenant(n int) string {
	if !a.world.Chance(n) {
		return ""
	}
	return engine.PickRandom(a.world, a.Directory.TenantIDs)
}

// drawVariants decides which turns a run takes.
func (a *Actors) drawVariants() {
	a.Variants = Variants{TaxDesk: a.drawTenant(10), Merge: a.drawTenant(6),
		SeveralApprovers: a.drawTenant(4), Paper: a.drawTenant(4),
		Whereabouts: a.world.Chance(8)}
	if a.world.Chance(4) {
		a.world.Lag.Most = engine.PickRandom(a.world, []time.Duration{300 * time.Millisecond, 3 * time.Second})
	}
}
