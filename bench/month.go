package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/memdb"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy"
)

const (
	manyCreators = 100_000
	fewCreators  = 10_000
)

// monthSection takes the month of many creators through all of its steps, in one process over the
// store in memory.
func monthSection(ctx context.Context, _ *bench) ([]row, error) {
	few, err := endMonth(ctx, fewCreators)
	if err != nil {
		return nil, err
	}
	many, err := endMonth(ctx, manyCreators)
	if err != nil {
		return nil, err
	}
	return []row{
		{what: fmt.Sprintf(
			"month-end of 100,000 creators (%d at once, GOGC %d for the store): lines, statement, quote, "+
				"approval, booking, payout, trial balance", atOnce(), collectAt), goal: "<= 60 s",
			measured: fmt.Sprintf("%.1f s, of which trial balance %.1f s", many.took.Seconds(),
				many.balancing.Seconds()), met: atMost(many.took.Seconds(), 60)},
		{what: "live memory beyond the store, after 10,000 and after 100,000 creators", goal: "flat",
			measured: fmt.Sprintf("%.2f MiB, %.2f MiB", mib(few.beyond), mib(many.beyond)),
			met:      atMost(mib(many.beyond), mib(few.beyond)+2)},
		{what: "the store itself, for each creator",
			measured: fmt.Sprintf("%.1f KiB", float64(many.store)/1024/manyCreators)},
	}, nil
}

// monthEnd is what a month's end came to.
type monthEnd struct {
	took, balancing time.Duration
	// live bytes; beyond is less than nothing where something that lived before is gone
	beyond, store int64
}

// door stands between the services and the engine, so that the engine can be let go while the
// services live.
type door struct{ dynamo.API }

// crowd is master data of any number of creators, who are all like the test tenant's person.
type crowd struct{ *settletest.Directory }

func (c crowd) Creator(ctx context.Context, tenant ident.Tenant,
	id ident.Creator) (tenancy.Creator, error) {
	p, err := c.Directory.Creator(ctx, tenant, settletest.Person)
	p.CreatorID, p.TaxpayerID = id, ident.Taxpayer("tp-"+id)
	return p, err
}

func (c crowd) Taxpayer(ctx context.Context, tenant ident.Tenant,
	id ident.Taxpayer) (tenancy.Taxpayer, error) {
	p, err := c.Directory.Taxpayer(ctx, tenant, "tp-"+settletest.Person)
	p.TaxpayerID = id
	return p, err
}

func (c crowd) Contract(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	incomeType string, day civil.Date) (tenancy.Contract, error) {
	k, err := c.Directory.Contract(ctx, tenant, settletest.Person, incomeType, day)
	return signed(k, creator), err
}

func (c crowd) ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	incomeType string, day civil.Date) ([]tenancy.Contract, error) {
	all, err := c.Directory.ContractsOf(ctx, tenant, settletest.Person, incomeType, day)
	out := make([]tenancy.Contract, len(all))
	for i, k := range all {
		out[i] = signed(k, creator)
	}
	return out, err
}

// signed is the person's contract with another creator.
func signed(k tenancy.Contract, creator ident.Creator) tenancy.Contract {
	k.CreatorID, k.ContractID = creator, string("ct-"+creator)
	splits := make(map[string]tenancy.Split, len(k.Splits))
	for incomeType, s := range k.Splits {
		parties := append([]tenancy.Party(nil), s.Parties...)
		for i := range parties {
			if parties[i].Kind == "creator" {
				parties[i].Party = string(creator)
			}
		}
		s.Parties = parties
		splits[incomeType] = s
	}
	k.Splits = splits
	return k
}

// cashbox pays whatever it is asked to, and keeps the orders that it has not told of.
type cashbox struct{ orders *sync.Map }

func (c cashbox) Send(_ context.Context, o payout.Order) (payout.Outcome, error) {
	c.orders.Store(o.Key, o.Amount)
	return payout.Outcome{State: payout.Accepted, GatewayID: "G" + o.Key[:8], Amount: o.Amount}, nil
}

// notice tells that an order is paid.
func (c cashbox) notice(key string, at time.Time) ([]byte, error) {
	amount, asked := c.orders.LoadAndDelete(key)
	if !asked {
		return nil, errUnexpected
	}
	return json.Marshal(
		payout.Notice{Key: key, Outcome: payout.Outcome{State: payout.Paid, GatewayID: "G" + key[:8],
			Amount: amount.(money.Amount), At: at}})
}

func (cashbox) Query(context.Context, string) (payout.Outcome, error) {
	return payout.Outcome{State: payout.NotFound}, nil
}

func (cashbox) ParseNotice(_ context.Context, _ map[string]string,
	body []byte) (payout.Notice, error) {
	var n payout.Notice
	err := json.Unmarshal(body, &n)
	return n, err
}

type payees struct{}

func (payees) Payee(context.Context, payout.Payable) (payout.Payee, error) {
	return payout.Payee{Account: "open-id-1", Holder: "张三"}, nil
}

type neverAgain struct{}

func (neverAgain) Rebook(context.Context, payout.Payable, civil.Date) error { return nil }

// agencyMonth is an agency at the end of a month.
type agencyMonth struct {
	*settletest.World
	recorder   *income.Recorder
	statements *billing.Service
	desk       *payout.Service
	cash       cashbox
	book       ledgerdb.Book
}

func newAgencyMonth(tables dynamotest.Local) (*agencyMonth, error) {
	corpus, err := taxpack.Embedded()
	if err != nil {
		return nil, err
	}
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		return nil, err
	}
	w := settletest.NewWorld(tables, ruleset.Fixed{Corpus: corpus}, calendar)
	people := crowd{w.People}
	quiet := slog.New(slog.DiscardHandler)
	cash := cashbox{&sync.Map{}}
	w.Directory = people
	lines := &incomedb.Store{DB: tables.Client, Ledger: tables.Ledger, Settlements: tables.Settlements,
		NewToken: ids.Source(time.Now)}
	return &agencyMonth{World: w,
		recorder:   &income.Recorder{Lines: lines, Directory: people, Clock: w.Clock, NewID: w.NextID},
		statements: &billing.Service{Settlements: w.Service, Buckets: lines, Log: quiet},
		desk: &payout.Service{Payables: w.Payables, Unclear: w.Payables, Accounts: payees{},
			Rebooking: neverAgain{}, Clock: w.Clock, Log: quiet,
			Merchants: payout.Gateways{{Tenant: settletest.Tenant, Merchant: "m", Method: payout.Douyin,
				Gateway: cash}}},
		cash: cash, book: ledgerdb.Book{DB: tables.Client, Table: tables.Ledger}}, nil
}

// life takes one creator's month from its lines to the payment.
func (a *agencyMonth) life(ctx context.Context, creator ident.Creator) error {
	if err := a.upload(ctx, creator); err != nil {
		return err
	}
	report, err := a.statements.OpenDueSettlements(ctx, billing.Order{Tenant: settletest.Tenant, By: billing.System},
		creator)
	if err != nil || report.Opened != 1 {
		return fmt.Errorf("the statement of %s: %+v, %w", creator, report, orNone(err))
	}
	page, _, err := a.Store.List(ctx, settletest.Tenant, settlement.Query{Creator: creator}, "", 2)
	if err != nil || len(page) != 1 {
		return fmt.Errorf("%s has %d settlements: %w", creator, len(page), orNone(err))
	}
	id := page[0].ID
	if err := a.Quote(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		return err
	}
	for i, step := range []struct {
		by identity.Role
		to settlement.Status
	}{{identity.Finance, settlement.InReview}, {identity.Approver, settlement.Approved}} {
		if _, err := a.Transition(ctx,
			settlement.Intent{By: settletest.CallerWith(step.by), ID: id, Version: 1 + i},
			step.to); err != nil {
			return err
		}
	}
	if err := a.Book(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		return err
	}
	return a.pay(ctx, id)
}

var errUnexpected = errors.New("not what the month should have")

// orNone makes an error of an answer that came without one.
func orNone(err error) error { return cmp.Or(err, errUnexpected) }

func (a *agencyMonth) upload(ctx context.Context, creator ident.Creator) error {
	u := income.Upload{Tenant: settletest.Tenant, By: "operator@" + settletest.Tenant}
	for n := range 3 {
		raw, err := json.Marshal(income.Line{LineID: fmt.Sprint("l", n), CreatorID: creator,
			IncomeType: "live_tip", Platform: "douyin", OccurredOn: civil.MustDate("2026-08-10"),
			ServicePeriod: civil.MustMonth("2026-08"), GrossBeforePlatform: money.Yuan(4000),
			PlatformFee: money.Yuan(2000), Distributable: money.Yuan(2000)})
		if err != nil {
			return err
		}
		u.Lines = append(u.Lines, raw)
	}
	results, err := a.recorder.RecordUpload(ctx, u)
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

func (a *agencyMonth) pay(ctx context.Context, id string) error {
	if _, err := a.desk.Pay(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		return err
	}
	notice, err := a.cash.notice(payout.PayoutKey(settletest.Tenant, ident.Settlement(id)), a.Now())
	if err != nil {
		return err
	}
	// that it is paid is seen in the trial balance: nothing is payable
	return a.desk.HandleNotice(ctx, payout.Douyin, nil, notice)
}

func creatorName(i int) string { return fmt.Sprintf("c-%07d", i) }

// collectAt is how far the heap grows between two collections, in percent of what lives. Nearly all
// that lives is the store, which is elsewhere in production: by the usual 100 each collection would
// go through it again for nothing.
const collectAt = 400

// atOnce is how many creators are on their way at the same time: while one waits for the store,
// another goes on.
func atOnce() int { return 2 * runtime.GOMAXPROCS(0) }

func endMonth(ctx context.Context, creators int) (monthEnd, error) {
	db := memdb.New()
	tables, err := dynamotest.InMemory(db)
	if err != nil {
		return monthEnd{}, err
	}
	through := &door{db}
	tables.Client, tables.Memory = through, nil
	a, err := newAgencyMonth(tables)
	if err != nil {
		return monthEnd{}, err
	}
	if err := a.life(ctx, "c-warm-up"); err != nil {
		return monthEnd{}, err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	before := liveHeap()
	began := time.Now()
	var done atomic.Int64
	var group errgroup.Group
	for range atOnce() {
		group.Go(func() error {
			for {
				n := int(done.Add(1))
				if n > creators {
					return nil
				}
				if n%1000 == 0 { // nobody reads the streams here
					db.Forget(tables.Settlements)
				}
				a.AdvanceTime(time.Millisecond)
				if err := a.life(ctx, ident.Creator(creatorName(n))); err != nil {
					return fmt.Errorf("%s: %w", creatorName(n), err)
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return monthEnd{}, err
	}
	balancing := time.Now()
	if err := a.trialBalance(ctx, creators); err != nil {
		return monthEnd{}, err
	}
	m := monthEnd{took: time.Since(began), balancing: time.Since(balancing)}
	db.Forget(tables.Settlements)
	with := liveHeap()
	through.API, db = nil, nil
	without := liveHeap()
	m.store, m.beyond = with-without, without-before
	runtime.KeepAlive(a)
	return m, nil
}

// liveHeap is what lives after a collection.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// trialBalance adds up all books: the sum is zero, nobody is owed anything, and what was paid has
// left the clearing.
func (a *agencyMonth) trialBalance(ctx context.Context, creators int) error {
	var total, payable money.Amount
	accounts := map[ledger.Account]money.Amount{}
	for i := range creators {
		books, err := a.book.Balances(ctx, settletest.Tenant, ident.Creator(creatorName(i+1)))
		if err != nil {
			return err
		}
		for account, sum := range books[settletest.Ordinary] {
			accounts[account] = accounts[account].Add(sum)
			total = total.Add(sum)
		}
	}
	payable = accounts[ledger.CreatorPayable]
	if !total.IsZero() || !payable.IsZero() || accounts[ledger.GatewayClearing].IsZero() {
		return fmt.Errorf("the trial balance is off by %s: %v", total, accounts)
	}
	return nil
}
