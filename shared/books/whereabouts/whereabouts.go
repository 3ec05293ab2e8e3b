// Package whereabouts tells where money is: each fen of a creator's income with its state, the
// reason, who has to do something about it, and when (资金去向). What it lists sums to the ledger,
// account by account.
package whereabouts

import (
	"cmp"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// State says in one word where money is.
type State string

// The states.
const (
	FromPlatform  State = "from_platform"   // settled with the platform's money still to come
	ForStatement  State = "for_statement"   // earned, and not in a settlement yet
	ForReview     State = "for_review"      // a settlement that people look at
	ForPayDay     State = "for_pay_day"     // approved
	OnHold        State = "on_hold"         // stopped, for the reason given
	BeingPaid     State = "being_paid"      // on its way to the payee
	PaidOut       State = "paid_out"        // left through the gateway
	NotPaid       State = "not_paid"        // a payment failed or came back
	TaxKept       State = "tax_kept"        // kept back for the tax office
	TaxBorne      State = "tax_borne"       // tax that the agency pays out of its own
	Agency        State = "agency"          // the agency's part
	ForParty      State = "for_party"       // another payee's part, whose settlement is not open yet
	OwedByCreator State = "owed_by_creator" // what the creator owes
	Before        State = "before"          // brought along from the books before
)

// Position is an amount of money and where it is. Debits are positive, credits negative, as in the
// ledger.
type Position struct {
	Account ledger.Account `json:"account"`
	Amount  money.Amount   `json:"amount"`
	State   State          `json:"state"`
	Reason  string         `json:"reason"` // a stable word: of a hold, a status, a payout
	// who has to do the next thing; "nobody" when nothing is left
	Owner  string       `json:"owner"`
	Action string       `json:"action"`
	Due    *civil.Stamp `json:"due"`
	Period civil.Month  `json:"tax_period,omitzero"` // of taxes: the month of the return
	Object string       `json:"object"`              // id of the settlement, receivable or bucket
}

// Sum is what lies in one account in one state.
type Sum struct {
	Account ledger.Account `json:"account"`
	State   State          `json:"state"`
	Amount  money.Amount   `json:"amount"`
	Count   int            `json:"count"`
}

// SumByState adds positions up by account and state.
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
		out[i].Amount, out[i].Count = out[i].Amount.Add(p.Amount), out[i].Count+1
	}
	slices.SortFunc(out, func(a, b Sum) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.State, b.State))
	})
	return out
}

// SumByAccount adds positions up by account.
func SumByAccount(positions []Position) map[ledger.Account]money.Amount {
	out := map[ledger.Account]money.Amount{}
	for _, p := range positions {
		out[p.Account] = out[p.Account].Add(p.Amount)
	}
	return out
}
