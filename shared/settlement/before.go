package settlement

import (
	"context"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// The prefixes of the activity ids of opening payables, which the tenant owed before it began to
// use this system: BeforePrefix for those that are taxed when they are paid, TaxedPrefix for those
// whose taxes were withheld and filed in the books before. All occurrences of a payable have the
// same activity id.
const (
	BeforePrefix = "opening:"
	TaxedPrefix  = "opening-taxed:"
)

// Before is an opening payable (期初应付): an amount that the tenant's books before this system owe
// to a creator.
type Before struct {
	Tenant     ident.Tenant
	By, Ref    string
	CreatorID  ident.Creator
	IncomeType string
	Period     civil.Month
	Amount     money.Amount // before tax; after tax when Taxed is set
	// taxes were withheld and filed in the books before: the amount is only paid here
	Taxed    bool
	Document string // evidence of the debt
}

// BroughtForward reports whether a settlement pays an opening payable.
func (o Opening) BroughtForward() bool {
	return strings.HasPrefix(o.ActivityID, BeforePrefix) || o.TaxedBefore()
}

// TaxedBefore reports whether the taxes of an opening payable were withheld and filed in the books
// before.
func (o Opening) TaxedBefore() bool { return strings.HasPrefix(o.ActivityID, TaxedPrefix) }

// Untaxed reports whether a settlement has nothing to tax: the creator's share is zero, or it was
// taxed in the books before.
func (o Opening) Untaxed() bool { return o.TaxedBefore() || o.CreatorShare().IsZero() }

// openingReason is the reason that the act of the opening records.
func (in Before) openingReason() string {
	if in.Taxed {
		return "opening balance, taxed before: " + in.Document
	}
	return "opening balance"
}

// payableExists is the error for a reference under which another amount, or another way of
// taxation, was opened before.
func (in Before) payableExists(id string) error {
	return fault.New(fault.OtherContent, "payable_exists",
		"The payable "+in.Ref+" was opened with another amount, or taxed otherwise, as "+id+".")
}

// income returns an opening payable as an income whose money comes from the opening balance.
func (in Before) income() Income {
	return Income{Tenant: in.Tenant, CreatorID: in.CreatorID, IncomeType: in.IncomeType,
		Period: in.Period, Amount: in.Amount, GrossBeforePlatform: in.Amount, Source: SourceOpening}
}

// OpenBefore opens the settlement of an opening payable. It is idempotent for a creator and a
// reference. Contract, dates and taxes are as for any other income, but nothing is taxed that was
// taxed in the books before.
//
// Errors: those of Prepare; 2002 payable_exists when the reference was opened with another amount
// or another way of taxation.
func (s *Service) OpenBefore(ctx context.Context, in Before) error {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return fault.Temporary(err)
	}
	own, twin := in.payables()
	other, _, err := s.LatestOccurrence(ctx, in.Tenant, twin.identity())
	if err != nil {
		return err
	}
	if other != nil && !other.IsUndone() { // opened before, with the other way of taxation
		return in.payableExists(other.ID)
	}
	return optimistic.Retry(ctx, func() error {
		last, n, err := s.LatestOccurrence(ctx, in.Tenant, own.identity())
		if err != nil {
			return err
		}
		if last != nil && last.Gross != in.Amount {
			return in.payableExists(last.ID)
		}
		if last != nil && !last.IsUndone() {
			return nil
		}
		fresh, err := s.Prepare(ctx, in.income(), today)
		if err != nil {
			return err
		}
		fresh = fresh.completeFromBefore(in, n+1)
		return s.Store.Apply(ctx,
			s.OpeningChange(fresh,
				Act{ID: s.NewID(), Name: "settlement.opened", By: in.By, Reason: in.openingReason()}))
	})
}
