// Package receivable holds what a creator owes a paying entity (应收达人款) and what that entity owes
// back, and plans how much of it a settlement's net bears (抵扣). A set-off never changes a tax base.
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

// Kind says why something is owed.
type Kind string

// The kinds. All but GiveBack are owed by the creator, the court order to others.
const (
	RefundRecovery Kind = "refund_recovery" // 退款追回: income was refunded after it was split
	// 税款补扣: tax that a payment could not bear, or that a correction found
	TaxShortfall Kind = "tax_shortfall"
	Advance      Kind = "advance"     // 预支
	Penalty      Kind = "penalty"     // 违约金
	CourtOrder   Kind = "court_order" // 协助执行: to be kept back and paid to others
	Other        Kind = "other"
	GiveBack     Kind = "give_back" // 应退达人款: kept back too much; paid with the next settlement
)

// Raisable are the kinds that people raise; the other two arise by themselves.
func Raisable() []Kind { return []Kind{RefundRecovery, Advance, Penalty, CourtOrder, Other} }

// The states.
const (
	Prepared = "prepared" // waits for a second person
	Open     = "open"     // stands, until nothing of it is open
)

// Receivable is one claim. Amount = Open + Taken + what was withdrawn.
type Receivable struct {
	ID        string        `json:"receivable_id"`
	Tenant    ident.Tenant  `json:"-"`
	CreatorID ident.Creator `json:"creator_id"`
	Entity    ident.Entity  `json:"paying_entity"`
	Kind      Kind          `json:"kind"`
	Amount    money.Amount  `json:"amount"`
	Open      money.Amount  `json:"open"`
	Taken     money.Amount  `json:"taken"` // by set-offs that stand
	// of a refund: the part that the agency bears, beside Amount
	MCNPart money.Amount `json:"mcn_part"`
	// most that one settlement bears, as a share of its net; nil for no limit
	MaxShare *money.Rate `json:"max_share"`
	Document string      `json:"document"`
	Reason   string      `json:"reason"`
	State    string      `json:"state"`
	Opening  bool        `json:"opening,omitempty"` // owed from before the first day here
	// whose booking it arises from, or whose income was refunded
	Settlement ident.Settlement `json:"settlement_id,omitempty"`
	RaisedOn   civil.Date       `json:"raised_on"` // business date from which it stands
	PreparedBy string           `json:"prepared_by"`
	PreparedAt time.Time        `json:"prepared_at"`
	ApprovedBy string           `json:"approved_by,omitempty"`
	ApprovedAt time.Time        `json:"approved_at,omitzero"`
	// what raised it; id of its journal entry
	Act string `json:"transition_id,omitempty"`
}

// Move changes what is open of a receivable, together with the act that causes it.
type Move struct {
	Creator   ident.Creator
	Entity    ident.Entity
	ID        string
	Taken     money.Amount // set off; below zero is given up again
	Withdrawn money.Amount // ended with the booking that raised it
	// Whole tells that Withdrawn must be all that is open: whoever set something off in between comes
	// first.
	Whole bool
}

// Claims tells whether the kind stands in creator.receivable.
func (k Kind) Claims() bool { return k != CourtOrder && k != GiveBack }

// rank orders set-offs: what is owed back first, because it adds to what can bear the others; then
// a court's order, then tax, then the rest.
func (k Kind) rank() int {
	switch k {
	case GiveBack:
		return 0
	case CourtOrder:
		return 1
	case TaxShortfall:
		return 2
	}
	return 3
}

// MaxParts bounds the set-offs of one settlement: with META, journal and rows they must fit into
// one transaction.
const MaxParts = 8

// Part is one set-off: Amount is taken from the net, and below zero it is added to it.
type Part struct {
	Receivable
	Set money.Amount
}

// Plan tells what a net bears of the receivables that stand: what is owed back is added first, then
// the court's orders, tax shortfalls and the others by age are taken, until nothing is left or
// MaxParts are reached. What is left is never below zero.
func Plan(net money.Amount, standing []Receivable) []Part {
	list := slices.DeleteFunc(slices.Clone(standing), func(r Receivable) bool {
		return r.State != Open || !r.Open.Positive()
	})
	slices.SortFunc(list, func(a, b Receivable) int {
		return cmp.Or(cmp.Compare(a.Kind.rank(), b.Kind.rank()), compareDays(a.RaisedOn, b.RaisedOn),
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
				take = money.Min(take, r.MaxShare.Of(net, money.Down))
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

// Entry posts what raising r means (design, section 6); nil for a court's order, which is owed to
// others only when it is kept back.
func (r Receivable) Entry(id string, now time.Time) *ledger.Entry {
	e := &ledger.Entry{ID: id, Tenant: r.Tenant, CreatorID: r.CreatorID, Entity: r.Entity,
		Settlement: r.Settlement, At: now, Accounting: civil.MonthOf(now),
		Reason: "receivable raised: " + string(r.Kind)}
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

// Account is where a set-off of the kind goes.
func (k Kind) Account() ledger.Account {
	if k == CourtOrder {
		return ledger.CourtPayable
	}
	return ledger.CreatorReceivable
}

func compareDays(a, b civil.Date) int {
	switch {
	case a.Before(b):
		return -1
	case b.Before(a):
		return 1
	}
	return 0
}
