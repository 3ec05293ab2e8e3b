package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"fenzhang/shared/fault"
)

var errCause = errors.New("table ledger-7 is away")

func TestARefusalIsFoundInsideOtherErrors(t *testing.T) {
	refusal := fault.New(fault.IllegalMove, "on_hold", "End the hold first.").Wrap(errCause)
	err := fmt.Errorf("approve: %w", refusal)
	if got := fault.AsError(err); got != refusal || got.Status() != 409 {
		t.Errorf("found %v with status %d", got, got.Status())
	}
	if !errors.Is(err, errCause) || !errors.Is(err, fault.New(fault.IllegalMove, "on_hold", "")) || !errors.Is(err, &fault.Error{Code: fault.IllegalMove}) {
		t.Error("cause, reason or code are not found")
	}
	if errors.Is(err, fault.New(fault.IllegalMove, "ended", "")) || errors.Is(err, &fault.Error{Code: fault.StaleVersion, Reason: "on_hold"}) {
		t.Error("another reason or code is found")
	}
	if !fault.HasCode(err, fault.IllegalMove) || fault.HasCode(err, fault.NotFound) || fault.HasCode(nil, 0) || fault.HasCode(errCause, fault.System) {
		t.Error("codes are confused")
	}
}

func TestWrappingLeavesTheRefusalAsItWas(t *testing.T) {
	plain := fault.New(fault.NotFound, "not_found", "There is none.")
	if wrapped := plain.Wrap(errCause); wrapped.Err == nil || plain.Err != nil {
		t.Errorf("the cause is in %v, and in the original %v", wrapped.Err, plain.Err)
	}
}

// What is not ours is a fault of the system, and its text stays in the log.
func TestAnUnknownErrorShowsNothingOfItself(t *testing.T) {
	e := fault.AsError(errCause)
	if e.Code != fault.System || e.Status() != 500 || !errors.Is(e, errCause) || e.Public == "" || e.Public == errCause.Error() {
		t.Errorf("%d %q", e.Status(), e.Public)
	}
	if later := fault.Temporary(errCause); later.Code != fault.Unavailable || later.Status() != 503 || later.RetryAfter <= 0 || !errors.Is(later, errCause) {
		t.Errorf("%d, again after %s", later.Status(), later.RetryAfter)
	}
}

func TestABodyOverTheSizeHasAStatusOfItsOwn(t *testing.T) {
	e := fault.Invalid(fault.Field{Problem: "too large"})
	if e.Status() != 400 {
		t.Errorf("status %d", e.Status())
	}
	if e.TooLarge = true; e.Status() != 413 {
		t.Errorf("status %d", e.Status())
	}
}
