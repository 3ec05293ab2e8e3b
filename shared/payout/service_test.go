package payout_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/payouttest"
)

var noon = civil.MustDate("2026-11-16").Start().Add(12 * time.Hour)

// truth is a gateway that knows what it really did, and may say less.
type truth struct {
	mu     sync.Mutex
	bills  map[string]*payout.Outcome
	orders []payout.Order // as asked for
	// how decides what happens to a call: taken tells whether the order reaches the gateway, said whether its
	// answer reaches us.
	how func(call string) (taken, said bool)
	// onSend sees each order before it is taken.
	onSend func(payout.Order)
}

func (g *truth) Send(_ context.Context, o payout.Order) (payout.Outcome, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken, said := g.how("send")
	if g.onSend != nil {
		g.onSend(o)
	}
	g.orders = append(g.orders, o)
	if taken && g.bills[o.Key] == nil {
		g.bills[o.Key] = &payout.Outcome{State: payout.Accepted, GatewayID: "g1", Amount: o.Amount}
	}
	if !taken || !said {
		return payout.Outcome{State: payout.Unknown, Reason: "no_answer"}, nil
	}
	return *g.bills[o.Key], nil
}

func (g *truth) QueryOutcome(_ context.Context, key string) (payout.Outcome, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, said := g.how("query"); !said {
		return payout.Outcome{State: payout.Unknown, Reason: "no_answer"}, nil
	}
	if b := g.bills[key]; b != nil {
		return *b, nil
	}
	return payout.Outcome{State: payout.NotFound}, nil
}

// ParseNotice takes "<key> <state>" signed by the header "signed".
func (g *truth) ParseNotice(_ context.Context, headers map[string]string, body []byte) (payout.Notice, error) {
	if headers["signed"] != "yes" {
		return payout.Notice{}, payout.ErrUnverified
	}
	key, state, _ := strings.Cut(string(body), " ")
	n := payout.Notice{Key: key, Outcome: payout.Outcome{State: payout.State(state), Amount: money.MustParse("100.00")}}
	if amount, _, ok := strings.Cut(state, ":"); ok {
		n.State, n.Amount = payout.State(amount), money.MustParse("99.99")
	}
	return n, nil
}

func (g *truth) end(key string, s payout.State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.bills[key]; b != nil {
		b.State = s
	}
}

func always(taken, said bool) func(string) (bool, bool) {
	return func(string) (bool, bool) { return taken, said }
}

type accounts struct {
	ref string
	err error
}

func (a accounts) FindPayee(context.Context, payout.Payable) (payout.Payee, error) {
	return payout.Payee{Account: "open-id-1", Holder: "张三", Ref: a.ref}, a.err
}

func payable() payout.Payable {
	return payout.Payable{
		Tenant: "demo-mcn", SettlementID: "s1", CreatorID: "c1", Key: payout.SettlementKey("demo-mcn", "s1"), State: payout.Created, Status: payout.Paying,
		ToPay: money.MustParse("100.00"), Method: payout.Douyin, Period: civil.MustMonth("2026-10"), TaxMonth: civil.MustMonth("2026-11"),
	}
}

type fixture struct {
	*payout.Service
	memory  *payouttest.Memory
	gateway *truth
	log     *bytes.Buffer
}

func newFixture(p payout.Payable) fixture {
	g := &truth{bills: map[string]*payout.Outcome{}, how: always(true, true)}
	m := payouttest.NewMemory(p)
	var log bytes.Buffer
	s := &payout.Service{
		Payables: m, Unclear: m, Rebooking: m, Accounts: accounts{}, Clock: clock.FixedAt(noon), Log: slog.New(slog.NewJSONHandler(&log, nil)),
		Merchants: payout.Gateways{{Tenant: "demo-mcn", Merchant: "m1", Method: payout.Douyin, Gateway: g}},
	}
	return fixture{Service: s, memory: m, gateway: g, log: &log}
}

func (f fixture) state() payout.State { return f.memory.Get("demo-mcn", "s1").State }

func (f fixture) hear(body string) error {
	return f.HandleNotice(context.Background(), payout.Douyin, map[string]string{"signed": "yes"}, []byte(body))
}

func TestPayDecides(t *testing.T) {
	other := func(change func(*payout.Payable)) payout.Payable { p := payable(); change(&p); return p }
	cases := map[string]struct {
		p        payout.Payable
		decision payout.Decision
		state    payout.State
		orders   int
	}{
		"sends":                      {payable(), payout.GatewayAsked, payout.Accepted, 1},
		"on hold":                    {other(func(p *payout.Payable) { p.Hold = "NET_CHANGED" }), payout.NothingDue, payout.Created, 0},
		"not paying":                 {other(func(p *payout.Payable) { p.Status = "APPROVED" }), payout.NothingDue, payout.Created, 0},
		"another tax month":          {other(func(p *payout.Payable) { p.TaxMonth = civil.MustMonth("2026-10") }), payout.RebookNeeded, payout.Created, 0},
		"sent once, not known there": {other(func(p *payout.Payable) { p.State, p.SentAt = payout.Sent, noon }), payout.GatewayAsked, payout.Accepted, 1},
		"already paid":               {other(func(p *payout.Payable) { p.State, p.Status = payout.Paid, "PAID" }), payout.NothingDue, payout.Paid, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(c.p)
			d, err := f.Pay(context.Background(), "demo-mcn", "s1")
			if err != nil || d != c.decision || f.state() != c.state || len(f.gateway.orders) != c.orders {
				t.Errorf("%s, %v, state %s, %d orders; want %s, %s, %d", d, err, f.state(), len(f.gateway.orders), c.decision, c.state, c.orders)
			}
		})
	}
}

func TestPayRefusesBeforeAnythingIsWritten(t *testing.T) {
	cases := map[string]struct {
		change func(*fixture)
		want   error
	}{
		"nothing to pay":     {func(f *fixture) { p := payable(); p.ToPay = money.Amount{}; f.memory.Put(p) }, fault.Invalid()},
		"no merchant":        {func(f *fixture) { f.Merchants = payout.Gateways{} }, &fault.Error{Code: fault.RuleMissing, Reason: "merchant_missing"}},
		"payee not readable": {func(f *fixture) { f.Accounts = accounts{err: payouttest.ErrCrash} }, payouttest.ErrCrash},
		"account changed": {func(f *fixture) {
			p := payable()
			p.Account = "v1"
			f.memory.Put(p)
			f.Accounts = accounts{ref: "v2"}
		}, payout.ErrPayeeChanged},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(payable())
			c.change(&f)
			_, err := f.Pay(context.Background(), "demo-mcn", "s1")
			if !errors.Is(err, c.want) || f.state() != payout.Created || len(f.gateway.orders) != 0 {
				t.Errorf("%v, state %s, %d orders", err, f.state(), len(f.gateway.orders))
			}
		})
	}
}

func TestPaymentDateIsThatOfTheFirstSend(t *testing.T) {
	f := newFixture(payable())
	if _, err := f.Pay(context.Background(), "demo-mcn", "s1"); err != nil {
		t.Fatal(err)
	}
	if p := f.memory.Get("demo-mcn", "s1"); p.PaymentDate != civil.MustDate("2026-11-16") || !p.SentAt.Equal(noon) {
		t.Errorf("paid on %s, sent at %s", p.PaymentDate, p.SentAt)
	}
}

func TestUnansweredAndNotTakenIsSentAgainUnderTheSameKey(t *testing.T) {
	f := newFixture(payable())
	sends := 0
	f.gateway.how = func(call string) (bool, bool) {
		if call == "send" {
			sends++
		}
		return sends > 1, true
	}
	if _, err := f.Pay(context.Background(), "demo-mcn", "s1"); err != nil {
		t.Fatal(err)
	}
	if o := f.gateway.orders; len(o) != 2 || o[0] != o[1] || f.state() != payout.Accepted {
		t.Errorf("orders %v, state %s", o, f.state())
	}
}

func TestTimeoutAfterAcceptanceIsAskedAbout(t *testing.T) {
	f := newFixture(payable())
	f.gateway.how = func(call string) (bool, bool) { return true, call == "query" }
	for range 3 { // and delivered again
		if _, err := f.Pay(context.Background(), "demo-mcn", "s1"); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.gateway.orders) != 1 || f.state() != payout.Accepted {
		t.Errorf("%d orders, state %s", len(f.gateway.orders), f.state())
	}
}

func TestAfterTheGatewaysReachNotFoundSaysNothing(t *testing.T) {
	p := payable()
	p.State, p.SentAt = payout.Unknown, noon.Add(-30*24*time.Hour)
	f := newFixture(p)
	_, err := f.Pay(context.Background(), "demo-mcn", "s1")
	if !errors.Is(err, payout.ErrContradiction) || len(f.gateway.orders) != 0 {
		t.Errorf("%v, %d orders", err, len(f.gateway.orders))
	}
}

func TestAcceptedAndNotFoundIsNotSentAgain(t *testing.T) {
	p := payable()
	p.State, p.SentAt = payout.Accepted, noon
	f := newFixture(p)
	_, err := f.Pay(context.Background(), "demo-mcn", "s1")
	if !errors.Is(err, payout.ErrContradiction) || len(f.gateway.orders) != 0 {
		t.Errorf("%v, %d orders", err, len(f.gateway.orders))
	}
}

func TestHear(t *testing.T) {
	key := payable().Key
	cases := map[string]struct {
		from payout.State
		body string
		want payout.State
		err  error
	}{
		"paid":                    {payout.Accepted, key + " PAID", payout.Paid, nil},
		"before the answer":       {payout.Sent, key + " PAID", payout.Paid, nil},
		"return overtakes":        {payout.Accepted, key + " RETURNED", payout.Returned, nil},
		"failed":                  {payout.Accepted, key + " FAILED", payout.Failed, nil},
		"never sent":              {payout.Created, key + " PAID", payout.Created, payout.ErrContradiction},
		"paid after failed":       {payout.Failed, key + " PAID", payout.Failed, payout.ErrContradiction},
		"other amount":            {payout.Accepted, key + " PAID:", payout.Accepted, payout.ErrContradiction},
		"unknown key":             {payout.Accepted, "nokey PAID", payout.Accepted, fault.MissingObject("")},
		"unknown, query is quiet": {payout.Unknown, key + " PAID", payout.Unknown, &fault.Error{Code: fault.Unavailable}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := payable()
			p.State = c.from
			f := newFixture(p)
			err := f.hear(c.body)
			if (c.err == nil) != (err == nil) || (c.err != nil && !errors.Is(err, c.err)) || f.state() != c.want {
				t.Errorf("%v, state %s; want %v, %s", err, f.state(), c.err, c.want)
			}
		})
	}
}

// Only a query ends UNKNOWN: the notice says PAID, the gateway's own answer decides.
func TestHearAsksAboutTheUnknown(t *testing.T) {
	p := payable()
	p.State = payout.Unknown
	f := newFixture(p)
	f.gateway.bills[p.Key] = &payout.Outcome{State: payout.Failed}
	if err := f.hear(p.Key + " PAID"); err != nil || f.state() != payout.Failed {
		t.Errorf("%v, state %s", err, f.state())
	}
}

func TestHearRefusesTheUnsigned(t *testing.T) {
	f := newFixture(payable())
	err := f.HandleNotice(context.Background(), payout.Douyin, nil, []byte(payable().Key+" PAID"))
	if !fault.HasCode(err, fault.SignatureInvalid) {
		t.Errorf("unsigned: %v", err)
	}
	if err := f.HandleNotice(context.Background(), payout.Alipay, nil, nil); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("no such gateway: %v", err)
	}
}

// The tenant of a notice is that of the merchant account: another tenant's key is not there.
func TestHearStaysInTheTenant(t *testing.T) {
	f := newFixture(payable())
	f.Merchants = payout.Gateways{{Tenant: "demo-small", Merchant: "m1", Method: payout.Douyin, Gateway: f.gateway}}
	if err := f.hear(payable().Key + " PAID"); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestSweepGoesOnAfterAFailure(t *testing.T) {
	bad, good := payable(), payable()
	bad.SettlementID, bad.State, bad.Method, bad.SentAt = "s0", payout.Unknown, payout.WeChat, noon
	good.State, good.SentAt = payout.Unknown, noon
	f := newFixture(good)
	f.memory.Put(bad)
	if err := f.Sweep(context.Background(), noon, 10); err == nil || !strings.Contains(err.Error(), "s0") {
		t.Errorf("error %v does not name the failure", err)
	}
	if f.state() != payout.Accepted {
		t.Errorf("state %s", f.state())
	}
}

func TestLogsHoldNoPayee(t *testing.T) {
	f := newFixture(payable())
	if err := f.HandleMessage(context.Background(), []byte(`{"tenant":"demo-mcn","settlement_id":"s1","op":"send"}`)); err != nil {
		t.Fatal(err)
	}
	f.Log.Info("whole", "payee", payout.Payee{Account: "open-id-1", Holder: "张三"})
	if log := f.log.String(); strings.Contains(log, "open-id-1") || strings.Contains(log, "张三") || !strings.Contains(log, "payout heard") {
		t.Errorf("log %s", log)
	}
}

// The law of P3: whatever answers, storage and processes do, and however often and in which order messages,
// sweeps and notices come, the gateway makes at most one payment, always of the same order, never before SENT
// is written and never after an end; and when the trouble stops, the books say what the gateway did.
func TestMoneyMovesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(payable())
		trouble := true
		f.gateway.how = func(call string) (bool, bool) {
			if !trouble {
				return true, true
			}
			return rapid.Bool().Draw(t, call+" taken"), rapid.Bool().Draw(t, call+" said")
		}
		f.gateway.onSend = func(o payout.Order) {
			if s := f.state(); s != payout.Sent && s != payout.Unknown {
				t.Fatalf("sent while the payout is %s", s)
			}
		}
		f.memory.Fails = func(act string, before bool) error {
			if trouble && rapid.IntRange(0, 4).Draw(t, act) == 0 {
				return payouttest.ErrCrash
			}
			return nil
		}
		end := rapid.SampledFrom([]payout.State{payout.Paid, payout.Failed}).Draw(t, "end")
		ctx := context.Background()
		for range rapid.IntRange(1, 12).Draw(t, "acts") {
			switch rapid.IntRange(0, 3).Draw(t, "act") {
			case 0:
				_, _ = f.Pay(ctx, "demo-mcn", "s1")
			case 1:
				_ = f.Sweep(ctx, noon, 10)
			case 2:
				f.gateway.end(payable().Key, end)
			case 3:
				if b := f.gateway.bills[payable().Key]; b != nil {
					_ = f.hear(payable().Key + " " + string(b.State))
				}
			}
		}
		trouble = false
		if _, err := f.Pay(ctx, "demo-mcn", "s1"); err != nil {
			t.Fatal(err)
		}
		f.gateway.end(payable().Key, end)
		if err := f.Sweep(ctx, noon, 10); err != nil {
			t.Fatal(err)
		}
		for _, o := range f.gateway.orders {
			if o != f.gateway.orders[0] {
				t.Fatalf("orders differ: %v", f.gateway.orders)
			}
		}
		if len(f.gateway.bills) != 1 || f.state() != end {
			t.Fatalf("%d payments, state %s, gateway %s, history %v", len(f.gateway.bills), f.state(), end, f.memory.History("s1"))
		}
	})
}

func TestParseMessage(t *testing.T) {
	good := `{"tenant":"demo-mcn","settlement_id":"s1","transition_id":"t","op":"query","trace":"x"}`
	if m, err := payout.ParseMessage([]byte(good)); err != nil || m.Op != "query" || m.TransitionID != "t" {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []string{``, `{}`, `[]`, `{"tenant":"a","settlement_id":"b","op":"pay"}`} {
		if _, err := payout.ParseMessage([]byte(bad)); !fault.HasCode(err, fault.InvalidInput) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestKeyFor(t *testing.T) {
	a, b := payout.SettlementKey("demo-mcn", "s1"), payout.SettlementKey("demo-mcn", "s2")
	if len(a) != 32 || a == b || a != payout.SettlementKey("demo-mcn", "s1") || a == payout.SettlementKey("demo", "-mcns1") {
		t.Errorf("keys %s, %s", a, b)
	}
}

func TestOrderCheck(t *testing.T) {
	good := payout.Order{Key: payout.SettlementKey("t", "s"), Amount: money.Fen(1), Account: "a", HolderName: "张三", Remark: strings.Repeat("款", 32)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	bad := payout.Order{Key: "short", Amount: money.Fen(-1), Account: "a\n", Remark: strings.Repeat("款", 33), Bank: "\x00"}
	e := fault.AsError(bad.Validate())
	if len(e.Fields) != 6 {
		t.Errorf("problems %v", e.Fields)
	}
}

// changing changes what is stored while a send is being prepared.
type changing func()

func (c changing) FindPayee(context.Context, payout.Payable) (payout.Payee, error) {
	c()
	return payout.Payee{Account: "open-id-1", Holder: "张三"}, nil
}

func TestASenderThatIsOvertakenLooksAgain(t *testing.T) {
	for name, change := range map[string]func(*payout.Payable){
		"put on hold": func(p *payout.Payable) { p.Hold = "NET_CHANGED" },
		"cancelled":   func(p *payout.Payable) { p.Status = "APPROVED" },
		"paid":        func(p *payout.Payable) { p.State, p.Status = payout.Paid, "PAID" },
	} {
		f := newFixture(payable())
		f.Accounts = changing(func() {
			p := payable()
			change(&p)
			f.memory.Put(p)
		})
		if d, err := f.Pay(t.Context(), "demo-mcn", "s1"); err != nil || d != payout.NothingDue || len(f.gateway.orders) != 0 {
			t.Errorf("%s: %s, %v, %d orders", name, d, err, len(f.gateway.orders))
		}
	}
	f := newFixture(payable())
	f.Accounts = changing(func() {
		p := payable()
		p.State, p.SentAt = payout.Sent, noon
		f.memory.Put(p)
		f.Accounts = accounts{}
	})
	if d, err := f.Pay(t.Context(), "demo-mcn", "s1"); err != nil || d != payout.GatewayAsked || f.state() != payout.Accepted {
		t.Errorf("sent by another: %s, %v, %s", d, err, f.state())
	}
	f = newFixture(payable())
	stale := fault.New(fault.StaleVersion, "stale", "again")
	f.memory.Fails = func(string, bool) error { return stale }
	if d, err := f.Pay(t.Context(), "demo-mcn", "s1"); !errors.Is(err, stale) || d != payout.NothingDue || len(f.gateway.orders) != 0 {
		t.Errorf("nothing in the way: %s, %v, %d orders", d, err, len(f.gateway.orders))
	}
}

func TestTheRemarkNamesThePeriodUnlessItIsGiven(t *testing.T) {
	for given, want := range map[string]string{"": "2026-10 结算款", "退回": "退回"} {
		p := payable()
		p.Remark = given
		f := newFixture(p)
		if _, err := f.Pay(t.Context(), "demo-mcn", "s1"); err != nil || len(f.gateway.orders) != 1 || f.gateway.orders[0].Remark != want {
			t.Errorf("remark %q: %v, %+v", given, err, f.gateway.orders)
		}
	}
}

func TestANamedMerchantIsTheOneThatPays(t *testing.T) {
	first, second := &truth{}, &truth{}
	list := payout.Gateways{{Tenant: "a", Merchant: "m1", Method: payout.Douyin, Gateway: first}, {Tenant: "a", Merchant: "m2", Method: payout.Douyin, Gateway: second}}
	for merchant, want := range map[string]payout.Gateway{"": first, "m1": first, "m2": second} {
		if got, err := list.GatewayFor(t.Context(), "a", payout.Douyin, merchant); err != nil || got != want {
			t.Errorf("merchant %q: %v, %v", merchant, got, err)
		}
	}
	if _, err := list.GatewayFor(t.Context(), "a", payout.Douyin, "m3"); err == nil {
		t.Error("an unknown merchant pays")
	}
}

// On the last instant of the gateway's reach its word still counts, and the order goes out again.
func TestTheGatewaysReachIncludesItsLastInstant(t *testing.T) {
	p := payable()
	p.State, p.SentAt = payout.Unknown, noon.Add(-29*24*time.Hour)
	f := newFixture(p)
	if _, err := f.Pay(t.Context(), "demo-mcn", "s1"); err != nil || len(f.gateway.orders) != 1 {
		t.Errorf("%v, %d orders", err, len(f.gateway.orders))
	}
}

func TestFinalStates(t *testing.T) {
	for state, want := range map[payout.State]bool{payout.Created: false, payout.Sent: false, payout.Unknown: false, payout.Accepted: false, payout.WaitingPayee: false,
		payout.Paid: true, payout.Failed: true, payout.Cancelled: true, payout.Returned: true} {
		if state.IsFinal() != want {
			t.Errorf("%s final: %t", state, !want)
		}
	}
}
