package incentive

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Counters counts what a creator earned on a day, from the entries that the stream has brought so
// far; on a closed day these are all entries.
type Counters struct {
	Clock    clock.Clock
	Creators interface {
		Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (tenancy.Creator, error)
	}
	Chunks interface {
		ReadCreatorDay(ctx context.Context, d CreatorDay) ([]Entry, PriorAccrual, error)
	}
	Days interface {
		IsClosed(ctx context.Context, tenant ident.Tenant, day civil.Date) (bool, error)
	}
}

// Count is the result of counting a creator's day.
type Count struct {
	Totals
	Day civil.Date
	// Closed reports that the day was closed and that all counted cash was accrued.
	Closed bool
}

// CountDay counts a creator's day, today when day is zero. It returns fault.NotFound for a creator
// whom the tenant does not have.
func (c *Counters) CountDay(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	day civil.Date) (Count, error) {
	if _, err := c.Creators.Creator(ctx, tenant, creator); err != nil {
		return Count{}, refusalOrLater(err)
	}
	if day.IsZero() {
		var err error
		if day, err = c.Clock.Today(ctx); err != nil {
			return Count{}, refusalOrLater(err)
		}
	}
	// The state of the day is read before its entries. In the other order entries that come between
	// the two reads could be missing in a count that is shown as closed.
	closed, err := c.Days.IsClosed(ctx, tenant, day)
	if err != nil {
		return Count{}, refusalOrLater(err)
	}
	entries, accrued, err := c.Chunks.ReadCreatorDay(ctx,
		CreatorDay{Tenant: tenant, Creator: creator, Day: day})
	if err != nil {
		return Count{}, refusalOrLater(err)
	}
	totals := SumDay(entries)
	return Count{Totals: totals, Day: day, Closed: closed && totals.Cash == accrued.Cash}, nil
}
