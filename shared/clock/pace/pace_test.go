package pace_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"fenzhang/shared/clock/pace"
)

func TestWaitIsRealUnlessTheContextSaysOtherwise(t *testing.T) {
	if err := pace.Wait(t.Context(), time.Millisecond); err != nil || pace.Parallelism(t.Context(), 8) != 8 {
		t.Errorf("%v, %d at once", err, pace.Parallelism(t.Context(), 8))
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := pace.Wait(ended, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("waited on in an ended call: %v", err)
	}
}

func TestInTurnDecidesTheWaiting(t *testing.T) {
	errStop := errors.New("stop")
	var asked []time.Duration
	ctx := pace.WithPause(t.Context(), func(_ context.Context, most time.Duration) error {
		asked = append(asked, most)
		if len(asked) > 1 {
			return errStop
		}
		return nil
	})
	if err := pace.Wait(ctx, time.Hour); err != nil {
		t.Error(err)
	}
	if err := pace.Wait(ctx, time.Minute); !errors.Is(err, errStop) || asked[0] != time.Hour || asked[1] != time.Minute {
		t.Errorf("%v, asked for %v", err, asked)
	}
	if pace.Parallelism(ctx, 8) != 1 {
		t.Error("parts run at the same time")
	}
}

func TestRetryWaitsLongerEachTime(t *testing.T) {
	errBusy := errors.New("busy")
	var waits []time.Duration
	ctx := pace.WithPause(t.Context(), func(_ context.Context, most time.Duration) error {
		waits = append(waits, most)
		return nil
	})
	calls := 0
	err := pace.Retry(ctx, func(tries int, err error) bool {
		if tries != calls || !errors.Is(err, errBusy) {
			t.Errorf("asked after %d of %d calls, %v", tries, calls, err)
		}
		return tries < 9
	}, func() error {
		if calls != len(waits) {
			t.Errorf("call %d came after %d waits", calls+1, len(waits))
		}
		calls++
		return errBusy
	})
	if !errors.Is(err, errBusy) || calls != 9 {
		t.Errorf("%v after %d calls", err, calls)
	}
	for i, most := range waits[1:] {
		if most != min(2*waits[i], 256*time.Millisecond) {
			t.Errorf("waits %v", waits)
		}
	}
}

func TestRetryEndsWithSuccessAndWithItsContext(t *testing.T) {
	always := func(int, error) bool { return true }
	if err := pace.Retry(t.Context(), always, func() error { return nil }); err != nil {
		t.Error(err)
	}
	ctx, end := context.WithCancel(t.Context())
	errBusy, calls := errors.New("busy"), 0
	err := pace.Retry(ctx, always, func() error {
		calls++
		end()
		return errBusy
	})
	if !errors.Is(err, errBusy) || !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
