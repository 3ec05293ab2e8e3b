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

// Account names an account of a paying entity's chart.
type Account string

// The accounts that the system posts to; chart.json says what each one means. Every creator's book
// at a paying entity has a balance of each: of the hot ones, those of the entity as a whole, it
// holds a part, so that no item is shared by the transactions of several creators.
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
	OpeningBalance    Account = "opening.balance" // what was owed both ways before the first day here
)

// TaxPayable is the account of a withheld tax of a kind, "tax.iit.payable".
func TaxPayable(kind string) Account { return Account("tax." + kind + ".payable") }

// IsTaxPayable tells whether taxes of some kind are kept in the account until they are remitted.
func (a Account) IsTaxPayable() bool {
	return strings.HasPrefix(string(a), "tax.") && strings.HasSuffix(string(a), ".payable")
}

// Posting is one line of an entry: debits are positive, credits negative.
type Posting struct {
	Account Account      `json:"account"`
	Amount  money.Amount `json:"amount"`
}

// Entry is one journal entry of a creator's book. It is never changed; a correction is another
// entry that names it.
type Entry struct {
	ID         string           `json:"id"` // the id of the act that posted it
	Tenant     ident.Tenant     `json:"tenant"`
	CreatorID  ident.Creator    `json:"creator_id"`
	Entity     ident.Entity     `json:"entity"`
	Settlement ident.Settlement `json:"settlement,omitempty"`
	At         time.Time        `json:"at"`
	Accounting civil.Month      `json:"accounting_period"`
	Tax        civil.Month      `json:"tax_period,omitzero"`
	// "opened", "booked", "paid", "reversed" ...
	Reason   string    `json:"reason"`
	Reverses string    `json:"reverses,omitempty"` // the entry that this one takes back
	Postings []Posting `json:"postings"`
}

// Debit and Credit append a posting; an amount of zero posts nothing.
func (e *Entry) Debit(a Account, amount money.Amount) { e.post(a, amount) }

// Credit appends a credit.
func (e *Entry) Credit(a Account, amount money.Amount) { e.post(a, amount.Neg()) }

func (e *Entry) post(a Account, amount money.Amount) {
	if !amount.IsZero() {
		e.Postings = append(e.Postings, Posting{a, amount})
	}
}

// Validate tells whether the entry may be posted: it has postings and they sum to zero. It runs before
// the write and again after a read.
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

// Reversal takes entry e back: the same postings with the other sign, under a new id and reason.
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

// SumByAccount sums entries by account.
func SumByAccount(entries []Entry) map[Account]money.Amount {
	sums := map[Account]money.Amount{}
	for _, e := range entries {
		for _, p := range e.Postings {
			sums[p.Account] = sums[p.Account].Add(p.Amount)
		}
	}
	return sums
}
