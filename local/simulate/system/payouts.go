package system

import (
	"context"
	"encoding/json"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/payoutqueue"
)

// buildPayouts builds pay-out and receive-payment, and opens the merchant accounts of all tenants.
func (s *System) buildPayouts(b builder) {
	var merchants payout.Gateways
	for _, t := range b.Tenants {
		for _, method := range []payout.Method{payout.Douyin, payout.Bank} {
			tenant := ident.Tenant(t)
			g := b.world.AddGateway(tenant, "m-"+t+"-"+string(method), method)
			merchants = append(merchants, payout.MerchantAccount{Tenant: tenant, Merchant: g.Merchant,
				Method: method, Gateway: applyBug[payout.Gateway](b.Bug.Gateway, g)})
		}
	}
	payables := settlement.NewPayables(s.Settlements)
	s.Payouts = &payout.Service{Payables: applyBug[payout.Payables](b.Bug.Payables, payables),
		Unclear: payables, Accounts: b.world.PayeeAccounts(),
		Rebooking: payoutqueue.Rebooking{SQS: b.world.RebookingQueue(), Queue: "tax"},
		Merchants: merchants, Clock: b.clock, Log: b.log}
	b.world.DeliverNotice = func(g *engine.Gateway, n engine.Notice) { s.postNotice(g, n, 1) }
}

// noticeTries is how often a gateway posts a notice that is not accepted. A notice of returned
// money is repeated until it is accepted, because no query would find the return.
const noticeTries = 6

// postNotice posts a notice of a gateway to receive-payment, and again later when it was not
// accepted.
func (s *System) postNotice(g *engine.Gateway, n engine.Notice, try int) {
	body, err := json.Marshal(n)
	if err != nil {
		s.world.ReportBroken("simulator", "notice: %v", err)
		return
	}
	s.world.Delivered++
	var status int
	s.world.StartTask(s.world.NewTask("receive-payment", g.Tenant), func(ctx context.Context) {
		path := "/v1/payouts/callbacks/" + string(g.Method)
		status = s.post(ctx, s.callbacks, Caller{}, path, "", string(body)).StatusCode
	}, func(killed bool) {
		if (status != 200 || killed) && (try < noticeTries || n.State == payout.Returned) {
			s.world.RunAfter(time.Duration(min(try*try, 100))*time.Minute, func() {
				s.postNotice(g, n, try+1)
			})
		}
	})
}
