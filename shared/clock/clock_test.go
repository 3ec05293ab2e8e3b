package clock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
)

func TestTheBusinessDateMovesTheDayAndKeepsTheTime(t *testing.T) {
	instant := time.Date(2026, 11, 30, 20, 30, 0, 123_456_789, time.UTC) // 04:30 of the next day in Shanghai
	c := clock.FixedAt(instant)
	if day, err := c.Today(t.Context()); err != nil || day.String() != "2026-12-01" {
		t.Errorf("today is %s, %v", day, err)
	}
	if got := c.Instant(); got.Nanosecond() != 123_000_000 {
		t.Errorf("the instant has %d ns", got.Nanosecond())
	}
	c.Override = func(context.Context) (civil.Date, error) { return civil.MustDate("2026-03-02"), nil }
	got, err := c.BusinessTime(t.Context())
	if want := time.Date(2026, 3, 1, 20, 30, 0, 123_000_000, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("business time is %s, %v; want %s", got, err, want)
	}
	if !c.Instant().Equal(instant.Truncate(time.Millisecond)) {
		t.Error("the instant has moved")
	}
	c.Override = func(context.Context) (civil.Date, error) { return civil.Date{}, nil }
	if day, err := c.Today(t.Context()); err != nil || day.String() != "2026-12-01" {
		t.Errorf("without a date that was set, today is %s, %v", day, err)
	}
	away := errors.New("away")
	c.Override = func(context.Context) (civil.Date, error) { return civil.Date{}, away }
	if _, err := c.Today(t.Context()); !errors.Is(err, away) {
		t.Errorf("a date that cannot be read: %v", err)
	}
}
