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

// taxKey is what taxes payable are compared by. The period is the month of the payment or, of
// true-ups, of the return that they correct, as entries have it; rows of value-added tax may be of
// another month by themselves.
type taxKey struct {
	entity   ident.Entity
	taxpayer ident.Taxpayer
	account  ledger.Account
	month    civil.Month
}

// taxes are amounts payable, credits negative, by object: a payable by its first occurrence, a
// correction by its act.
type taxes map[taxKey]map[string]money.Amount

func (t taxes) add(k taxKey, object string, amount money.Amount) {
	if t[k] == nil {
		t[k] = map[string]money.Amount{}
	}
	t[k][object] = t[k][object].Add(amount)
}

func (t taxes) total(k taxKey) money.Amount {
	var sum money.Amount
	for _, amount := range t[k] {
		sum = sum.Add(amount)
	}
	return sum
}

// checkTaxes compares the taxes payable in the journal with the tax rows.
func (f facts) checkTaxes(d *differences) {
	rows, journal := f.taxRows(), f.taxEntries()
	for _, k := range taxKeys(rows, journal) {
		of := d.about(f.named(differing(rows[k], journal[k]))...)
		of.entity = k.entity
		of.taxpayer = k.taxpayer
		of.month = k.month
		of.compare(string(k.account), rows.total(k), journal.total(k))
	}
}

func taxKeys(both ...taxes) []taxKey {
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

// taxRows tells the rows withheld.
func (f facts) taxRows() taxes {
	out, byID := taxes{}, settlement.OccurrencesOf(f.settlements)
	bookings := slices.SortedFunc(slices.Values(f.bookings), func(a, b settlement.Booking) int {
		// acts sort by time, in whichever list they are
		return cmp.Or(cmp.Compare(a.EntryID, b.EntryID), cmp.Compare(rank(a), rank(b)))
	})
	booked := map[string]civil.Month{} // of a settlement: the month of its last booking
	for _, b := range bookings {
		if b.Kind == settlement.KindBooking {
			booked[string(b.Settlement)] = bookedIn(b, byID[string(b.Settlement)])
		}
		for _, r := range b.Rows {
			k, object := taxKey{b.Entity, b.Taxpayer, ledger.TaxPayable(strings.ToLower(r.Kind)),
				booked[string(b.Settlement)]}, byID.First(string(b.Settlement))
			if len(b.Of) > 0 {
				k.month, object = lawdiff.MonthOfPeriod(r.Period), b.EntryID
			}
			out.add(k, object, r.Withheld.Neg())
		}
	}
	return out
}

// rank lets what an act takes back come before what it books anew.
func rank(b settlement.Booking) int {
	if b.Kind == settlement.KindReversal {
		return 0
	}
	return 1
}

// bookedIn is the month for which a booking was taxed.
func bookedIn(b settlement.Booking, s settlement.Settlement) civil.Month {
	if !b.On.IsZero() {
		return b.On.Month()
	}
	for _, r := range b.Rows { // one that was made before bookings kept their day
		if r.Kind == tax.IIT {
			return lawdiff.MonthOfPeriod(r.Period)
		}
	}
	return s.PaymentDate.Month()
}

// taxEntries tells the entries in accounts of taxes payable.
func (f facts) taxEntries() taxes {
	out := taxes{}
	byID := settlement.OccurrencesOf(f.settlements)
	taxpayers := map[string]string{}
	entries := map[string]ledger.Entry{}
	trueUps := map[string]bool{}
	for _, b := range f.bookings {
		taxpayers[b.EntryID], trueUps[b.EntryID] = string(b.Taxpayer), len(b.Of) > 0
	}
	for _, e := range f.entries {
		entries[e.ID] = e
	}
	for _, e := range f.entries {
		act := strings.TrimSuffix(e.ID, "-"+e.Tax.String()) // a correction has an entry for each month
		k := taxKey{entity: e.Entity,
			taxpayer: cmp.Or(ident.Taxpayer(taxpayers[act]), byID[string(e.Settlement)].TaxpayerID),
			month:    e.Tax}
		object := cmp.Or(byID.First(string(e.Settlement)), act)
		if trueUps[act] {
			object = act
		}
		for _, p := range e.Postings {
			if k.account = p.Account; p.Account.IsTaxPayable() {
				out.add(k, object, p.Amount)
			}
		}
		before, ok := entries[e.Reverses]
		if !ok || before.Tax == e.Tax || before.Tax.IsZero() {
			continue
		}
		for account, amount := range standing(before,
			entries) { // the entry of a booking made anew takes the old one back in its own month
			if k.account = account; account.IsTaxPayable() {
				k.month = e.Tax
				out.add(k, object, amount)
				k.month = before.Tax
				out.add(k, object, amount.Neg())
			}
		}
	}
	return out
}

// standing is what an entry posted by itself: one that replaces another takes that one back too.
func standing(e ledger.Entry, entries map[string]ledger.Entry) map[ledger.Account]money.Amount {
	all := []ledger.Entry{e}
	for before, ok := entries[e.Reverses]; ok; before, ok = entries[before.Reverses] {
		all = append(all, before)
	}
	return ledger.SumByAccount(all)
}
