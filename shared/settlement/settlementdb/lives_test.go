package settlementdb_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// inMemory is reviewed on tables in memory.
func inMemory(t *testing.T, change func(*review.Rules)) *settletest.World {
	t.Helper()
	rules := must[review.Rules](t)(review.Defaults())
	change(&rules)
	w := settletest.OpenIn(t, dynamotest.OpenInMemory(t))
	w.Checks.Policy = policy{rules}
	return w
}

// twoAbove lets two people approve what is above 50,000.00.
func twoAbove(r *review.Rules) {
	r.Levels = []review.Level{{Above: money.MustParse("50000.00"), Approvers: 2}}
}

func person(name string) identity.Principal {
	p := settletest.CallerWith(identity.Finance, identity.Approver)
	p.Subject = name
	return p
}

// act is what a person wants of a settlement as it stands.
func act(t *testing.T, w *settletest.World, who, id string) settlement.Intent {
	t.Helper()
	return settlement.Intent{By: person(who), ID: id, Version: load(t, w, id).StatusVersion, Reason: "tested"}
}

func refused(t *testing.T, reason string) func(settlement.Settlement, error) {
	return func(_ settlement.Settlement, err error) {
		t.Helper()
		if fault.AsError(err).Reason != reason || err == nil {
			t.Fatalf("got %v, want %s", err, reason)
		}
	}
}

// submitted is a settlement of 60,000.00 in IN_REVIEW, prepared by finance.
func submitted(t *testing.T, w *settletest.World, activity string) ident.Settlement {
	t.Helper()
	id := settle(t, w, settletest.Person, activity, "60000.00")
	if err := w.Quote(context.Background(), settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	move(t, w, finance, string(id), settlement.InReview)
	return id
}

func allZero(t *testing.T, w *settletest.World) {
	t.Helper()
	for account, sum := range balances(t, w, settletest.Person) {
		if !sum.IsZero() {
			t.Errorf("%s is %s", account, sum)
		}
	}
}

// A payable that is paid again is approved anew by as many people as its amount needs, and by nobody who prepared it
// the first time.
func TestAReopenedPayableIsApprovedAnewByLevels(t *testing.T) {
	w := inMemory(t, twoAbove)
	ctx := context.Background()
	id := submitted(t, w, "live-1")
	must[settlement.Settlement](t)(w.PutOnHold(ctx, act(t, w, "c@x", string(id)), settlement.Hold{Reason: settlement.HoldRisk}))
	must[settlement.Settlement](t)(w.ReleaseHold(ctx, act(t, w, "c@x", string(id))))
	for _, who := range []string{"a@x", "b@x"} {
		must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, who, string(id)), settlement.Approved))
	}
	if err := w.Book(ctx, settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	hear(t, w, string(id), payout.Failed)
	refused(t, "preparer")(w.Reopen(ctx, act(t, w, "c@x", string(id)))) // who ended the hold is a preparer
	again := must[settlement.Settlement](t)(w.Reopen(ctx, act(t, w, "a@x", string(id))))
	if len(again.Approvals) != 0 || again.Review != nil || again.ApprovedNet != nil || len(again.Waived) != 0 {
		t.Fatalf("the new occurrence begins with approvals %v, review %v, waived %v", again.Approvals, again.Review, again.Waived)
	}
	if err := w.Quote(ctx, settletest.Tenant, ident.Settlement(again.ID)); err != nil {
		t.Fatal(err)
	}
	move(t, w, finance, again.ID, settlement.InReview)
	refused(t, "preparer")(w.Transition(ctx, act(t, w, "c@x", again.ID), settlement.Approved))
	if s := must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "a@x", again.ID), settlement.Approved)); s.Status != settlement.InReview {
		t.Fatalf("one of two approvals moved it to %s", s.Status)
	}
	must[settlement.Settlement](t)(w.PutOnHold(ctx, act(t, w, "d@x", again.ID), settlement.Hold{Reason: settlement.HoldManual}))
	refused(t, "on_hold")(w.Transition(ctx, act(t, w, "b@x", again.ID), settlement.Approved))
	must[settlement.Settlement](t)(w.ReleaseHold(ctx, act(t, w, "d@x", again.ID)))
	if s := must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "b@x", again.ID), settlement.Approved)); s.Status != settlement.Approved || len(s.Approvals) != 2 {
		t.Errorf("%s with %v", s.Status, s.Approvals)
	}
}

// A rejection between two approvals, on hold, undoes the opening; the payable begins again without the approval.
func TestARejectionBetweenTwoApprovals(t *testing.T) {
	w := inMemory(t, twoAbove)
	ctx := context.Background()
	id := submitted(t, w, "live-1")
	must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "a@x", string(id)), settlement.Approved))
	must[settlement.Settlement](t)(w.PutOnHold(ctx, act(t, w, "c@x", string(id)), settlement.Hold{Reason: settlement.HoldRisk}))
	s := must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "b@x", string(id)), settlement.Failed))
	if s.ReasonClass != settlement.Rejected || s.Hold != nil || !load(t, w, string(id)).HeldSince.IsZero() {
		t.Fatalf("%s, hold %v", s.ReasonClass, s.Hold)
	}
	allZero(t, w)
	refused(t, "illegal_transition")(w.Transition(ctx, act(t, w, "b@x", string(id)), settlement.Approved))
	a, how, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "another-key", settletest.SettleRequest(settletest.Person, "live-1", "60000.00"))
	if err != nil || how != settlement.Opened {
		t.Fatalf("%v %v", how, err)
	}
	if fresh := load(t, w, string(a.SettlementID)); len(fresh.Approvals) != 0 || fresh.Hold != nil {
		t.Errorf("begins with %v, hold %v", fresh.Approvals, fresh.Hold)
	}
}

// A hold does not keep a settlement from being cancelled, and ends with it.
func TestACancellationOnHold(t *testing.T) {
	for name, booked := range map[string]bool{"approved": false, "paying": true} {
		t.Run(name, func(t *testing.T) {
			w := inMemory(t, twoAbove)
			ctx := context.Background()
			id := submitted(t, w, "live-1")
			refused(t, "illegal_transition")(w.Cancel(ctx, act(t, w, "a@x", string(id))))
			for _, who := range []string{"a@x", "b@x"} {
				must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, who, string(id)), settlement.Approved))
			}
			if booked {
				if err := w.Book(ctx, settletest.Tenant, id); err != nil {
					t.Fatal(err)
				}
			}
			must[settlement.Settlement](t)(w.PutOnHold(ctx, act(t, w, "c@x", string(id)), settlement.Hold{Reason: settlement.HoldRisk, Until: civil.MustDate("2026-12-31")}))
			if err := w.Book(ctx, settletest.Tenant, id); err != nil || (load(t, w, string(id)).Status == settlement.Paying) != booked {
				t.Fatalf("booked on hold: %v", err)
			}
			must[settlement.Settlement](t)(w.Cancel(ctx, act(t, w, "a@x", string(id))))
			advance(t, w, id) // what was on its way finds nothing to do
			if s := load(t, w, string(id)); s.Status != settlement.Failed || s.ReasonClass != settlement.Cancelled || s.Hold != nil {
				t.Fatalf("%s %s, hold %v", s.Status, s.ReasonClass, s.Hold)
			}
			allZero(t, w)
		})
	}
}

// Finance's hold is not taken away by an operator who puts another one over it.
func TestAHoldIsReplacedByWhoMayEndIt(t *testing.T) {
	w := inMemory(t, twoAbove)
	ctx := context.Background()
	id := submitted(t, w, "live-1")
	must[settlement.Settlement](t)(w.PutOnHold(ctx, act(t, w, "c@x", string(id)), settlement.Hold{Reason: settlement.HoldRisk}))
	in := act(t, w, "o@x", string(id))
	in.By.Roles = []identity.Role{identity.Operator}
	refused(t, "hold_owner")(w.PutOnHold(ctx, in, settlement.Hold{Reason: settlement.HoldManual}))
	refused(t, "hold_owner")(w.ReleaseHold(ctx, in))
	must[settlement.Settlement](t)(w.PutOnHold(ctx, act(t, w, "d@x", string(id)), settlement.Hold{Reason: settlement.HoldManual}))
	must[settlement.Settlement](t)(w.ReleaseHold(ctx, in))
}

// The system's approval and a person's act on the same settlement at the same instant: one of them is decided on what
// the other left.
func TestAutomaticApprovalRacesAPerson(t *testing.T) {
	w := reviewed(t, func(r *review.Rules) {
		r.Automatic = review.Automatic{Submit: true, ApproveUpTo: money.MustParse("10000.00")}
	})
	ctx := context.Background()
	paid := settle(t, w, settletest.Person, "live-0", "100.00")
	book(t, w, string(paid))
	hear(t, w, string(paid), payout.Paid)
	v := w.Advancer(nil, nil)
	for _, round := range []string{"approves", "holds", "rejects"} {
		for n := range 4 {
			id := settle(t, w, settletest.Person, "live-"+round+string(rune('a'+n)), "100.00")
			if err := w.Quote(ctx, settletest.Tenant, id); err != nil {
				t.Fatal(err)
			}
			advance(t, w, id)
			in := act(t, w, "a@x", string(id))
			var told error
			var work sync.WaitGroup
			work.Go(func() {
				err := v.RunTask(ctx, settlement.Task{Tenant: settletest.Tenant, SettlementID: id, Op: settlement.OpAdvance})
				if err != nil && !errors.Is(err, optimistic.ErrRival) && !fault.HasCode(err, fault.Unavailable) {
					t.Error(err)
				}
			})
			work.Go(func() {
				switch round {
				case "approves":
					_, told = w.Transition(ctx, in, settlement.Approved)
				case "holds":
					_, told = w.PutOnHold(ctx, in, settlement.Hold{Reason: settlement.HoldManual})
				default:
					_, told = w.Transition(ctx, in, settlement.Failed)
				}
			})
			work.Wait()
			s := load(t, w, string(id))
			system := len(s.Approvals) == 1 && s.Approvals[0].By == "system:review"
			if system == (told == nil) || (told != nil && !fault.HasCode(told, fault.IllegalMove) && !fault.HasCode(told, fault.StaleVersion)) {
				t.Errorf("%s: the system's approval stands: %v, and the person was told %v", round, system, told)
			}
			want := map[string]settlement.Status{"approves": settlement.Approved, "holds": settlement.InReview, "rejects": settlement.Failed}[round]
			if told == nil && (s.Status != want || (s.Hold != nil) != (round == "holds")) || told != nil && (s.Status != settlement.Approved || s.StatusVersion != 3) {
				t.Errorf("%s: %s version %d, hold %v, told %v", round, s.Status, s.StatusVersion, s.Hold, told)
			}
		}
	}
}

// swept runs the sweep with all that it asks for, until nothing moves any more.
func swept(t *testing.T, w *settletest.World) {
	t.Helper()
	ctx := context.Background()
	var v *settlement.Advancer
	v = w.Advancer(func(ctx context.Context, s settlement.Settlement, op string) error {
		task := settlement.Task{Tenant: s.Tenant, SettlementID: ident.Settlement(s.ID), Op: op}
		switch op {
		case settlement.OpAdvance:
			return v.RunTask(ctx, task)
		case settlement.OpQuote, settlement.OpBook, settlement.OpRebook:
			return w.RunTask(ctx, task)
		}
		return nil
	}, nil)
	for range 3 {
		if err := v.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// A studio whose licence is missing waits, goes on by the sweep when it is recorded, and waits again when it has run
// out by the pay day.
func TestAMissingPaperFromHoldToPayment(t *testing.T) {
	w := inMemory(t, func(r *review.Rules) {
		r.Papers = []review.PaperRule{{Paper: "business_licence", On: true, Kinds: []string{"individual_business"}, Routes: []string{tenancy.StudioInvoice}}}
	})
	ctx := context.Background()
	w.SetDate("2026-09-10")
	record := func(from, to string) {
		tp := w.People.Taxpayers["tp-"+settletest.Studio]
		paper := tenancy.Paper{Name: "business_licence", Number: "92330100MA0000000X", From: civil.MustDate(from)}
		if to != "" {
			paper.To = civil.MustDate(to)
		}
		tp.Profiles[0].Papers = append(tp.Profiles[0].Papers, paper)
		w.People.Taxpayers["tp-"+settletest.Studio] = tp
	}
	id := settle(t, w, settletest.Studio, "live-1", "10000.00")
	held := func(want string) settlement.Settlement {
		t.Helper()
		swept(t, w)
		s, got := load(t, w, string(id)), ""
		if s.Hold != nil {
			got = s.Hold.Reason
		}
		if got != want || s.HeldSince.IsZero() != (want == "") {
			t.Fatalf("held for %q since %s, want %q", got, s.HeldSince, want)
		}
		return s
	}
	before := held(settlement.HoldPaper)
	if after := held(settlement.HoldPaper); after.Revision != before.Revision {
		t.Error("a sweep that finds the cause unchanged writes")
	}
	move(t, w, finance, string(id), settlement.InReview)
	refused(t, "on_hold")(w.Transition(ctx, settlement.Intent{By: approver, ID: string(id), Version: 2}, settlement.Approved))
	record("2026-01-01", "2026-09-14")
	w.SetDate("2026-09-12")
	held(settlement.HoldPaper) // valid today, and not on the day of the payment
	w.SetDate("2026-09-15")
	record("2026-09-15", "2026-09-15")
	held("")
	move(t, w, approver, string(id), settlement.Approved)
	w.SetDate("2026-09-16")
	held(settlement.HoldPaper) // it ran out between approval and booking
	record("2026-09-16", "")
	if s := held(""); s.Status != settlement.Paying {
		t.Fatalf("stands still as %s", s.Status)
	}
	hear(t, w, string(id), payout.Paid)
	if s := load(t, w, string(id)); s.Status != settlement.Paid || len(s.Waived) != 0 {
		t.Errorf("%s, waived %v", s.Status, s.Waived)
	}
}
