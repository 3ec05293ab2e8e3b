package settlementdb_test

import (
	"context"
	"sync"
	"testing"

	"fenzhang/local/settletest"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/review"
	"fenzhang/shared/settlement"
)

// policy gives the same rules to everybody.
type policy struct{ review.Rules }

func (p policy) ReviewRules(context.Context, string, civil.Date) (review.Rules, error) {
	return p.Rules, nil
}

func reviewed(t *testing.T, change func(*review.Rules)) *settletest.World {
	t.Helper()
	rules := must[review.Rules](t)(review.Defaults())
	change(&rules)
	w := settletest.Open(t)
	w.Checks.Policy = policy{rules}
	return w
}

func advance(t *testing.T, w *settletest.World, id string) {
	t.Helper()
	v := settlement.Advancer{Service: w.Service, Enqueue: func(context.Context, settlement.Settlement, string) error { return nil }}
	if err := v.Do(context.Background(), settlement.Task{Tenant: settletest.Tenant, SettlementID: id, Op: settlement.OpAdvance}); err != nil {
		t.Fatal(err)
	}
}

// Two approvers at once, each pressing four times: two different people have approved, in the end, and nobody twice.
func TestTwoApproversAtOnce(t *testing.T) {
	w := reviewed(t, func(r *review.Rules) {
		r.Levels = []review.Level{{Above: money.MustParse("50000.00"), Approvers: 2}}
	})
	ctx := context.Background()
	id := settle(t, w, settletest.Person, "live-1", "60000.00")
	if err := w.Quote(ctx, settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	move(t, w, finance, id, settlement.InReview)
	var wg sync.WaitGroup
	for n := range 8 {
		who := approver
		who.Subject = []string{"a@x", "b@x"}[n%2]
		wg.Go(func() {
			_, err := w.Transition(ctx, settlement.Intent{By: who, ID: id, Version: 2}, settlement.Approved)
			if err != nil && !fault.HasCode(err, fault.IllegalMove) && !fault.HasCode(err, fault.StaleVersion) && !fault.HasCode(err, fault.Unavailable) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := load(t, w, id)
	if s.Status != settlement.Approved || s.StatusVersion != 3 || len(s.Approvals) != 2 || s.Approvals[0].By == s.Approvals[1].By {
		t.Errorf("%s version %d, approvals %+v", s.Status, s.StatusVersion, s.Approvals)
	}
}

// The system submits and approves what the rules let pass, never a first payment.
func TestAutomaticStepsWithinTheLimit(t *testing.T) {
	w := reviewed(t, func(r *review.Rules) {
		r.Automatic = review.Automatic{Submit: true, ApproveUpTo: money.MustParse("10000.00")}
	})
	ctx := context.Background()
	first := settle(t, w, settletest.Person, "live-1", "100.00")
	if err := w.Quote(ctx, settletest.Tenant, first); err != nil {
		t.Fatal(err)
	}
	advance(t, w, first)
	advance(t, w, first)
	if s := load(t, w, first); s.Status != settlement.InReview || s.Review == nil || s.Review.Findings[0] != review.FirstPayment {
		t.Fatalf("first payment: %s %+v", s.Status, s.Review)
	}
	move(t, w, approver, first, settlement.Approved)
	if err := w.Book(ctx, settletest.Tenant, first); err != nil {
		t.Fatal(err)
	}
	hear(t, w, first, payout.Paid)
	second := settle(t, w, settletest.Person, "live-2", "200.00")
	if err := w.Quote(ctx, settletest.Tenant, second); err != nil {
		t.Fatal(err)
	}
	advance(t, w, second)
	advance(t, w, second)
	advance(t, w, second) // a repeated message
	s := load(t, w, second)
	if s.Status != settlement.Approved || s.StatusVersion != 3 || s.Approvals[0].By != "system:review" {
		t.Errorf("second payment: %s %+v", s.Status, s.Review)
	}
	if _, err := w.Transition(ctx, settlement.Intent{By: settletest.As(identity.Approver), ID: second, Version: 2}, settlement.Approved); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("a person after the system: %v", err)
	}
}

// receipts says whether money has arrived.
type receipts struct{ there bool }

func (r *receipts) Arrived(context.Context, settlement.Settlement) (bool, error) { return r.there, nil }

func (r *receipts) Checked(context.Context, settlement.Settlement) (bool, error) {
	return r.there, nil
}

// What stands outside is asked before booking, one cause after another, and the hold ends when it is met.
func TestOutsideCausesHoldTheBooking(t *testing.T) {
	w := reviewed(t, func(*review.Rules) {})
	money, account := &receipts{}, &receipts{}
	w.Checks.Receipts, w.Checks.Accounts = money, account
	ctx := context.Background()
	id := settle(t, w, settletest.Person, "live-1", "100.00")
	if err := w.Quote(ctx, settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	move(t, w, finance, id, settlement.InReview)
	move(t, w, approver, id, settlement.Approved)
	held := func(want string) {
		t.Helper()
		s := load(t, w, id)
		got := ""
		if s.Hold != nil {
			got = s.Hold.Reason
		}
		if got != want || s.HeldSince.IsZero() != (want == "") {
			t.Fatalf("held for %q since %s, want %q", got, s.HeldSince, want)
		}
	}
	if err := w.Book(ctx, settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	held(settlement.HoldReceipt)
	advance(t, w, id)
	held(settlement.HoldReceipt)
	money.there = true
	advance(t, w, id)
	held(settlement.HoldAccount)
	account.there = true
	advance(t, w, id)
	held("")
	if err := w.Book(ctx, settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	if s := load(t, w, id); s.Status != settlement.Paying {
		t.Errorf("status %s", s.Status)
	}
}
