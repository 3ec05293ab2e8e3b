package openingdb

import (
	"context"
	"slices"

	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/opening"
	"fenzhang/shared/settlement/receivable"
)

// Entities lists the paying entities of a tenant.
type Entities interface {
	EntityIDs(ctx context.Context, tenant ident.Tenant) ([]string, error)
}

// Seals finds the sealed accounting periods of a tenant's paying entities. It implements
// opening.Periods.
type Seals struct {
	Entities Entities
	Periods  *perioddb.Store
}

// HasSealedPeriod reports whether a period of any paying entity is sealed.
func (s Seals) HasSealedPeriod(ctx context.Context, tenant ident.Tenant) (bool, error) {
	entities, err := s.Entities.EntityIDs(ctx, tenant)
	if err != nil {
		return false, err
	}
	for _, entity := range entities {
		all, err := s.Periods.ListPeriods(ctx, tenant, ident.Entity(entity))
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(all, func(p period.Period) bool { return p.State == period.Sealed }) {
			return true, nil
		}
	}
	return false, nil
}

// Debts raises receivables from before the start: prepared by the person who handed in the file,
// approved by the person who approved the import. It implements opening.Debts.
type Debts struct{ *receivable.Claims }

// RaiseReceivable prepares and approves one receivable, once for each id.
func (d Debts) RaiseReceivable(ctx context.Context, by identity.Principal, approvedBy string,
	r opening.Receivable) error {
	kept, _, err := d.Prepare(ctx, by, receivable.Receivable{
		ID: r.ID(), CreatorID: r.CreatorID, Entity: r.Entity, Kind: receivable.Kind(r.Kind),
		Amount: r.Amount, Document: r.Document,
		Reason: "owed from before, " + r.Ref, Opening: true,
	})
	if err != nil || kept.State != receivable.Prepared {
		return err
	}
	// Preparing and approving are acts of two people, as for every other receivable.
	second := by
	second.Subject = approvedBy
	_, err = d.Approve(ctx, second, kept.ID)
	return err
}
