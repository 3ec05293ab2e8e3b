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

// place is what positions are gathered by: what an account holds because of one payable and, of
// taxes, one month.
type place struct {
	account ledger.Account
	object  string
	period  civil.Month
}

// PositionsOf gathers a creator's journal by payable and account, and tells of each sum where it is by the
// payable's last occurrence, as the viewer has it. What a payable has balanced is not listed.
func PositionsOf(entries []ledger.Entry, settlements []settlement.Settlement,
	view settlement.Viewer) []Position {
	byID := settlement.OccurrencesOf(settlements)
	sums := map[place]money.Amount{}
	var order []place
	for _, e := range entries {
		for _, p := range e.Postings {
			at := place{account: p.Account, object: cmp.Or(byID.First(string(e.Settlement)), e.ID)}
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
				s = byID.Last(s)
				p.Object = s.ID
			}
			out = append(out, p.told(s, ok, view))
		}
	}
	return out
}

// told says where a sum is, by its account and, where it belongs to a payable, by that.
func (p Position) told(s settlement.Settlement, ok bool, view settlement.Viewer) Position {
	switch p.Account {
	case ledger.CreatorPayable:
		if ok {
			return p.payable(s, view)
		}
		return p.as(NotPaid, "owed_to_creator", "finance", "settle")
	case ledger.CreatorReceivable:
		return p.as(OwedByCreator, "receivable", "creator", "set_off")
	case ledger.CreatorAccrued:
		return p.as(ForStatement, "accrued", "system", "open_statement")
	case ledger.PartyAccrued:
		return p.as(ForParty, "party_share", "system", "open_party_settlement")
	case ledger.PlatformClearing:
		return p.as(FromPlatform, "not_received", "finance", "match_receipt")
	case ledger.GatewayClearing:
		return p.as(PaidOut, "not_on_a_bill", "finance", "match_bill")
	case ledger.OpeningBalance:
		return p.as(Before, "opening", "nobody", "none")
	case ledger.MCNTaxCost:
		return p.as(TaxBorne, "borne_by_agency", "nobody", "none")
	}
	if p.Account.IsTaxPayable() {
		return p.as(TaxKept, "tax_return", "finance", "file_and_remit")
	}
	return p.as(Agency, string(p.Account), "nobody", "none")
}

func (p Position) as(state State, reason, owner, action string) Position {
	p.State = state
	p.Reason = reason
	p.Owner = owner
	p.Action = action
	return p
}

// payable tells of money owed to the creator what its settlement waits for.
func (p Position) payable(s settlement.Settlement, view settlement.Viewer) Position {
	next := view.Next(s)
	p.Owner = next.Owner
	p.Action = next.Action
	p.Due = civil.StampOf(next.Due)
	p.Reason = strings.ToLower(string(s.Status))
	switch {
	case s.Hold != nil:
		p.State, p.Reason = OnHold, s.Hold.Reason
	case s.Status == settlement.Failed:
		p.State, p.Reason = NotPaid, cmp.Or(s.ReasonClass, p.Reason)
	case s.Status == settlement.Paid && s.Payout != nil && s.Payout.State == payout.Returned:
		p.State, p.Reason = NotPaid, "returned"
	case s.Status == settlement.Paid: // paid whole, and something was given back since
		return p.as(NotPaid, "true_up", "finance", "settle")
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
