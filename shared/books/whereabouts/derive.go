package whereabouts

import (
	"cmp"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
)

// sumKey identifies a sum of postings that becomes one position: an account, the object that caused
// the postings and, for taxes, the tax month.
type sumKey struct {
	account ledger.Account
	object  string
	period  civil.Month
}

// PositionsOf sums up a creator's journal by account and object, and finds out where each sum is by
// the state of the payable's last occurrence. Sums of zero are not listed.
func PositionsOf(entries []ledger.Entry, settlements []settlement.Settlement,
	view settlement.Viewer) []Position {
	byID := settlement.OccurrencesOf(settlements)
	sums := map[sumKey]money.Amount{}
	var order []sumKey
	for _, e := range entries {
		for _, p := range e.Postings {
			// An entry without a settlement, such as an accrual, is an object by itself.
			at := sumKey{account: p.Account, object: cmp.Or(byID.FirstID(string(e.Settlement)), e.ID)}
			if p.Account.IsTaxPayable() {
				at.period = e.Tax
			}
			if _, known := sums[at]; !known {
				order = append(order, at)
			}
			sums[at] = sums[at].Add(p.Amount)
		}
	}
	out := []Position{}
	for _, at := range order {
		if sum := sums[at]; !sum.IsZero() {
			p := Position{Account: at.account, Amount: sum, Period: at.period, Object: at.object}
			s, ok := byID[at.object]
			if ok {
				s = byID.LastOf(s)
				p.Object = s.ID
			}
			out = append(out, p.locate(s, ok, view))
		}
	}
	return out
}

// locate returns the position with its state: by its account and, for money that is owed to the
// creator from a payable, by the payable's settlement.
func (p Position) locate(s settlement.Settlement, ok bool, view settlement.Viewer) Position {
	switch p.Account {
	case ledger.CreatorPayable:
		if ok {
			return p.locatePayable(s, view)
		}
		// Money without a settlement is owed because of a receivable that pays the creator back.
		return p.withState(NotPaid, "owed_to_creator", "finance", "settle")
	case ledger.CreatorReceivable:
		return p.withState(OwedByCreator, "receivable", "creator", "set_off")
	case ledger.CreatorAccrued:
		return p.withState(ForStatement, "accrued", "system", "open_statement")
	case ledger.PartyAccrued:
		return p.withState(ForParty, "party_share", "system", "open_party_settlement")
	case ledger.PlatformClearing:
		return p.withState(FromPlatform, "not_received", "finance", "match_receipt")
	case ledger.GatewayClearing:
		return p.withState(PaidOut, "not_on_a_bill", "finance", "match_bill")
	case ledger.OpeningBalance:
		return p.withState(Before, "opening", "nobody", "none")
	case ledger.MCNTaxCost:
		return p.withState(TaxBorne, "borne_by_agency", "nobody", "none")
	default: // the other accounts are recognized below
	}
	// Every kind of tax has an account, so these are recognised by their name.
	if p.Account.IsTaxPayable() {
		return p.withState(TaxKept, "tax_return", "finance", "file_and_remit")
	}
	return p.withState(Agency, string(p.Account), "nobody", "none")
}

// withState returns the position with a state, its reason, the role that has to act, and the
// action.
func (p Position) withState(state State, reason, owner, action string) Position {
	p.State = state
	p.Reason = reason
	p.Owner = owner
	p.Action = action
	return p
}

// locatePayable returns the position of money that is owed to the creator, with the state of its
// settlement.
func (p Position) locatePayable(s settlement.Settlement, view settlement.Viewer) Position {
	next := view.NextAction(s)
	p.Owner = next.Owner
	p.Action = next.Action
	p.Due = civil.StampOf(next.Due)
	p.Reason = strings.ToLower(string(s.Status))
	switch {
	case s.Hold != nil:
		p.State = OnHold
		p.Reason = s.Hold.Reason
	case s.Status == settlement.Failed:
		p.State = NotPaid
		p.Reason = cmp.Or(s.ReasonClass, p.Reason)
	case s.Status == settlement.Paid && s.Payout != nil && s.Payout.State == payout.Returned:
		p.State = NotPaid
		p.Reason = "returned"
	case s.Status == settlement.Paid:
		// The settlement was paid in full. The money is owed because of a later true-up.
		return p.withState(NotPaid, "true_up", "finance", "settle")
	case s.Status == settlement.Paying:
		p.State = BeingPaid
		if s.Payout != nil {
			p.Reason = strings.ToLower(string(s.Payout.State))
		}
	case s.Status == settlement.Approved:
		p.State = ForPayDay
	default:
		p.State = ForReview
	}
	return p
}
