package ledgercheck

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"fenzhang/shared/income"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
)

// books are amounts by account and object; debits are positive. An object is a payable by the id of
// its first occurrence, a receivable, a bucket, or where nothing else is known a journal entry.
type books map[ledger.Account]map[string]money.Amount

func (b books) debit(a ledger.Account, object string, amount money.Amount) {
	if b[a] == nil {
		b[a] = map[string]money.Amount{}
	}
	b[a][object] = b[a][object].Add(amount)
}

func (b books) credit(a ledger.Account, object string, amount money.Amount) {
	b.debit(a, object, amount.Neg())
}

func (b books) total(a ledger.Account) money.Amount {
	var sum money.Amount
	for _, amount := range b[a] {
		sum = sum.Add(amount)
	}
	return sum
}

// suspects are the objects of which the journal says something else than they do.
func (f facts) suspects(a ledger.Account, expected, journal books) []string {
	if a == ledger.CreatorAccrued {
		return f.ofAccruals(journal)
	}
	return f.named(differing(expected[a], journal[a]))
}

// named gives payables by the occurrence that stands now.
func (f facts) named(objects []string) []string {
	byID := settlement.OccurrencesOf(f.settlements)
	for i, object := range objects {
		if s, ok := byID[object]; ok {
			objects[i] = byID.Last(s).ID
		}
	}
	return objects
}

func differing(a, b map[string]money.Amount) []string {
	all := map[string]bool{}
	for _, m := range []map[string]money.Amount{a, b} {
		for object := range m {
			if a[object] != b[object] {
				all[object] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// journal tells the entries by the objects that they are about. Totals by account are those of the
// entries.
func (f facts) journal() books {
	out := books{}
	byID := settlement.OccurrencesOf(f.settlements)
	raised := f.raised()
	for _, e := range f.entries {
		object := cmp.Or(byID.First(string(e.Settlement)), e.ID)
		r, raises := raised[e.ID]
		if !raises && e.Reverses != "" {
			r, raises = raised[e.Reverses]
		}
		for _, p := range e.Postings {
			if raises && partOf(r, e, p) {
				out.debit(p.Account, r.ID, p.Amount)
			} else {
				out.debit(p.Account, object, p.Amount)
			}
		}
	}
	f.setOff(out, byID)
	return out
}

// raised finds receivables by the entries that raised them.
func (f facts) raised() map[string]receivable.Receivable {
	out := map[string]receivable.Receivable{}
	for _, r := range f.claims {
		if r.Act != "" {
			out[r.Act] = r
		}
	}
	for _, r := range f.claims { // those of one correction have one act, and an entry each
		if entry, ok := strings.CutPrefix(r.ID, settlement.ShortfallPrefix); ok {
			out[entry] = r
		}
	}
	return out
}

// partOf tells a receivable's posting from those of the settlement whose booking raised it.
func partOf(r receivable.Receivable, e ledger.Entry, p ledger.Posting) bool {
	if r.Kind != receivable.TaxShortfall || e.Settlement == "" {
		return true
	}
	return p.Account == ledger.CreatorReceivable && p.Amount.Negative() == (e.Reverses == r.Act)
}

// setOff moves what settlements have set off from them to the receivables.
func (f facts) setOff(out books, byID settlement.Occurrences) {
	for _, s := range f.settlements {
		if !s.BookingStands() {
			continue
		}
		for _, o := range s.SetOffs {
			account := receivable.Kind(o.Kind).Account()
			out.debit(account, byID.First(s.ID), o.Amount)
			out.credit(account, o.Receivable, o.Amount)
		}
	}
}

// ofAccruals are the suspects of creator.accrued. Entries of days do not name the bucket that they
// go into, so the buckets are held against the settlements that consumed them; where these agree,
// it is one of those that wait.
func (f facts) ofAccruals(journal books) []string {
	byID := settlement.OccurrencesOf(f.settlements)
	var wrong, waiting []string
	for _, b := range f.buckets {
		if b.Source != income.SourceAccrued {
			continue
		}
		left := accrued(b, byID)
		if consumed := b.Distributable.Sub(left); b.State == income.Settled &&
			journal[ledger.CreatorAccrued][byID.First(string(b.Settlement))] != consumed {
			wrong = append(wrong, b.Name(), string(b.Settlement))
		} else if !left.IsZero() {
			waiting = append(waiting, b.Name())
		}
	}
	if wrong != nil {
		return wrong
	}
	return waiting
}
