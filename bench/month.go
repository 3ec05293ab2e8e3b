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

// monthSection plays the month of many creators in one process, with tables in memory.
func monthSection(ctx context.Context, _ *bench) ([]row, error) {
	few, err := measureMonthEnd(ctx, fewCreators)
	if err != nil {
		return nil, err
	}
	many, err := measureMonthEnd(ctx, manyCreators)
	if err != nil {
		return nil, err
	}
	return []row{
		{what: fmt.Sprintf(
			"month-end of 100,000 creators (%d at once, GOGC %d for the store): lines, statement, quote, "+
				"approval, booking, payout, trial balance", parallelCreators(), collectAt), goal: "<= 60 s",
			measured: fmt.Sprintf("%.1f s, of which trial balance %.1f s", many.took.Seconds(),
				many.balancing.Seconds()), met: atMost(many.took.Seconds(), 60)},
		{what: "live memory beyond the store, after 10,000 and after 100,000 creators", goal: "flat",
			measured: fmt.Sprintf("%.2f MiB, %.2f MiB", mebibytes(few.beyond), mebibytes(many.beyond)),
			met:      atMost(mebibytes(many.beyond), mebibytes(few.beyond)+2)},
		{what: "the store itself, for each creator",
			measured: fmt.Sprintf("%.1f KiB", float64(many.store)/1024/manyCreators)},
	}, nil
}

// monthEnd is the measurements of one month end.
type monthEnd struct {
	took, balancing time.Duration
	// live bytes: of the tables, and of the rest, which is negative when memory from before the
	// measurement was freed
	beyond, store int64
}

// replaceableDB is a database client whose database can be removed while the services that use it
// stay: so the memory of the tables can be measured separately.
type replaceableDB struct{ dynamo.API }

// manyCreatorsDirectory is master data of any number of creators, who are all like the person of
// the test tenant.
type manyCreatorsDirectory struct{ *settletest.Directory }

// Creator returns the test tenant's person under another id, with a taxpayer of the same id.
func (c manyCreatorsDirectory) Creator(ctx context.Context, tenant ident.Tenant,
	id ident.Creator) (tenancy.Creator, error) {
	p, err := c.Directory.Creator(ctx, tenant, settletest.Person)
	p.CreatorID, p.TaxpayerID = id, ident.Taxpayer("tp-"+id)
	return p, err
}

// Taxpayer returns the test tenant's person under another id.
func (c manyCreatorsDirectory) Taxpayer(ctx context.Context, tenant ident.Tenant,
	id ident.Taxpayer) (tenancy.Taxpayer, error) {
	p, err := c.Directory.Taxpayer(ctx, tenant, "tp-"+settletest.Person)
	p.TaxpayerID = id
	return p, err
}

// Contract returns the contract of the test tenant's person, signed with another creator.
func (c manyCreatorsDirectory) Contract(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator,
	incomeType string, day civil.Date) (tenancy.Contract, error) {
	k, err := c.Directory.Contract(ctx, tenant, settletest.Person, incomeType, day)
	return contractWith(k, creator), err
}

// ContractsOf returns the contracts of the test tenant's person, signed with another creator.
func (c manyCreatorsDirectory) ContractsOf(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator,
	incomeType string, day civil.Date) ([]tenancy.Contract, error) {
	all, err := c.Directory.ContractsOf(ctx, tenant, settletest.Person, incomeType, day)
	out := make([]tenancy.Contract, len(all))
	for i, k := range all {
		out[i] = contractWith(k, creator)
	}
	return out, err
}

// contractWith returns a copy of a contract with another creator.
func contractWith(k tenancy.Contract, creator ident.Creator) tenancy.Contract {
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

// alwaysPaying is a payment gateway that pays every order, and keeps the orders whose notice has
// not been made.
type alwaysPaying struct{ orders *sync.Map }

// Send accepts an order.
func (c alwaysPaying) Send(_ context.Context, o payout.Order) (payout.Outcome, error) {
	c.orders.Store(o.Key, o.Amount)
	return payout.Outcome{State: payout.Accepted, GatewayID: "G" + o.Key[:8], Amount: o.Amount}, nil
}

// notice returns the notice that an order is paid.
func (c alwaysPaying) notice(key string, at time.Time) ([]byte, error) {
	amount, asked := c.orders.LoadAndDelete(key)
	if !asked {
		return nil, errUnexpected
	}
	return json.Marshal(
		payout.Notice{Key: key, Outcome: payout.Outcome{State: payout.Paid, GatewayID: "G" + key[:8],
			Amount: amount.(money.Amount), At: at}})
}

// QueryOutcome knows no order: the measured month pays by notices alone.
func (alwaysPaying) QueryOutcome(context.Context, string) (payout.Outcome, error) {
	return payout.Outcome{State: payout.NotFound}, nil
}

// ParseNotice decodes a notice that the method notice has made.
func (alwaysPaying) ParseNotice(_ context.Context, _ map[string]string,
	body []byte) (payout.Notice, error) {
	var n payout.Notice
	err := json.Unmarshal(body, &n)
	return n, err
}

// payees returns the same account for every payee.
type payees struct{}

// FindPayee returns the account of a payee.
func (payees) FindPayee(context.Context, payout.Payable) (payout.Payee, error) {
	return payout.Payee{Account: "open-id-1", Holder: "张三"}, nil
}

// noRebooking ignores requests to book again: the month does not change during the measurement.
type noRebooking struct{}

// Rebook does nothing.
func (noRebooking) Rebook(context.Context, payout.Payable, civil.Date) error { return nil }

// agencyMonth is an agency at the end of a month.
type agencyMonth struct {
	*settletest.World
	recorder   *income.Recorder
	statements *billing.Service
	desk       *payout.Service
	cash       alwaysPaying
	book       ledgerdb.Book
}

// newAgencyMonth builds the services of an agency on some tables.
func newAgencyMonth(tables dynamotest.Tables) (*agencyMonth, error) {
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		return nil, err
	}
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		return nil, err
	}
	w := settletest.NewWorld(tables, ruleset.Fixed{Corpus: corpus}, calendar)
	people := manyCreatorsDirectory{w.People}
	quiet := slog.New(slog.DiscardHandler)
	cash := alwaysPaying{&sync.Map{}}
	w.Directory = people
	lines := &incomedb.Store{DB: tables.Client, Ledger: tables.Ledger, Settlements: tables.Settlements,
		NewToken: ids.NewSource(time.Now)}
	return &agencyMonth{World: w,
		recorder:   &income.Recorder{Lines: lines, Directory: people, Clock: w.Clock, NewID: w.NextID},
		statements: &billing.Service{Settlements: w.Service, Buckets: lines, Log: quiet},
		desk: &payout.Service{Payables: w.Payables, Unclear: w.Payables, Accounts: payees{},
			Rebooking: noRebooking{}, Clock: w.Clock, Log: quiet,
			Merchants: payout.Gateways{{Tenant: settletest.Tenant, Merchant: "m", Method: payout.Douyin,
				Gateway: cash}}},
		cash: cash, book: ledgerdb.Book{DB: tables.Client, Table: tables.Ledger}}, nil
}

// playCreatorMonth takes the income lines of one creator through statement, quote, approval and
// booking to the payment.
func (a *agencyMonth) playCreatorMonth(ctx context.Context, creator ident.Creator) error {
	if err := a.uploadLines(ctx, creator); err != nil {
		return err
	}
	report, err := a.statements.OpenDueSettlements(ctx,
		billing.Order{Tenant: settletest.Tenant, By: billing.System},
		creator)
	if err != nil || report.Opened != 1 {
		return fmt.Errorf("the statement of %s: %+v, %w", creator, report, orUnexpected(err))
	}
	page, _, err := a.Store.List(ctx, settletest.Tenant, settlement.Query{Creator: creator}, "", 2)
	if err != nil || len(page) != 1 {
		return fmt.Errorf("%s has %d settlements: %w", creator, len(page), orUnexpected(err))
	}
	id := page[0].ID
	if err := a.Quote(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		return err
	}
	if err := a.review(ctx, id); err != nil {
		return err
	}
	if err := a.Book(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		return err
	}
	return a.payOut(ctx, id)
}

// review has finance submit a settlement and an approver approve it.
func (a *agencyMonth) review(ctx context.Context, id string) error {
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
	return nil
}

// errUnexpected is the error of an answer that a month must not have.
var errUnexpected = errors.New("not what the month should have")

// orUnexpected returns err, or errUnexpected when a wrong answer came without an error.
func orUnexpected(err error) error { return cmp.Or(err, errUnexpected) }

// uploadLines uploads three income lines of a creator.
func (a *agencyMonth) uploadLines(ctx context.Context, creator ident.Creator) error {
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

// payOut pays a settlement and delivers the notice of the gateway.
func (a *agencyMonth) payOut(ctx context.Context, id string) error {
	if _, err := a.desk.Pay(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		return err
	}
	notice, err := a.cash.notice(payout.SettlementKey(settletest.Tenant, ident.Settlement(id)),
		a.Now())
	if err != nil {
		return err
	}
	// the trial balance shows whether the payment was booked: nothing is payable then
	return a.desk.HandleNotice(ctx, payout.Douyin, nil, notice)
}

// creatorName returns the id of the i-th creator.
func creatorName(i int) string { return fmt.Sprintf("c-%07d", i) }

// collectAt is the value of GOGC. Nearly all live memory is the tables, which are outside the
// process in production; with the default of 100 every collection would scan them.
const collectAt = 400

// parallelCreators is how many creators are handled in parallel: while one waits for the tables,
// another continues.
func parallelCreators() int { return 2 * runtime.GOMAXPROCS(0) }

// measureMonthEnd plays the month of so many creators and measures time and memory.
func measureMonthEnd(ctx context.Context, creators int) (monthEnd, error) {
	db := memdb.New()
	tables, err := dynamotest.CreateTables(db)
	if err != nil {
		return monthEnd{}, err
	}
	through := &replaceableDB{db}
	// the services use the replaceable client only
	tables.Client, tables.Memory = through, nil
	a, err := newAgencyMonth(tables)
	if err != nil {
		return monthEnd{}, err
	}
	// the first creator fills the caches, which must not count as memory of the month
	if err := a.playCreatorMonth(ctx, "c-warm-up"); err != nil {
		return monthEnd{}, err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	before := liveHeap()
	began := time.Now()
	forget := func() { db.DropStreamRecords(tables.Settlements) }
	if err := a.playAll(ctx, creators, forget); err != nil {
		return monthEnd{}, err
	}
	balancing := time.Now()
	if err := a.trialBalance(ctx, creators); err != nil {
		return monthEnd{}, err
	}
	m := monthEnd{took: time.Since(began), balancing: time.Since(balancing)}
	db.DropStreamRecords(tables.Settlements)
	with := liveHeap()
	// without these references the tables are garbage, and what is live belongs to the services
	through.API, db = nil, nil
	without := liveHeap()
	m.store, m.beyond = with-without, without-before
	runtime.KeepAlive(a)
	return m, nil
}

// playAll plays the month of so many creators in parallel. It calls forget now and then to drop
// stream records.
func (a *agencyMonth) playAll(ctx context.Context, creators int, forget func()) error {
	var done atomic.Int64
	var group errgroup.Group
	for range parallelCreators() {
		group.Go(func() error {
			for {
				n := int(done.Add(1))
				if n > creators {
					return nil
				}
				if n%1000 == 0 { // the stream records are not needed
					forget()
				}
				a.AdvanceTime(time.Millisecond)
				if err := a.playCreatorMonth(ctx, ident.Creator(creatorName(n))); err != nil {
					return fmt.Errorf("%s: %w", creatorName(n), err)
				}
			}
		})
	}
	return group.Wait()
}

// liveHeap returns the bytes that are live after a garbage collection.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second collection frees what pools hold
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// trialBalance adds up the balances of all creators: the total must be zero, nothing may be
// payable, and the paid amount must be in the clearing account.
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
