package settlement

import (
	"cmp"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/receivable"
)

// booked is what a booking has written; a reversal needs it.
type booked struct {
	entry   ledger.Entry // of the booking; the zero entry when nothing was withheld or set off
	opening ledger.Entry
	rows    []tax.Row
	seq     int                    // next free number of the taxpayer's year
	owner   ident.Taxpayer         // taxpayer in whose list the rows stand; "" is the settlement's own
	short   *receivable.Receivable // claim for tax that could not be withheld; nil for none
	filed   bool                   // a month that its rows are in is filed: the booking stays
}

// RecordPayoutState returns the change for a new state of the payout. PAID posts the payment;
// FAILED and CANCELLED fail the settlement and reverse its booking; RETURNED posts the reversal of
// the payment and leaves the settlement PAID (promise P4).
func (s Settlement) RecordPayoutState(to payout.State, o payout.Outcome, b booked, a Act,
	now time.Time) Change {
	p := *s.Payout
	p.State = to
	if o.GatewayID != "" {
		p.GatewayID = o.GatewayID
	}
	p.Reason = o.Reason
	switch to {
	case payout.Paid:
		return s.recordPaid(&p, o.At, a, now)
	case payout.Failed, payout.Cancelled:
		return s.recordPaymentFailed(&p, b, a, now)
	case payout.Returned:
		n := s.withAct(a, now)
		n.Payout = &p
		e := s.newEntry(a.ID, "returned", now)
		e.Debit(ledger.GatewayClearing, s.ToPay)
		e.Credit(ledger.CreatorPayable, s.ToPay)
		return Change{Old: &s, New: n, Entry: nilIfEmpty(e)}
	default:
		n := s.withAct(a, now)
		n.Payout = &p
		if to == payout.Sent {
			n.Payout.SentAt = now
		}
		return Change{Old: &s, New: n}
	}
}

// recordPaid returns the change to PAID for money that arrived at an instant, with the journal
// entry of the payment.
func (s Settlement) recordPaid(p *Payout, arrived time.Time, a Act, now time.Time) Change {
	n := s.moveTo(Paid, a, now)
	n.Payout = p
	n.Arrival = arrived
	e := s.newEntry(a.ID, "paid", now)
	e.Debit(ledger.CreatorPayable, s.ToPay)
	e.Credit(ledger.GatewayClearing, s.ToPay)
	return Change{Old: &s, New: n, Entry: nilIfEmpty(e)}
}

// recordPaymentFailed returns the change to FAILED after the payout failed or was cancelled. The
// booking is reversed unless its month is filed, because the tax of a filed month stays.
func (s Settlement) recordPaymentFailed(p *Payout, b booked, a Act, now time.Time) Change {
	n := s.moveTo(Failed, a, now)
	n.Payout = p
	n.ReasonClass = PaymentFailed
	n.Arrival = time.Time{}
	if b.filed || s.Carries != "" {
		n.Kept = s.Carries == ""
		return Change{Old: &s, New: n}
	}
	return s.reverseBooking(n, b, a, now)
}

// nilIfEmpty returns nil for a journal entry without postings, which is not stored; a net of 0.00
// posts nothing.
func nilIfEmpty(e ledger.Entry) *ledger.Entry {
	if len(e.Postings) == 0 {
		return nil
	}
	return &e
}

// reverseBooking returns the change that writes n and reverses the booking of s: journal entry, tax
// rows in their original periods, and set-offs.
func (s Settlement) reverseBooking(n Settlement, b booked, a Act, now time.Time) Change {
	c := Change{Old: &s, New: n}
	if b.entry.ID != "" {
		e := b.entry.Reversal(a.ID, "booking reversed", now, civil.MonthOf(now))
		c.Entry = &e
	}
	if len(b.rows) > 0 {
		c.Rows = []Booking{{Entity: s.Entity, Taxpayer: cmp.Or(b.owner, s.TaxpayerID),
			Year: s.PaymentDate.Year(), Seq: b.seq, Kind: KindReversal,
			Settlement: ident.Settlement(s.ID), EntryID: a.ID, At: now, Rows: negateRows(b.rows)}}
	}
	s.reverseSetOffs(&c, b.short, a, now)
	return c
}

// negateRows returns tax rows with every amount negated; they reverse the given rows.
func negateRows(rows []tax.Row) []tax.Row {
	out := make([]tax.Row, len(rows))
	for i, r := range rows {
		r.Income = r.Income.Neg()
		r.Received = r.Received.Neg()
		r.Sales = r.Sales.Neg()
		r.Withheld = r.Withheld.Neg()
		out[i] = r
	}
	return out
}

// CancelPaying moves a settlement from PAYING to FAILED before its money was sent, and reverses
// booking and opening in the same write.
func (s Settlement) CancelPaying(b booked, a Act, now time.Time) (Change, error) {
	if s.Status != Paying || s.WasSent() {
		return Change{}, illegalMove("already_sent",
			"The money may have left; it can no longer be cancelled here.")
	}
	if b.filed || s.Carries != "" {
		return Change{}, monthFiled()
	}
	n := s.moveTo(Failed, a, now)
	n.ReasonClass = Cancelled
	n.Arrival = time.Time{}
	n.Payout = nil
	n.Hold = nil
	c := s.reverseBooking(n, b, a, now)
	c.Entry, c.Freed = mergeEntries(c.Entry, s.openingReversal(b.opening, a.ID, now)), s.freedBucket()
	return c, nil
}

// replaceEntry merges the reversal of a booking and the entry of the booking that replaces it into
// one journal entry. The field Reverses names the reversed entry, so that readBookedEntry can
// separate the two again.
func replaceEntry(back, anew *ledger.Entry) *ledger.Entry {
	if back == nil {
		return anew
	}
	if anew == nil {
		return back
	}
	m := *anew
	m.Reason, m.Reverses = "booked anew", back.Reverses
	m.Postings = append(append([]ledger.Posting{}, back.Postings...), anew.Postings...)
	return &m
}

// mergeEntries merges the reversals of a booking and of an opening into one journal entry, because
// they are one act.
func mergeEntries(a, b *ledger.Entry) *ledger.Entry {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	m := *a
	m.Reason = "booking and opening reversed"
	m.Reverses = b.Reverses
	m.Postings = append(append([]ledger.Posting{}, a.Postings...), b.Postings...)
	return &m
}

// moveToPayingUnbooked is the first of the two steps by which an approved settlement is cancelled.
// Nothing is booked.
func (s Settlement) moveToPayingUnbooked(a Act, now time.Time) Settlement {
	return s.moveTo(Paying, a, now)
}

// RefuseReopening returns an error unless the payout failed or was returned, so that another
// occurrence may pay the money.
func (s Settlement) RefuseReopening() error {
	switch {
	case s.ReopenedBy != "":
		return illegalMove("already_reopened",
			string("The settlement was reopened already as "+s.ReopenedBy+"."))
	case s.Status == Failed && s.ReasonClass == PaymentFailed:
		return nil
	case s.Status == Paid && s.Payout.State == payout.Returned:
		return nil
	}
	return illegalMove("not_reopenable",
		"Only a payable whose payout failed, was cancelled or came back is reopened.")
}

// Reopen returns the change that opens the next occurrence of a payable whose payout failed or was
// returned. It posts no opening. The booking of a returned payout is reversed when its month is not
// filed, so that the next occurrence is taxed in its own month. When the month is filed the booking
// stays, and the next occurrence carries its figures.
func (s Settlement) Reopen(fresh Settlement, b booked, a Act, now time.Time) (Change, error) {
	if err := s.RefuseReopening(); err != nil {
		return Change{}, err
	}
	old := s.withAct(a, now)
	old.ReopenedBy = ident.Settlement(fresh.ID)
	// The booking of a failed payout was reversed at the failure, unless its month was filed by then.
	// A month that was filed only afterwards does not restore the booking.
	old.Kept = old.Kept || (s.Status == Paid && b.filed && s.Carries == "")
	c := Change{New: fresh, Also: &old}
	if s.Status == Paid && fresh.Carries == "" {
		u := s.reverseBooking(old, b, a, now)
		c.Entry = u.Entry
		c.Rows = u.Rows
		c.Moves = u.Moves
		c.Raised = u.Raised
	}
	return c, nil
}
