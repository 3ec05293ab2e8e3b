// Package ledger holds journal entries whose postings sum to zero (promise P1) and the accounts
// they touch.
package ledger

import (
	"fmt"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Account is the name of an account in a paying entity's chart of accounts.
type Account string

// The accounts that the system posts to; chart.json explains each of them. Every creator's book at
// a paying entity has its own balance of each account. The balance of an account of the whole
// entity is the sum over all books, so that transactions of different creators never write the same
// item.
const (
	CreatorPayable    Account = "creator.payable"
	CreatorReceivable Account = "creator.receivable"
	CreatorAccrued    Account = "creator.accrued"
	PartyAccrued      Account = "party.accrued"
	MCNRevenue        Account = "mcn.revenue"
	MCNCreatorCost    Account = "mcn.creator_cost"
	MCNIncentiveCost  Account = "mcn.incentive_cost"
	MCNTaxCost        Account = "mcn.tax_cost"
	PlatformClearing  Account = "platform.clearing"
	GatewayClearing   Account = "gateway.clearing"
	MCNOtherIncome    Account = "mcn.other_income"
	CourtPayable      Account = "court.payable"
	Bank              Account = "bank"
	// counter-account of what was owed in both directions before the first day in this system
	OpeningBalance Account = "opening.balance"
)

// TaxPayable returns the account of withheld tax of a kind, such as "tax.iit.payable".
func TaxPayable(kind string) Account { return Account("tax." + kind + ".payable") }

// IsTaxPayable reports whether the account holds withheld tax that has not been remitted.
func (a Account) IsTaxPayable() bool {
	return strings.HasPrefix(string(a), "tax.") && strings.HasSuffix(string(a), ".payable")
}

// Posting is one line of a journal entry: a debit is positive, a credit negative.
type Posting struct {
	Account Account      `json:"account"`
	Amount  money.Amount `json:"amount"`
}

// Entry is one journal entry in a creator's book. An entry is never changed; a correction is
// another entry that names the one it reverses.
type Entry struct {
	ID         string           `json:"id"` // id of the act that posted the journal entry
	Tenant     ident.Tenant     `json:"tenant"`
	CreatorID  ident.Creator    `json:"creator_id"`
	Entity     ident.Entity     `json:"entity"`
	Settlement ident.Settlement `json:"settlement,omitempty"`
	At         time.Time        `json:"at"`
	Accounting civil.Month      `json:"accounting_period"`
	Tax        civil.Month      `json:"tax_period,omitzero"`
	// Reason is the act that was posted: "opened", "booked", "paid", "reversed" and others.
	Reason   string    `json:"reason"`
	Reverses string    `json:"reverses,omitempty"` // id of the journal entry that this entry reverses
	Postings []Posting `json:"postings"`
}

// Debit adds a debit posting; an amount of zero adds nothing.
func (e *Entry) Debit(a Account, amount money.Amount) { e.addPosting(a, amount) }

// Credit adds a credit posting; an amount of zero adds nothing.
func (e *Entry) Credit(a Account, amount money.Amount) { e.addPosting(a, amount.Neg()) }

// addPosting adds a posting unless its amount is zero.
func (e *Entry) addPosting(a Account, amount money.Amount) {
	if !amount.IsZero() {
		e.Postings = append(e.Postings, Posting{a, amount})
	}
}

// Validate returns an error when the entry has no postings or they do not sum to zero (promise P1).
// Validate is called before each write and after each read.
func (e Entry) Validate() error {
	var sum money.Amount
	for _, p := range e.Postings {
		sum = sum.Add(p.Amount)
	}
	if !sum.IsZero() || len(e.Postings) == 0 {
		return fmt.Errorf("ledger: entry %s has %d postings that sum to %s, not to 0.00", e.ID,
			len(e.Postings), sum)
	}
	return nil
}

// Reversal returns an entry that reverses e: the same postings with the opposite sign, under a new
// id, reason, time and accounting period. The tax period stays.
func (e Entry) Reversal(id, reason string, at time.Time, accounting civil.Month) Entry {
	r := e
	r.ID = id
	r.Reason = reason
	r.At = at
	r.Accounting = accounting
	r.Reverses = e.ID
	r.Postings = make([]Posting, len(e.Postings))
	for i, p := range e.Postings {
		r.Postings[i] = Posting{p.Account, p.Amount.Neg()}
	}
	return r
}

// SumByAccount returns the sum of all postings of the entries for each account.
func SumByAccount(entries []Entry) map[Account]money.Amount {
	sums := map[Account]money.Amount{}
	for _, e := range entries {
		for _, p := range e.Postings {
			sums[p.Account] = sums[p.Account].Add(p.Amount)
		}
	}
	return sums
}
