package settlement

import (
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/settlement/reason"
)

// waitsFor gives the hold under which the settlement stands by its own facts, nil when it may go on. It is asked
// whenever another hold ends, so that none of these causes is forgotten behind another one.
func (s Settlement) waitsFor() *Hold {
	switch {
	case s.Status == InReview && s.Review != nil && s.Review.Hold != "" && !s.waived(s.Review.Hold):
		return &Hold{Reason: s.Review.Hold, Owner: reason.OfHold(s.Review.Hold).Owner, Text: "Review: " + strings.Join(s.Review.Findings, ", ") + "."}
	case !s.Disputed.IsZero():
		return &Hold{Reason: HoldDisputed, Owner: "finance", Until: s.Disputed, Text: "The creator disputes lines of its statement; finance answers them."}
	case s.Provisional != nil:
		kind := reason.OfHold(HoldCalendar)
		return &Hold{Reason: HoldCalendar, Owner: kind.Owner, Text: s.Provisional.Missing + ": " + kind.Staff.EN}
	case s.Lacks != "" && !s.waived(HoldPaper):
		return &Hold{Reason: HoldPaper, Owner: "finance", Text: "The payee's paper is missing or has expired: " + s.Lacks + "."}
	case s.NeedsInvoice && s.Paper == nil && !s.waived(HoldInvoice):
		return &Hold{Reason: HoldInvoice, Owner: string(s.CreatorID), Text: "The payee's invoice is not here yet."}
	case s.NeedsConfirm && !s.Confirmed && !s.StatementSent:
		return &Hold{Reason: HoldConfirmation, Owner: "finance", Text: "By contract nothing is paid before the creator has confirmed its statement, which was not sent yet."}
	case s.NeedsConfirm && !s.Confirmed:
		return &Hold{Reason: HoldConfirmation, Owner: string(s.CreatorID), Until: s.ConfirmBy, Text: "By contract nothing is paid before the creator has confirmed its statement."}
	case s.Awaits != "" && !s.waived(s.Awaits):
		return &Hold{Reason: s.Awaits, Owner: "finance", Text: reason.OfHold(s.Awaits).Staff.EN}
	case s.Status == Paying && s.BookedEntry != "" && s.less(s.Net, s.ToPay):
		return &Hold{Reason: HoldNetChanged, Owner: "approver", Text: "Booked anew in another tax month, the net of " + s.approvedNet().String() + " becomes " + s.Net.String() + ", and " + s.ToPay.String() + " of it is paid; an approver confirms it."}
	}
	return nil
}

// ours tells the holds that waitsFor gives from those that others set and end.
func ours(h *Hold) bool {
	if h == nil {
		return true
	}
	switch h.Reason {
	case HoldDisputed, HoldCalendar, HoldPaper, HoldInvoice, HoldConfirmation, HoldReceipt, HoldAccount:
		return !h.ByHand
	}
	return false
}

// heard begins a write that changes what the creator has said of the statement; a hold that others set stays.
func (s Settlement) heard(a Act, now time.Time, change func(*Settlement)) Settlement {
	n := s.stamp(a, now)
	change(&n)
	return n.restated()
}

// restated gives s the hold under which it stands after its facts have changed: one that they gave before ends with
// its cause, and any other stays until it is ended or one that comes before it is due.
func (s Settlement) restated() Settlement {
	h := s.waitsFor()
	if ours(s.Hold) {
		s.Hold = h
		return s
	}
	return s.held(h)
}

// mended ends the hold for a missing rule, for taxes that were computed, and one for a net that was compared anew; what
// else stands in the way shows.
func (s Settlement) mended() Settlement {
	if s.Hold != nil && !s.Hold.ByHand && (s.Hold.Reason == HoldRuleGap || s.Hold.Reason == HoldNetChanged) {
		s.Hold = nil
	}
	return s.restated()
}

// Stoppable tells whether a hold still reaches the settlement: its money has not left and it has not ended.
func (s Settlement) Stoppable() bool { return s.Status != Paid && s.Status != Failed && !s.Sent() }

// Dispute holds a settlement one of whose lines the creator disputes, until finance has answered by a day.
func (s Settlement) Dispute(answerBy civil.Date, a Act, now time.Time) (Settlement, error) {
	if !s.Stoppable() {
		return s, notNow("already_sent", "The money of this settlement has left; a dispute of it cannot hold it any more.")
	}
	return s.heard(a, now, func(n *Settlement) { n.Disputed, n.Confirmed = answerBy, false }), nil
}

// Resolve ends the dispute of a settlement, all of whose disputed lines were answered; by is the day from which the
// creator's silence accepts the statement now.
func (s Settlement) Resolve(by civil.Date, a Act, now time.Time) Settlement {
	return s.heard(a, now, func(n *Settlement) { n.Disputed, n.ConfirmBy = civil.Date{}, by })
}

// SendStatement tells a settlement that waits for the creator's word that the statement was sent; by is the day
// from which silence accepts it, zero where it never does.
func (s Settlement) SendStatement(by civil.Date, a Act, now time.Time) Settlement {
	return s.heard(a, now, func(n *Settlement) { n.StatementSent, n.ConfirmBy = true, by })
}

// Confirm tells a settlement that the creator has confirmed the statement or accepted it by silence.
func (s Settlement) Confirm(a Act, now time.Time) Settlement {
	return s.heard(a, now, func(n *Settlement) { n.Confirmed = true })
}
