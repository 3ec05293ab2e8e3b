package engine

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

// Gateway is a payment gateway that lies where it may: it says nothing, says it late, twice or in
// another order, does not know for a while what it has taken, and sends money back days later. What
// it says last is true. It keeps its own book, and that book decides whether somebody was paid
// twice.
type Gateway struct {
	w        *World
	Tenant   ident.Tenant
	Merchant string
	Method   payout.Method
	Book     map[string]*Order
	Keys     []string // in the order of their coming
}

// Order is a payment as the gateway has it.
type Order struct {
	payout.Order
	State       payout.State
	reason      string
	receivedAt  int64
	hiddenUntil int64 // until then a query says that it knows nothing
	PaidAt      []int64
	ReturnedAt  []int64
}

var _ payout.Gateway = (*Gateway)(nil)

var errNoRoute = errors.New("simulate: no route to the gateway")

// AddGateway opens a merchant account of a tenant at a gateway.
func (w *World) AddGateway(tenant ident.Tenant, merchant string, method payout.Method) *Gateway {
	g := &Gateway{w: w, Tenant: tenant, Merchant: merchant, Method: method,
		Book: map[string]*Order{}}
	w.Gateways = append(w.Gateways, g)
	return g
}

// Send takes an order, or says that it did not, or says nothing.
func (g *Gateway) Send(ctx context.Context, o payout.Order) (payout.Outcome, error) {
	t, w := TaskOf(ctx), g.w
	if t.Killed {
		return payout.Outcome{}, ErrKilled
	}
	w.Sleep(t, w.DurationBetween(20*time.Millisecond, 900*time.Millisecond))
	w.BeforeSend(g.Tenant, o)
	if w.Faults.IsDue() || (!w.Faults.Over && w.Chance(12)) {
		switch kind := PickRandom(w, []string{FaultGatewayLie, FaultGatewayLie, FaultKill, FaultStall}); kind {
		case FaultGatewayLie:
			w.Faults.Count(kind)
			if w.Chance(4) {
				return payout.Outcome{}, errNoRoute // nothing was sent
			}
			if w.Chance(2) {
				g.enterOrder(o)
			}
			return g.unclearOutcome("time-out"), nil
		case FaultKill:
			w.Faults.Count(kind)
			if w.Chance(2) {
				g.enterOrder(o)
			}
			t.Killed = true
			return payout.Outcome{}, ErrKilled
		case FaultStall:
			w.Faults.Count(kind)
			g.enterOrder(o)
			w.Sleep(t, w.DurationBetween(time.Second, 8*time.Minute))
			return g.unclearOutcome("5xx"), nil
		}
	}
	return g.outcomeOf(g.enterOrder(o)), nil
}

func (g *Gateway) unclearOutcome(why string) payout.Outcome {
	return payout.Outcome{State: payout.Unknown, Reason: why, At: g.w.Now()}
}

// enterOrder enters an order in the book, once.
func (g *Gateway) enterOrder(o payout.Order) *Order {
	if b := g.Book[o.Key]; b != nil {
		if b.Order != o {
			g.w.ReportBroken("P3", "key %s was sent with other content: %s, then %s", o.Key, b.Amount,
				o.Amount)
		}
		return b
	}
	w := g.w
	b := &Order{Order: o, State: payout.Accepted, receivedAt: w.now}
	g.Book[o.Key] = b
	g.Keys = append(g.Keys, o.Key)
	w.Trace.Addf("gateway", "%s takes %s of %s", g.Tenant, o.Key, o.Amount)
	if w.Faults.Chance(12, FaultGatewayLie) {
		b.hiddenUntil = w.now + int64(w.DurationBetween(time.Minute, 30*time.Minute))
	}
	pause := w.DurationBetween(time.Second, 3*time.Minute)
	if w.Faults.Chance(25, FaultDelay) {
		pause = w.DurationBetween(time.Hour, 30*time.Hour)
	}
	if !w.Faults.Over && w.Chance(6) {
		w.RunAfter(pause/2, func() { g.changeState(b, payout.WaitingPayee, "") })
	}
	w.RunAfter(pause, func() { g.decideOutcome(b) })
	return b
}

// decideOutcome decides what becomes of an order.
func (g *Gateway) decideOutcome(b *Order) {
	w := g.w
	switch {
	case !w.PayoutFails(g.Tenant):
		g.changeState(b, payout.Paid, "")
		if !w.Faults.Over && w.Chance(14) {
			w.Faults.Count(FaultLateReturn)
			w.RunAfter(w.DurationBetween(time.Hour, 60*time.Hour), func() {
				g.changeState(b, payout.Returned, "account closed")
			})
		}
	case w.Chance(4):
		g.changeState(b, payout.Cancelled, "payee refused")
	default:
		g.changeState(b, payout.Failed, "account does not exist")
	}
}

// changeState changes an order and tells it, now and then twice and late.
func (g *Gateway) changeState(b *Order, to payout.State, reason string) {
	if b.State.Final() && to != payout.Returned {
		return
	}
	w := g.w
	b.State, b.reason = to, reason
	switch to {
	case payout.Paid:
		b.PaidAt = append(b.PaidAt, w.now)
	case payout.Returned:
		b.ReturnedAt = append(b.ReturnedAt, w.now)
	}
	w.Trace.Addf("gateway", "%s: %s is %s", g.Tenant, b.Key, to)
	n := Notice{Merchant: g.Merchant, Key: b.Key, State: to, Reason: reason, Amount: b.Amount,
		At: time.Unix(0, w.now)}
	copies := 1
	if w.Faults.Chance(12, FaultDuplicate) {
		copies++
	}
	for range copies {
		delay := w.DurationBetween(100*time.Millisecond, 5*time.Second)
		if w.Faults.Chance(15, FaultDelay) {
			delay = w.DurationBetween(time.Minute, 4*time.Hour)
		}
		if to != payout.Returned && w.Faults.Chance(25, FaultGatewayLie) {
			continue // it never tells; what comes back stands on its bill at the latest
		}
		w.RunAfter(delay, func() { w.DeliverNotice(g, n) })
	}
}

// Notice is a message of the gateway.
type Notice struct {
	Merchant string
	Key      string
	State    payout.State
	Reason   string
	Amount   money.Amount
	At       time.Time
}

// Query says what became of a key.
func (g *Gateway) Query(ctx context.Context, key string) (payout.Outcome, error) {
	t, w := TaskOf(ctx), g.w
	if t.Killed {
		return payout.Outcome{}, ErrKilled
	}
	w.Sleep(t, w.DurationBetween(10*time.Millisecond, 400*time.Millisecond))
	if w.Faults.IsDue() {
		w.Faults.Count(FaultGatewayLie)
		if w.Chance(4) {
			return payout.Outcome{}, errNoRoute
		}
		return g.unclearOutcome("time-out"), nil
	}
	b := g.Book[key]
	if b == nil || (b.hiddenUntil > w.now && !w.Faults.Over) {
		return payout.Outcome{State: payout.NotFound, At: w.Now()}, nil
	}
	return g.outcomeOf(b), nil
}

func (g *Gateway) outcomeOf(b *Order) payout.Outcome {
	return payout.Outcome{State: b.State, GatewayID: "gw-" + b.Key[:8], Reason: b.reason,
		Amount: b.Amount, At: g.w.Now()}
}

// ParseNotice takes the messages of this merchant account only.
func (g *Gateway) ParseNotice(_ context.Context, _ map[string]string,
	body []byte) (payout.Notice, error) {
	var n Notice
	if err := json.Unmarshal(body, &n); err != nil || n.Merchant != g.Merchant {
		return payout.Notice{}, payout.ErrUnverified
	}
	return payout.Notice{Key: n.Key,
		Outcome: payout.Outcome{State: n.State, GatewayID: "gw-" + n.Key[:8], Reason: n.Reason,
			Amount: n.Amount, At: n.At}}, nil
}

// payeeAccounts is the vault with the payees' accounts.
type payeeAccounts struct{ w *World }

// PayeeAccounts returns the vault that holds the accounts of the payees.
func (w *World) PayeeAccounts() payout.Accounts { return payeeAccounts{w} }

func (a payeeAccounts) Payee(ctx context.Context, p payout.Payable) (payout.Payee, error) {
	t := TaskOf(ctx)
	a.w.Sleep(t, a.w.DurationBetween(time.Millisecond, 20*time.Millisecond))
	if t.Killed {
		return payout.Payee{}, ErrKilled
	}
	if a.w.Faults.IsDue() {
		a.w.Faults.Count(FaultVaultDown)
		return payout.Payee{}, fault.Later(errConnection)
	}
	return payout.Payee{Account: string("acct-" + p.CreatorID), Holder: "甲", Bank: "102100099996"}, nil
}
