package settlement

import (
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

// paying is a settlement in PAYING whose approver has seen a net of 90.00.
func paying() Settlement {
	net := money.Yuan(90)
	return Settlement{Opening: Opening{ID: "s", Gross: money.Yuan(100)}, Status: Paying, StatusVersion: 4, Quote: "q", Booking: "q", BookedEntry: "b",
		Net: net, ToPay: net, ApprovedNet: &net, Payout: &Payout{State: payout.Created}}
}

// bookedAt are figures that leave a net.
func bookedAt(net int64) Figures { return Figures{Hash: "f", Result: tax.Result{Net: money.Yuan(net)}} }

// What a person has set, and a dispute, stay when a booking is made again; what it hid shows when they end.
func TestAHoldStaysWhenABookingIsMadeAgain(t *testing.T) {
	now, day, a := time.UnixMilli(1), civil.MustDate("2026-10-09"), Act{ID: "a", Name: actRebooked, By: "finance@x"}
	answer := civil.MustDate("2026-10-12")
	byHand := func(s Settlement) (Settlement, error) {
		return s.PlaceHold(Hold{Reason: HoldRisk, Owner: "finance@x", Until: answer, Text: "look at the account"}, a, now)
	}
	for name, c := range map[string]struct {
		net        int64
		before     func(Settlement) (Settlement, error)
		want, then string // the hold after the booking, and after that one has ended
	}{
		"nothing":               {90, func(s Settlement) (Settlement, error) { return s, nil }, "", ""},
		"a lower net":           {80, func(s Settlement) (Settlement, error) { return s, nil }, HoldNetChanged, ""},
		"by hand":               {90, byHand, HoldRisk, ""},
		"by hand, a lower net":  {80, byHand, HoldRisk, HoldNetChanged},
		"disputed":              {90, func(s Settlement) (Settlement, error) { return s.Dispute(answer, a, now) }, HoldDisputed, ""},
		"disputed, a lower net": {80, func(s Settlement) (Settlement, error) { return s.Dispute(answer, a, now) }, HoldDisputed, HoldNetChanged},
		"a gap":                 {90, func(s Settlement) (Settlement, error) { return s.HoldBookedForRuleGap("r", "no rule", a, now), nil }, "", ""},
		"by hand behind a gap":  {90, func(s Settlement) (Settlement, error) { return byHand(s.HoldBookedForRuleGap("r", "no rule", a, now)) }, HoldRisk, ""},
		"a lower net, confirmed": {80, func(s Settlement) (Settlement, error) {
			s.Hold = &Hold{Reason: HoldNetChanged}
			s.Net, s.ToPay = money.Yuan(80), money.Yuan(80)
			return s.ConfirmChangedNet(money.Yuan(80), a, now)
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := c.before(paying())
			if err != nil {
				t.Fatal(err)
			}
			n := s.replaceBooking(bookedAt(c.net), nil, day, a, now).New
			if heldFor(n) != c.want {
				t.Fatalf("held for %q, want %q", heldFor(n), c.want)
			}
			if c.want == HoldRisk && (*n.Hold != *s.Hold || n.Hold.Text != "look at the account") {
				t.Errorf("the hold of a person became %+v", *n.Hold)
			}
			switch c.want {
			case HoldRisk:
				n, err = n.EndHold(a, now)
			case HoldDisputed:
				n = n.ResolveDispute(civil.Date{}, a, now)
			default:
				return
			}
			if err != nil || heldFor(n) != c.then {
				t.Errorf("then held for %q, want %q: %v", heldFor(n), c.then, err)
			}
		})
	}
}

// A gap takes the figures away and does not replace what comes before it.
func TestAGapStaysBehindAHoldOfAPerson(t *testing.T) {
	now, a := time.UnixMilli(1), Act{ID: "a", By: "finance@x"}
	s := Settlement{Opening: Opening{ID: "s"}, Status: InReview, StatusVersion: 2, Quote: "q"}
	s, err := s.PlaceHold(Hold{Reason: HoldManual}, a, now)
	if err != nil {
		t.Fatal(err)
	}
	n := s.HoldForRuleGap("r", "no rule", a, now)
	if heldFor(n) != HoldManual || n.Quote != "" || n.DueOperation() != OpQuote {
		t.Fatalf("held for %q, quote %q, due %q", heldFor(n), n.Quote, n.DueOperation())
	}
	if n = n.HoldBookedForRuleGap("r", "no rule", a, now); heldFor(n) != HoldManual {
		t.Errorf("in paying held for %q", heldFor(n))
	}
	if n, err = n.EndHold(a, now); err != nil || n.HoldForRuleGap("r", "no rule", a, now).Hold.Reason != HoldRuleGap {
		t.Errorf("the gap is forgotten: %v", err)
	}
	if n, err = n.HoldForRuleGap("r", "no rule", a, now).Dispute(civil.MustDate("2026-10-12"), a, now); err != nil || heldFor(n) != HoldDisputed {
		t.Errorf("a dispute stays behind a gap: %q %v", heldFor(n), err)
	}
	if n = n.RecordQuote(bookedAt(80), civil.Date{}, a, now); heldFor(n) != HoldDisputed {
		t.Errorf("a quote ends a dispute: %q", heldFor(n))
	}
}

// What the review asks for is not forgotten behind another hold, and comes once.
func TestTheReviewsHoldShowsBehindAnother(t *testing.T) {
	now, a := time.UnixMilli(1), Act{ID: "a", By: "finance@x"}
	s := Settlement{Opening: Opening{ID: "s"}, Status: InReview, StatusVersion: 2, Quote: "q", Review: &Review{Findings: []string{"amount"}, Hold: HoldRisk}}
	s, err := s.PlaceHold(Hold{Reason: HoldManual}, a, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{HoldRisk, ""} {
		if s, err = s.EndHold(a, now); err != nil || heldFor(s) != want {
			t.Fatalf("held for %q, want %q: %v", heldFor(s), want, err)
		}
	}
}

// Whatever undoes a statement's settlement says in the same write that its lines are free again.
func TestWhatIsUndoneFreesItsBucket(t *testing.T) {
	now, a := time.UnixMilli(1), Act{ID: "a", By: "approver@x"}
	s := paying()
	s.CreatorID, s.IncomeType, s.ActivityID = "c1", "live_tip", "stmt:live_tip:2026-08-W2"
	cancelled, err := s.CancelPaying(booked{}, a, now)
	if err != nil || cancelled.Freed == nil || cancelled.Freed.Period.String() != "2026-08-W2" || cancelled.Freed.CreatorID != "c1" || cancelled.Freed.IncomeType != "live_tip" {
		t.Errorf("cancelled: %+v %v", cancelled.Freed, err)
	}
	s.Status, s.BookedEntry, s.ActivityID = InReview, "", "stmt:live_tip:2026-08"
	rejected, err := s.Reject(4, a, s.newEntry("o", "opened", now), now)
	if err != nil || rejected.Freed == nil || rejected.Freed.Period.String() != "2026-08" {
		t.Errorf("rejected: %+v %v", rejected.Freed, err)
	}
	s.ActivityID = "live-1"
	if rejected, err = s.Reject(4, a, s.newEntry("o", "opened", now), now); err != nil || rejected.Freed != nil {
		t.Errorf("opened by a call: %+v %v", rejected.Freed, err)
	}
}

// What has ended is on no hold.
func TestAnEndTakesTheHoldWithIt(t *testing.T) {
	now, a := time.UnixMilli(1), Act{ID: "a", By: "approver@x"}
	s := paying()
	s.Hold = &Hold{Reason: HoldRisk, ByHand: true}
	c, err := s.CancelPaying(booked{}, a, now)
	if err != nil || c.New.Hold != nil || c.New.ReasonClass != Cancelled {
		t.Errorf("cancelled: %+v %v", c.New.Hold, err)
	}
	s.Status, s.BookedEntry = InReview, ""
	if c, err = s.Reject(4, a, s.newEntry("o", "opened", now), now); err != nil || c.New.Hold != nil {
		t.Errorf("rejected: %+v %v", c.New.Hold, err)
	}
}
