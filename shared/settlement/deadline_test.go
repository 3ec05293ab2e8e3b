package settlement

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/tenancy/review"
)

// Nothing ends in a state that names no next action, no owner or no reason: over all states, holds and payouts.
func TestEveryStateHasNextOwnerAndReason(t *testing.T) {
	rules, err := review.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 9, 15, 10, 0, 0, 0, civil.Shanghai)
	states := []payout.State{"", payout.Created, payout.Sent, payout.Unknown, payout.Accepted, payout.WaitingPayee, payout.Paid, payout.Failed, payout.Cancelled, payout.Returned}
	rapid.Check(t, func(t *rapid.T) {
		s := Settlement{Opening: Opening{ID: "s", CreatorID: "c", PayOn: civil.MustDate("2026-09-15"), OpenedAt: now}, LastUpdated: now,
			Status: rapid.SampledFrom(Statuses()).Draw(t, "status"), Quote: rapid.SampledFrom([]string{"", "q"}).Draw(t, "quote"),
			ReopenedBy: ident.Settlement(rapid.SampledFrom([]string{"", "s2"}).Draw(t, "reopened"))}
		if state := rapid.SampledFrom(states).Draw(t, "payout"); state != "" {
			s.Payout = &Payout{State: state, SentAt: now, Reason: rapid.SampledFrom([]string{"", "ACCOUNT_ABNORMAL", "X"}).Draw(t, "code")}
		}
		if s.Status == Failed {
			s.ReasonClass = rapid.SampledFrom([]string{Rejected, Cancelled, PaymentFailed, Superseded}).Draw(t, "class")
		}
		if kind := rapid.SampledFrom(append(review.Holds(), "")).Draw(t, "hold"); kind != "" {
			s.Hold = &Hold{Reason: kind, Owner: "finance@x", Text: "written by finance@x"}
		}
		v := Viewer{Rules: rules, Now: now, Today: civil.MustDate("2026-09-15"), ForCreator: true}
		shown := v.View(s, nil, true)
		if shown.Next.Action == "" || shown.Next.Owner == "" || shown.CreatorText.ZH == "" || shown.CreatorText.EN == "" {
			t.Fatalf("next %+v, text %+v", shown.Next, shown.CreatorText)
		}
		if shown.Next.Action != "none" && shown.Next.Due == nil {
			t.Fatalf("%s of %s has no day", shown.Next.Action, shown.Next.Owner)
		}
		if shown.Next.Owner == "finance@x" || (shown.Hold != nil && shown.Hold.Text == s.Hold.Text) {
			t.Fatal("a creator reads names or words of staff")
		}
		v.Now, v.Today = now.AddDate(1, 0, 0), civil.MustDate("2027-09-15")
		if _, overdue := v.Overdue(s); overdue != (shown.Next.Action != "none") {
			t.Fatalf("after a year %s is overdue: %v", shown.Next.Action, overdue)
		}
	})
}
