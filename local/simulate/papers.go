package main

import (
	"context"
	"slices"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// licence is the paper that a tenant may want of studios.
const licence = "business_licence"

// wanted are the papers that a tenant wants.
func (w *world) wanted(tenant ident.Tenant) []review.PaperRule {
	if tenant != ident.Tenant(w.turns.paper) {
		return nil
	}
	return []review.PaperRule{{Paper: licence, On: true, Kinds: []string{"individual_business"}}}
}

// planPaper plans when the paper of a tenant's studio arrives.
func (w *world) planPaper(tenant ident.Tenant) {
	if tenant != ident.Tenant(w.turns.paper) {
		return
	}
	w.paperAt = w.moment(2, 19).UnixNano()
	p := w.payable(tenant, 200) // so that something waits for it
	p.creator = studio
	w.planPayable(p, w.moment(0, 4))
}

// handedIn are the papers of a tenant's studio, as far as the machine of the call has heard.
func (d *directory) handedIn(ctx context.Context, tenant ident.Tenant) []tenancy.Paper {
	if tenant != ident.Tenant(d.w.turns.paper) || !d.w.knows(ctx, d.w.paperAt) {
		return nil
	}
	return []tenancy.Paper{{Name: licence, Number: "91330100", From: civil.MustDate("2026-01-01")}}
}

// checkPaper checks that nothing was booked for want of a paper, unless a person has said that it
// may be.
func (b *books) checkPaper(s settlement.Settlement) {
	if s.Tenant != ident.Tenant(b.turns.paper) || s.CreatorID != studio {
		return
	}
	arrived := time.Unix(0, b.paperAt)
	for _, m := range s.History {
		if m.To != settlement.Paying || s.ReasonClass == settlement.Cancelled {
			continue
		}
		switch waived := slices.Contains(s.Waived, settlement.HoldPaper); {
		case m.At.Before(arrived.Add(-time.Minute)) && !waived:
			b.broken("P4", "%s/%s was booked at %s without the paper that came at %s", s.Tenant, s.ID, m.At,
				arrived)
		case s.OpenedAt.Before(arrived) && !waived:
			b.paths["late paper"]++
		}
	}
}
