package settlementdb_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy/review"
)

// policy gives the same rules to everybody.
type policy struct{ review.Rules }

func (p policy) ReviewRules(context.Context, ident.Tenant, civil.Date) (review.Rules, error) {
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

func advance(t *testing.T, w *settletest.World, id ident.Settlement) {
	t.Helper()
	v := w.Advancer(nil, nil)
	if err := v.RunTask(context.Background(), settlement.Task{Tenant: settletest.Tenant, SettlementID: id, Op: settlement.OpAdvance}); err != nil {
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
	move(t, w, finance, string(id), settlement.InReview)
	var wg sync.WaitGroup
	for n := range 8 {
		who := approver
		who.Subject = []string{"a@x", "b@x"}[n%2]
		wg.Go(func() {
			_, err := w.Transition(ctx, settlement.Intent{By: who, ID: string(id), Version: 2}, settlement.Approved)
			if err != nil && !fault.HasCode(err, fault.IllegalMove) && !fault.HasCode(err, fault.StaleVersion) && !fault.HasCode(err, fault.Unavailable) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := load(t, w, string(id))
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
	if s := load(t, w, string(first)); s.Status != settlement.InReview || s.Review == nil || s.Review.Findings[0] != review.FirstPayment {
		t.Fatalf("first payment: %s %+v", s.Status, s.Review)
	}
	move(t, w, approver, string(first), settlement.Approved)
	if err := w.Book(ctx, settletest.Tenant, first); err != nil {
		t.Fatal(err)
	}
	hear(t, w, string(first), payout.Paid)
	second := settle(t, w, settletest.Person, "live-2", "200.00")
	if err := w.Quote(ctx, settletest.Tenant, second); err != nil {
		t.Fatal(err)
	}
	advance(t, w, second)
	advance(t, w, second)
	advance(t, w, second) // a repeated message
	s := load(t, w, string(second))
	if s.Status != settlement.Approved || s.StatusVersion != 3 || s.Approvals[0].By != "system:review" {
		t.Errorf("second payment: %s %+v", s.Status, s.Review)
	}
	if _, err := w.Transition(ctx, settlement.Intent{By: settletest.CallerWith(identity.Approver), ID: string(second), Version: 2}, settlement.Approved); !fault.HasCode(err, fault.IllegalMove) {
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
	move(t, w, finance, string(id), settlement.InReview)
	move(t, w, approver, string(id), settlement.Approved)
	held := func(want string) {
		t.Helper()
		s := load(t, w, string(id))
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
	if s := load(t, w, string(id)); s.Status != settlement.Paying {
		t.Errorf("status %s", s.Status)
	}
}

// rejecting are rules by which an amount above 100.00 fails a settlement.
func rejecting(r *review.Rules) {
	r.Checks = slices.Clone(r.Checks)
	i := slices.IndexFunc(r.Checks, func(c review.Check) bool { return c.Code == review.Amount })
	r.Checks[i].Effect, r.Checks[i].Amount = review.Reject, money.MustParse("100.00")
}

// A finding rejects by itself and tells the creator why, once: what comes again waits for a person.
func TestACheckRejectsByItselfOnce(t *testing.T) {
	w := inMemory(t, rejecting)
	ctx := context.Background()
	first := submitted(t, w, "live-1")
	refused(t, "review_rejects")(w.Transition(ctx, act(t, w, "y@x", string(first)), settlement.Approved))
	if s := load(t, w, string(first)); s.DueOperation() != settlement.OpAdvance {
		t.Fatalf("nobody is asked to reject it: %q", s.DueOperation())
	}
	advance(t, w, first)
	advance(t, w, first) // a repeated message
	s := load(t, w, string(first))
	if s.Status != settlement.Failed || s.ReasonClass != settlement.Rejected || s.StatusVersion != 3 || s.History[1].By != "system:review" || s.History[1].Reason != "review: amount" || s.Last.Ledger == "" {
		t.Fatalf("%s %s %+v", s.Status, s.ReasonClass, s.History)
	}
	allZero(t, w)
	viewer := must[settlement.Viewer](t)(w.Viewer(ctx, identity.Principal{Tenant: settletest.Tenant, Creator: settletest.Person, Roles: []identity.Role{identity.Creator}}))
	if text := viewer.CreatorText(s); !strings.HasSuffix(text.EN, "The cause: The amount is above the limit.") || !strings.HasSuffix(text.ZH, "原因：金额超过限额") {
		t.Errorf("the creator reads %+v", text)
	}

	a, how, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "key-again", settletest.SettleRequest(settletest.Person, "live-1", "60000.00"))
	if err != nil || how != settlement.Opened {
		t.Fatalf("the payable comes again: %v %v", how, err)
	}
	if err := w.Quote(ctx, settletest.Tenant, a.SettlementID); err != nil {
		t.Fatal(err)
	}
	move(t, w, finance, string(a.SettlementID), settlement.InReview)
	advance(t, w, a.SettlementID)
	if s = load(t, w, string(a.SettlementID)); s.Occurrence != 2 || s.Status != settlement.InReview || s.Hold == nil || s.Hold.Reason != settlement.HoldRisk {
		t.Fatalf("occurrence %d is %s, held %+v", s.Occurrence, s.Status, s.Hold)
	}
	must[settlement.Settlement](t)(w.ReleaseHold(ctx, act(t, w, "x@x", string(a.SettlementID))))
	must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "y@x", string(a.SettlementID)), settlement.Approved))
}

// What a person has stopped is not rejected behind its back, and what was mended meanwhile is not rejected at all.
func TestARejectionWaitsForPeopleAndAsksAnew(t *testing.T) {
	w := inMemory(t, rejecting)
	ctx := context.Background()
	id := submitted(t, w, "live-1")
	must[settlement.Settlement](t)(w.PutOnHold(ctx, act(t, w, "x@x", string(id)), settlement.Hold{Reason: settlement.HoldManual, Owner: "x@x"}))
	advance(t, w, id)
	if s := load(t, w, string(id)); s.Status != settlement.InReview {
		t.Fatalf("%s under a hold by hand", s.Status)
	}
	w.Checks.Policy = policy{must[review.Rules](t)(review.Defaults())}
	must[settlement.Settlement](t)(w.ReleaseHold(ctx, act(t, w, "x@x", string(id))))
	advance(t, w, id)
	if s := load(t, w, string(id)); s.Status != settlement.InReview || s.Review.Rejects != "" || s.DueOperation() != "" {
		t.Fatalf("%s, rejects %q, due %q", s.Status, s.Review.Rejects, s.DueOperation())
	}
	must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "y@x", string(id)), settlement.Approved))
}
