package ledgercheck

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// taxKey identifies a sum of taxes payable that is compared. The month is the tax month of journal
// entries: that of the payment or, for true-ups, that of the corrected return. The tax rows of
// value-added tax may have a day of another month.
type taxKey struct {
	entity   ident.Entity
	taxpayer ident.Taxpayer
	account  ledger.Account
	month    civil.Month
}

// taxAmounts holds amounts of taxes payable by object, credits negative. An object is a payable (by
// the settlement id of its first occurrence), or a correction (by the id of its act).
type taxAmounts map[taxKey]map[string]money.Amount

// add adds an amount to a key and object.
func (t taxAmounts) add(k taxKey, object string, amount money.Amount) {
	if t[k] == nil {
		t[k] = map[string]money.Amount{}
	}
	t[k][object] = t[k][object].Add(amount)
}

// total returns the sum of a key over all objects.
func (t taxAmounts) total(k taxKey) money.Amount {
	var sum money.Amount
	for _, amount := range t[k] {
		sum = sum.Add(amount)
	}
	return sum
}

// compareTaxes compares the taxes payable in the journal with the withheld taxes of the tax rows.
func (f facts) compareTaxes(d *differences) {
	rows, journal := f.taxesByRows(), f.taxesByEntries()
	for _, k := range sortedTaxKeys(rows, journal) {
		of := d.subjectOf(f.latestOccurrences(objectsThatDiffer(rows[k], journal[k]))...)
		of.entity = k.entity
		of.taxpayer = k.taxpayer
		of.month = k.month
		of.compare(string(k.account), rows.total(k), journal.total(k))
	}
}

// sortedTaxKeys lists the keys of several sums, sorted by account, paying entity, taxpayer and
// month.
func sortedTaxKeys(both ...taxAmounts) []taxKey {
	all := map[taxKey]bool{}
	for _, t := range both {
		for k := range t {
			all[k] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b taxKey) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.entity, b.entity),
			cmp.Compare(a.taxpayer, b.taxpayer), a.month.Sub(b.month))
	})
}

// taxesByRows sums up the withheld taxes of the tax rows. The row of a settlement belongs to the
// month in which the settlement was booked last, because its journal entry has this month; the row
// of a correction belongs to the month of its own period.
func (f facts) taxesByRows() taxAmounts {
	out := taxAmounts{}
	byID := settlement.OccurrencesOf(f.settlements)
	bookings := slices.SortedFunc(slices.Values(f.bookings), func(a, b settlement.Booking) int {
		// Ids of acts ascend with time, also over several tax lists.
		return cmp.Or(cmp.Compare(a.EntryID, b.EntryID),
			cmp.Compare(orderWithinAct(a), orderWithinAct(b)))
	})
	// booked has the month of each settlement's last booking.
	booked := map[string]civil.Month{}
	for _, b := range bookings {
		if b.Kind == settlement.KindBooking {
			booked[string(b.Settlement)] = bookingMonth(b, byID[string(b.Settlement)])
		}
		for _, r := range b.Rows {
			k, object := taxKey{b.Entity, b.Taxpayer, ledger.TaxPayable(strings.ToLower(r.Kind)),
				booked[string(b.Settlement)]}, byID.FirstID(string(b.Settlement))
			if len(b.Of) > 0 {
				k.month, object = lawdiff.MonthOfPeriod(r.Period), b.EntryID
			}
			out.add(k, object, r.Withheld.Neg())
		}
	}
	return out
}

// orderWithinAct orders the bookings of one act: its reversal comes before its new booking.
func orderWithinAct(b settlement.Booking) int {
	if b.Kind == settlement.KindReversal {
		return 0
	}
	return 1
}

// bookingMonth returns the month of the payment for which a booking was taxed.
func bookingMonth(b settlement.Booking, s settlement.Settlement) civil.Month {
	if !b.On.IsZero() {
		return b.On.Month()
	}
	for _, r := range b.Rows {
		// Old bookings have no date: the month of the income tax is the month of payment.
		if r.Kind == tax.IIT {
			return lawdiff.MonthOfPeriod(r.Period)
		}
	}
	return s.PaymentDate.Month()
}

// taxesByEntries sums up the journal's postings to accounts of taxes payable.
func (f facts) taxesByEntries() taxAmounts {
	out := taxAmounts{}
	byID := settlement.OccurrencesOf(f.settlements)
	taxpayers := map[string]string{}
	trueUps := map[string]bool{}
	for _, b := range f.bookings {
		taxpayers[b.EntryID] = string(b.Taxpayer)
		trueUps[b.EntryID] = len(b.Of) > 0
	}
	entries := map[string]ledger.Entry{}
	for _, e := range f.entries {
		entries[e.ID] = e
	}
	for _, e := range f.entries {
		// A correction posts one entry for each month, whose id is the act's id and the month.
		act := strings.TrimSuffix(e.ID, "-"+e.Tax.String())
		k := taxKey{entity: e.Entity,
			taxpayer: cmp.Or(ident.Taxpayer(taxpayers[act]), byID[string(e.Settlement)].TaxpayerID),
			month:    e.Tax}
		object := cmp.Or(byID.FirstID(string(e.Settlement)), act)
		if trueUps[act] {
			object = act
		}
		for _, p := range e.Postings {
			if k.account = p.Account; p.Account.IsTaxPayable() {
				out.add(k, object, p.Amount)
			}
		}
		out.moveReversal(k, object, e, entries)
	}
	return out
}

// moveReversal moves the reversing part of an entry to the month of the entry that it reverses. An
// entry that books a settlement again in another month reverses the old booking within its own
// month, while the tax rows have the reversal in the old month.
func (t taxAmounts) moveReversal(k taxKey, object string, e ledger.Entry,
	entries map[string]ledger.Entry) {
	before, ok := entries[e.Reverses]
	if !ok || before.Tax == e.Tax || before.Tax.IsZero() {
		return
	}
	for account, amount := range ownPostings(before, entries) {
		if k.account = account; account.IsTaxPayable() {
			k.month = e.Tax
			t.add(k, object, amount)
			k.month = before.Tax
			t.add(k, object, amount.Neg())
		}
	}
}

// ownPostings returns the postings of an entry without the reversal that it contains: an entry that
// replaces another entry reverses the other entry too, and adding both cancels this reversal.
func ownPostings(e ledger.Entry, entries map[string]ledger.Entry) map[ledger.Account]money.Amount {
	all := []ledger.Entry{e}
	for before, ok := entries[e.Reverses]; ok; before, ok = entries[before.Reverses] {
		all = append(all, before)
	}
	return ledger.SumByAccount(all)
}
