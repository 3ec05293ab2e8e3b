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

// derived are the accounts whose balance the objects tell (design, section 6, "Unexplained").
func derived() []ledger.Account {
	return []ledger.Account{ledger.CreatorPayable, ledger.CreatorReceivable, ledger.CreatorAccrued,
		ledger.PartyAccrued, ledger.PlatformClearing, ledger.GatewayClearing}
}

// expected is what the objects say that the accounts hold.
func (f facts) expected() books {
	out := books{}
	byID := settlement.OccurrencesOf(f.settlements)
	for _, s := range f.settlements {
		object := byID.First(s.ID)
		out.credit(ledger.CreatorPayable, object, owed(s))
		out.credit(ledger.GatewayClearing, object, paid(s))
		if s.Dead() || s.ReopenedBy != "" {
			continue // undone, or another occurrence stands for the same payable
		}
		source := byID[object].Source // of the first occurrence, whose opening was posted
		if source == settlement.SourceClearing {
			out.debit(ledger.PlatformClearing, object, s.Gross)
		}
		out.credit(ledger.PartyAccrued, object, sharesOf(s, split.KindPayee))
		if source == settlement.SourceParty {
			out.debit(ledger.PartyAccrued, object, s.Gross)
		}
	}
	for _, b := range f.buckets {
		out.credit(ledger.CreatorAccrued, b.Name(), accrued(b, byID))
	}
	for _, r := range f.claims {
		out.claim(r)
	}
	return out
}

// claim is what a receivable says: what is open of it, and where the money of its raising stands.
func (b books) claim(r receivable.Receivable) {
	switch {
	case r.State != receivable.Open || r.Kind == receivable.CourtOrder:
		return // not confirmed, or owed to others only once it is kept back
	case r.Kind == receivable.GiveBack:
		b.credit(ledger.CreatorPayable, r.ID, r.Open)
		return
	}
	b.debit(ledger.CreatorReceivable, r.ID, r.Open)
	switch {
	case r.Opening:
	case r.Kind == receivable.Advance:
		b.credit(ledger.GatewayClearing, r.ID, r.Amount)
	case r.Kind == receivable.RefundRecovery:
		b.credit(ledger.PlatformClearing, r.ID, r.Amount.Add(r.MCNPart))
	}
}

// owed is what a settlement says that the creator is still to be paid.
func owed(s settlement.Settlement) money.Amount {
	switch {
	case s.Dead() || s.ReopenedBy != "":
		return money.Amount{}
	case s.Status == settlement.Paid:
		if returned(s) {
			return s.ToPay
		}
		return money.Amount{}
	case s.Status == settlement.Paying && s.BookedEntry != "", s.Carries != "", s.Kept:
		return s.ToPay // booked, and where its month is filed booked for good
	}
	return s.CreatorShare() // open, or its payout failed and the booking was taken back
}

// paid is what a settlement says that has left through the gateway.
func paid(s settlement.Settlement) money.Amount {
	if s.Status == settlement.Paid && !returned(s) {
		return s.ToPay
	}
	return money.Amount{}
}

func returned(s settlement.Settlement) bool {
	return s.Payout != nil && s.Payout.State == payout.Returned
}

func sharesOf(s settlement.Settlement, kind string) money.Amount {
	var sum money.Amount
	for _, p := range s.Shares {
		if p.Kind == kind {
			sum = sum.Add(p.Amount)
		}
	}
	return sum
}

// accrued is what a bucket says was accrued and not yet opened.
func accrued(b income.Bucket, byID settlement.Occurrences) money.Amount {
	if b.Source != income.SourceAccrued || b.State == income.Carried {
		return money.Amount{}
	}
	if b.State == income.Settled && !byID.Last(byID[string(b.Settlement)]).Dead() {
		return money.Amount{}
	}
	return b.Distributable
}

// checkClaims compares what was taken of each receivable with the set-offs that stand, and keeps
// both within it.
func (f facts) checkClaims(d *differences) {
	taken := map[string]money.Amount{}
	for _, s := range f.settlements {
		if s.BookingStands() {
			for _, o := range s.SetOffs {
				taken[string(s.Entity+"#")+o.Receivable] = taken[string(s.Entity+"#")+o.Receivable].Add(
					o.Amount.Abs())
			}
		}
	}
	for _, r := range f.claims {
		d.about(r.ID).compare("taken of receivable "+r.ID, taken[string(r.Entity+"#")+r.ID], r.Taken)
		over := r.Taken.Add(r.Open).Sub(r.Amount)
		d.about(r.ID).compare("receivable "+r.ID+" over its amount", money.Amount{},
			money.MaxOf(over, money.Amount{}))
		d.about(r.ID).compare("open below zero of receivable "+r.ID, money.Amount{},
			money.Min(r.Open, money.Amount{}))
	}
}

// checkSums checks promise P2 of one settlement: gross is the sum of the money shares, and the
// creator's share is what is kept back plus net; net is what is paid, and never below zero.
func (f facts) checkSums(d *differences, s settlement.Settlement) {
	of := d.about(s.ID)
	var whole money.Amount
	for _, p := range s.Shares {
		whole = whole.Add(p.Amount)
	}
	of.compare("shares of "+s.ID, s.Gross, whole)
	hash := s.Quote
	if s.BookingStands() {
		hash = s.Booking
	}
	figures, ok := f.figures[s.ID][hash]
	if hash == "" || !ok {
		return
	}
	kept := money.Amount{}
	for _, l := range figures.Result.Taxes {
		if l.BorneBy == tax.BorneByCreator {
			kept = kept.Add(l.Amount)
		}
	}
	of.compare("kept back and net of "+s.ID, s.CreatorShare(), kept.Add(figures.Result.Net))
	if s.BookingStands() {
		off := money.Amount{}
		for _, o := range s.SetOffs {
			off = off.Add(o.Amount)
		}
		of.compare("set off and paid of "+s.ID, figures.Result.Net, off.Add(s.ToPay))
		of.compare("paid below zero of "+s.ID, money.Amount{}, money.Min(money.Amount{}, s.ToPay))
	}
	of.compare("net below zero of "+s.ID, money.Amount{},
		money.Min(money.Amount{}, figures.Result.Net))
}
