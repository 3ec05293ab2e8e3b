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

// Gateway is a payment gateway that misbehaves: it does not answer, answers late, sends a notice
// twice or out of order, claims for a while not to know an order, and returns money days later.
// Its last report on an order is true. Its book decides whether a payee was paid twice.
type Gateway struct {
	w        *World
	Tenant   ident.Tenant
	Merchant string
	Method   payout.Method
	Book     map[string]*Order
	Keys     []string // keys of the book, in the order of arrival
}

// Order is a payment order as the gateway keeps it.
type Order struct {
	payout.Order
	State       payout.State
	reason      string
	receivedAt  int64
	hiddenUntil int64 // until this time a query answers that the key is unknown
	PaidAt      []int64
	ReturnedAt  []int64
}

var _ payout.Gateway = (*Gateway)(nil)

// errNoRoute is returned when an order was not sent at all.
var errNoRoute = errors.New("simulate: no route to the gateway")

// AddGateway opens a merchant account of a tenant at a gateway.
func (w *World) AddGateway(tenant ident.Tenant, merchant string, method payout.Method) *Gateway {
	g := &Gateway{w: w, Tenant: tenant, Merchant: merchant, Method: method,
		Book: map[string]*Order{}}
	w.Gateways = append(w.Gateways, g)
	return g
}

// Send accepts a payment order; in some cases the order is lost, the answer is lost, or the sender
// is killed. The answer to an order of unknown state is an outcome Unknown.
func (g *Gateway) Send(ctx context.Context, o payout.Order) (payout.Outcome, error) {
	t, w := TaskOf(ctx), g.w
	if t.Killed {
		return payout.Outcome{}, ErrKilled
	}
	w.Sleep(t, w.DurationBetween(20*time.Millisecond, 900*time.Millisecond))
	// the promise must hold at this moment, whatever happens to the order below
	w.BeforeSend(g.Tenant, o)
	if w.Faults.IsDue() || (!w.Faults.Over && w.Chance(12)) {
		switch kind := PickRandom(w,
			[]string{FaultGatewayLie, FaultGatewayLie, FaultKill, FaultStall}); kind {
		case FaultGatewayLie:
			w.Faults.CountFault(kind)
			if w.Chance(4) {
				return payout.Outcome{}, errNoRoute // the order was not sent
			}
			// in half of the cases the order arrived, and only its answer is lost
			if w.Chance(2) {
				g.enterOrder(o)
			}
			return g.unclearOutcome("time-out"), nil
		case FaultKill:
			w.Faults.CountFault(kind)
			if w.Chance(2) {
				g.enterOrder(o)
			}
			t.Killed = true
			return payout.Outcome{}, ErrKilled
		case FaultStall:
			w.Faults.CountFault(kind)
			g.enterOrder(o)
			w.Sleep(t, w.DurationBetween(time.Second, 8*time.Minute))
			return g.unclearOutcome("5xx"), nil
		}
	}
	return g.outcomeOf(g.enterOrder(o)), nil
}

// unclearOutcome returns the outcome of a call to the gateway that was not answered.
func (g *Gateway) unclearOutcome(why string) payout.Outcome {
	return payout.Outcome{State: payout.Unknown, Reason: why, At: g.w.Now()}
}

// enterOrder enters an order in the gateway's book and plans how the order ends. An order with a
// known key is the first order again; its content must be the same (promise P3).
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
	w.Trace.Printf("gateway", "%s takes %s of %s", g.Tenant, o.Key, o.Amount)
	if w.Faults.Chance(12, FaultGatewayLie) {
		// for a while the gateway claims not to know the order
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

// decideOutcome draws whether an order is paid, fails or is cancelled. Some paid orders are
// returned hours or days later.
func (g *Gateway) decideOutcome(b *Order) {
	w := g.w
	switch {
	case !w.PayoutFails(g.Tenant):
		g.changeState(b, payout.Paid, "")
		if !w.Faults.Over && w.Chance(14) {
			w.Faults.CountFault(FaultLateReturn)
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

// changeState gives an order another state and sends a notice of it, in some cases twice, late or
// never.
func (g *Gateway) changeState(b *Order, to payout.State, reason string) {
	if b.State.IsFinal() && to != payout.Returned {
		return
	}
	w := g.w
	b.State, b.reason = to, reason
	switch to {
	case payout.Paid:
		b.PaidAt = append(b.PaidAt, w.now)
	case payout.Returned:
		b.ReturnedAt = append(b.ReturnedAt, w.now)
	default: // the other states have no time of their own in the record
	}
	w.Trace.Printf("gateway", "%s: %s is %s", g.Tenant, b.Key, to)
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
			// this notice is lost; only returned money is always reported, on the bill at the latest
			continue
		}
		w.RunAfter(delay, func() { w.DeliverNotice(g, n) })
	}
}

// Notice is the message by which a gateway reports the state of an order.
type Notice struct {
	Merchant string
	Key      string
	State    payout.State
	Reason   string
	Amount   money.Amount
	At       time.Time
}

// QueryOutcome returns the state of the order with a key; in some cases the gateway does not answer
// or claims not to know the key yet.
func (g *Gateway) QueryOutcome(ctx context.Context, key string) (payout.Outcome, error) {
	t, w := TaskOf(ctx), g.w
	if t.Killed {
		return payout.Outcome{}, ErrKilled
	}
	w.Sleep(t, w.DurationBetween(10*time.Millisecond, 400*time.Millisecond))
	if w.Faults.IsDue() {
		w.Faults.CountFault(FaultGatewayLie)
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

// outcomeOf returns the state of an order as the gateway reports it.
func (g *Gateway) outcomeOf(b *Order) payout.Outcome {
	return payout.Outcome{State: b.State, GatewayID: "gw-" + b.Key[:8], Reason: b.reason,
		Amount: b.Amount, At: g.w.Now()}
}

// ParseNotice decodes a notice of this merchant account.
//
// Errors: payout.ErrUnverified when the notice is of another merchant account.
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

// payeeAccounts replaces the vault that keeps the payees' account numbers encrypted.
type payeeAccounts struct{ w *World }

// PayeeAccounts returns the vault that keeps the payees' accounts.
func (w *World) PayeeAccounts() payout.Accounts { return payeeAccounts{w} }

// FindPayee returns the account of a payee; in some cases the vault does not answer.
func (a payeeAccounts) FindPayee(ctx context.Context, p payout.Payable) (payout.Payee, error) {
	t := TaskOf(ctx)
	a.w.Sleep(t, a.w.DurationBetween(time.Millisecond, 20*time.Millisecond))
	if t.Killed {
		return payout.Payee{}, ErrKilled
	}
	if a.w.Faults.IsDue() {
		a.w.Faults.CountFault(FaultVaultDown)
		return payout.Payee{}, fault.Temporary(errConnection)
	}
	return payout.Payee{Account: string("acct-" + p.CreatorID), Holder: "甲", Bank: "102100099996"}, nil
}
