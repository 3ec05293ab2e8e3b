package ledgerapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/tenancy"
)

// closing is a world whose periods can be closed.
type closing struct {
	*world
	service *period.Service
	store   *faulty
	trueUps *trueup.Service
	due     []civil.Date
	chain   audit.Head
}

// faulty is a store of periods that fails where a test wants it.
type faulty struct {
	period.Store
	fail atomic.Int32 // the nth write from now on fails; 0 never
}

var errCrash = errors.New("crash")

func (f *faulty) crash() error {
	if f.fail.Load() > 0 && f.fail.Add(-1) == 0 {
		return errCrash
	}
	return nil
}

func (f *faulty) SavePeriod(ctx context.Context, p period.Period, rec *audit.Record) error {
	if err := f.crash(); err != nil {
		return err
	}
	return f.Store.SavePeriod(ctx, p, rec)
}

func (f *faulty) FenceBook(ctx context.Context, tenant ident.Tenant, book string, entity ident.Entity, month civil.Month) error {
	if err := f.crash(); err != nil {
		return err
	}
	return f.Store.FenceBook(ctx, tenant, book, entity, month)
}

func (c *closing) ListDueDays(context.Context, ident.Tenant, civil.Date) ([]civil.Date, error) {
	return c.due, nil
}

func (c *closing) Head(context.Context, ident.Tenant) (audit.Head, error) { return c.chain, nil }

func openClosing(t *testing.T) *closing { return openClosingOn(t, dynamotest.Open(t)) }

func openClosingOn(t *testing.T, tables dynamotest.Tables) *closing {
	c := &closing{world: openOn(t, tables)}
	c.chain.Tree.Count, c.chain.Chain[0] = 42, 7
	token := ids.NewSource(time.Now)
	lines := &incomedb.Store{DB: c.Tables.Client, Ledger: c.Tables.Ledger, Settlements: c.Tables.Settlements, NewToken: token}
	check := ledgercheck.Service{Journal: ledgerdb.Book{DB: c.Tables.Client, Table: c.Tables.Ledger}, Settlements: c.Store, Buckets: lines, Days: incentivedb.NewDays(c.Tables.Client, c.Tables.Incentives), Creators: c.People}
	c.store = &faulty{Store: &perioddb.Store{DB: c.Tables.Client, Ledger: c.Tables.Ledger, Settlements: c.Tables.Settlements, NewToken: token}}
	c.trueUps = c.TrueUps(t)
	c.service = &period.Service{Store: c.store, Books: ledgercheck.Reviewer{Service: check, Contracts: c.People, TrueUps: c.trueUps}, Creators: c.People, Days: c, Evidence: c,
		Charts: c.api, Clock: c.Clock, NewID: token}
	c.api.Periods = c.service
	c.http.Routes = c.api.Routes()
	return c
}

func september() civil.Month { return civil.NewMonth(2026, 9) }

const septemberPath = "/v1/ledger/periods/" + settletest.Ordinary + "/2026-09"

func (c *closing) close(t *testing.T) period.Period {
	t.Helper()
	p, err := c.service.Close(t.Context(), settletest.CallerWith(identity.Finance), settletest.Ordinary, september())
	must(t, err)
	return p
}

func (c *closing) seal(t *testing.T) (period.Period, error) {
	t.Helper()
	return c.service.Seal(t.Context(), settletest.CallerWith(identity.Approver), settletest.Ordinary, september())
}

func failedChecks(p period.Period) string { return strings.Join(p.Review.FailedChecks(), " ") }

func TestAPeriodIsClosedAndSealed(t *testing.T) { dynamotest.RunOnBothEngines(t, closedAndSealed) }

func closedAndSealed(t *testing.T, tables dynamotest.Tables) {
	c := openClosingOn(t, tables)
	c.settle(t, settletest.Person, "one", "100.00", payout.Paid)
	if _, err := c.service.Close(t.Context(), settletest.CallerWith(identity.Finance), settletest.Ordinary, september()); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("a month that is not over was closed: %v", err)
	}
	c.SetDate("2026-10-15")
	if _, err := c.seal(t); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("sealed while open: %v", err)
	}
	var v struct {
		State   string               `json:"state"`
		Hash    string               `json:"hash"`
		Checks  []period.Check       `json:"checks"`
		Balance *ledger.TrialBalance `json:"trial_balance"`
		Seq     int64                `json:"audit_seq"`
	}
	if status := c.call(t, identity.Finance, "POST", septemberPath+"/close", map[string]any{}, &v); status != 200 || v.State != "closing" || len(v.Checks) != 13 {
		t.Fatalf("%d %+v", status, v)
	}
	for _, check := range v.Checks {
		if check.Owner == "" || check.Do.ZH == "" || (check.Result != period.Passed && check.Name != period.CheckReceipts) {
			t.Errorf("%+v", check)
		}
	}
	if status := c.call(t, identity.Approver, "POST", septemberPath+"/seal", map[string]any{}, nil); status != http.StatusConflict {
		t.Errorf("sealed while posters may not know of it: %d", status)
	}
	c.AdvanceTime(ledger.Settling)
	late := c.settle(t, settletest.Person, "late", "10.00", "")
	for range 2 { // the same again is the same
		if status := c.call(t, identity.Approver, "POST", septemberPath+"/seal", map[string]any{}, &v); status != 200 || v.State != "sealed" || len(v.Hash) != 64 || v.Seq != 42 {
			t.Fatalf("%d %+v", status, v)
		}
	}
	if len(v.Balance.Rows) == 0 || len(v.Balance.Differs) > 0 {
		t.Errorf("%+v", v.Balance)
	}
	p, err := c.store.Period(t.Context(), settletest.Tenant, settletest.Ordinary, september())
	must(t, err)
	if again, err := period.SealHash(*p, *p.Seal); err != nil || again != v.Hash {
		t.Errorf("the stored balance has hash %s, sealed was %s", again, v.Hash)
	}
	if status := c.call(t, identity.Finance, "POST", septemberPath+"/close", map[string]any{}, nil); status != http.StatusConflict {
		t.Errorf("re-opened: %d", status)
	}
	for _, e := range c.all(t, string("/v1/ledger/entries?settlement_id="+late)) {
		if !strings.Contains(string(e), `"accounting_period":"2026-10"`) {
			t.Errorf("a late entry: %s", e)
		}
	}
	var list struct {
		Open    string `json:"open"`
		Periods []any  `json:"periods"`
	}
	if c.get(t, "/v1/ledger/periods?paying_entity="+settletest.Ordinary, &list); list.Open != "2026-10" || len(list.Periods) != 1 {
		t.Errorf("%+v", list)
	}
	c.SetDate("2026-11-16")
	if _, err := c.service.Close(t.Context(), settletest.CallerWith(identity.Finance), settletest.Ordinary, civil.NewMonth(2026, 8)); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("a month before the first sealed one: %v", err)
	}
	october, err := c.service.Close(t.Context(), settletest.CallerWith(identity.Finance), settletest.Ordinary, civil.NewMonth(2026, 10))
	if err != nil || october.First || failedChecks(october) != "" {
		t.Errorf("October: %v %s %+v", err, failedChecks(october), october.Review.Checks)
	}
}

func TestWhatStopsASeal(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, c *closing)
		fails string
	}{
		"an open true-up":          {func(t *testing.T, c *closing) { c.reverse(t) }, period.CheckTrueUps},
		"a day that is not closed": {func(_ *testing.T, c *closing) { c.due = []civil.Date{civil.NewDate(2026, 9, 30)} }, period.CheckAccrualDays},
		"a settlement without figures": {func(t *testing.T, c *closing) {
			_, _, err := c.Settle(t.Context(), settletest.CallerWith(identity.Operator), "settle-key-x", settletest.SettleRequest(settletest.Person, "x", "5.00"))
			must(t, err)
		}, period.CheckFigures},
		"a fen without an explanation": {func(t *testing.T, c *closing) {
			must(t, c.post(t, "odd", september()))
		}, period.CheckUnexplained},
	} {
		t.Run(name, func(t *testing.T) {
			w := openClosing(t)
			w.settle(t, settletest.Person, "one", "100.00", payout.Paid)
			c.spoil(t, w)
			w.SetDate("2026-10-15")
			if p := w.close(t); failedChecks(p) != c.fails {
				t.Fatalf("%q failed, want %q: %+v", failedChecks(p), c.fails, p.Review.Checks)
			}
			w.AdvanceTime(ledger.Settling)
			if _, err := w.seal(t); !fault.HasCode(err, fault.IllegalMove) {
				t.Errorf("sealed: %v", err)
			}
		})
	}
}

// reverse lets two payments of a month come into a higher bracket and the first one come back: what the second bore for
// it is too much.
func (c *closing) reverse(t *testing.T) {
	t.Helper()
	first := c.settle(t, settletest.Person, "back", "30000.00", payout.Paid)
	c.settle(t, settletest.Person, "stays", "30000.00", payout.Paid)
	p, err := c.Payables.Load(t.Context(), settletest.Tenant, first)
	must(t, err)
	must(t, c.Payables.RecordOutcome(t.Context(), p, payout.Outcome{State: payout.Returned, At: c.Now()}))
	s, err := c.Store.Load(t.Context(), settletest.Tenant, first)
	must(t, err)
	again, err := c.Reopen(t.Context(), settlement.Intent{By: settletest.CallerWith(identity.Approver), ID: string(first), Version: s.StatusVersion, Reason: "test"})
	must(t, err)
	must(t, c.Quote(t.Context(), settletest.Tenant, ident.Settlement(again.ID)))
}

// decided keeps a decision of an open true-up.
func (c *closing) decided(t *testing.T, o trueup.TrueUp, state string, difference money.Amount) {
	t.Helper()
	doc, err := json.Marshal(trueup.Decision{ID: o.ID, Entity: o.Entity, Taxpayer: o.Taxpayer, Decision: trueup.LeaveToAnnual, State: state, Difference: difference, Act: c.NextID()})
	must(t, err)
	k := keys.TrueUp(settletest.Tenant, o.Entity, o.ID)
	_, err = c.Tables.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(c.Tables.Ledger), Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK}, "doc": &types.AttributeValueMemberS{Value: string(doc)}}})
	must(t, err)
}

// An open true-up stops the seal until two people have decided the difference that it has.
func TestADecidedTrueUpLetsThePeriodBeSealed(t *testing.T) {
	c := openClosing(t)
	c.reverse(t)
	c.SetDate("2026-10-15")
	if p := c.close(t); failedChecks(p) != period.CheckTrueUps {
		t.Fatalf("%q failed: %+v", failedChecks(p), p.Review.Checks)
	}
	c.AdvanceTime(ledger.Settling)
	list, err := c.trueUps.OpenTrueUps(t.Context(), settletest.Tenant, settletest.Ordinary, september())
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	for when, decide := range []func(){func() {}, func() { c.decided(t, list[0], trueup.DecisionPrepared, list[0].Difference) },
		func() { c.decided(t, list[0], trueup.DecisionLeft, list[0].Difference.Add(money.Fen(1))) }} {
		decide()
		if _, err := c.seal(t); err == nil || fault.AsError(err).Reason != "checks_failed" {
			t.Fatalf("sealed over an open true-up (%d): %v", when, err)
		}
	}
	c.decided(t, list[0], trueup.DecisionLeft, list[0].Difference)
	if p, err := c.seal(t); err != nil || p.State != period.Sealed {
		t.Fatalf("%v %+v", err, p.Review.Checks)
	}
}

// post writes one fen of creator.payable behind everybody's back, as a poster that decided on a period long ago.
func (c *closing) post(t *testing.T, id string, m civil.Month) error {
	t.Helper()
	e := ledger.Entry{ID: id, Tenant: settletest.Tenant, CreatorID: settletest.Person, Entity: settletest.Ordinary, At: c.Now(), Accounting: m, Reason: "test"}
	e.Debit(ledger.PlatformClearing, money.Fen(1))
	e.Credit(ledger.CreatorPayable, money.Fen(1))
	parts, err := ledgerdb.EntryWrites(c.Tables.Ledger, e)
	must(t, err)
	return dynamo.Transact(t.Context(), c.Tables.Client, ids.NewSource(time.Now)(), parts)
}

// A poster whose knowledge of the periods is too old is refused by the write itself, and with fresh knowledge posts
// into the open period.
func TestAStaleMemoCannotPostIntoASealedPeriod(t *testing.T) {
	dynamotest.RunOnBothEngines(t, staleMemoCannotPost)
}

func staleMemoCannotPost(t *testing.T, tables dynamotest.Tables) {
	c := openClosingOn(t, tables)
	c.settle(t, settletest.Person, "one", "100.00", payout.Paid)
	stale := c.Now()
	poster := &ledgerdb.Periods{DB: c.Tables.Client, Table: c.Tables.Ledger, Clock: c.Clock}
	if m, err := poster.FirstOpenMonth(t.Context(), settletest.Tenant, settletest.Ordinary, september()); err != nil || m != september() {
		t.Fatalf("%s %v", m, err)
	}
	c.SetDate("2026-10-15")
	c.close(t)
	if m, err := poster.FirstOpenMonth(t.Context(), settletest.Tenant, settletest.Ordinary, september()); err != nil || m != september() {
		t.Errorf("within its memo a poster still posts into September: %s %v", m, err)
	}
	c.AdvanceTime(ledger.Settling)
	if _, err := c.seal(t); err != nil {
		t.Fatal(err)
	}
	if err := c.post(t, "stale", september()); err == nil {
		t.Errorf("a decision of %s was posted into a sealed period", stale)
	}
	if m, err := poster.FirstOpenMonth(t.Context(), settletest.Tenant, settletest.Ordinary, september()); err != nil || m != civil.NewMonth(2026, 10) {
		t.Errorf("after its memo a poster posts into %s, %v", m, err)
	}
	if err := c.post(t, "fresh", civil.NewMonth(2026, 10)); err != nil {
		t.Errorf("the open period: %v", err)
	}
}

// Posting goes on while periods are closed and sealed by several people at once; what the seal says is what the
// journal holds.
func TestPostingWhileSealing(t *testing.T) { dynamotest.RunOnBothEngines(t, postingWhileSealing) }

func postingWhileSealing(t *testing.T, tables dynamotest.Tables) {
	c := openClosingOn(t, tables)
	c.settle(t, settletest.Person, "one", "100.00", payout.Paid)
	c.SetDate("2026-10-15")
	var work sync.WaitGroup
	for n := range 4 {
		work.Go(func() {
			for i := range 6 {
				ans, _, err := c.Settle(t.Context(), settletest.CallerWith(identity.Operator), "settle-key-"+string(rune('a'+n))+string(rune('a'+i)),
					settletest.SettleRequest(settletest.Person, "p"+string(rune('a'+n))+string(rune('a'+i)), "7.00"))
				if err == nil {
					err = c.Quote(t.Context(), settletest.Tenant, ans.SettlementID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	c.close(t)
	c.AdvanceTime(ledger.Settling)
	var sealed atomic.Int32
	for range 3 {
		work.Go(func() {
			for range 20 {
				p, err := c.seal(t)
				if err == nil && p.State == period.Sealed {
					sealed.Add(1)
					return
				}
				if err != nil && !fault.HasCode(err, fault.IllegalMove) && !fault.HasCode(err, fault.Unavailable) {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if sealed.Load() == 0 {
		t.Fatal("nobody could seal the period")
	}
	p, err := c.store.Period(t.Context(), settletest.Tenant, settletest.Ordinary, september())
	must(t, err)
	var tb trial
	c.get(t, "/v1/ledger/trial-balance?paying_entity="+settletest.Ordinary+"&period=2026-09", &tb)
	if p.Seal == nil || tb.Totals != p.Seal.Balance.Totals {
		t.Errorf("the journal has %+v, sealed is %+v", tb.Totals, p.Seal)
	}
}

// Wherever closing and sealing stop, the next call goes on, and the end is the same.
func TestSealingSurvivesCrashes(t *testing.T) {
	for at := int32(1); at <= 9; at++ {
		c := openClosing(t)
		c.settle(t, settletest.Person, "one", "100.00", payout.Paid)
		c.SetDate("2026-10-15")
		c.store.fail.Store(at)
		done := false
		for range 6 {
			if _, err := c.service.Close(t.Context(), settletest.CallerWith(identity.Finance), settletest.Ordinary, september()); err != nil {
				continue
			}
			c.AdvanceTime(ledger.Settling)
			if p, err := c.seal(t); err == nil && p.State == period.Sealed {
				done = true
				break
			}
		}
		if !done {
			t.Errorf("stopped at write %d, the period was never sealed", at)
		}
	}
}

func TestWhoClosesDoesNotSeal(t *testing.T) {
	c := openClosing(t)
	c.SetDate("2026-10-15")
	both := settletest.CallerWith(identity.Finance, identity.Approver)
	_, err := c.service.Close(t.Context(), both, settletest.Ordinary, september())
	must(t, err)
	c.AdvanceTime(ledger.Settling)
	if _, err := c.service.Seal(t.Context(), both, settletest.Ordinary, september()); !fault.HasCode(err, fault.Forbidden) {
		t.Errorf("%v", err)
	}
}

// rewarded lets everybody's contract cover incentives.
func (c *closing) rewarded() {
	for id, k := range c.People.Contracts {
		routes := map[string]string{income.Incentive: tenancy.MCNPays}
		maps.Copy(routes, k.Routes)
		k.Routes = routes
		c.People.Contracts[id] = k
	}
}

// accruals is what posts the incentives of closed days here.
func (c *closing) accruals() *incomedb.Accruals {
	token := ids.NewSource(time.Now)
	return &incomedb.Accruals{Store: &incomedb.Store{DB: c.Tables.Client, Ledger: c.Tables.Ledger, Settlements: c.Tables.Settlements, NewToken: token},
		Incentives: c.Tables.Incentives, Directory: c.People, NewID: token, Periods: &ledgerdb.Periods{DB: c.Tables.Client, Table: c.Tables.Ledger, Clock: c.Clock}}
}

// accrue posts what a creator's day owes, one yuan for each revision.
func (c *closing) accrue(ctx context.Context, to *incomedb.Accruals, creator ident.Creator, day civil.Date, revision int) error {
	return to.PostAccrual(ctx, incentive.Accrual{Tenant: settletest.Tenant, Creator: creator, Day: day, Revision: revision, Difference: money.Yuan(1),
		Total: money.Yuan(int64(revision)), Events: revision, ClosedAt: c.Now()})
}

// The closing of a month waits for its last day: it says so, nobody seals, and what the day owes enters the month.
func TestAClosingWaitsForTheLastDay(t *testing.T) {
	c := openClosing(t)
	c.rewarded()
	last := civil.NewDate(2026, 9, 30)
	c.SetDate("2026-10-01")
	c.due = []civil.Date{last}
	p := c.close(t)
	for _, check := range p.Review.Checks {
		if check.Name == period.CheckAccrualDays && (check.Result != period.Failed || check.Owner != "operator" || len(check.Details) != 1 || !strings.HasPrefix(check.Details[0], "2026-09-30: the last day")) {
			t.Errorf("the check of days says %+v", check)
		}
	}
	c.AdvanceTime(ledger.Settling)
	if _, err := c.seal(t); err == nil || fault.AsError(err).Reason != "checks_failed" || !strings.Contains(fault.AsError(err).Public, "accrual_days (2026-09-30") {
		t.Fatalf("sealed without the last day: %v", err)
	}
	must(t, c.accrue(t.Context(), c.accruals(), settletest.Person, last, 1))
	c.due = nil
	p, err := c.seal(t)
	if err != nil || p.State != period.Sealed {
		t.Fatalf("%v %+v", err, p.Review.Checks)
	}
	for _, r := range p.Seal.Balance.Rows {
		if r.Account == ledger.CreatorAccrued && r.Closing != money.Yuan(-1) {
			t.Errorf("September was sealed with %s accrued", r.Closing)
		}
	}
	if len(p.Seal.Balance.Rows) == 0 {
		t.Error("September was sealed without what its last day owes")
	}
}

// Days are accrued while their month is being closed and sealed, of creators who had no book before too: what the seal
// says is what the journal holds.
func TestAccrualsWhileSealing(t *testing.T) { dynamotest.RunOnBothEngines(t, accrualsWhileSealing) }

func accrualsWhileSealing(t *testing.T, tables dynamotest.Tables) {
	c := openClosingOn(t, tables)
	c.rewarded()
	c.settle(t, settletest.Person, "one", "100.00", payout.Paid)
	c.SetDate("2026-10-01")
	c.close(t)
	c.AdvanceTime(ledger.Settling)
	var work sync.WaitGroup
	for _, creator := range []string{settletest.Person, settletest.Worker, settletest.Studio} {
		to := c.accruals()
		work.Go(func() {
			for revision := 1; revision <= 8; revision++ {
				if err := c.accrue(t.Context(), to, ident.Creator(creator), civil.NewDate(2026, 9, 30), revision); err != nil {
					t.Errorf("%s: %v", creator, err)
				}
			}
		})
	}
	var p period.Period
	work.Go(func() {
		var err error
		for range 20 {
			if p, err = c.seal(t); err == nil && p.State == period.Sealed {
				return
			}
			if !fault.HasCode(err, fault.IllegalMove) && !fault.HasCode(err, fault.Unavailable) {
				t.Error(err)
			}
		}
		t.Errorf("never sealed: %v", err)
	})
	work.Wait()
	if p.Seal == nil {
		t.FailNow()
	}
	var tb trial
	c.get(t, "/v1/ledger/trial-balance?paying_entity="+settletest.Ordinary+"&period=2026-09", &tb)
	if tb.Totals != p.Seal.Balance.Totals {
		t.Errorf("the journal has %+v, sealed is %+v", tb.Totals, p.Seal.Balance.Totals)
	}
}
