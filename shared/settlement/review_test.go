package settlement

import (
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

func TestApprovalsByLevels(t *testing.T) {
	now := time.UnixMilli(1)
	s := Settlement{Opening: Opening{ID: "s", Gross: money.MustParse("60000.00")}, Status: InReview, StatusVersion: 2, Quote: "q", Preparers: []string{"p"},
		Review: &Review{Approvers: 2}, Net: money.MustParse("50000.00")}
	by := func(who string) Act { return Act{ID: "act-" + who, Name: "settlement.approved", By: who} }
	if _, err := s.Approve(2, by("p"), now); !fault.HasCode(err, fault.Forbidden) {
		t.Errorf("a preparer approves: %v", err)
	}
	one, err := s.Approve(2, by("a"), now)
	if err != nil || one.Status != InReview || one.StatusVersion != 2 || one.Last.Name != ActApprovalGiven {
		t.Fatalf("first approval: %+v %v", one, err)
	}
	if _, err := one.Approve(2, by("a"), now); fault.AsError(err).Reason != "approved_by_you" {
		t.Errorf("the same person twice: %v", err)
	}
	one.Net = money.MustParse("49000.00") // a new quote in between
	two, err := one.Approve(2, by("b"), now)
	if err != nil || two.Status != Approved || two.StatusVersion != 3 || len(two.Approvals) != 2 || *two.ApprovedNet != one.Net {
		t.Fatalf("second approval: %+v %v", two, err)
	}
	if two.Approvals[0].Net == two.Approvals[1].Net || two.ApproversNeeded() != len(two.Approvals) {
		t.Errorf("approvals %+v", two.Approvals)
	}
	if n := two.moveToPayingUnbooked(by("a"), now); n.Status != Paying {
		t.Error("a cancellation after approval")
	}
}

// A released hold of the system stays ended: its cause is waived, and the next cause shows.
func TestAReleasedCauseIsWaivedAndTheNextOneShows(t *testing.T) {
	now, a := time.UnixMilli(1), Act{ID: "a", By: "finance@x"}
	s := Settlement{Opening: Opening{ID: "s", NeedsInvoice: true}, Status: PendingReview, Lacks: "business_license", Awaits: HoldReceipt}
	s = s.RecordQuote(Figures{Hash: "q"}, civil.Date{}, a, now)
	for _, kind := range []string{HoldPaper, HoldInvoice, HoldReceipt} {
		if heldFor(s) != kind {
			t.Fatalf("held for %q, want %s", heldFor(s), kind)
		}
		var err error
		if s, err = s.EndHold(a, now); err != nil {
			t.Fatal(err)
		}
	}
	if s.Hold != nil || len(s.Waived) != 3 || len(s.Preparers) != 1 {
		t.Errorf("hold %+v, waived %v, preparers %v", s.Hold, s.Waived, s.Preparers)
	}
	s, err := s.PlaceHold(Hold{Reason: HoldPaper}, a, now)
	if err != nil || !s.Hold.ByHand || s.isHoldRechecked() {
		t.Errorf("a hold by hand would end by itself: %+v %v", s.Hold, err)
	}
}
