package settlementdb

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

var _ settlement.MergeStore = (*Store)(nil)

// TaxYears lists the tax years in which a taxpayer has bookings at a paying entity, oldest first.
func (s *Store) TaxYears(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer) ([]int, error) {
	items, err := s.queryByPrefix(ctx, s.Ledger, keys.TaxLog(tenant, entity, taxpayer), keys.TaxYears)
	if err != nil {
		return nil, err
	}
	// Each booking has an item, and each year is listed once.
	var years []int
	for _, it := range items {
		if year := keys.TaxRowYear(dynamo.TextOf(it, "sk")); year > 0 && !slices.Contains(years, year) {
			years = append(years, year)
		}
	}
	return years, nil
}

// Join appends one booking to each of several tax lists in one transaction, when two taxpayers are
// merged. After a try whose answer was lost, the caller reads the lists again: lists that are
// closed prove that the try succeeded.
func (s *Store) Join(ctx context.Context, tenant ident.Tenant,
	bookings []settlement.Booking) error {
	parts := make([]types.TransactWriteItem, len(bookings))
	for i, b := range bookings {
		it, err := BookingItem(tenant, b)
		if err != nil {
			return err
		}
		// The condition refuses a sequence number that another booking has taken meanwhile.
		parts[i] = dynamo.PutNew(s.Ledger, it)
	}
	return WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), "")
}
