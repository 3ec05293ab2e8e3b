package settlement_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

// gateway pays what it is asked to, once for each key, and knows what it has paid.
type gateway struct {
	mu   sync.Mutex
	paid map[string]money.Amount
	asks int
}

func (g *gateway) Send(_ context.Context, o payout.Order) (payout.Outcome, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asks++
	if had, ok := g.paid[o.Key]; ok && had != o.Amount {
		return payout.Outcome{}, errors.New("other content under a known key")
	}
	g.paid[o.Key] = o.Amount
	return payout.Outcome{State: payout.Accepted, GatewayID: "G" + o.Key[:8], Amount: o.Amount}, nil
}

func (g *gateway) QueryOutcome(_ context.Context, key string) (payout.Outcome, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	amount, ok := g.paid[key]
	if !ok {
		return payout.Outcome{State: payout.NotFound}, nil
	}
	return payout.Outcome{State: payout.Accepted, GatewayID: "G" + key[:8], Amount: amount}, nil
}

// ParseNotice takes a key as a message: signatures are tested where they are made.
func (g *gateway) ParseNotice(_ context.Context, _ map[string]string, body []byte) (payout.Notice, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return payout.Notice{Key: string(body), Outcome: payout.Outcome{State: payout.Paid, GatewayID: "G" + string(body)[:8], Amount: g.paid[string(body)],
		At: time.Date(2026, 9, 15, 12, 0, 0, 0, civil.Shanghai)}}, nil
}

// accounts and rebooking are what paying needs besides.
type accounts struct{}

func (accounts) FindPayee(context.Context, payout.Payable) (payout.Payee, error) {
	return payout.Payee{Account: "open-id-1", Holder: "张三"}, nil
}

type rebooking struct{ *settlement.Taxes }

func (r rebooking) Rebook(ctx context.Context, p payout.Payable, _ civil.Date) error {
	return r.Taxes.Rebook(ctx, p.Tenant, p.SettlementID)
}

// agency is a world with a cashier's desk.
type agency struct {
	*settletest.World
	net  *network
	bank *gateway
	desk *payout.Service
}

func openAgency(t *testing.T) *agency {
	t.Helper()
	w, n := openFaulty(t)
	bank := &gateway{paid: map[string]money.Amount{}}
	return &agency{World: w, net: n, bank: bank, desk: &payout.Service{Payables: w.Payables, Unclear: w.Payables, Accounts: accounts{}, Rebooking: rebooking{w.Taxes},
		Merchants: payout.Gateways{{Tenant: settletest.Tenant, Merchant: "m", Method: payout.Douyin, Gateway: bank}},
		Clock:     w.Clock, Log: slog.New(slog.NewJSONHandler(io.Discard, nil))}}
}

// person is one life: a creator of its own, so that lives do not touch each other's taxes.
type person struct {
	*agency
	creator ident.Creator
	id      string
}

func (a *agency) person(name string) *person {
	a.People.AddCreator(ident.Creator(name), "natural_person", settletest.Ordinary, "mcn_pays")
	return &person{agency: a, creator: ident.Creator(name), id: settlement.IDOf(settlement.Identity(name, "live-1", int64(settletest.SettleRequest(ident.Creator(name), "live-1", "1.00").TS)), 1)}
}

// step is one act of a life. Doing it again, as a queue, a client or a gateway does that got no answer, is part
// of its meaning.
type step struct {
	name string
	do   func(context.Context, *person) error
	// again tells that an error of the repetition says that the first time had worked.
	again func(error) bool
}

func never(error) bool { return false }

func moved(err error) bool { return fault.HasCode(err, fault.IllegalMove) }

func settle(ctx context.Context, p *person) error {
	_, _, err := p.Settle(ctx, settletest.CallerWith(identity.Operator), string("settle-key-"+p.creator), settletest.SettleRequest(p.creator, "live-1", "10000.00"))
	return err
}

func transit(version int, who identity.Role, to settlement.Status) func(context.Context, *person) error {
	return func(ctx context.Context, p *person) error {
		_, err := p.Transition(ctx, settlement.Intent{By: settletest.CallerWith(who), ID: p.id, Version: version}, to)
		return err
	}
}

// message is a message of the tax queue.
func message(op string) func(context.Context, *person) error {
	return func(ctx context.Context, p *person) error {
		return p.RunTask(ctx, settlement.Task{Tenant: settletest.Tenant, SettlementID: ident.Settlement(p.id), TransitionID: "t", Op: op})
	}
}

func steps() []step {
	return []step{
		{"settle", settle, func(err error) bool { return fault.HasCode(err, fault.Duplicate) }},
		{"quote", message(settlement.OpQuote), never},
		{"submit", transit(1, identity.Finance, settlement.InReview), moved},
		{"approve", transit(2, identity.Approver, settlement.Approved), moved},
		{"book", message(settlement.OpBook), never},
		{"send", func(ctx context.Context, p *person) error {
			_, err := p.desk.Pay(ctx, settletest.Tenant, ident.Settlement(p.id))
			return err
		}, never},
		{"paid", func(ctx context.Context, p *person) error {
			return p.desk.HandleNotice(ctx, payout.Douyin, nil, []byte(payout.SettlementKey(settletest.Tenant, ident.Settlement(p.id))))
		}, never},
	}
}

// picture is all that may not depend on what went wrong on the way.
func (p *person) picture(t *testing.T) string {
	t.Helper()
	ctx := context.Background()
	s, err := p.Store.Load(ctx, settletest.Tenant, ident.Settlement(p.id))
	if err != nil {
		t.Fatal(err)
	}
	book := ledgerdb.Book{DB: p.Tables.Client, Table: p.Tables.Ledger}
	entries, err := book.Entries(ctx, settletest.Tenant, p.creator)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := book.Balances(ctx, settletest.Tenant, p.creator)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := p.Store.TaxRows(ctx, settletest.Tenant, settletest.Ordinary, ident.Taxpayer("tp-"+p.creator), 2026)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s version %d revision %d quote %s booking %s net %s payout %s\n", s.Status, s.StatusVersion, s.Revision, s.Quote, s.Booking, s.Net, s.Payout.State)
	for _, m := range s.History {
		fmt.Fprintf(&b, "%s -> %s by %s\n", m.From, m.To, m.By)
	}
	var lines []string
	for _, e := range entries {
		if err := e.Validate(); err != nil {
			t.Error(err)
		}
		lines = append(lines, fmt.Sprintf("%s %v", e.Reason, e.Postings))
	}
	slices.Sort(lines)
	fmt.Fprintln(&b, strings.Join(lines, "\n"))
	for account, sum := range ledger.SumByAccount(entries) {
		if kept[settletest.Ordinary][account] != sum {
			t.Errorf("%s: balance %s, journal %s", account, kept[settletest.Ordinary][account], sum)
		}
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "tax row %d %s %d\n", r.Seq, r.Kind, len(r.Rows))
	}
	p.bank.mu.Lock()
	defer p.bank.mu.Unlock()
	fmt.Fprintf(&b, "bank paid %s\n", p.bank.paid[payout.SettlementKey(settletest.Tenant, ident.Settlement(p.id))])
	return b.String()
}

// straight is a life in which nothing goes wrong, with the number of writes of each step. On a busy machine a
// write may be tried again by itself, which only adds: of two lives the fewer writes count.
func (a *agency) straight(t *testing.T) (picture string, writes []int) {
	t.Helper()
	for _, name := range []string{"c-straight-1", "c-straight-2"} {
		p := a.person(name)
		for i, s := range steps() {
			n, _, err := a.net.process("", 0, func(ctx context.Context) error { return s.do(ctx, p) })
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			if len(writes) <= i {
				writes = append(writes, n)
			}
			writes[i] = min(writes[i], n)
		}
		picture = p.picture(t)
	}
	return picture, writes
}

// TestKilledBetweenWriteAndAnswer lets every write of a life meet every fate once, does again what got no answer,
// and compares the end with that of an undisturbed life (promises P3, P9).
func TestKilledBetweenWriteAndAnswer(t *testing.T) {
	a := openAgency(t)
	want, writes := a.straight(t)
	lives := 0
	for i, struck := range steps() {
		if writes[i] == 0 {
			t.Fatalf("%s writes nothing", struck.name)
		}
		for at := 1; at <= writes[i]; at++ {
			for _, f := range fates {
				lives++
				p := a.person(fmt.Sprintf("c-%d", lives))
				t.Run(fmt.Sprintf("%s, write %d, %s", struck.name, at, f), func(t *testing.T) {
					for j, s := range steps() {
						if j == i {
							p.suffer(t, s, f, at)
						} else if err := s.do(context.Background(), p); err != nil {
							t.Fatalf("%s: %v", s.name, err)
						}
					}
					if got := p.picture(t); got != want {
						t.Errorf("got\n%s\nundisturbed\n%s", got, want)
					}
				})
			}
		}
	}
}

// suffer does a step whose write meets a fate, and does it again where no answer came.
func (p *person) suffer(t *testing.T, s step, f fate, at int) {
	t.Helper()
	_, met, err := p.net.process(f, at, func(ctx context.Context) error { return s.do(ctx, p) })
	if !met {
		t.Fatalf("%s met no fate", s.name)
	}
	if !f.deadly() {
		if err != nil { // the SDK tries again, and finding one's own write is success
			t.Fatalf("%s: %v", s.name, err)
		}
		return
	}
	if err == nil {
		t.Fatalf("%s answered although it was killed", s.name)
	}
	for range 2 { // a queue gives the message again, twice
		if err := s.do(context.Background(), p); err != nil && !s.again(err) {
			t.Fatalf("%s again: %v", s.name, err)
		}
	}
}

// TestASettleCallThatDiedIsFoundUnderItsKey: within 120 s the repeat is a duplicate that names the settlement,
// after that it is the first answer.
func TestASettleCallThatDiedIsFoundUnderItsKey(t *testing.T) {
	a := openAgency(t)
	p := a.person("c-died")
	if _, met, err := a.net.process(killedAfter, 1, func(ctx context.Context) error { return settle(ctx, p) }); !met || err == nil {
		t.Fatalf("met %v, %v", met, err)
	}
	var refused *fault.Error
	if err := settle(context.Background(), p); !errors.As(err, &refused) || refused.Code != fault.Duplicate || refused.Settlement != ident.Settlement(p.id) {
		t.Fatalf("the repeat: %v", err)
	}
	a.AdvanceTime(121 * time.Second)
	got, how, err := p.Settle(context.Background(), settletest.CallerWith(identity.Operator), string("settle-key-"+p.creator), settletest.SettleRequest(p.creator, "live-1", "10000.00"))
	if err != nil || how != settlement.Again || got.SettlementID != ident.Settlement(p.id) || got.StatusVersion != 1 {
		t.Errorf("%+v %v %v", got, how, err)
	}
}

// fewer sets how many examples rapid tries in this test, unless somebody asked for another number.
func fewer(t *testing.T, checks string) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(checks); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(f.DefValue) }) // its own default is a number
}

// TestMessagesInAnyOrderEndTheSame delivers the messages of a life any number of times, in any order, some of them
// to processes that are killed, until nothing is due; people act as soon as they can (promises P3, P4, P9).
func TestMessagesInAnyOrderEndTheSame(t *testing.T) {
	a := openAgency(t)
	want, _ := a.straight(t)
	n := 0
	all := steps()
	fewer(t, "20") // each is a whole life on real tables
	rapid.Check(t, func(r *rapid.T) {
		n++
		p := a.person(fmt.Sprintf("c-any-%d", n))
		if err := settle(context.Background(), p); err != nil {
			r.Fatal(err)
		}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(all)-1), 0, 12).Draw(r, "messages") {
			f := rapid.SampledFrom([]fate{"", "", "", killedAfter, killedBefore, answerLost}).Draw(r, "fate")
			// What comes too early or again may be refused; it must not change where the life ends.
			_, _, _ = a.net.process(f, 1, func(ctx context.Context) error { return all[i].do(ctx, p) })
		}
		for _, s := range all[1:] { // what was lost comes again, in order
			if err := s.do(context.Background(), p); err != nil && !s.again(err) {
				r.Fatalf("%s: %v", s.name, err)
			}
		}
		if got := p.picture(t); got != want {
			r.Fatalf("got\n%s\nundisturbed\n%s", got, want)
		}
	})
}

// TestHandlersAtOnce gives the same messages to several handlers at the same time: a queue may do so when a
// message becomes visible again before its first handler has ended.
func TestHandlersAtOnce(t *testing.T) {
	a := openAgency(t)
	want, _ := a.straight(t)
	for n := range 4 {
		p := a.person(fmt.Sprintf("c-once-%d", n))
		for _, s := range steps() {
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					for try := 0; ; try++ {
						err := s.do(context.Background(), p)
						if err == nil || s.again(err) {
							return
						}
						// A lost race is told as such and comes again; a bounded number of times.
						if !fault.HasCode(err, fault.Unavailable) && !fault.HasCode(err, fault.StaleVersion) || try == 20 {
							t.Errorf("%s: %v", s.name, err)
							return
						}
					}
				})
			}
			wg.Wait()
		}
		if got := p.picture(t); got != want {
			t.Errorf("got\n%s\nundisturbed\n%s", got, want)
		}
	}
}

// TestActsOfTwoStepsAndTwoSettlements lets every write of a cancellation, a rejection and a reopening meet every
// fate. Who was killed is finished by the sweep or does it again; nothing stands twice, and nothing stays half done.
func TestActsOfTwoStepsAndTwoSettlements(t *testing.T) {
	a := openAgency(t)
	ctx := context.Background()
	// prepared takes a life through its first n steps.
	prepared := func(t *testing.T, p *person, n int) {
		t.Helper()
		for _, s := range steps()[:n] {
			if err := s.do(ctx, p); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
		}
	}
	intent := func(ctx context.Context, p *person) (settlement.Intent, error) {
		s, err := p.Store.Load(ctx, settletest.Tenant, ident.Settlement(p.id))
		return settlement.Intent{By: settletest.CallerWith(identity.Approver), ID: p.id, Version: s.StatusVersion, Reason: "why"}, err
	}
	act := func(do func(context.Context, settlement.Intent) (settlement.Settlement, error)) func(context.Context, *person) error {
		return func(ctx context.Context, p *person) error {
			in, err := intent(ctx, p)
			if err == nil {
				_, err = do(ctx, in)
			}
			return err
		}
	}
	sweep := func(t *testing.T, p *person) {
		t.Helper()
		v := p.Advancer(nil, nil)
		if err := v.RunTask(ctx, settlement.Task{Tenant: settletest.Tenant, SettlementID: ident.Settlement(p.id), Op: settlement.OpAdvance}); err != nil {
			t.Fatal(err)
		}
	}
	fail := func(t *testing.T, p *person) {
		t.Helper()
		b, err := p.Payables.Load(ctx, settletest.Tenant, ident.Settlement(p.id))
		if err == nil {
			err = p.Payables.RecordOutcome(ctx, b, payout.Outcome{State: payout.Failed, At: p.Now()})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	lives := 0
	for name, c := range map[string]struct {
		before func(*testing.T, *person)
		do     func(context.Context, *person) error
		writes int
	}{
		"cancel approved": {func(t *testing.T, p *person) { prepared(t, p, 4) }, act(a.Cancel), 2},
		"cancel paying":   {func(t *testing.T, p *person) { prepared(t, p, 5) }, act(a.Cancel), 1},
		"reject": {func(t *testing.T, p *person) { prepared(t, p, 3) }, act(func(ctx context.Context, in settlement.Intent) (settlement.Settlement, error) {
			return a.Transition(ctx, in, settlement.Failed)
		}), 1},
		"reopen": {func(t *testing.T, p *person) { prepared(t, p, 6); fail(t, p) }, act(a.Reopen), 1},
	} {
		straight := a.person("c-straight-" + strings.ReplaceAll(name, " ", "-"))
		c.before(t, straight)
		writes, _, err := a.net.process("", 0, func(ctx context.Context) error { return c.do(ctx, straight) })
		if err != nil || writes != c.writes {
			t.Fatalf("%s: %d writes, %v", name, writes, err)
		}
		want := straight.ending(t)
		for at := 1; at <= c.writes; at++ {
			for _, f := range fates {
				lives++
				p := a.person(fmt.Sprintf("c-two-%d", lives))
				t.Run(fmt.Sprintf("%s, write %d, %s", name, at, f), func(t *testing.T) {
					c.before(t, p)
					_, met, err := a.net.process(f, at, func(ctx context.Context) error { return c.do(ctx, p) })
					if !met || (err == nil) == f.deadly() {
						t.Fatalf("met %v, %v", met, err)
					}
					sweep(t, p)
					if err := c.do(ctx, p); err != nil && !moved(err) {
						t.Fatalf("again: %v", err)
					}
					if got := p.ending(t); got != want {
						t.Errorf("got\n%s\nundisturbed\n%s", got, want)
					}
				})
			}
		}
	}
}

// ending is where an undone or reopened life stands: who made its last move is the person's or the sweep's.
func (p *person) ending(t *testing.T) string {
	t.Helper()
	s, err := p.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(p.id))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := ledgerdb.Book{DB: p.Tables.Client, Table: p.Tables.Ledger}.Entries(context.Background(), settletest.Tenant, p.creator)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := p.Store.TaxRows(context.Background(), settletest.Tenant, settletest.Ordinary, ident.Taxpayer("tp-"+p.creator), 2026)
	if err != nil {
		t.Fatal(err)
	}
	next := "none"
	if again, err := p.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(settlement.IDOf(s.Identity, 2))); err == nil {
		next = fmt.Sprintf("%s version %d revision %d", again.Status, again.StatusVersion, again.Revision)
	}
	balances := ledger.SumByAccount(entries)
	return fmt.Sprintf("%s version %d revision %d class %s, %d moves, reopened %v, next %s; %d entries, payable %s, clearing %s, tax %s; %d tax rows",
		s.Status, s.StatusVersion, s.Revision, s.ReasonClass, len(s.History), s.ReopenedBy != "", next, len(entries),
		balances[ledger.CreatorPayable], balances[ledger.PlatformClearing], balances[ledger.TaxPayable("iit")], len(rows))
}
