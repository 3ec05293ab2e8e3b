package settlementapi

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
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
		s := settlement.Settlement{Opening: settlement.Opening{ID: "s", CreatorID: "c", PayOn: civil.MustDate("2026-09-15"), OpenedAt: now}, LastUpdated: now,
			Status: rapid.SampledFrom(settlement.Statuses()).Draw(t, "status"), Quote: rapid.SampledFrom([]string{"", "q"}).Draw(t, "quote"),
			ReopenedBy: ident.Settlement(rapid.SampledFrom([]string{"", "s2"}).Draw(t, "reopened"))}
		if state := rapid.SampledFrom(states).Draw(t, "payout"); state != "" {
			s.Payout = &settlement.Payout{State: state, SentAt: now, Reason: rapid.SampledFrom([]string{"", "ACCOUNT_ABNORMAL", "X"}).Draw(t, "code")}
		}
		if s.Status == settlement.Failed {
			s.ReasonClass = rapid.SampledFrom([]string{settlement.Rejected, settlement.Cancelled, settlement.PaymentFailed, settlement.Superseded}).Draw(t, "class")
		}
		if kind := rapid.SampledFrom(append(review.HoldReasons(), "")).Draw(t, "hold"); kind != "" {
			s.Hold = &settlement.Hold{Reason: kind, Owner: "finance@x", Text: "written by finance@x"}
		}
		v := settlement.Viewer{Rules: rules, Now: now, Today: civil.MustDate("2026-09-15"), ForCreator: true}
		shown := viewOf(v, s, nil, true)
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

// An approval names the net that its person saw; staff see that a quote came in between, and a creator sees neither
// approvals nor what the checks found.
func TestApprovalsAreShownToStaffAlone(t *testing.T) {
	net := money.MustParse("49000.00")
	s := settlement.Settlement{
		Status: settlement.Approved, Net: net, ApprovedNet: &net, Review: &settlement.Review{Approvers: 2, Findings: []string{"amount"}},
		Approvals: []settlement.Approval{{By: "a", Net: money.MustParse("50000.00")}, {By: "b", Net: net}},
	}
	given := viewOf(settlement.Viewer{}, s, nil, false).Approvals
	if given.Needed != 2 || given.Missing != 0 || !given.Given[0].Changed || given.Given[1].Changed {
		t.Errorf("approvals %+v", given)
	}
	s.Approvals = s.Approvals[:1]
	if given = viewOf(settlement.Viewer{}, s, nil, false).Approvals; given.Missing != 1 {
		t.Errorf("one approval of two: %+v", given)
	}
	if v := viewOf(settlement.Viewer{ForCreator: true}, s, nil, false); v.Approvals != nil || v.Review != nil {
		t.Errorf("a creator reads %+v %+v", v.Approvals, v.Review)
	}
}
