// Package clock gives the two kinds of time: the instant, which is always real, and the business
// date, which a local stack may set to a past day.
package clock

import (
	"context"
	"time"

	"fenzhang/shared/civil"
)

// Clock is passed to everything that needs the time; no other code reads it.
type Clock struct {
	// Now returns the real time. Now is used for tokens, last_updated, leases, signatures and audit
	// records.
	Now func() time.Time
	// Override returns the business date that was set on a local stack, and the zero date when none is
	// set. Override is nil on every other stage.
	Override func(context.Context) (civil.Date, error)
}

// Real returns the clock of every stage except local.
func Real() Clock { return Clock{Now: time.Now} }

// FixedAt returns a clock that always shows t, for tests.
func FixedAt(t time.Time) Clock { return Clock{Now: func() time.Time { return t }} }

// Instant returns the real time, truncated to the millisecond, as it is stored.
func (c Clock) Instant() time.Time { return c.Now().Truncate(time.Millisecond) }

// BusinessTime returns the instant moved to the business date, at the same time of day in Shanghai.
// The limits of occurred_at and ts are counted from it.
func (c Clock) BusinessTime(ctx context.Context) (time.Time, error) {
	now := c.Instant()
	if c.Override == nil {
		return now, nil
	}
	day, err := c.Override(ctx)
	// no business date is set, so the real one applies
	if err != nil || day.IsZero() {
		return now, err
	}
	return day.Start().Add(now.Sub(civil.DateOf(now).Start())), nil
}

// Today returns the business date.
func (c Clock) Today(ctx context.Context) (civil.Date, error) {
	t, err := c.BusinessTime(ctx)
	return civil.DateOf(t), err
}
