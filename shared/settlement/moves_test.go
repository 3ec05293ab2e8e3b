package settlement

import (
	"strings"
	"testing"

	"fenzhang/shared/fault"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

// TestOnlyTheseMovesExist holds every pair of statuses against promise P4. Where each may be made by whom is in the table
// of states beside the routes.
func TestOnlyTheseMovesExist(t *testing.T) {
	moves := map[Status]string{PendingReview: "IN_REVIEW", InReview: "APPROVED FAILED", Approved: "PAYING", Paying: "PAID FAILED", Paid: "", Failed: ""}
	if len(moves) != len(Statuses()) {
		t.Errorf("%d statuses", len(Statuses()))
	}
	for _, from := range Statuses() {
		allowed := strings.Fields(moves[from])
		for _, to := range append(Statuses(), "", "ELSE") {
			err := Settlement{Status: from}.requireTransition(to)
			want := false
			for _, a := range allowed {
				want = want || a == string(to)
			}
			if (err == nil) != want || err != nil && !fault.HasCode(err, fault.IllegalMove) {
				t.Errorf("%s to %q: %v", from, to, err)
			}
			if err != nil && !strings.Contains(err.Error(), strings.Join(allowed, " or ")) {
				t.Errorf("%s to %q does not say where it may go: %v", from, to, err)
			}
		}
	}
}

// TestEveryStateIsDueForItsOperation: what the relay puts on a queue after each write, and the sweep again.
func TestEveryStateIsDueForItsOperation(t *testing.T) {
	byHand, byReview, gap := &Hold{Reason: HoldManual, ByHand: true}, &Hold{Reason: HoldRisk}, &Hold{Reason: HoldRuleGap}
	rejects, created, sent := &Review{Rejects: "amount"}, &Payout{State: payout.Created}, &Payout{State: payout.Sent}
	for name, c := range map[string]struct {
		s    Settlement
		want string
	}{
		"opened":                       {Settlement{Status: PendingReview}, OpQuote},
		"opened, held":                 {Settlement{Status: PendingReview, Hold: byHand}, OpQuote},
		"opened, no rule":              {Settlement{Status: PendingReview, Hold: gap}, ""},
		"quoted":                       {Settlement{Status: PendingReview, Quote: "q"}, ""},
		"quoted, automatic":            {Settlement{Status: PendingReview, Quote: "q", Automatic: true}, OpAdvance},
		"quoted, automatic, held":      {Settlement{Status: PendingReview, Quote: "q", Automatic: true, Hold: byHand}, ""},
		"quoted, a check rejects":      {Settlement{Status: PendingReview, Quote: "q", Review: rejects}, ""},
		"in review, no quote":          {Settlement{Status: InReview}, OpQuote},
		"in review, no quote, rejects": {Settlement{Status: InReview, Review: rejects}, OpQuote},
		"in review":                    {Settlement{Status: InReview, Quote: "q", Review: &Review{}}, ""},
		"in review, automatic":         {Settlement{Status: InReview, Quote: "q", Automatic: true}, OpAdvance},
		"rejected by a check":          {Settlement{Status: InReview, Quote: "q", Review: rejects}, OpAdvance},
		"rejected, held by a check":    {Settlement{Status: InReview, Quote: "q", Review: rejects, Hold: byReview}, OpAdvance},
		"rejected, held by a person":   {Settlement{Status: InReview, Quote: "q", Review: rejects, Hold: byHand}, ""},
		"rejected, no rule":            {Settlement{Status: InReview, Quote: "q", Review: rejects, Hold: gap}, ""},
		"approved":                     {Settlement{Status: Approved, Quote: "q", Review: rejects}, OpBook},
		"approved, held":               {Settlement{Status: Approved, Quote: "q", Hold: byReview}, ""},
		"paying":                       {Settlement{Status: Paying, Payout: created, ToPay: money.Fen(1)}, OpSend},
		"paying nothing":               {Settlement{Status: Paying, Payout: created}, OpBook},
		"paying, held":                 {Settlement{Status: Paying, Payout: created, ToPay: money.Fen(1), Hold: byHand}, ""},
		"paying, sent":                 {Settlement{Status: Paying, Payout: sent, ToPay: money.Fen(1)}, ""},
		"being cancelled":              {Settlement{Status: Paying, ReasonClass: Cancelled}, ""},
		"paid":                         {Settlement{Status: Paid, Payout: sent, Quote: "q"}, ""},
		"failed":                       {Settlement{Status: Failed, Quote: "q", Review: rejects}, ""},
	} {
		if got := c.s.DueOperation(); got != c.want {
			t.Errorf("%s: due %q, want %q", name, got, c.want)
		}
	}
}
