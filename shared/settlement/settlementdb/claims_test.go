package settlementdb_test

import (
	"context"
	"slices"
	"testing"

	"fenzhang/shared/clock/ids"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy/review"
)

// owed raises a claim on the person: one asks, another confirms, and open settlements are quoted anew.
func owed(t *testing.T, w *settletest.World, id, amount, asks, confirms string) {
	t.Helper()
	ctx := context.Background()
	claims := receivable.Claims{Store: &receivabledb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: ids.NewSource(w.Now)},
		Directory: w.People, Clock: w.Clock, NewID: w.NextID, Raised: w.Requote}
	in := receivable.Receivable{ID: id, CreatorID: settletest.Person, Entity: settletest.Ordinary, Kind: receivable.Penalty, Amount: money.MustParse(amount), Document: "doc-" + id, Reason: "test"}
	if _, _, err := claims.Prepare(ctx, person(asks), in); err != nil {
		t.Fatal(err)
	}
	if _, err := claims.Approve(ctx, person(asks), id); !fault.HasCode(err, fault.Forbidden) {
		t.Fatalf("who asked confirms: %v", err)
	}
	must[receivable.Receivable](t)(claims.Approve(ctx, person(confirms), id))
}

// Who raised or confirmed a claim made the settlements that bear it what they are, and decides none of them: neither
// where the claim stood at the quote, nor where it came after the quote or after the approval.
func TestWhoRaisedOrConfirmedAClaimDecidesNothingThatBearsIt(t *testing.T) {
	for name, c := range map[string]struct{ before, reviewed, approved bool }{"before the quote": {before: true}, "in review": {reviewed: true}, "after the approval": {approved: true}} {
		t.Run(name, func(t *testing.T) {
			w := inMemory(t, func(*review.Rules) {})
			ctx := context.Background()
			raise := func(now bool) {
				if now {
					owed(t, w, "late-live", "500.00", "x@x", "y@x")
				}
			}
			raise(c.before)
			id := submitted(t, w, "live-1")
			raise(c.reviewed)
			if !c.approved {
				for _, who := range []string{"x@x", "y@x"} {
					refused(t, "preparer")(w.Transition(ctx, act(t, w, who, string(id)), settlement.Approved))
					refused(t, "preparer")(w.Transition(ctx, act(t, w, who, string(id)), settlement.Failed))
				}
				must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "z@x", string(id)), settlement.Approved))
			} else {
				must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "x@x", string(id)), settlement.Approved))
			}
			raise(c.approved)
			if err := w.Book(ctx, settletest.Tenant, id); err != nil {
				t.Fatal(err)
			}
			s := load(t, w, string(id))
			if len(s.SetOffs) != 1 || s.SetOffs[0].Receivable != "late-live" || !slices.Contains(s.Preparers, "x@x") || !slices.Contains(s.Preparers, "y@x") {
				t.Fatalf("set off %+v, preparers %v", s.SetOffs, s.Preparers)
			}
			if c.approved {
				if s.Hold == nil || s.Hold.Reason != settlement.HoldNetChanged {
					t.Fatalf("a claim after the approval goes unseen: %+v", s.Hold)
				}
				refused(t, "preparer")(w.ConfirmNet(ctx, act(t, w, "x@x", string(id)), s.Net))
				refused(t, "preparer")(w.ConfirmNet(ctx, act(t, w, "y@x", string(id)), s.Net))
				must[settlement.Settlement](t)(w.ConfirmNet(ctx, act(t, w, "z@x", string(id)), s.Net))
				if err := w.Book(ctx, settletest.Tenant, id); err != nil {
					t.Fatal(err)
				}
				s = load(t, w, string(id))
			}
			if s.Status != settlement.Paying || s.ToPay != s.Net.Sub(money.MustParse("500.00")) {
				t.Fatalf("%s, %s of %s to pay", s.Status, s.ToPay, s.Net)
			}
			refused(t, "preparer")(w.Cancel(ctx, act(t, w, "x@x", string(id))))
		})
	}
}

// A first of two approvals counts no more once its giver has confirmed a claim that the settlement bears.
func TestAnApprovalEndsWhenItsGiverBecomesAPreparer(t *testing.T) {
	w := inMemory(t, func(r *review.Rules) { r.Levels = []review.Level{{Above: money.MustParse("1.00"), Approvers: 2}} })
	ctx := context.Background()
	id := submitted(t, w, "live-1")
	must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "y@x", string(id)), settlement.Approved))
	owed(t, w, "late-live", "500.00", "x@x", "y@x")
	s := must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "z@x", string(id)), settlement.Approved))
	if s.Status != settlement.InReview || len(s.Approvals) != 1 {
		t.Fatalf("%s by %+v", s.Status, s.Approvals)
	}
	refused(t, "preparer")(w.Transition(ctx, act(t, w, "y@x", string(id)), settlement.Approved))
	if s = must[settlement.Settlement](t)(w.Transition(ctx, act(t, w, "q@x", string(id)), settlement.Approved)); s.Status != settlement.Approved {
		t.Fatalf("%s by %+v", s.Status, s.Approvals)
	}
}

func TestACashierRaisesNoClaim(t *testing.T) {
	w := inMemory(t, func(*review.Rules) {})
	claims := receivable.Claims{Directory: w.People, Clock: w.Clock, NewID: w.NextID}
	both := settletest.CallerWith(identity.Finance, identity.Cashier)
	if _, _, err := claims.Prepare(context.Background(), both, receivable.Receivable{CreatorID: settletest.Person, Entity: settletest.Ordinary}); fault.AsError(err).Reason != "cashier" {
		t.Errorf("got %v", err)
	}
	if _, err := claims.Approve(context.Background(), settletest.CallerWith(identity.Approver, identity.Cashier), "any"); fault.AsError(err).Reason != "cashier" {
		t.Errorf("confirms: %v", err)
	}
}
