package people

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// businessLicence is the paper that a tenant may require of studios.
const businessLicence = "business_licence"

// wantedPapers returns the papers that a tenant requires before it pays.
func (a *Actors) wantedPapers(tenant ident.Tenant) []review.PaperRule {
	if tenant != ident.Tenant(a.Variants.Paper) {
		return nil
	}
	return []review.PaperRule{
		{Paper: businessLicence, On: true, Kinds: []string{"individual_business"}}}
}

// planLicence draws when the studio of a tenant hands in its business licence.
func (a *Actors) planLicence(tenant ident.Tenant) {
	if tenant != ident.Tenant(a.Variants.Paper) {
		return
	}
	a.PaperAt = a.randomMoment(2, 19).UnixNano()
	p := a.newPayable(tenant, 200) // at least one settlement waits for the licence
	p.Creator = Studio
	a.planPayable(p, a.randomMoment(0, 4))
}

// handedInPapers returns the papers that the studio of a tenant has handed in, as far as the
// machine of the call knows.
func (d *Directory) handedInPapers(ctx context.Context, tenant ident.Tenant) []tenancy.Paper {
	if tenant != ident.Tenant(d.actors.Variants.Paper) ||
		!d.actors.world.KnowsOfChange(ctx, d.actors.PaperAt) {
		return nil
	}
	return []tenancy.Paper{{Name: businessLicence, Number: "91330100",
		From: civil.MustDate("2026-01-01")}}
}
