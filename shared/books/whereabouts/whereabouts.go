// Package whereabouts finds out where money is (资金去向): it lists each fen of a creator's income with
// its state, the reason, the role that has to act, and the due time. For each account the listed
// amounts sum to the balance in the ledger.
package whereabouts

import (
	"cmp"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// State says where money is.
type State string

// The states.
const (
	// FromPlatform is settled money that the platform has not paid to the agency yet.
	FromPlatform State = "from_platform"
	// ForStatement is earned money that is in no settlement yet.
	ForStatement State = "for_statement"
	// ForReview is money in a settlement that is being reviewed.
	ForReview State = "for_review"
	// ForPayDay is money in an approved settlement before its pay day.
	ForPayDay State = "for_pay_day"
	// OnHold is money in a settlement on hold.
	OnHold State = "on_hold"
	// BeingPaid is money whose payment has no final answer yet.
	BeingPaid State = "being_paid"
	// PaidOut is money that was paid through the gateway.
	PaidOut State = "paid_out"
	// NotPaid is money whose payment failed or was returned.
	NotPaid State = "not_paid"
	// TaxKept is money that was withheld for the tax office.
	TaxKept State = "tax_kept"
	// TaxBorne is tax that the agency bears.
	TaxBorne State = "tax_borne"
	// Agency is the agency's share.
	Agency State = "agency"
	// ForParty is the share of another payee whose settlement is not open yet.
	ForParty State = "for_party"
	// OwedByCreator is a debt of the creator.
	OwedByCreator State = "owed_by_creator"
	// Before is an opening balance from the books before this system.
	Before State = "before"
)

// Position is an amount of money in one account, and where this money is. Debits are positive,
// credits negative, as in the ledger.
type Position struct {
	Account ledger.Account `json:"account"`
	Amount  money.Amount   `json:"amount"`
	State   State          `json:"state"`
	// Reason is the stable code of a hold, of a status or of a payout.
	Reason string `json:"reason"`
	// Owner is the role that has to act next; "nobody" when there is nothing to do.
	Owner  string       `json:"owner"`
	Action string       `json:"action"`
	Due    *civil.Stamp `json:"due"`
	// Period is the month of the tax return, for positions of taxes.
	Period civil.Month `json:"tax_period,omitzero"`
	// Object is the id of the settlement, receivable or bucket.
	Object string `json:"object"`
}

// Sum is the money in one account and state.
type Sum struct {
	Account ledger.Account `json:"account"`
	State   State          `json:"state"`
	Amount  money.Amount   `json:"amount"`
	Count   int            `json:"count"`
}

// SumByState sums up positions by account and state, sorted by both.
func SumByState(positions []Position) []Sum {
	out := []Sum{}
	for _, p := range positions {
		i := slices.IndexFunc(out, func(s Sum) bool {
			return s.Account == p.Account && s.State == p.State
		})
		if i < 0 {
			i = len(out)
			out = append(out, Sum{Account: p.Account, State: p.State})
		}
		out[i].Amount = out[i].Amount.Add(p.Amount)
		out[i].Count++
	}
	slices.SortFunc(out, func(a, b Sum) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.State, b.State))
	})
	return out
}

// SumByAccount sums up positions by account.
func SumByAccount(positions []Position) map[ledger.Account]money.Amount {
	out := map[ledger.Account]money.Amount{}
	for _, p := range positions {
		out[p.Account] = out[p.Account].Add(p.Amount)
	}
	return out
}
