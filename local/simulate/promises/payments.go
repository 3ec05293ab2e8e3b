package promises

import (
	"cmp"
	"context"
	"math"
	"slices"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
)

// checkBeforeSend checks, at the moment at which a payment order reaches the gateway, that the
// payout key and the state "sent" were stored before (promise P3).
func (b *Examiner) checkBeforeSend(tenant ident.Tenant, o payout.Order) {
	id, err := (&settlementdb.Store{DB: b.world.DB, Control: engine.ControlTable}).SettlementOfKey(
		context.Background(), tenant, o.Key)
	if err != nil {
		b.world.ReportBroken("P3", "key %s was sent before it was written: %v", o.Key, err)
		return
	}
	s, err := (&settlementdb.Store{DB: b.world.DB, Settlements: engine.SettlementsTable}).Load(
		context.Background(),
		tenant, ident.Settlement(id))
	if err != nil || s.Payout == nil || s.Payout.Key != o.Key || s.Payout.State == payout.Created ||
		s.Status == settlement.Approved {
		b.world.ReportBroken("P3", "%s was sent while its settlement says %+v (%v)", o.Key, s.Payout, err)
	}
}

// span is the time from a payment to its return, or to the end of time.
type span struct{ from, to int64 }

// checkPayments compares the gateways' own books with the settlements (promise P3).
func (b *Examiner) checkPayments() {
	byKey := map[string]settlement.Settlement{}
	for _, s := range b.settlements {
		if s.Payout != nil {
			byKey[string(s.Tenant+"/")+s.Payout.Key] = s
		}
	}
	paid := map[string][]span{} // by tenant and payable
	for _, g := range b.world.Gateways {
		for _, key := range g.Keys {
			s, ok := byKey[string(g.Tenant+"/")+key]
			if !ok {
				b.world.ReportBroken("P3", "the gateway has order %s of %s, which no settlement knows", key,
					g.Book[key].Amount)
				continue
			}
			payable := string(s.Tenant+"/") + s.Identity
			paid[payable] = append(paid[payable], b.checkGatewayOrder(g.Book[key], s)...)
		}
	}
	for payable, spans := range paid {
		slices.SortFunc(spans, func(x, y span) int { return cmp.Compare(x.from, y.from) })
		for i := 1; i < len(spans); i++ {
			if spans[i].from < spans[i-1].to { // the first payment had not come back yet
				b.world.ReportBroken("P3", "payable %s was paid twice", payable)
			}
		}
	}
	b.checkPaidByGateway()
}

// checkGatewayOrder compares an order of a gateway with its settlement. It returns when the money
// was with the payee.
func (b *Examiner) checkGatewayOrder(o *engine.Order, s settlement.Settlement) []span {
	if len(o.PaidAt) > 1 || o.Amount != s.ToPay {
		b.world.ReportBroken("P3", "%s: paid %d times %s, to pay %s", s.ID, len(o.PaidAt), o.Amount,
			s.ToPay)
	}
	want := map[payout.State]settlement.Status{payout.Paid: settlement.Paid,
		payout.Returned: settlement.Paid, payout.Failed: settlement.Failed,
		payout.Cancelled: settlement.Failed}[o.State]
	if s.Status != want || s.Payout.State != o.State {
		b.world.ReportBroken("P3", "%s/%s is %s %s, the gateway says %s", s.Tenant, s.ID, s.Status,
			s.Payout.State, o.State)
	}
	var paid []span
	for i, at := range o.PaidAt {
		until := int64(math.MaxInt64)
		if i < len(o.ReturnedAt) {
			until = o.ReturnedAt[i]
		}
		paid = append(paid, span{at, until})
	}
	return paid
}

// checkPaidByGateway checks that a gateway has an order for every paid settlement.
func (b *Examiner) checkPaidByGateway() {
	for _, s := range b.settlements {
		if s.Status != settlement.Paid || !s.ToPay.Positive() {
			continue
		}
		if !slices.ContainsFunc(b.world.Gateways, func(g *engine.Gateway) bool {
			return g.Tenant == s.Tenant && s.Payout != nil && g.Book[s.Payout.Key] != nil
		}) {
			b.world.ReportBroken("P3", "%s/%s says it was paid, and no gateway knows", s.Tenant, s.ID)
		}
	}
}
