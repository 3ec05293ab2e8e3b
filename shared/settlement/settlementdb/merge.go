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

// TaxYears lists the years of a taxpayer's bookings at a paying entity, oldest first.
func (s *Store) TaxYears(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer) ([]int, error) {
	items, err := s.query(ctx, s.Ledger, keys.TaxLog(tenant, entity, taxpayer), keys.TaxYears)
	if err != nil {
		return nil, err
	}
	var years []int
	for _, it := range items {
		if year := keys.YearOf(dynamo.TextOf(it, "sk")); year > 0 && !slices.Contains(years, year) {
			years = append(years, year)
		}
	}
	return years, nil
}

// Join appends bookings to several lists together, or none. Whether an earlier try whose answer was
// lost went through shows in the lists: they are closed, and the caller looks at them again.
func (s *Store) Join(ctx context.Context, tenant ident.Tenant,
	bookings []settlement.Booking) error {
	parts := make([]types.TransactWriteItem, len(bookings))
	for i, b := range bookings {
		it, err := BookingItem(tenant, b)
		if err != nil {
			return err
		}
		parts[i] = dynamo.PutNew(s.Ledger, it)
	}
	return Outcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), "")
}
