package settlement

import (
	"context"
	"errors"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
	"fenzhang/shared/split"
)

// BeforePrefix begins the activity ids of payables from before the tenant began here.
const BeforePrefix = "opening:"

// Before is a payable from before (期初应付): what the old books owe a creator, before tax and all its own.
type Before struct {
	Tenant, By, Ref       string
	CreatorID, IncomeType string
	Period                civil.Month
	Amount                money.Amount
}

// OpenBefore opens a payable from before, once for its creator and reference; contract, dates and taxes are as for any other.
//
// Errors: as Prepare; 2002 payable_exists when the reference stands for another sum.
func (s *Service) OpenBefore(ctx context.Context, in Before) error {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return fault.Later(err)
	}
	activity, ts := BeforePrefix+in.Ref, in.Period.Last().Start().UnixMilli()
	identity := Identity(in.CreatorID, activity, ts)
	for range rounds {
		last, n, err := s.Latest(ctx, in.Tenant, identity)
		if err != nil {
			return err
		}
		if last != nil && last.Gross != in.Amount {
			return fault.New(fault.OtherContent, "payable_exists", "The payable "+in.Ref+" was opened with another amount, as "+last.ID+".")
		}
		if last != nil && !last.Dead() {
			return nil
		}
		fresh, err := s.Prepare(ctx, Income{Tenant: in.Tenant, CreatorID: in.CreatorID, IncomeType: in.IncomeType, Period: in.Period, Amount: in.Amount,
			GrossBeforePlatform: in.Amount, Source: SourceOpening}, today)
		if err != nil {
			return err
		}
		fresh.Shares, fresh.Memo = []split.Share{{Party: in.CreatorID, Kind: split.KindCreator, Amount: in.Amount}}, nil
		fresh.RevenueBasis = "net" // the agency's part was booked in the old books
		fresh.Identity, fresh.Occurrence, fresh.ID = identity, n+1, IDOf(identity, n+1)
		fresh.ActivityID, fresh.TS, fresh.ContentHash = activity, ts, contentOf(in.CreatorID, in.Ref, in.Amount.String())
		if !slices.Contains(fresh.Preparers, in.By) {
			fresh.Preparers = append(fresh.Preparers, in.By)
		}
		err = s.Store.Apply(ctx, s.Opening(fresh, Act{ID: s.NewID(), Name: "settlement.opened", By: in.By, Reason: "opening balance"}))
		if !errors.Is(err, ErrRival) {
			return err
		}
	}
	return fault.Later(ErrRival)
}
