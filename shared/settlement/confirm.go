package settlement

import (
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/settlement/reason"
)

// waitsFor gives the hold that the settlement's own facts ask for, nil when it may go on. It is
// computed whenever another hold ends, because only one hold is kept at a time and the others would
// be forgotten behind it.
func (s Settlement) waitsFor() *Hold {
	switch {
	case s.Status == InReview && s.Review != nil && s.Review.Hold != "" && !s.waived(s.Review.Hold):
		return &Hold{Reason: s.Review.Hold, Owner: reason.FindHold(s.Review.Hold).Owner,
			Text: "Review: " + strings.Join(s.Review.Findings, ", ") + "."}
	case !s.Disputed.IsZero():
		return &Hold{Reason: HoldDisputed, Owner: "finance", Until: s.Disputed,
			Text: "The creator disputes lines of its statement; finance answers them."}
	case s.Provisional != nil:
		kind := reason.FindHold(HoldCalendar)
		return &Hold{Reason: HoldCalendar, Owner: kind.Owner,
			Text: s.Provisional.Missing + ": " + kind.Staff.EN}
	case s.Lacks != "" && !s.waived(HoldPaper):
		return &Hold{Reason: HoldPaper, Owner: "finance",
			Text: "The payee's paper is missing or has expired: " + s.Lacks + "."}
	case s.NeedsInvoice && s.Paper == nil && !s.waived(HoldInvoice):
		return &Hold{Reason: HoldInvoice, Owner: string(s.CreatorID),
			Text: "The payee's invoice is not here yet."}
	case s.NeedsConfirm && !s.Confirmed && !s.StatementSent:
		return &Hold{Reason: HoldConfirmation, Owner: "finance", Text: "By contract nothing is paid " +
			"before the creator has confirmed its statement, which was not sent yet."}
	case s.NeedsConfirm && !s.Confirmed:
		return &Hold{Reason: HoldConfirmation, Owner: string(s.CreatorID), Until: s.ConfirmBy,
			Text: "By contract nothing is paid before the creator has confirmed its statement."}
	case s.Awaits != "" && !s.waived(s.Awaits):
		return &Hold{Reason: s.Awaits, Owner: "finance", Text: reason.FindHold(s.Awaits).Staff.EN}
	case s.Status == Paying && s.BookedEntry != "" && s.belowApproved(s.Net, s.ToPay):
		return &Hold{Reason: HoldNetChanged, Owner: "approver",
			Text: "Booked anew in another tax month, the net of " + s.approvedNet().String() + " becomes " +
				s.Net.String() + ", and " + s.ToPay.String() + " of it is paid; an approver confirms it."}
	}
	return nil
}

// setByFacts is true of no hold, and of those that waitsFor gives: they end with their cause. False
// are those that others set and end.
func setByFacts(h *Hold) bool {
	if h == nil {
		return true
	}
	switch h.Reason {
	case HoldDisputed, HoldCalendar, HoldPaper, HoldInvoice, HoldConfirmation, HoldReceipt,
		HoldAccount:
		return !h.ByHand
	}
	return false
}

// withStatementFacts begins a write that changes what is known of the creator's statement: sent,
// disputed, answered, confirmed. A hold that others set stays.
func (s Settlement) withStatementFacts(a Act, now time.Time, change func(*Settlement)) Settlement {
	n := s.stamp(a, now)
	change(&n)
	return n.recomputeHold()
}

// recomputeHold drops a hold whose cause is gone and sets the one that the facts ask for now. A
// hold that somebody else set stays until it is ended, unless one that comes before it is due.
func (s Settlement) recomputeHold() Settlement {
	h := s.waitsFor()
	if setByFacts(s.Hold) {
		s.Hold = h
		return s
	}
	return s.held(h)
}

// endTaxHold ends a hold for a missing rule or a changed net, because the taxes were computed anew,
// and sets the next one that the facts ask for.
func (s Settlement) endTaxHold() Settlement {
	if s.Hold != nil && !s.Hold.ByHand &&
		(s.Hold.Reason == HoldRuleGap || s.Hold.Reason == HoldNetChanged) {
		s.Hold = nil
	}
	return s.recomputeHold()
}

// Stoppable is true while a hold still has an effect: the money has not been sent and the
// settlement has not ended.
func (s Settlement) Stoppable() bool { return s.Status != Paid && s.Status != Failed && !s.Sent() }

// Dispute holds a settlement one of whose lines the creator disputes, until finance has answered by
// a day.
func (s Settlement) Dispute(answerBy civil.Date, a Act, now time.Time) (Settlement, error) {
	if !s.Stoppable() {
		return s, notNow("already_sent",
			"The money of this settlement has left; a dispute of it cannot hold it any more.")
	}
	return s.withStatementFacts(a, now, func(n *Settlement) {
		n.Disputed, n.Confirmed = answerBy, false
	}), nil
}

// Resolve ends the dispute of a settlement, all of whose disputed lines were answered; by is the
// day from which the creator's silence accepts the statement now.
func (s Settlement) Resolve(by civil.Date, a Act, now time.Time) Settlement {
	return s.withStatementFacts(a, now, func(n *Settlement) {
		n.Disputed, n.ConfirmBy = civil.Date{}, by
	})
}

// SendStatement records that the statement with this settlement was sent to the creator; by is the
// day from which silence accepts it, zero where it never does.
func (s Settlement) SendStatement(by civil.Date, a Act, now time.Time) Settlement {
	return s.withStatementFacts(a, now, func(n *Settlement) {
		n.StatementSent, n.ConfirmBy = true, by
	})
}

// Confirm records that the creator has confirmed the statement, or accepted it by silence.
func (s Settlement) Confirm(a Act, now time.Time) Settlement {
	return s.withStatementFacts(a, now, func(n *Settlement) { n.Confirmed = true })
}
