package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

// gateway is a payment gateway that lies where it may: it says nothing, says it late, twice or in
// another order, does not know for a while what it has taken, and sends money back days later. What
// it says last is true. It keeps its own book, and that book decides whether somebody was paid
// twice.
type gateway struct {
	w        *world
	tenant   ident.Tenant
	merchant string
	method   payout.Method
	book     map[string]*order
	keys     []string // in the order of their coming
}

// order is a payment as the gateway has it.
type order struct {
	payout.Order
	state  payout.State
	reason string
	taken  int64
	quiet  int64 // until then a query says that it knows nothing
	paid   []int64
	back   []int64
}

var _ payout.Gateway = (*gateway)(nil)

var errNoRoute = errors.New("simulate: no route to the gateway")

// Send takes an order, or says that it did not, or says nothing.
func (g *gateway) Send(ctx context.Context, o payout.Order) (payout.Outcome, error) {
	t, w := taskOf(ctx), g.w
	if t.dead {
		return payout.Outcome{}, errKilled
	}
	w.s.wait(t, w.s.between(20*time.Millisecond, 900*time.Millisecond))
	w.checkBeforeSend(g.tenant, o)
	if w.faults.due() || (!w.faults.over && w.s.chance(12)) {
		switch kind := one(w.s, []string{faultGateway, faultGateway, faultKill, faultStall}); kind {
		case faultGateway:
			w.faults.count(kind)
			if w.s.chance(4) {
				return payout.Outcome{}, errNoRoute // nothing was sent
			}
			if w.s.chance(2) {
				g.take(o)
			}
			return g.unclear("time-out"), nil
		case faultKill:
			w.faults.count(kind)
			if w.s.chance(2) {
				g.take(o)
			}
			t.dead = true
			return payout.Outcome{}, errKilled
		case faultStall:
			w.faults.count(kind)
			g.take(o)
			w.s.wait(t, w.s.between(time.Second, 8*time.Minute))
			return g.unclear("5xx"), nil
		}
	}
	return g.outcome(g.take(o)), nil
}

func (g *gateway) unclear(why string) payout.Outcome {
	return payout.Outcome{State: payout.Unknown, Reason: why, At: g.w.s.Now()}
}

// take enters an order in the book, once.
func (g *gateway) take(o payout.Order) *order {
	if b := g.book[o.Key]; b != nil {
		if b.Order != o {
			g.w.broken("P3", "key %s was sent with other content: %s, then %s", o.Key, b.Amount, o.Amount)
		}
		return b
	}
	w := g.w
	b := &order{Order: o, state: payout.Accepted, taken: w.s.now}
	g.book[o.Key] = b
	g.keys = append(g.keys, o.Key)
	w.trace.add("gateway", "%s takes %s of %s", g.tenant, o.Key, o.Amount)
	if w.faults.chance(12, faultGateway) {
		b.quiet = w.s.now + int64(w.s.between(time.Minute, 30*time.Minute))
	}
	pause := w.s.between(time.Second, 3*time.Minute)
	if w.faults.chance(25, faultDelay) {
		pause = w.s.between(time.Hour, 30*time.Hour)
	}
	if !w.faults.over && w.s.chance(6) {
		w.s.after(pause/2, func() { g.move(b, payout.WaitingPayee, "") })
	}
	w.s.after(pause, func() { g.end(b) })
	return b
}

// end decides what becomes of an order.
func (g *gateway) end(b *order) {
	w := g.w
	switch {
	case !w.fails(g.tenant):
		g.move(b, payout.Paid, "")
		if !w.faults.over && w.s.chance(14) {
			w.faults.count(faultReturn)
			w.s.after(w.s.between(time.Hour, 60*time.Hour), func() {
				g.move(b, payout.Returned, "account closed")
			})
		}
	case w.s.chance(4):
		g.move(b, payout.Cancelled, "payee refused")
	default:
		g.move(b, payout.Failed, "account does not exist")
	}
}

// move changes an order and tells it, now and then twice and late.
func (g *gateway) move(b *order, to payout.State, reason string) {
	if b.state.Final() && to != payout.Returned {
		return
	}
	w := g.w
	b.state, b.reason = to, reason
	switch to {
	case payout.Paid:
		b.paid = append(b.paid, w.s.now)
	case payout.Returned:
		b.back = append(b.back, w.s.now)
	}
	w.trace.add("gateway", "%s: %s is %s", g.tenant, b.Key, to)
	n := notice{Merchant: g.merchant, Key: b.Key, State: to, Reason: reason, Amount: b.Amount,
		At: time.Unix(0, w.s.now)}
	copies := 1
	if w.faults.chance(12, faultDuplicate) {
		copies++
	}
	for range copies {
		delay := w.s.between(100*time.Millisecond, 5*time.Second)
		if w.faults.chance(15, faultDelay) {
			delay = w.s.between(time.Minute, 4*time.Hour)
		}
		if to != payout.Returned && w.faults.chance(25, faultGateway) {
			continue // it never tells; what comes back stands on its bill at the latest
		}
		w.s.after(delay, func() { w.hear(g, n, 1) })
	}
}

// notice is a message of the gateway.
type notice struct {
	Merchant string
	Key      string
	State    payout.State
	Reason   string
	Amount   money.Amount
	At       time.Time
}

// Query says what became of a key.
func (g *gateway) Query(ctx context.Context, key string) (payout.Outcome, error) {
	t, w := taskOf(ctx), g.w
	if t.dead {
		return payout.Outcome{}, errKilled
	}
	w.s.wait(t, w.s.between(10*time.Millisecond, 400*time.Millisecond))
	if w.faults.due() {
		w.faults.count(faultGateway)
		if w.s.chance(4) {
			return payout.Outcome{}, errNoRoute
		}
		return g.unclear("time-out"), nil
	}
	b := g.book[key]
	if b == nil || (b.quiet > w.s.now && !w.faults.over) {
		return payout.Outcome{State: payout.NotFound, At: w.s.Now()}, nil
	}
	return g.outcome(b), nil
}

func (g *gateway) outcome(b *order) payout.Outcome {
	return payout.Outcome{State: b.state, GatewayID: "gw-" + b.Key[:8], Reason: b.reason,
		Amount: b.Amount, At: g.w.s.Now()}
}

// ParseNotice takes the messages of this merchant account only.
func (g *gateway) ParseNotice(_ context.Context, _ map[string]string,
	body []byte) (payout.Notice, error) {
	var n notice
	if err := json.Unmarshal(body, &n); err != nil || n.Merchant != g.merchant {
		return payout.Notice{}, payout.ErrUnverified
	}
	return payout.Notice{Key: n.Key,
		Outcome: payout.Outcome{State: n.State, GatewayID: "gw-" + n.Key[:8], Reason: n.Reason,
			Amount: n.Amount, At: n.At}}, nil
}

// hear brings a notice to the system, again until it is taken.
func (w *world) hear(g *gateway, n notice, try int) {
	body, err := json.Marshal(n)
	if err != nil {
		w.broken("simulator", "notice: %v", err)
		return
	}
	w.delivered++
	var status int
	w.s.begin(w.task("receive-payment", g.tenant), func(ctx context.Context) {
		status = w.post(ctx, w.callbacks, caller{}, "/v1/payouts/callbacks/"+string(g.method), "",
			string(body)).StatusCode
	}, func(killed bool) {
		if (status != 200 || killed) && (try < 6 || n.State == payout.Returned) {
			w.s.after(time.Duration(min(try*try, 100))*time.Minute, func() { w.hear(g, n, try+1) })
		}
	})
}

// accounts is the vault with the payees' accounts.
type accounts struct{ w *world }

func (a accounts) Payee(ctx context.Context, p payout.Payable) (payout.Payee, error) {
	t := taskOf(ctx)
	a.w.s.wait(t, a.w.s.between(time.Millisecond, 20*time.Millisecond))
	if t.dead {
		return payout.Payee{}, errKilled
	}
	if a.w.faults.due() {
		a.w.faults.count(faultVault)
		return payout.Payee{}, fault.Later(errConnection)
	}
	return payout.Payee{Account: string("acct-" + p.CreatorID), Holder: "甲", Bank: "102100099996"}, nil
}
