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

// accountBooks holds amounts by account and object; debits are positive. An object is a payable (by
// the settlement id of its first occurrence), a receivable, a bucket or, when nothing else is
// known, a journal entry.
type accountBooks map[ledger.Account]map[string]money.Amount

// addDebit adds an amount to an account and object.
func (b accountBooks) addDebit(a ledger.Account, object string, amount money.Amount) {
	if b[a] == nil {
		b[a] = map[string]money.Amount{}
	}
	b[a][object] = b[a][object].Add(amount)
}

// credit subtracts an amount from an account and object.
func (b accountBooks) credit(a ledger.Account, object string, amount money.Amount) {
	b.addDebit(a, object, amount.Neg())
}

// balanceOf returns the balance of an account over all objects.
func (b accountBooks) balanceOf(a ledger.Account) money.Amount {
	var sum money.Amount
	for _, amount := range b[a] {
		sum = sum.Add(amount)
	}
	return sum
}

// differingObjects lists the objects whose amount in an account differs between expectation and
// journal.
func (f facts) differingObjects(a ledger.Account, expected, journal accountBooks) []string {
	if a == ledger.CreatorAccrued {
		return f.suspectBuckets(journal)
	}
	return f.latestOccurrences(objectsThatDiffer(expected[a], journal[a]))
}

// latestOccurrences replaces the id of each payable by the settlement id of its last occurrence,
// where a person has to look.
func (f facts) latestOccurrences(objects []string) []string {
	byID := settlement.OccurrencesOf(f.settlements)
	for i, object := range objects {
		if s, ok := byID[object]; ok {
			objects[i] = byID.LastOf(s).ID
		}
	}
	return objects
}

// objectsThatDiffer lists the objects whose amounts in two maps differ, sorted.
func objectsThatDiffer(a, b map[string]money.Amount) []string {
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

// journalBooks assigns the postings of the journal to the objects that caused them. The total of
// each account is that of the journal.
func (f facts) journalBooks() accountBooks {
	out := accountBooks{}
	byID := settlement.OccurrencesOf(f.settlements)
	raised := f.receivablesByEntry()
	for _, e := range f.entries {
		object := cmp.Or(byID.FirstID(string(e.Settlement)), e.ID)
		r, raises := raised[e.ID]
		// The reversal of an entry belongs to the same receivable as the entry.
		if !raises && e.Reverses != "" {
			r, raises = raised[e.Reverses]
		}
		for _, p := range e.Postings {
			if raises && isReceivablePosting(r, e, p) {
				out.addDebit(p.Account, r.ID, p.Amount)
			} else {
				out.addDebit(p.Account, object, p.Amount)
			}
		}
	}
	f.moveSetOffs(out, byID)
	return out
}

// receivablesByEntry maps journal entries to the receivables that they raised.
func (f facts) receivablesByEntry() map[string]receivable.Receivable {
	out := map[string]receivable.Receivable{}
	for _, r := range f.receivables {
		if r.Act != "" {
			out[r.Act] = r
		}
	}
	for _, r := range f.receivables {
		// The shortfalls of one correction share an act, and have one entry each.
		if entry, ok := strings.CutPrefix(r.ID, settlement.ShortfallPrefix); ok {
			out[entry] = r
		}
	}
	return out
}

// isReceivablePosting reports whether a posting belongs to the receivable and not to the settlement
// whose booking raised it. The booking of a settlement raises a tax shortfall in its own entry.
func isReceivablePosting(r receivable.Receivable, e ledger.Entry, p ledger.Posting) bool {
	if r.Kind != receivable.TaxShortfall || e.Settlement == "" {
		return true
	}
	return p.Account == ledger.CreatorReceivable && p.Amount.Negative() == (e.Reverses == r.Act)
}

// moveSetOffs moves the set-off amounts from the settlements to the receivables that they repaid,
// since the journal posts both in the entry of the settlement.
func (f facts) moveSetOffs(out accountBooks, byID settlement.Occurrences) {
	for _, s := range f.settlements {
		if !s.IsBooked() {
			continue
		}
		for _, o := range s.SetOffs {
			account := receivable.Kind(o.Kind).Account()
			out.addDebit(account, byID.FirstID(s.ID), o.Amount)
			out.credit(account, o.Receivable, o.Amount)
		}
	}
}

// suspectBuckets lists the buckets in which a difference of account creator.accrued may have its
// cause. Accrual entries do not name their bucket, so that each settled bucket is compared with the
// settlement that consumed it; when all of these are equal, the cause is one of the open buckets.
func (f facts) suspectBuckets(journal accountBooks) []string {
	byID := settlement.OccurrencesOf(f.settlements)
	var wrong, waiting []string
	for _, b := range f.buckets {
		if b.Source != income.SourceAccrued {
			continue
		}
		left := accrualWithoutSettlement(b, byID)
		if consumed := b.Distributable.Sub(left); b.State == income.Settled &&
			journal[ledger.CreatorAccrued][byID.FirstID(string(b.Settlement))] != consumed {
			wrong = append(wrong, b.Name(), string(b.Settlement))
		} else if !left.IsZero() {
			waiting = append(waiting, b.Name())
		}
	}
	// A settled bucket that differs is the more probable cause, so open buckets are not listed then.
	if wrong != nil {
		return wrong
	}
	return waiting
}
