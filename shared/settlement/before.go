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

// The beginnings of the activity ids of payables from before the tenant began here: of those that
// are taxed when they are paid, and of those whose taxes the books before have withheld and filed.
// An activity id stays with its payable through all occurrences.
const (
	BeforePrefix = "opening:"
	TaxedPrefix  = "opening-taxed:"
)

// Before is a payable from before (期初应付): what the old books owe a creator, all its own.
type Before struct {
	Tenant     ident.Tenant
	By, Ref    string
	CreatorID  ident.Creator
	IncomeType string
	Period     civil.Month
	Amount     money.Amount // before tax or, where Taxed, what is left of it
	// withheld and filed in the old books: nothing is taxed here, it is only paid
	Taxed    bool
	Document string // that shows it
}

// BroughtForward tells that a settlement stands for what was owed from before.
func (o Opening) BroughtForward() bool {
	return strings.HasPrefix(o.ActivityID, BeforePrefix) || o.TaxedBefore()
}

// TaxedBefore tells that the books before have withheld and filed the taxes of it.
func (o Opening) TaxedBefore() bool { return strings.HasPrefix(o.ActivityID, TaxedPrefix) }

// Untaxed tells that there is nothing to tax: the split left the creator nothing, or it was taxed
// before.
func (o Opening) Untaxed() bool { return o.TaxedBefore() || o.CreatorShare().IsZero() }

// reason is what the act of opening says.
func (in Before) reason() string {
	if in.Taxed {
		return "opening balance, taxed before: " + in.Document
	}
	return "opening balance"
}

// exists refuses a reference that stands for something else.
func (in Before) exists(id string) error {
	return fault.New(fault.OtherContent, "payable_exists",
		"The payable "+in.Ref+" was opened with another amount, or taxed otherwise, as "+id+".")
}

// OpenBefore opens a payable from before, once for its creator and reference; contract and dates
// are as for any other, and taxes too unless it was taxed before.
//
// Errors: as Prepare; 2002 payable_exists when the reference stands for another sum, or was told to
// be taxed otherwise.
func (s *Service) OpenBefore(ctx context.Context, in Before) error {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return fault.Later(err)
	}
	own, twin := in.payables()
	if other, _, err := s.Latest(ctx, in.Tenant, twin.identity()); err != nil {
		return err
	} else if other != nil && !other.Dead() {
		return in.exists(other.ID)
	}
	return optimistic.Do(ctx, func() error {
		last, n, err := s.Latest(ctx, in.Tenant, own.identity())
		if err != nil {
			return err
		}
		if last != nil && last.Gross != in.Amount {
			return in.exists(last.ID)
		}
		if last != nil && !last.Dead() {
			return nil
		}
		fresh, err := s.Prepare(ctx,
			Income{Tenant: in.Tenant, CreatorID: in.CreatorID, IncomeType: in.IncomeType, Period: in.Period,
				Amount:              in.Amount,
				GrossBeforePlatform: in.Amount, Source: SourceOpening}, today)
		if err != nil {
			return err
		}
		fresh = fresh.fromBefore(in, n+1)
		return s.Store.Apply(ctx,
			s.Opening(fresh, Act{ID: s.NewID(), Name: "settlement.opened", By: in.By, Reason: in.reason()}))
	})
}
