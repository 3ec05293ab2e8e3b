package promises

import (
	"cmp"
	"context"
	"slices"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
)

// checkBeforeSend checks, at the moment an order reaches the gateway, that its key and its send
// were written before.
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

// checkPayments compares the gateways' own books with ours (promise P3).
func (b *Examiner) checkPayments() {
	byKey := map[string]settlement.Settlement{}
	for _, s := range b.settlements {
		if s.Payout != nil {
			byKey[string(s.Tenant+"/")+s.Payout.Key] = s
		}
	}
	type span struct{ from, to int64 }
	paid := map[string][]span{}
	for _, g := range b.world.Gateways {
		for _, key := range g.Keys {
			o := g.Book[key]
			s, ok := byKey[string(g.Tenant+"/")+key]
			if !ok {
				b.world.ReportBroken("P3", "the gateway has order %s of %s, which no settlement knows", key,
					o.Amount)
				continue
			}
			if len(o.PaidAt) > 1 || o.Amount != s.ToPay {
				b.world.ReportBroken("P3", "%s: paid %d times %s, to pay %s", s.ID, len(o.PaidAt), o.Amount,
					s.ToPay)
			}
			for i, at := range o.PaidAt {
				until := int64(1) << 62
				if i < len(o.ReturnedAt) {
					until = o.ReturnedAt[i]
				}
				paid[string(s.Tenant+"/")+s.Identity] = append(paid[string(s.Tenant+"/")+s.Identity],
					span{at, until})
			}
			want := map[payout.State]settlement.Status{payout.Paid: settlement.Paid,
				payout.Returned: settlement.Paid, payout.Failed: settlement.Failed,
				payout.Cancelled: settlement.Failed}[o.State]
			if s.Status != want || s.Payout.State != o.State {
				b.world.ReportBroken("P3", "%s/%s is %s %s, the gateway says %s", s.Tenant, s.ID, s.Status,
					s.Payout.State,
					o.State)
			}
		}
	}
	for payable, spans := range paid {
		slices.SortFunc(spans, func(x, y span) int { return cmp.Compare(x.from, y.from) })
		for i := 1; i < len(spans); i++ {
			if spans[i].from < spans[i-1].to {
				b.world.ReportBroken("P3", "payable %s was paid twice", payable)
			}
		}
	}
	for _, s := range b.settlements {
		if s.Status == settlement.Paid && s.ToPay.Positive() {
			found := false
			for _, g := range b.world.Gateways {
				found = found || (g.Tenant == s.Tenant && s.Payout != nil && g.Book[s.Payout.Key] != nil)
			}
			if !found {
				b.world.ReportBroken("P3", "%s/%s says it was paid, and no gateway knows", s.Tenant, s.ID)
			}
		}
	}
}
