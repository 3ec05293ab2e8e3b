package people

import (
	"time"

	"fenzhang/local/simulate/engine"
)

// Variants are what happens in some runs only, so that a run stays short. Each names the tenant at
// which it happens, or is empty.
type Variants struct {
	TaxDesk string // whose finance decides on open true-ups
	Merge   string // two of its taxpayers turn out to be one person
	// large amounts need several approvers, who decide many settlements in one call
	SeveralApprovers string
	Paper            string // requires a business licence of studios, which arrives late
	Whereabouts      bool   // at the end the report “where is my money” is checked
}

// drawTenant returns a random tenant once in n runs, and otherwise "".
func (a *Actors) drawTenant(n int) string {
	if !a.world.Chance(n) {
		return ""
	}
	return engine.PickRandom(a.world, a.Directory.TenantIDs)
}

// drawVariants draws which variants a run has.
func (a *Actors) drawVariants() {
	a.Variants = Variants{TaxDesk: a.drawTenant(10), Merge: a.drawTenant(6),
		SeveralApprovers: a.drawTenant(4), Paper: a.drawTenant(4),
		Whereabouts: a.world.Chance(8)}
	if a.world.Chance(4) {
		a.world.Lag.Most = engine.PickRandom(a.world,
			[]time.Duration{300 * time.Millisecond, 3 * time.Second})
	}
}
