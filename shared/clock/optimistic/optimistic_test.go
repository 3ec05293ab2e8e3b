package optimistic_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
)

// timed gives a context that notes the longest waits instead of waiting.
func timed(t *testing.T, waits *[]time.Duration) context.Context {
	t.Helper()
	return pace.WithPause(t.Context(), func(_ context.Context, most time.Duration) error {
		*waits = append(*waits, most)
		return nil
	})
}

func TestADecisionIsMadeAnewAfterARival(t *testing.T) {
	for losses := range optimistic.Tries {
		var waits []time.Duration
		tries := 0
		got, err := optimistic.RetryValue(timed(t, &waits), func() (string, error) {
			if tries++; tries <= losses {
				return "lost", fmt.Errorf("write: %w", optimistic.ErrRival)
			}
			return "won", nil
		})
		if got != "won" || err != nil || tries != losses+1 {
			t.Errorf("%d losses: %q, %v after %d tries", losses, got, err, tries)
		}
		if len(waits) != losses || !slices.IsSorted(waits) || len(slices.Compact(slices.Clone(waits))) < min(losses, 6) {
			t.Errorf("%d losses: waits %v", losses, waits)
		}
	}
}

// A rival who is always faster is answered as a busy system, and that answer starts no decision around it anew.
func TestTheTriesAreBounded(t *testing.T) {
	var waits []time.Duration
	tries, around := 0, 0
	err := optimistic.Retry(timed(t, &waits), func() error {
		around++
		return optimistic.Retry(timed(t, &waits), func() error {
			tries++
			return optimistic.ErrRival
		})
	})
	if !fault.HasCode(err, fault.Unavailable) || errors.Is(err, optimistic.ErrRival) || tries != optimistic.Tries || around != 1 {
		t.Errorf("%v after %d tries in %d rounds", err, tries, around)
	}
	var sum time.Duration
	for _, most := range waits {
		sum += most
	}
	if len(waits) != optimistic.Tries-1 || sum >= time.Second {
		t.Errorf("waits %v", waits)
	}
}

func TestAnEndedCallDecidesNoMore(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	tries := 0
	err := optimistic.Retry(ctx, func() error {
		tries++
		end()
		return optimistic.ErrRival
	})
	if !fault.HasCode(err, fault.Unavailable) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestOtherErrorsEndTheTries(t *testing.T) {
	refusal, tries := fault.New(fault.IllegalMove, "not_now", "Not now."), 0
	got, err := optimistic.RetryValue(t.Context(), func() (int, error) {
		tries++
		return 7, refusal
	})
	if got != 7 || !errors.Is(err, refusal) || tries != 1 {
		t.Errorf("%d, %v after %d tries", got, err, tries)
	}
}
