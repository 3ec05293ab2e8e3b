// Package receivable holds claims of a paying entity on a creator (应收达人款) and what the entity owes
// back to the creator. It plans how much of the claims is set off from the net of a settlement
// (抵扣). A set-off never changes a tax base.
package receivable

import (
	"cmp"
	"slices"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// Kind is the legal ground of a claim.
type Kind string

// The kinds of receivables. The creator owes all of them but GiveBack, which is owed to the
// creator; CourtOrder is owed to a third person.
const (
	RefundRecovery Kind = "refund_recovery" // 退款追回: income was refunded after it was split
	// 税款补扣: tax that exceeded the net of a payment, or that a correction has found
	TaxShortfall Kind = "tax_shortfall"
	Advance      Kind = "advance"     // 预支
	Penalty      Kind = "penalty"     // 违约金
	CourtOrder   Kind = "court_order" // 协助执行: to be withheld and paid to a third person
	Other        Kind = "other"
	GiveBack     Kind = "give_back" // 应退达人款: withheld too much; paid with the next settlement
)

// Raisable lists the kinds that people may raise. The system raises the other two, for tax.
func Raisable() []Kind { return []Kind{RefundRecovery, Advance, Penalty, CourtOrder, Other} }

// The states of a receivable.
const (
	Prepared = "prepared" // waits for a second person
	Open     = "open"     // in force; stays open also after all of it was set off
)

// Receivable is one claim. Amount is always the sum of Open, Taken and what was withdrawn.
type Receivable struct {
	ID        string        `json:"receivable_id"`
	Tenant    ident.Tenant  `json:"-"`
	CreatorID ident.Creator `json:"creator_id"`
	Entity    ident.Entity  `json:"paying_entity"`
	Kind      Kind          `json:"kind"`
	Amount    money.Amount  `json:"amount"`
	Open      money.Amount  `json:"open"`
	Taken     money.Amount  `json:"taken"` // sum of the set-offs that were not reversed
	// of a refund: the part that the agency bears, in addition to Amount
	MCNPart money.Amount `json:"mcn_part"`
	// greatest share of a settlement's net that may be set off for the claim; nil for no limit
	MaxShare *money.Rate `json:"max_share"`
	Document string      `json:"document"`
	Reason   string      `json:"reason"`
	State    string      `json:"state"`
	Opening  bool        `json:"opening,omitempty"` // owed by the tenant's books before this system
	// settlement whose booking raised the claim, or whose income was refunded
	Settlement ident.Settlement `json:"settlement_id,omitempty"`
	// business date on which it was approved, or prepared before that
	RaisedOn   civil.Date `json:"raised_on"`
	PreparedBy string     `json:"prepared_by"`
	PreparedAt time.Time  `json:"prepared_at"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	ApprovedAt time.Time  `json:"approved_at,omitzero"`
	// id of the act that raised the claim, and of its journal entry
	Act string `json:"transition_id,omitempty"`
}

// Move is a change of the open amount of a receivable; it is written together with the act that
// causes it.
type Move struct {
	Creator   ident.Creator
	Entity    ident.Entity
	ID        string
	Taken     money.Amount // amount set off; negative when a set-off is reversed
	Withdrawn money.Amount // amount withdrawn because the booking that raised it was reversed
	// Whole is true when Withdrawn must equal the open amount; the write fails when another
	// settlement has set off a part in between.
	Whole bool
}

// Claims reports whether claims of this kind are booked in account creator.receivable.
func (k Kind) Claims() bool { return k != CourtOrder && k != GiveBack }

// precedence is the order in which kinds are set off, lowest first: what is owed back to the
// creator, because it raises the amount from which the others are taken; then court orders, then
// tax, then the rest.
func (k Kind) precedence() int {
	switch k {
	case GiveBack:
		return 0
	case CourtOrder:
		return 1
	case TaxShortfall:
		return 2
	default:
		return 3
	}
}

// MaxParts is the greatest number of set-offs of one settlement: together with META, journal and
// tax rows they must fit into one DynamoDB transaction.
const MaxParts = 8

// Part is one set-off of a receivable. Set is subtracted from the net; a negative Set is added.
type Part struct {
	Receivable
	Set money.Amount
}

// Plan returns the set-offs from a net: first what is owed back to the creator is added, then court
// orders, tax shortfalls and the other claims are subtracted, the oldest first, until nothing is
// left of the net or MaxParts are planned. The net less the set-offs is never below zero.
func Plan(net money.Amount, standing []Receivable) []Part {
	list := slices.DeleteFunc(slices.Clone(standing), func(r Receivable) bool {
		return r.State != Open || !r.Open.Positive()
	})
	slices.SortFunc(list, func(a, b Receivable) int {
		return cmp.Or(cmp.Compare(a.Kind.precedence(), b.Kind.precedence()),
			compareDays(a.RaisedOn, b.RaisedOn),
			a.PreparedAt.Compare(b.PreparedAt), cmp.Compare(a.ID, b.ID))
	})
	left := net
	var out []Part
	for _, r := range list {
		if len(out) == MaxParts {
			break
		}
		take := r.Open.Neg()
		if r.Kind != GiveBack {
			take = money.Min(r.Open, left)
			if r.MaxShare != nil {
				take = money.Min(take, r.MaxShare.ApplyTo(net, money.Down))
			}
			if !take.Positive() {
				continue
			}
		}
		left = left.Sub(take)
		out = append(out, Part{r, take})
	}
	return out
}

// Entry is the journal entry by which r is raised. It is nil for a court order, which is owed to
// the third person only once it is withheld, and for tax, which the booking has posted.
func (r Receivable) Entry(id string, now time.Time) *ledger.Entry {
	e := &ledger.Entry{ID: id, Tenant: r.Tenant, CreatorID: r.CreatorID, Entity: r.Entity,
		Settlement: r.Settlement, At: now, Accounting: civil.MonthOf(now),
		Reason: "receivable raised: " + string(r.Kind)}
	// a claim, or a debt to the creator, from an opening balance is posted against opening.balance
	switch {
	case r.Opening && r.Kind.Claims():
		e.Debit(ledger.CreatorReceivable, r.Amount)
		e.Credit(ledger.OpeningBalance, r.Amount)
		return e
	case r.Opening && r.Kind == GiveBack:
		e.Debit(ledger.OpeningBalance, r.Amount)
		e.Credit(ledger.CreatorPayable, r.Amount)
		return e
	}
	switch r.Kind {
	case Advance:
		e.Debit(ledger.CreatorReceivable, r.Amount)
		e.Credit(ledger.GatewayClearing, r.Amount)
	case Penalty, Other:
		e.Debit(ledger.CreatorReceivable, r.Amount)
		e.Credit(ledger.MCNOtherIncome, r.Amount)
	case RefundRecovery:
		e.Debit(ledger.CreatorReceivable, r.Amount)
		e.Debit(ledger.MCNRevenue, r.MCNPart)
		e.Credit(ledger.PlatformClearing, r.Amount.Add(r.MCNPart))
	case CourtOrder, TaxShortfall, GiveBack:
		return nil
	}
	return e
}

// Account is the account to which a set-off of the kind is credited.
func (k Kind) Account() ledger.Account {
	if k == CourtOrder {
		return ledger.CourtPayable
	}
	return ledger.CreatorReceivable
}

// compareDays orders dates, the earlier first.
func compareDays(a, b civil.Date) int {
	switch {
	case a.Before(b):
		return -1
	case b.Before(a):
		return 1
	}
	return 0
}
