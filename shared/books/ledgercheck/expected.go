package ledgercheck

import (
	"fenzhang/shared/contract/split"
	"fenzhang/shared/income"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
)

// derivedAccounts are the accounts whose balances can be computed from settlements, receivables and
// buckets.
func derivedAccounts() []ledger.Account {
	return []ledger.Account{ledger.CreatorPayable, ledger.CreatorReceivable, ledger.CreatorAccrued,
		ledger.PartyAccrued, ledger.PlatformClearing, ledger.GatewayClearing}
}

// expectedBooks computes the balances that the derived accounts must have, by object.
func (f facts) expectedBooks() accountBooks {
	out := accountBooks{}
	byID := settlement.OccurrencesOf(f.settlements)
	for _, s := range f.settlements {
		object := byID.FirstID(s.ID)
		out.credit(ledger.CreatorPayable, object, owedToCreator(s))
		out.credit(ledger.GatewayClearing, object, paidToCreator(s))
		if s.IsUndone() || s.ReopenedBy != "" {
			// The settlement was undone, or a later occurrence of the payable has replaced it.
			continue
		}
		// The source is that of the first occurrence, whose opening alone was posted.
		source := byID[object].Source
		if source == settlement.SourceClearing {
			out.addDebit(ledger.PlatformClearing, object, s.Gross)
		}
		out.credit(ledger.PartyAccrued, object, sumSharesOfKind(s, split.KindPayee))
		if source == settlement.SourceParty {
			out.addDebit(ledger.PartyAccrued, object, s.Gross)
		}
	}
	for _, b := range f.buckets {
		out.credit(ledger.CreatorAccrued, b.Name(), accrualWithoutSettlement(b, byID))
	}
	for _, r := range f.receivables {
		out.addReceivable(r)
	}
	return out
}

// addReceivable adds what a receivable means for the accounts: its open amount, and the account
// from which its money came.
func (b accountBooks) addReceivable(r receivable.Receivable) {
	switch {
	case r.State != receivable.Open || r.Kind == receivable.CourtOrder:
		// The creator owes nothing yet: the receivable is not confirmed, or it is a court order, which
		// becomes a debt to others only when it is withheld.
		return
	case r.Kind == receivable.GiveBack:
		b.credit(ledger.CreatorPayable, r.ID, r.Open)
		return
	}
	b.addDebit(ledger.CreatorReceivable, r.ID, r.Open)
	switch {
	case r.Opening:
	case r.Kind == receivable.Advance:
		b.credit(ledger.GatewayClearing, r.ID, r.Amount)
	case r.Kind == receivable.RefundRecovery:
		b.credit(ledger.PlatformClearing, r.ID, r.Amount.Add(r.MCNPart))
	}
}

// owedToCreator returns the amount of a settlement that is still to be paid to the creator.
func owedToCreator(s settlement.Settlement) money.Amount {
	switch {
	case s.IsUndone() || s.ReopenedBy != "":
		return money.Amount{}
	case s.Status == settlement.Paid:
		if isReturned(s) {
			return s.ToPay
		}
		return money.Amount{}
	case s.Status == settlement.Paying && s.BookedEntry != "", s.Carries != "", s.Kept:
		// A booked settlement owes the amount to pay. Once its month is filed, the booking remains also
		// after a failed payout.
		return s.ToPay
	}
	// An unbooked settlement owes the creator's share; so does one whose booking was reversed after a
	// failed payout.
	return s.CreatorShare()
}

// paidToCreator returns the amount of a settlement that was paid through the gateway and did not
// come back.
func paidToCreator(s settlement.Settlement) money.Amount {
	if s.Status == settlement.Paid && !isReturned(s) {
		return s.ToPay
	}
	return money.Amount{}
}

// isReturned reports whether the bank has returned the payment of a settlement.
func isReturned(s settlement.Settlement) bool {
	return s.Payout != nil && s.Payout.State == payout.Returned
}

// sumSharesOfKind sums up the shares of one kind of party.
func sumSharesOfKind(s settlement.Settlement, kind string) money.Amount {
	var sum money.Amount
	for _, p := range s.Shares {
		if p.Kind == kind {
			sum = sum.Add(p.Amount)
		}
	}
	return sum
}

// accrualWithoutSettlement returns the accrued income of a bucket that is not in a settlement yet,
// or whose settlement was undone.
func accrualWithoutSettlement(b income.Bucket, byID settlement.Occurrences) money.Amount {
	if b.Source != income.SourceAccrued || b.State == income.Carried {
		return money.Amount{}
	}
	if b.State == income.Settled && !byID.LastOf(byID[string(b.Settlement)]).IsUndone() {
		return money.Amount{}
	}
	return b.Distributable
}

// compareReceivables compares the amount that was taken of each receivable with the set-offs of
// booked settlements, and checks that taken and open amount together are at most the receivable's
// amount.
func (f facts) compareReceivables(d *differences) {
	taken := map[string]money.Amount{}
	// Only set-offs of a booking that was not reversed have taken something.
	for _, s := range f.settlements {
		if s.IsBooked() {
			for _, o := range s.SetOffs {
				taken[string(s.Entity+"#")+o.Receivable] = taken[string(s.Entity+"#")+o.Receivable].Add(
					o.Amount.Abs())
			}
		}
	}
	for _, r := range f.receivables {
		d.subjectOf(r.ID).compare("taken of receivable "+r.ID, taken[string(r.Entity+"#")+r.ID], r.Taken)
		over := r.Taken.Add(r.Open).Sub(r.Amount)
		d.subjectOf(r.ID).compare("receivable "+r.ID+" over its amount", money.Amount{},
			money.Max(over, money.Amount{}))
		d.subjectOf(r.ID).compare("open below zero of receivable "+r.ID, money.Amount{},
			money.Min(r.Open, money.Amount{}))
	}
}

// compareSums checks promise P2 for one settlement: the gross is the sum of the money shares; the
// creator's share is what is withheld plus the net; the net is the set-offs plus what is paid, and
// is never below zero.
func (f facts) compareSums(d *differences, s settlement.Settlement) {
	of := d.subjectOf(s.ID)
	var whole money.Amount
	for _, p := range s.Shares {
		whole = whole.Add(p.Amount)
	}
	of.compare("shares of "+s.ID, s.Gross, whole)
	hash := s.Quote
	if s.IsBooked() {
		hash = s.Booking
	}
	figures, ok := f.figures[s.ID][hash]
	if hash == "" || !ok {
		return
	}
	net := figures.Result.Net
	// Only taxes that the creator bears lower the net; the agency bears the others.
	kept := money.Amount{}
	for _, l := range figures.Result.Taxes {
		if l.BorneBy == tax.BorneByCreator {
			kept = kept.Add(l.Amount)
		}
	}
	of.compare("kept back and net of "+s.ID, s.CreatorShare(), kept.Add(net))
	if s.IsBooked() {
		comparePaid(of, s, net)
	}
	of.compare("net below zero of "+s.ID, money.Amount{}, money.Min(money.Amount{}, net))
}

// comparePaid compares the net of a booked settlement with its set-offs and the amount to pay.
func comparePaid(of subject, s settlement.Settlement, net money.Amount) {
	off := money.Amount{}
	for _, o := range s.SetOffs {
		off = off.Add(o.Amount)
	}
	of.compare("set off and paid of "+s.ID, net, off.Add(s.ToPay))
	of.compare("paid below zero of "+s.ID, money.Amount{}, money.Min(money.Amount{}, s.ToPay))
}
