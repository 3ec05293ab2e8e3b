// Package clock gives the two readings of time: the instant, which is always real, and the business
// date, which a local stack may move through past months.
package clock

import (
	"context"
	"time"

	"fenzhang/shared/civil"
)

// Clock is handed to everything that needs time; nothing else reads it.
type Clock struct {
	// Now is the real instant: tokens, last_updated, leases, signatures, audit.
	Now func() time.Time
	// Override gives the business date set on a local stack, the zero day for none. Nil on every other
	// stage.
	Override func(context.Context) (civil.Date, error)
}

// Real is the clock of every stage but local.
func Real() Clock { return Clock{Now: time.Now} }

// FixedAt is a clock that stands still; for tests.
func FixedAt(t time.Time) Clock { return Clock{Now: func() time.Time { return t }} }

// Instant is the real time, to the millisecond as it is stored.
func (c Clock) Instant() time.Time { return c.Now().Truncate(time.Millisecond) }

// BusinessTime is the instant moved onto the business date: same time of day in Shanghai. The
// windows of occurred_at and ts are measured from it.
func (c Clock) BusinessTime(ctx context.Context) (time.Time, error) {
	now := c.Instant()
	if c.Override == nil {
		return now, nil
	}
	day, err := c.Override(ctx)
	if err != nil || day.IsZero() {
		return now, err
	}
	return day.Start().Add(now.Sub(civil.DateOf(now).Start())), nil
}

// Today is the business date.
func (c Clock) Today(ctx context.Context) (civil.Date, error) {
	t, err := c.BusinessTime(ctx)
	return civil.DateOf(t), err
}
