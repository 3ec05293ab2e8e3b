package pace_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"fenzhang/shared/clock/pace"
)

func TestWaitIsRealUnlessTheContextSaysOtherwise(t *testing.T) {
	if err := pace.Wait(t.Context(), time.Millisecond); err != nil || pace.AtOnce(t.Context(), 8) != 8 {
		t.Errorf("%v, %d at once", err, pace.AtOnce(t.Context(), 8))
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
	ctx := pace.InTurn(t.Context(), func(_ context.Context, most time.Duration) error {
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
	if pace.AtOnce(ctx, 8) != 1 {
		t.Error("parts run at the same time")
	}
}
