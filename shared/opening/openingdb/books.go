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

// Entities lists a tenant's paying entities.
type Entities interface {
	EntityIDs(ctx context.Context, tenant ident.Tenant) ([]string, error)
}

// Seals knows the sealed periods of a tenant's paying entities; it implements opening.Periods.
type Seals struct {
	Entities Entities
	Periods  *perioddb.Store
}

// HasSealedPeriod looks through the periods of all paying entities.
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

// Debts raises receivables from before: prepared by who handed the file in, confirmed by who
// approved it. It implements opening.Debts.
type Debts struct{ *receivable.Claims }

// RaiseReceivable raises one, once.
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
	second := by
	second.Subject = approvedBy
	_, err = d.Approve(ctx, second, kept.ID)
	return err
}
