package settlementdb_test

import (
	"context"
	"testing"

	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/usage"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

// TestWriteUnitsOfALife counts the write units of a settlement from opening to PAID, step by step, as the table
// reports them. `make bench` prints its lines. Units are counted and not timed, so the bound may be a test.
func TestWriteUnitsOfALife(t *testing.T) {
	w := settletest.Open(t)
	id := settle(t, w, settletest.Person, "warm-up", "100.00") // the balance item exists as in any month but the first
	_ = id
	var total float64
	step := func(name string, most float64, do func(ctx context.Context) error) {
		t.Helper()
		ctx, tally := usage.WithTally(context.Background())
		if err := do(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := tally.Units().Write
		total += n
		t.Logf("write units: %-32s %5.1f", name, n)
		if n > most {
			t.Errorf("%s took %.1f write units, more than %.0f", name, n, most)
		}
	}
	ctx0 := context.Background()
	var sid ident.Settlement
	step("open (key, META, journal)", 16, func(ctx context.Context) error {
		a, _, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "units-key-1", settletest.SettleRequest(settletest.Person, "live-1", "12345.67"))
		sid = a.SettlementID
		return err
	})
	step("quote (figures, META)", 2, func(ctx context.Context) error { return w.Quote(ctx, settletest.Tenant, sid) })
	transit := func(who identity.Principal, to settlement.Status) func(context.Context) error {
		return func(ctx context.Context) error {
			s, err := w.Store.Load(ctx0, settletest.Tenant, sid)
			if err != nil {
				return err
			}
			_, err = w.Transition(ctx, settlement.Intent{By: who, ID: string(sid), Version: s.StatusVersion}, to)
			return err
		}
	}
	step("to IN_REVIEW", 4, transit(finance, settlement.InReview))
	step("to APPROVED", 4, transit(approver, settlement.Approved))
	step("to PAYING (tax rows, journal)", 14, func(ctx context.Context) error { return w.Book(ctx, settletest.Tenant, sid) })
	hear := func(state payout.State) func(context.Context) error {
		return func(ctx context.Context) error {
			p, err := w.Payables.Load(ctx0, settletest.Tenant, sid)
			if err != nil {
				return err
			}
			if state == payout.Sent {
				return w.Payables.MarkSent(ctx, p, w.Now())
			}
			return w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: state, GatewayID: "20260915000000000000000001", At: w.Now()})
		}
	}
	step("payout key and SENT", 4, hear(payout.Sent))
	step("payout ACCEPTED", 2, hear(payout.Accepted))
	step("to PAID (journal)", 10, hear(payout.Paid))
	t.Logf("write units: %-32s %5.1f", "open to PAID", total)
	if total > 32 { // it was 34 before figures had a dictionary of their own
		t.Errorf("a life takes %.1f write units, more than 32", total)
	}
}
