package settlement

import (
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

func heldFor(s Settlement) string {
	if s.Hold == nil {
		return ""
	}
	return s.Hold.Reason
}

// What waits for the creator's word stays held whatever other hold comes and goes meanwhile.
func TestWhatWaitsIsNotForgottenBehindAnotherHold(t *testing.T) {
	a, now := Act{ID: "a", By: "finance@x"}, time.UnixMilli(0)
	s := Settlement{Opening: Opening{ID: "s", CreatorID: "c", NeedsConfirm: true, NeedsInvoice: true}, Status: PendingReview, Quote: "q"}
	s = s.RecordQuote(Figures{Hash: "q"}, civil.Date{}, a, now)
	if heldFor(s) != HoldInvoice {
		t.Fatalf("after the quote: %q", heldFor(s))
	}
	s, err := s.RecordInvoice(InvoicePaper{}, a, now)
	if err != nil || heldFor(s) != HoldConfirmation || s.Hold.Owner != "finance" {
		t.Fatalf("after the invoice: %+v %v", s.Hold, err)
	}
	s = s.SendStatement(civil.MustDate("2026-09-20"), a, now)
	if s.Hold.Owner != "c" || s.Hold.Until != civil.MustDate("2026-09-20") {
		t.Fatalf("after it was sent: %+v", s.Hold)
	}
	s, err = s.PlaceHold(Hold{Reason: HoldManual}, a, now)
	if err != nil {
		t.Fatal(err)
	}
	s, err = s.Dispute(civil.MustDate("2026-09-25"), a, now)
	if err != nil || heldFor(s) != HoldManual {
		t.Fatalf("a dispute behind a manual hold: %q %v", heldFor(s), err)
	}
	if s, err = s.EndHold(a, now); err != nil || heldFor(s) != HoldDisputed || s.Hold.Until.IsZero() {
		t.Fatalf("after the release: %+v %v", s.Hold, err)
	}
	if _, err := s.EndHold(a, now); fault.AsError(err).Reason != "disputed" {
		t.Errorf("a dispute was released by hand: %v", err)
	}
	s = s.HoldForRuleGap("rule", "text", a, now)
	s = s.RecordQuote(Figures{Hash: "q"}, civil.Date{}, a, now)
	if heldFor(s) != HoldDisputed {
		t.Errorf("after a gap: %q", heldFor(s))
	}
	if s = s.ResolveDispute(civil.Date{}, a, now); heldFor(s) != HoldConfirmation {
		t.Errorf("after the answer: %q", heldFor(s))
	}
	if s = s.ConfirmStatement(a, now); s.Hold != nil {
		t.Errorf("confirmed and still held: %+v", s.Hold)
	}
	s.Status = Paid
	if _, err := s.Dispute(civil.MustDate("2026-09-25"), a, now); fault.AsError(err).Reason != "already_sent" {
		t.Errorf("paid money was held: %v", err)
	}
}
