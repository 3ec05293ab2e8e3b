package payoutgateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fenzhang/local/standin/gateway"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/gateway"
	"fenzhang/shared/payout/gateway/bank"
	"fenzhang/shared/payout/gateway/douyin"
	"fenzhang/shared/payout/payouttest"
)

// keys are made once: making RSA keys takes most of a test's time.
var keys = sync.OnceValues(func() (gateway.KeyFile, error) { return gateway.NewKeys([]string{"demo-mcn", "demo-small"}) })

// edge is one gateway with its stand-in: the whole outside edge of paying in one process.
type edge struct {
	*payout.Service
	t       *testing.T
	method  payout.Method
	standin *gateway.Server
	url     string
	memory  *payouttest.Memory
	opts    gateway.Options
	open    func(gateway.KeyFile, gateway.Options) (*gateway.Server, error)
	asking  sync.RWMutex // held by who pays: what the gateway does later waits until its answers have been read

	mu       sync.Mutex
	notices  []notice // all that arrived, refused ones too
	statuses []int
}

type notice struct {
	header map[string]string
	body   []byte
}

var methods = map[payout.Method]func(gateway.KeyFile, gateway.Options) (*gateway.Server, error){
	payout.Douyin: gateway.NewDouyin, payout.Bank: gateway.NewBank,
}

// eachGateway runs a promise against every gateway.
func eachGateway(t *testing.T, promise func(*testing.T, *edge)) {
	for method, open := range methods {
		t.Run(string(method), func(t *testing.T) { promise(t, newEdge(t, method, open)) })
	}
}

// patience is how long tests wait for what has to happen, however busy the machine is; it ends tests that fail.
const patience = 2 * time.Minute

func newEdge(t *testing.T, method payout.Method, open func(gateway.KeyFile, gateway.Options) (*gateway.Server, error)) *edge {
	t.Helper()
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{t: t, method: method, open: open, memory: payouttest.NewMemory()}
	receiver := httptest.NewServer(http.HandlerFunc(e.receive))
	t.Cleanup(receiver.Close)
	e.opts = gateway.DefaultOptions()
	e.opts.State, e.opts.NotifyURL, e.opts.Log = t.TempDir(), receiver.URL, slog.New(slog.DiscardHandler)
	e.opts.Settle, e.opts.Return, e.opts.Hang = 5*time.Millisecond, 5*time.Millisecond, patience
	e.opts.Retries = slices.Repeat([]time.Duration{10 * time.Millisecond}, 100)
	e.opts.Wait = func(ctx context.Context, d time.Duration) bool {
		passed := gateway.Wait(ctx, d)
		e.asking.RLock()
		defer e.asking.RUnlock()
		return passed
	}
	if e.standin, err = open(k, e.opts); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.standin.ServeHTTP(w, r) }))
	t.Cleanup(func() { e.standin.Close(); server.Close() })
	e.url = server.URL
	e.Service = &payout.Service{
		Payables: e.memory, Unclear: e.memory, Rebooking: e.memory, Accounts: payee{}, Clock: clock.Real(), Log: slog.New(slog.DiscardHandler),
		Merchants: e.merchants(k, e.url, patience),
	}
	return e
}

// merchants opens the accounts; timeout is how long they wait for an answer.
func (e *edge) merchants(k gateway.KeyFile, url string, timeout time.Duration) payout.Gateways {
	e.t.Helper()
	var all payout.Gateways
	for i := range k.Douyin {
		d, err := payoutdouyin.New(k.Douyin[i], url, timeout, time.Now)
		if err != nil {
			e.t.Fatal(err)
		}
		b, err := payoutbank.New(k.Bank[i], url, timeout, time.Now)
		if err != nil {
			e.t.Fatal(err)
		}
		all = append(all,
			payout.MerchantAccount{Tenant: k.Douyin[i].Tenant, Merchant: k.Douyin[i].Merchant, Method: payout.Douyin, Gateway: d},
			payout.MerchantAccount{Tenant: k.Bank[i].Tenant, Merchant: k.Bank[i].Merchant, Method: payout.Bank, Gateway: b})
	}
	return all
}

type payee struct{}

func (payee) FindPayee(context.Context, payout.Payable) (payout.Payee, error) {
	return payout.Payee{Account: "6216261000000000018", Holder: "张三“甲”,工作室", Bank: "102100099996"}, nil
}

// receive is the callback: it answers as the function does.
func (e *edge) receive(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	header := map[string]string{}
	for k := range r.Header {
		header[strings.ToLower(k)] = r.Header.Get(k)
	}
	status := http.StatusOK
	if err := e.HandleNotice(r.Context(), e.method, header, body); err != nil {
		status = fault.AsError(err).Status()
	}
	e.mu.Lock()
	e.notices = append(e.notices, notice{header, body})
	e.statuses = append(e.statuses, status)
	e.mu.Unlock()
	w.WriteHeader(status)
}

func (e *edge) add(id string, amount string) payout.Payable {
	today, err := e.Clock.Today(context.Background())
	if err != nil {
		e.t.Fatal(err)
	}
	p := payout.Payable{
		Tenant: "demo-mcn", SettlementID: ident.Settlement(id), CreatorID: "c1", Key: payout.SettlementKey("demo-mcn", ident.Settlement(id)), State: payout.Created, Status: payout.Paying,
		ToPay: money.MustParse(amount), Method: e.method, Period: civil.MustMonth("2026-10"), TaxMonth: today.Month(),
	}
	e.memory.Put(p)
	return p
}

func (e *edge) pay(p payout.Payable) {
	e.t.Helper()
	e.asking.Lock()
	defer e.asking.Unlock()
	if _, err := e.Pay(context.Background(), p.Tenant, p.SettlementID); err != nil {
		e.t.Fatal(err)
	}
}

// payWithin is pay for an answer that never comes.
func (e *edge) payWithin(p payout.Payable, timeout time.Duration) {
	e.t.Helper()
	k, err := keys()
	if err != nil {
		e.t.Fatal(err)
	}
	hasty := *e.Service
	hasty.Merchants = e.merchants(k, e.url, timeout)
	e.asking.Lock()
	defer e.asking.Unlock()
	if _, err := hasty.Pay(context.Background(), p.Tenant, p.SettlementID); err != nil {
		e.t.Fatal(err)
	}
}

func (e *edge) state(p payout.Payable) payout.State {
	return e.memory.Get(p.Tenant, p.SettlementID).State
}

// await waits until the payout has a state.
func (e *edge) await(p payout.Payable, want payout.State) {
	e.t.Helper()
	e.eventually(func() bool { return e.state(p) == want }, func() string {
		return fmt.Sprintf("payout is %s, want %s; history %v, notices answered %v", e.state(p), want, e.memory.History(p.SettlementID), e.answered())
	})
}

// eventually waits until done says so; explain describes what there is instead.
func (e *edge) eventually(done func() bool, explain func() string) {
	e.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			e.t.Fatal(explain())
		}
	}
}

// answered lists how the notices that arrived were answered.
func (e *edge) answered() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.statuses)
}

func (e *edge) control(method, path string, body any) {
	e.t.Helper()
	b, _ := json.Marshal(body)
	req, _ := http.NewRequest(method, e.url+path, bytes.NewReader(b))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		e.t.Fatalf("%s %s: %d", method, path, res.StatusCode)
	}
}

func (e *edge) fault(p payout.Payable, f gateway.Fault) {
	e.t.Helper()
	e.control(http.MethodPost, "/control/faults", map[string]any{"out_bill_no": p.Key, "fault": f})
}

// only checks that the gateway made this one payment.
func (e *edge) only(p payout.Payable, state string, requests int) {
	e.t.Helper()
	r := e.standin.Report()
	if r.Count != 1 || r.Bills[0].Key != p.Key || r.Bills[0].Amount != p.ToPay || r.Bills[0].State != state || r.Bills[0].Requests != requests {
		e.t.Fatalf("gateway has %+v, want one bill %s of %s in %s, asked for %d times", r.Bills, p.Key, p.ToPay, state, requests)
	}
}

func TestPaid(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		for i, amount := range []string{"0.01", "1999.99", "2000.00", "98765432.10"} { // with and without the name
			p := e.add(fmt.Sprint("s", i), amount)
			e.pay(p)
			e.await(p, payout.Paid)
			e.pay(p) // delivered again
		}
		r := e.standin.Report()
		if r.Count != 4 || r.Paid != money.MustParse("98769432.10") {
			t.Errorf("%d bills, %s paid", r.Count, r.Paid)
		}
	})
}

func TestTimeoutAfterAcceptance(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		p := e.add("s1", "100.00")
		e.fault(p, gateway.TimeoutAfterAccept)
		e.payWithin(p, 500*time.Millisecond)
		e.pay(p)
		e.await(p, payout.Paid)
		e.only(p, "SUCCESS", 1)
		if h := e.memory.History("s1"); h[0] != payout.Sent || h[1] != payout.Unknown {
			t.Errorf("history %v", h)
		}
	})
}

func TestTimeoutAndNoNoticeEndByTheSweep(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		p := e.add("s1", "100.00")
		e.fault(p, gateway.NoNotice)
		e.pay(p)
		settled := func() bool { return e.standin.Report().Bills[0].State == "SUCCESS" }
		e.eventually(settled, func() string { return "the bill does not settle" })
		if e.state(p) != payout.Accepted {
			t.Fatalf("state %s without a notice", e.state(p))
		}
		if err := e.Sweep(context.Background(), time.Now(), 10); err != nil {
			t.Fatal(err)
		}
		if e.state(p) != payout.Paid || len(e.answered()) > 0 {
			t.Errorf("after the sweep: %s, notices answered %v", e.state(p), e.answered())
		}
		e.only(p, "SUCCESS", 1)
	})
}

func TestError500IsNoFailure(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		p := e.add("s1", "100.00")
		e.fault(p, gateway.Error500Before)
		e.pay(p) // refused, asked, not found, sent again: the same order
		e.await(p, payout.Paid)
		e.only(p, "SUCCESS", 1)
		if h := e.memory.History("s1"); h[1] != payout.Unknown {
			t.Errorf("history %v", h)
		}
	})
}

func TestGatewayAwayLeavesItUnknown(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		k, _ := keys()
		p := e.add("s1", "100.00")
		reachable := e.Merchants
		e.Merchants = e.merchants(k, "http://127.0.0.1:1", patience)
		e.pay(p)
		e.pay(p)
		if e.state(p) != payout.Unknown {
			t.Fatalf("state %s", e.state(p))
		}
		e.Merchants = reachable
		e.pay(p)
		e.await(p, payout.Paid)
		e.only(p, "SUCCESS", 1)
	})
}

func TestFailure(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		p := e.add("s1", "100.00")
		e.fault(p, gateway.FailBill)
		e.pay(p)
		e.await(p, payout.Failed)
		e.pay(p)
		e.only(p, "FAIL", 1)
	})
}

func TestDuplicateNoticesChangeNothing(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		p := e.add("s1", "100.00")
		e.fault(p, gateway.DuplicateNotice)
		e.pay(p)
		e.await(p, payout.Paid)
		taken := func() int { return e.standin.Report().Bills[0].Notices }
		e.eventually(func() bool { return taken() == 3 }, func() string { return fmt.Sprint(taken(), " notices taken") })
		paid := 0
		for _, s := range e.memory.History("s1") {
			if s == payout.Paid {
				paid++
			}
		}
		if paid != 1 {
			t.Errorf("history %v", e.memory.History("s1"))
		}
	})
}

func TestReturns(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		late, asked := e.add("s1", "100.00"), e.add("s2", "50.00")
		e.fault(late, gateway.LateReturn)
		e.pay(late)
		e.pay(asked)
		e.await(late, payout.Returned)
		e.await(asked, payout.Paid)
		e.control(http.MethodPost, "/control/return", map[string]string{"out_bill_no": asked.Key})
		e.await(asked, payout.Returned)
		if r := e.standin.Report(); !r.Paid.IsZero() || r.Returned != money.MustParse("150.00") || e.memory.Get("demo-mcn", "s1").Status != "PAID" {
			t.Errorf("paid %s, returned %s", r.Paid, r.Returned)
		}
	})
}

func TestWronglySignedAnswerIsNoAnswer(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		p := e.add("s1", "100.00")
		e.fault(p, gateway.BadSignature)
		e.pay(p)
		if h := e.memory.History("s1"); h[1] != payout.Unknown {
			t.Errorf("history %v", h)
		}
		e.await(p, payout.Paid)
		e.eventually(func() bool { return len(e.answered()) >= 2 }, func() string { return "no second notice" })
		if got := e.answered(); got[0] != http.StatusUnauthorized || got[1] != http.StatusOK {
			t.Errorf("notices answered %v", got)
		}
	})
}

// gatewayOf gives a tenant's gateway.
func (e *edge) gatewayOf(tenant ident.Tenant) payout.Gateway {
	e.t.Helper()
	g, err := e.Merchants.GatewayFor(context.Background(), tenant, e.method, "")
	if err != nil {
		e.t.Fatal(err)
	}
	return g
}

func TestSameNumberOtherContentPaysNothing(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		ctx, g := context.Background(), e.gatewayOf("demo-mcn")
		o := payout.Order{Key: payout.SettlementKey("t", "s"), Amount: money.MustParse("10.00"), Account: "a", HolderName: "张三", Remark: "r"}
		if first, err := g.Send(ctx, o); err != nil || first.State != payout.Accepted || first.GatewayID == "" {
			t.Fatalf("%+v, %v", first, err)
		}
		if again, err := g.Send(ctx, o); err != nil || again.State == payout.Unknown {
			t.Errorf("the same order: %+v, %v", again, err)
		}
		o.Amount = money.MustParse("11.00")
		if other, err := g.Send(ctx, o); err != nil || other.State != payout.Unknown || other.Reason != "ALREADY_EXISTS" {
			t.Errorf("other content: %+v, %v", other, err)
		}
		if q, err := g.QueryOutcome(ctx, o.Key); err != nil || q.Amount != money.MustParse("10.00") {
			t.Errorf("query: %+v, %v", q, err)
		}
		if r := e.standin.Report(); r.Count != 1 {
			t.Errorf("%d bills", r.Count)
		}
	})
}

func TestQueryOfAnUnknownKey(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		q, err := e.gatewayOf("demo-mcn").QueryOutcome(context.Background(), payout.SettlementKey("t", "nobody"))
		if err != nil || q.State != payout.NotFound {
			t.Errorf("%+v, %v", q, err)
		}
	})
}

func TestAnotherMerchantSeesNothing(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		p := e.add("s1", "100.00")
		e.pay(p)
		q, err := e.gatewayOf("demo-small").QueryOutcome(context.Background(), p.Key)
		if err != nil || q.State != payout.NotFound {
			t.Errorf("%+v, %v", q, err)
		}
	})
}

func TestUnsignedRequestsAreRefused(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		paths := map[payout.Method]string{payout.Douyin: "/v1/fund_trade/mch-transfer/transfer-bills", payout.Bank: payoutbank.BatchPath}
		res, err := http.Post(e.url+paths[e.method], "application/json", strings.NewReader(`{"out_bill_no":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized || e.standin.Report().Count != 0 {
			t.Errorf("status %d, %d bills", res.StatusCode, e.standin.Report().Count)
		}
	})
}

// A key that the gateway does not know signs nothing that it takes.
func TestForeignKeyIsRefused(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		k, _ := keys()
		stranger, err := gateway.NewKeys([]string{"demo-mcn"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range k.Douyin {
			k.Douyin, k.Bank = append([]payoutdouyin.Account(nil), k.Douyin...), append([]payoutbank.Account(nil), k.Bank...)
			k.Douyin[i].PrivateKey, k.Bank[i].PrivateKey = stranger.Douyin[0].PrivateKey, stranger.Bank[0].PrivateKey
		}
		e.Merchants = e.merchants(k, e.url, patience)
		o, err := e.gatewayOf("demo-mcn").Send(context.Background(), payout.Order{Key: payout.SettlementKey("t", "s"), Amount: money.Fen(1), Account: "a", HolderName: "b"})
		if err != nil || o.State != payout.Unknown || o.Reason != "SIGN_ERROR" || e.standin.Report().Count != 0 {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

// taken gives a notice that was sent and verified. A payout can be paid before its notice has been answered.
func (e *edge) taken() notice {
	e.t.Helper()
	p := e.add("s1", "100.00")
	e.pay(p)
	e.eventually(func() bool { return slices.Contains(e.answered(), http.StatusOK) }, func() string { return fmt.Sprintf("notices answered %v", e.answered()) })
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.notices[slices.Index(e.statuses, http.StatusOK)]
}

func TestTamperedNoticesAreRefused(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		n := e.taken()
		ctx, g := context.Background(), e.gatewayOf("demo-mcn")
		if _, err := g.ParseNotice(ctx, n.header, n.body); err != nil {
			t.Fatalf("untouched: %v", err)
		}
		if _, err := e.gatewayOf("demo-small").ParseNotice(ctx, n.header, n.body); !errors.Is(err, payout.ErrUnverified) {
			t.Errorf("another merchant's notice: %v", err)
		}
		for i := range n.body {
			bent := bytes.Clone(n.body)
			bent[i] ^= 1
			if _, err := g.ParseNotice(ctx, n.header, bent); !errors.Is(err, payout.ErrUnverified) {
				t.Fatalf("byte %d changed: %v", i, err)
			}
		}
		for name, value := range n.header {
			if !strings.HasPrefix(name, "douyinpay-") && !strings.HasPrefix(name, "bank-") {
				continue
			}
			for _, bent := range []string{"", "0" + value} {
				header := map[string]string{}
				for k, v := range n.header {
					header[k] = v
				}
				header[name] = bent
				if _, err := g.ParseNotice(ctx, header, n.body); !errors.Is(err, payout.ErrUnverified) {
					t.Errorf("%s changed to %q: %v", name, bent, err)
				}
			}
		}
	})
}

func TestOldNoticesAreRefused(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		n := e.taken()
		k, _ := keys()
		later := func() time.Time { return time.Now().Add(6 * time.Minute) }
		var g payout.Gateway
		var err error
		if e.method == payout.Douyin {
			g, err = payoutdouyin.New(k.Douyin[0], e.url, patience, later)
		} else {
			g, err = payoutbank.New(k.Bank[0], e.url, patience, later)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.ParseNotice(context.Background(), n.header, n.body); !errors.Is(err, payout.ErrUnverified) {
			t.Errorf("six minutes old: %v", err)
		}
	})
}

func TestTamperedAnswersAreNoAnswers(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		p := e.add("s1", "100.00")
		e.pay(p)
		e.await(p, payout.Paid)
		for _, bend := range []struct{ from, to string }{{`SUCCESS`, `FAIL`}, {`NOT_FOUND`, `NOT_FOUNd`}, {p.Key, strings.Repeat("0", 32)}} {
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				r.URL.RawPath = ""
				e.standin.ServeHTTP(rec, r)
				for k, v := range rec.Header() {
					w.Header()[k] = v
				}
				w.WriteHeader(rec.Code)
				io.WriteString(w, strings.ReplaceAll(rec.Body.String(), bend.from, bend.to))
			}))
			k, _ := keys()
			g, err := e.merchants(k, proxy.URL, patience).GatewayFor(context.Background(), "demo-mcn", e.method, "")
			if err != nil {
				t.Fatal(err)
			}
			key := p.Key
			if bend.from == "NOT_FOUND" {
				key = payout.SettlementKey("t", "nobody")
			}
			o, err := g.QueryOutcome(context.Background(), key)
			proxy.Close()
			if err != nil || o.State != payout.Unknown || o.Reason != "answer_unverified" {
				t.Errorf("%s bent to %s: %+v, %v", bend.from, bend.to, o, err)
			}
		}
	})
}

// Answers that another party gives, a proxy or an attacker, never end a payout.
func TestStrangersAnswersAreNoAnswers(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		answers := []struct {
			status int
			body   string
		}{{200, `{"state":"FAIL"}`}, {200, ``}, {200, `<html>`}, {404, `{"code":"NOT_FOUND"}`}, {400, `{"code":"PARAM_ERROR"}`}, {502, ``}, {302, ``}, {204, ``}}
		k, _ := keys()
		for _, a := range answers {
			stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", e.url)
				w.WriteHeader(a.status)
				io.WriteString(w, a.body)
			}))
			g, err := e.merchants(k, stranger.URL, patience).GatewayFor(context.Background(), "demo-mcn", e.method, "")
			if err != nil {
				t.Fatal(err)
			}
			o := payout.Order{Key: payout.SettlementKey("t", "s"), Amount: money.Fen(1), Account: "a", HolderName: "b"}
			sent, err1 := g.Send(context.Background(), o)
			asked, err2 := g.QueryOutcome(context.Background(), o.Key)
			stranger.Close()
			if err1 != nil || err2 != nil || sent.State != payout.Unknown || asked.State != payout.Unknown {
				t.Errorf("%d %q: sent %+v %v, asked %+v %v", a.status, a.body, sent, err1, asked, err2)
			}
		}
	})
}

// What was accepted survives a restart of the stand-in, and so does what it still owes.
func TestStandInRestarts(t *testing.T) {
	eachGateway(t, func(t *testing.T, e *edge) {
		e.standin.Close()
		k, _ := keys()
		slow := e.opts
		slow.Settle = time.Hour
		var err error
		if e.standin, err = e.open(k, slow); err != nil {
			t.Fatal(err)
		}
		p := e.add("s1", "100.00")
		e.pay(p)
		if e.state(p) != payout.Accepted {
			t.Fatalf("state %s", e.state(p))
		}
		e.standin.Close()
		if e.standin, err = e.open(k, e.opts); err != nil {
			t.Fatal(err)
		}
		e.await(p, payout.Paid)
		e.only(p, "SUCCESS", 1)
	})
}

func TestOpen(t *testing.T) {
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := json.Marshal(k.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(secret), "gateway_private_keys") {
		t.Error("the functions' secret holds the gateways' private keys")
	}
	all, err := payoutgateway.OpenGateways(secret, payoutgateway.Addresses{Douyin: "http://127.0.0.1:1", Bank: "http://127.0.0.1:2"}, time.Now)
	if err != nil || len(all) != 4 {
		t.Fatalf("%d accounts, %v", len(all), err)
	}
	if _, err := all.GatewayFor(context.Background(), "demo-mcn", payout.WeChat, ""); !fault.HasCode(err, fault.RuleMissing) {
		t.Errorf("no WeChat account: %v", err)
	}
	if _, err := all.GatewayFor(context.Background(), "demo-mcn", payout.Bank, k.Bank[1].Merchant); !fault.HasCode(err, fault.RuleMissing) {
		t.Errorf("another tenant's merchant: %v", err)
	}
}

func TestLiveFollowsTheSecret(t *testing.T) {
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	secret := func(s payoutgateway.Secret) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	value, away := secret(payoutgateway.Secret{Bank: k.Bank[:1]}), error(nil)
	live := payoutgateway.NewLive(func(context.Context) (string, error) { return value, away }, payoutgateway.Addresses{Callback: "http://callback"}, time.Now)
	first, err := live.GatewayFor(ctx, "demo-mcn", payout.Bank, "")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := live.GatewayFor(ctx, "demo-mcn", payout.Bank, ""); err != nil || again != first {
		t.Errorf("the same secret was opened twice, %v", err)
	}
	if _, err := live.GatewayFor(ctx, "demo-small", payout.Bank, ""); !fault.HasCode(err, fault.RuleMissing) {
		t.Errorf("%v", err)
	}
	value = secret(k.Secret)
	if _, err := live.GatewayFor(ctx, "demo-small", payout.Bank, ""); err != nil {
		t.Errorf("after the secret changed: %v", err)
	}
	away = payouttest.ErrCrash
	if _, err := live.ReadNotice(ctx, payout.Bank, nil, nil); !fault.HasCode(err, fault.Unavailable) {
		t.Errorf("without the secret: %v", err)
	}
}

func TestOpenNeverRepeatsTheSecret(t *testing.T) {
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	spoil := map[string]func(*payoutgateway.Secret){
		"merchant key": func(s *payoutgateway.Secret) { s.Douyin[0].PrivateKey = "SECRET" },
		"api key":      func(s *payoutgateway.Secret) { s.Douyin[0].APIKey = "SECRET" },
		"platform":     func(s *payoutgateway.Secret) { s.Douyin[0].Platform[0].PublicKey = "SECRET" },
		"no platform":  func(s *payoutgateway.Secret) { s.Douyin[0].Platform = nil },
		"bank key":     func(s *payoutgateway.Secret) { s.Bank[0].PrivateKey = "SECRET" },
		"bank's key":   func(s *payoutgateway.Secret) { s.Bank[0].BankKey = "SECRET" },
		"layout":       func(s *payoutgateway.Secret) { s.Bank[0].Layout = &payoutbank.Layout{Charset: "utf-8"} },
		"twice":        func(s *payoutgateway.Secret) { s.Bank[1].Merchant = s.Bank[0].Merchant },
		"no tenant":    func(s *payoutgateway.Secret) { s.Bank[1].Tenant = "" },
	}
	for name, f := range spoil {
		t.Run(name, func(t *testing.T) {
			b, _ := json.Marshal(k.Secret)
			var s payoutgateway.Secret
			if err := json.Unmarshal(b, &s); err != nil {
				t.Fatal(err)
			}
			f(&s)
			b, _ = json.Marshal(s)
			if _, err := payoutgateway.OpenGateways(b, payoutgateway.Addresses{}, time.Now); err == nil || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("error %v", err)
			}
		})
	}
	if _, err := payoutgateway.OpenGateways([]byte(`SECRET`), payoutgateway.Addresses{}, time.Now); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("error %v", err)
	}
}
