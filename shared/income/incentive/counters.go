package incentive

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Counters tells what a creator earned on a day: the fold of what the stream has brought so far,
// and of everything once the day is closed.
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

// Count is a creator's day as it stands.
type Count struct {
	Totals
	Day    civil.Date
	Closed bool // the day was closed, and all that is counted here is accrued
}

// CountDay counts a day, today for the zero day. It answers fault.NotFound for a creator the tenant
// does not have.
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
