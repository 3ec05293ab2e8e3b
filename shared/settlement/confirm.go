package settlement

import (
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/settlement/reason"
)

// holdByFacts returns the hold that follows from the facts of the settlement, nil when nothing
// holds it. A settlement has only one hold at a time; therefore holdByFacts is computed again
// whenever another hold ends, so that a cause behind that hold is not forgotten.
func (s Settlement) holdByFacts() *Hold {
	switch {
	case s.Status == InReview && s.Review != nil && s.Review.Hold != "" &&
		!s.isHoldWaived(s.Review.Hold):
		return &Hold{Reason: s.Review.Hold, Owner: reason.FindHold(s.Review.Hold).Owner,
			Text: "Review: " + strings.Join(s.Review.Findings, ", ") + "."}
	case !s.Disputed.IsZero():
		return &Hold{Reason: HoldDisputed, Owner: "finance", Until: s.Disputed,
			Text: "The creator disputes lines of its statement; finance answers them."}
	case s.Provisional != nil:
		kind := reason.FindHold(HoldCalendar)
		return &Hold{Reason: HoldCalendar, Owner: kind.Owner,
			Text: s.Provisional.Missing + ": " + kind.Staff.EN}
	case s.Lacks != "" && !s.isHoldWaived(HoldPaper):
		return &Hold{Reason: HoldPaper, Owner: "finance",
			Text: "The payee's paper is missing or has expired: " + s.Lacks + "."}
	case s.NeedsInvoice && s.Paper == nil && !s.isHoldWaived(HoldInvoice):
		return &Hold{Reason: HoldInvoice, Owner: string(s.CreatorID),
			Text: "The payee's invoice is not here yet."}
	case s.NeedsConfirm && !s.Confirmed && !s.StatementSent:
		return &Hold{Reason: HoldConfirmation, Owner: "finance", Text: "By contract nothing is paid " +
			"before the creator has confirmed its statement, which was not sent yet."}
	case s.NeedsConfirm && !s.Confirmed:
		return &Hold{Reason: HoldConfirmation, Owner: string(s.CreatorID), Until: s.ConfirmBy,
			Text: "By contract nothing is paid before the creator has confirmed its statement."}
	case s.Awaits != "" && !s.isHoldWaived(s.Awaits):
		return &Hold{Reason: s.Awaits, Owner: "finance", Text: reason.FindHold(s.Awaits).Staff.EN}
	case s.Status == Paying && s.BookedEntry != "" && s.belowApproved(s.Net, s.ToPay):
		return &Hold{Reason: HoldNetChanged, Owner: "approver",
			Text: "Booked anew in another tax month, the net of " + s.approvedNet().String() + " becomes " +
				s.Net.String() + ", and " + s.ToPay.String() + " of it is paid; an approver confirms it."}
	}
	return nil
}

// isSetByFacts reports whether holdByFacts sets and ends a hold (true also for no hold). It is
// false for holds that a person, or the computation of taxes, sets and ends.
func isSetByFacts(h *Hold) bool {
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

// withStatementFacts changes the facts about the creator's statement (sent, disputed, answered,
// confirmed) and computes the hold again. A hold that a person set stays.
func (s Settlement) withStatementFacts(a Act, now time.Time, change func(*Settlement)) Settlement {
	n := s.withAct(a, now)
	change(&n)
	return n.recomputeHold()
}

// recomputeHold drops a hold whose cause is gone and sets the hold that follows from the facts now.
// A hold that a person or the taxes have set stays, unless the new hold has precedence.
func (s Settlement) recomputeHold() Settlement {
	h := s.holdByFacts()
	if isSetByFacts(s.Hold) {
		s.Hold = h
		return s
	}
	return s.withHold(h)
}

// endTaxHold ends a hold RULE_GAP or NET_CHANGED because the taxes were computed again, and sets
// the hold that follows from the facts.
func (s Settlement) endTaxHold() Settlement {
	if s.Hold != nil && !s.Hold.ByHand &&
		(s.Hold.Reason == HoldRuleGap || s.Hold.Reason == HoldNetChanged) {
		s.Hold = nil
	}
	return s.recomputeHold()
}

// CanBeHeld reports whether a hold still has an effect: the money was not sent and the settlement
// is neither PAID nor FAILED.
func (s Settlement) CanBeHeld() bool {
	return s.Status != Paid && s.Status != Failed && !s.WasSent()
}

// Dispute puts a settlement on hold because the creator disputes one of its income lines; finance
// answers by the day answerBy.
func (s Settlement) Dispute(answerBy civil.Date, a Act, now time.Time) (Settlement, error) {
	if !s.CanBeHeld() {
		return s, illegalMove("already_sent",
			"The money of this settlement has left; a dispute of it cannot hold it any more.")
	}
	return s.withStatementFacts(a, now, func(n *Settlement) {
		n.Disputed, n.Confirmed = answerBy, false
	}), nil
}

// ResolveDispute ends the dispute of a settlement after all its disputed lines were answered; by is
// the day from which the creator's silence counts as acceptance of the statement.
func (s Settlement) ResolveDispute(by civil.Date, a Act, now time.Time) Settlement {
	return s.withStatementFacts(a, now, func(n *Settlement) {
		n.Disputed, n.ConfirmBy = civil.Date{}, by
	})
}

// SendStatement records that the statement with this settlement was sent to the creator; by is the
// day from which silence counts as acceptance, the zero day where silence never does.
func (s Settlement) SendStatement(by civil.Date, a Act, now time.Time) Settlement {
	return s.withStatementFacts(a, now, func(n *Settlement) {
		n.StatementSent, n.ConfirmBy = true, by
	})
}

// ConfirmStatement records that the creator has confirmed the statement, or accepted it by silence.
func (s Settlement) ConfirmStatement(a Act, now time.Time) Settlement {
	return s.withStatementFacts(a, now, func(n *Settlement) { n.Confirmed = true })
}
