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

// booked are what a booking left behind, needed to take it back.
type booked struct {
	entry   ledger.Entry // the zero entry when nothing was kept back
	opening ledger.Entry
	rows    []tax.Row
	seq     int                    // next free number of the taxpayer's year
	owner   ident.Taxpayer         // taxpayer in whose list the rows stand; "" is the settlement's own
	short   *receivable.Receivable // what it could not keep back, as it stands now
	filed   bool                   // a month that its rows are in is filed: the booking stays
}

// PayoutMoved applies one move of the payout. PAID posts the payment; FAILED and CANCELLED take the
// booking back; RETURNED leaves the settlement PAID and posts the reverse (promise P4).
func (s Settlement) PayoutMoved(to payout.State, o payout.Outcome, b booked, a Act,
	now time.Time) Change {
	p := *s.Payout
	p.State = to
	if o.GatewayID != "" {
		p.GatewayID = o.GatewayID
	}
	p.Reason = o.Reason
	switch to {
	case payout.Paid:
		n := s.move(Paid, a, now)
		n.Payout, n.Arrival = &p, o.At
		e := s.entry(a.ID, "paid", now)
		e.Debit(ledger.CreatorPayable, s.ToPay)
		e.Credit(ledger.GatewayClearing, s.ToPay)
		return Change{Old: &s, New: n, Entry: nilIfEmpty(e)}
	case payout.Failed, payout.Cancelled:
		n := s.move(Failed, a, now)
		n.Payout = &p
		n.ReasonClass = PaymentFailed
		n.Arrival = time.Time{}
		if b.filed || s.Carries != "" {
			n.Kept = s.Carries == ""
			return Change{Old: &s, New: n}
		}
		return s.reverseBooking(n, b, a, now)
	case payout.Returned:
		n := s.stamp(a, now)
		n.Payout = &p
		e := s.entry(a.ID, "returned", now)
		e.Debit(ledger.GatewayClearing, s.ToPay)
		e.Credit(ledger.CreatorPayable, s.ToPay)
		return Change{Old: &s, New: n, Entry: nilIfEmpty(e)}
	default:
		n := s.stamp(a, now)
		n.Payout = &p
		if to == payout.Sent {
			n.Payout.SentAt = now
		}
		return Change{Old: &s, New: n}
	}
}

// nilIfEmpty leaves out an entry without postings: a net of 0.00 moves no money.
func nilIfEmpty(e ledger.Entry) *ledger.Entry {
	if len(e.Postings) == 0 {
		return nil
	}
	return &e
}

// reverseBooking adds the reversal of a booking to the write of n: journal and tax rows, in their
// original periods.
func (s Settlement) reverseBooking(n Settlement, b booked, a Act, now time.Time) Change {
	c := Change{Old: &s, New: n}
	if b.entry.ID != "" {
		e := b.entry.Reversal(a.ID, "booking reversed", now, civil.MonthOf(now))
		c.Entry = &e
	}
	if len(b.rows) > 0 {
		c.Rows = []Booking{{Entity: s.Entity, Taxpayer: cmp.Or(b.owner, s.TaxpayerID),
			Year: s.PaymentDate.Year(), Seq: b.seq, Kind: KindReversal,
			Settlement: ident.Settlement(s.ID), EntryID: a.ID, At: now, Rows: negative(b.rows)}}
	}
	s.reverseSetOffs(&c, b.short, a, now)
	return c
}

func negative(rows []tax.Row) []tax.Row {
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

// CancelPaying ends a settlement before its money was sent: booking and opening are taken back
// together.
func (s Settlement) CancelPaying(b booked, a Act, now time.Time) (Change, error) {
	if s.Status != Paying || s.Sent() {
		return Change{}, notNow("already_sent",
			"The money may have left; it can no longer be cancelled here.")
	}
	if b.filed || s.Carries != "" {
		return Change{}, taxFiled()
	}
	n := s.move(Failed, a, now)
	n.ReasonClass = Cancelled
	n.Arrival = time.Time{}
	n.Payout = nil
	n.Hold = nil
	c := s.reverseBooking(n, b, a, now)
	c.Entry, c.Freed = mergeEntries(c.Entry, s.takeBack(b.opening, a.ID, now)), s.frees()
	return c, nil
}

// replaceEntry makes one entry of a booking that replaces another. It names the one that it takes
// back, so that what it posted itself can be read from it.
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

// mergeEntries makes one entry of two reversals that are one act.
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

// toPaying is the first of the two steps by which an approved settlement is cancelled: nothing is
// booked.
func (s Settlement) toPaying(a Act, now time.Time) Settlement {
	return s.move(Paying, a, now)
}

// Reopenable tells whether a new occurrence may pay what this one did not.
func (s Settlement) Reopenable() error {
	switch {
	case s.ReopenedBy != "":
		return notNow("already_reopened",
			string("The settlement was reopened already as "+s.ReopenedBy+"."))
	case s.Status == Failed && s.ReasonClass == PaymentFailed:
		return nil
	case s.Status == Paid && s.Payout.State == payout.Returned:
		return nil
	}
	return notNow("not_reopenable",
		"Only a payable whose payout failed, was cancelled or came back is reopened.")
}

// Reopen opens occurrence n+1 of a payable whose payout failed or came back. It posts no opening;
// where the old booking still stands (a returned payout in a month not yet filed) it is reversed,
// so that the new one is taxed anew in its own month. Where a return was filed with it, it stands,
// and the new occurrence carries its figures.
func (s Settlement) Reopen(fresh Settlement, b booked, a Act, now time.Time) (Change, error) {
	if err := s.Reopenable(); err != nil {
		return Change{}, err
	}
	old := s.stamp(a, now)
	old.ReopenedBy = ident.Settlement(fresh.ID)
	// The booking of a failed payout was taken back when it failed, unless it was kept then: what is
	// filed since does not bring it back.
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
