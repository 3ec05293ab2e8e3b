package settlementdb_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

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

var (
	finance  = settletest.CallerWith(identity.Finance)
	approver = settletest.CallerWith(identity.Approver)
)

func settle(t *testing.T, w *settletest.World, creator ident.Creator, activity, amount string) ident.Settlement {
	t.Helper()
	a, how, err := w.Settle(context.Background(), settletest.CallerWith(identity.Operator), "key-"+activity, settletest.SettleRequest(creator, activity, amount))
	if err != nil || how != settlement.Opened {
		t.Fatalf("settle %s: %v %v", activity, how, err)
	}
	return a.SettlementID
}

func must[V any](t *testing.T) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func load(t *testing.T, w *settletest.World, id string) settlement.Settlement {
	t.Helper()
	return must[settlement.Settlement](t)(w.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(id)))
}

func move(t *testing.T, w *settletest.World, who identity.Principal, id string, to settlement.Status) {
	t.Helper()
	s := load(t, w, id)
	must[settlement.Settlement](t)(w.Transition(context.Background(), settlement.Intent{By: who, ID: id, Version: s.StatusVersion}, to))
}

// book takes a settlement to PAYING.
func book(t *testing.T, w *settletest.World, id string) settlement.Settlement {
	t.Helper()
	ctx := context.Background()
	if err := w.Quote(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
	move(t, w, finance, id, settlement.InReview)
	move(t, w, approver, id, settlement.Approved)
	if err := w.Book(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
	s := load(t, w, id)
	if s.Status != settlement.Paying {
		t.Fatalf("status %s, hold %v", s.Status, s.Hold)
	}
	return s
}

// hear lets the gateway say something about a payout.
func hear(t *testing.T, w *settletest.World, id string, state payout.State) {
	t.Helper()
	ctx := context.Background()
	p := must[payout.Payable](t)(w.Payables.Load(ctx, settletest.Tenant, ident.Settlement(id)))
	if p.State == payout.Created {
		p.PaymentDate = must[settlement.Settlement](t)(w.Store.Load(ctx, settletest.Tenant, ident.Settlement(id))).PaymentDate
		if err := w.Payables.MarkSent(ctx, p, w.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: state, At: w.Now()}); err != nil {
		t.Fatal(err)
	}
}

func balances(t *testing.T, w *settletest.World, creator ident.Creator) map[ledger.Account]money.Amount {
	t.Helper()
	b := ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}
	entries := must[[]ledger.Entry](t)(b.Entries(context.Background(), settletest.Tenant, creator))
	sums := ledger.SumByAccount(entries)
	kept := must[map[string]map[ledger.Account]money.Amount](t)(b.Balances(context.Background(), settletest.Tenant, creator))
	for account, sum := range sums {
		if kept[string(w.People.Contracts[string(creator)].PayingEntity)][account] != sum {
			t.Errorf("balance of %s is %s, its journal says %s", account, kept[string(w.People.Contracts[string(creator)].PayingEntity)][account], sum)
		}
	}
	return sums
}

func TestALifeIsPaidToTheFen(t *testing.T) {
	w := settletest.Open(t)
	id := settle(t, w, settletest.Person, "live-1", "10000.00")
	s := book(t, w, string(id))
	// 7,000.00 of labor at an ordinary company: 80% = 5,600.00, 20% = 1,120.00.
	if s.Net != money.MustParse("5880.00") || s.PaymentDate.String() != "2026-09-15" {
		t.Fatalf("net %s on %s", s.Net, s.PaymentDate)
	}
	hear(t, w, string(id), payout.Paid)
	hear(t, w, string(id), payout.Paid) // said twice
	s = load(t, w, string(id))
	if s.Status != settlement.Paid || s.StatusVersion != 5 || len(s.History) != 4 {
		t.Fatalf("%s version %d, %d moves", s.Status, s.StatusVersion, len(s.History))
	}
	b := balances(t, w, settletest.Person)
	for account, want := range map[ledger.Account]string{
		ledger.PlatformClearing: "10000.00", ledger.MCNRevenue: "-3000.00", ledger.CreatorPayable: "0.00",
		ledger.GatewayClearing: "-5880.00", ledger.TaxPayable("iit"): "-1120.00",
	} {
		if b[account] != money.MustParse(want) {
			t.Errorf("%s is %s, want %s", account, b[account], want)
		}
	}
}

func TestTwoPaymentsOfAMonthAreOneTime(t *testing.T) {
	w := settletest.Open(t)
	first := settle(t, w, settletest.Person, "live-1", "10000.00")
	w.AdvanceTime(time.Millisecond)
	second := settle(t, w, settletest.Person, "live-2", "20000.00")
	ctx := context.Background()
	for _, id := range []string{string(first), string(second)} {
		if err := w.Quote(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
			t.Fatal(err)
		}
	}
	quoted := load(t, w, string(second))
	book(t, w, string(first))
	s := book(t, w, string(second))
	// 21,000 x 80% = 16,800 x 20% = 3,360, less the 1,120 of the first.
	if s.Net != money.MustParse("11760.00") || quoted.Net != s.Net || s.Booking != quoted.Quote {
		t.Fatalf("net %s, quoted %s", s.Net, quoted.Net)
	}
}

func TestFiftyRepeatsMakeOneSettlement(t *testing.T) {
	w := settletest.Open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	opened, ids := 0, map[string]int{}
	for n := range 50 {
		wg.Go(func() {
			key := "same-key-1"
			if n%2 == 1 {
				key = "other-key-" + string(rune('a'+n%26)) + string(rune('a'+n/26))
			}
			a, how, err := w.Settle(context.Background(), settletest.CallerWith(identity.Operator), key, settletest.SettleRequest(settletest.Person, "live-1", "10000.00"))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				ids[string(a.SettlementID)]++
				if how == settlement.Opened {
					opened++
				}
			case fault.HasCode(err, fault.Duplicate):
			default:
				t.Errorf("call %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	if opened != 1 || len(ids) != 1 {
		t.Fatalf("%d opened, ids %v", opened, ids)
	}
	if b := balances(t, w, settletest.Person); b[ledger.CreatorPayable] != money.MustParse("-7000.00") {
		t.Errorf("payable %s", b[ledger.CreatorPayable])
	}
}

func TestOrderOfChecksOfSettle(t *testing.T) {
	w := settletest.Open(t)
	ctx, op := context.Background(), settletest.CallerWith(identity.Operator)
	request := func(amount string) settlement.Request {
		return settletest.SettleRequest(settletest.Person, "live-1", amount)
	}
	first, _, err := w.Settle(ctx, op, "first-key", request("100.00"))
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, key string, r settlement.Request, code fault.Code, reason string) {
		t.Helper()
		_, _, err := w.Settle(ctx, op, key, r)
		var e *fault.Error
		if !errors.As(err, &e) || e.Code != code || e.Reason != reason {
			t.Errorf("%s: %v, want %d %s", name, err, code, reason)
		}
	}
	bad := request("100.00")
	bad.IncomeType = "Live Tip"
	refused("1 invalid body before a known key", "first-key", bad, fault.InvalidInput, "invalid_input")
	refused("2 known key, other body", "first-key", request("200.00"), fault.OtherContent, "key_reused")
	refused("3 known key, younger than 120 s", "first-key", request("100.00"), fault.Duplicate, "duplicate_request")
	w.AdvanceTime(121 * time.Second)
	again, how, err := w.Settle(ctx, op, "first-key", request("100.00"))
	if err != nil || how != settlement.Again || again != first {
		t.Errorf("4 known key, older: %v %v %v", again, how, err)
	}
	again, how, err = w.Settle(ctx, op, "second-key", request("100.00"))
	if err != nil || how != settlement.Existing || again != first {
		t.Errorf("5 new key, known payable: %v %v %v", again, how, err)
	}
	refused("5 wrote a key record", "second-key", request("100.00"), fault.Duplicate, "duplicate_request")
	refused("6 known payable, other content", "third-key", request("200.00"), fault.OtherContent, "payable_exists")
	refused("7 unknown creator", "fourth-key", settletest.SettleRequest("nobody", "live-1", "1.00"), fault.NotFound, "not_found")
	other := request("1.00")
	other.ActivityID, other.IncomeType = "live-9", "xingtu_ad"
	refused("7 no contract", "fifth-key", other, fault.RuleMissing, "contract_missing")
	w.People.AddCreator("c-platform", "natural_person", settletest.Ordinary, "platform_pays_creator")
	refused("7 not the payer", "sixth-key", settletest.SettleRequest("c-platform", "live-1", "1.00"), fault.RuleMissing, "not_the_payer")
	for _, key := range []string{"fourth-key", "fifth-key", "sixth-key"} {
		if k := must[*settlement.KeyRecord](t)(w.Store.Key(ctx, settletest.Tenant, key)); k != nil {
			t.Errorf("case 7 wrote a record for %s", key)
		}
	}
}

func TestARejectedPayableIsOpenedAgain(t *testing.T) {
	w := settletest.Open(t)
	ctx := context.Background()
	id := settle(t, w, settletest.Person, "live-1", "100.00")
	move(t, w, finance, string(id), settlement.InReview)
	move(t, w, approver, string(id), settlement.Failed)
	if b := balances(t, w, settletest.Person); !b[ledger.CreatorPayable].IsZero() || !b[ledger.PlatformClearing].IsZero() {
		t.Fatalf("opening stands: %v", b)
	}
	a, how, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "new-key-1", settletest.SettleRequest(settletest.Person, "live-1", "120.00"))
	if err != nil || how != settlement.Opened || a.SettlementID == id {
		t.Fatalf("%v %v %v", a, how, err)
	}
}

func TestWhoPreparedDoesNotApprove(t *testing.T) {
	w := settletest.Open(t)
	id := settle(t, w, settletest.Person, "live-1", "100.00")
	both := settletest.CallerWith(identity.Finance, identity.Approver)
	move(t, w, both, string(id), settlement.InReview)
	if err := w.Quote(context.Background(), settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	_, err := w.Transition(context.Background(), settlement.Intent{By: both, ID: string(id), Version: 2}, settlement.Approved)
	if !fault.HasCode(err, fault.Forbidden) {
		t.Fatalf("%v", err)
	}
}

func TestAFailedPayoutIsReopenedAndPaidOnce(t *testing.T) {
	w := settletest.Open(t)
	ctx := context.Background()
	id := settle(t, w, settletest.Person, "live-1", "10000.00")
	old := book(t, w, string(id))
	hear(t, w, string(id), payout.Failed)
	if b := balances(t, w, settletest.Person); b[ledger.CreatorPayable] != money.MustParse("-7000.00") || !b[ledger.TaxPayable("iit")].IsZero() {
		t.Fatalf("after failure: %v", b)
	}
	failed := load(t, w, string(id))
	fresh := must[settlement.Settlement](t)(w.Reopen(ctx, settlement.Intent{By: approver, ID: string(id), Version: failed.StatusVersion}))
	if fresh.Reopens != id || load(t, w, string(id)).ReopenedBy != ident.Settlement(fresh.ID) {
		t.Fatalf("not linked: %s", fresh.Reopens)
	}
	if _, err := w.Reopen(ctx, settlement.Intent{By: approver, ID: string(id), Version: failed.StatusVersion}); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("reopened twice: %v", err)
	}
	s := book(t, w, fresh.ID)
	if s.Payout.Key == old.Payout.Key {
		t.Error("the new occurrence has the old key")
	}
	hear(t, w, fresh.ID, payout.Paid)
	if b := balances(t, w, settletest.Person); !b[ledger.CreatorPayable].IsZero() || b[ledger.GatewayClearing] != money.MustParse("-5880.00") {
		t.Errorf("after payment: %v", b)
	}
}

func TestAReturnedPayoutIsReopened(t *testing.T) {
	w := settletest.Open(t)
	ctx := context.Background()
	id := settle(t, w, settletest.Person, "live-1", "10000.00")
	book(t, w, string(id))
	hear(t, w, string(id), payout.Paid)
	hear(t, w, string(id), payout.Returned)
	s := load(t, w, string(id))
	if s.Status != settlement.Paid || s.Payout.State != payout.Returned {
		t.Fatalf("%s %s", s.Status, s.Payout.State)
	}
	if b := balances(t, w, settletest.Person); b[ledger.CreatorPayable] != money.MustParse("-5880.00") || !b[ledger.GatewayClearing].IsZero() {
		t.Fatalf("after return: %v", b)
	}
	fresh := must[settlement.Settlement](t)(w.Reopen(ctx, settlement.Intent{By: approver, ID: string(id), Version: s.StatusVersion}))
	book(t, w, fresh.ID)
	hear(t, w, fresh.ID, payout.Paid)
	if b := balances(t, w, settletest.Person); !b[ledger.CreatorPayable].IsZero() || b[ledger.TaxPayable("iit")] != money.MustParse("-1120.00") {
		t.Errorf("after payment: %v", b)
	}
}

func TestARejectedReopenedPayableTakesItsFirstOpeningBack(t *testing.T) {
	w := settletest.Open(t)
	id := settle(t, w, settletest.Person, "live-1", "10000.00")
	book(t, w, string(id))
	hear(t, w, string(id), payout.Failed)
	fresh := must[settlement.Settlement](t)(w.Reopen(context.Background(), settlement.Intent{By: approver, ID: string(id), Version: load(t, w, string(id)).StatusVersion}))
	move(t, w, finance, fresh.ID, settlement.InReview)
	move(t, w, approver, fresh.ID, settlement.Failed)
	for account, sum := range balances(t, w, settletest.Person) {
		if !sum.IsZero() {
			t.Errorf("%s is %s", account, sum)
		}
	}
}

func TestCancelledBeforeSend(t *testing.T) {
	for name, booked := range map[string]bool{"approved": false, "paying": true} {
		t.Run(name, func(t *testing.T) {
			w := settletest.Open(t)
			ctx := context.Background()
			id := settle(t, w, settletest.Person, "live-1", "10000.00")
			if booked {
				book(t, w, string(id))
			} else {
				if err := w.Quote(ctx, settletest.Tenant, id); err != nil {
					t.Fatal(err)
				}
				move(t, w, finance, string(id), settlement.InReview)
				move(t, w, approver, string(id), settlement.Approved)
			}
			s := must[settlement.Settlement](t)(w.Cancel(ctx, settlement.Intent{By: approver, ID: string(id), Version: load(t, w, string(id)).StatusVersion, Reason: "typo"}))
			if s.Status != settlement.Failed || s.ReasonClass != settlement.Cancelled || s.Payout != nil {
				t.Fatalf("%s %s %v", s.Status, s.ReasonClass, s.Payout)
			}
			for account, sum := range balances(t, w, settletest.Person) {
				if !sum.IsZero() {
					t.Errorf("%s is %s", account, sum)
				}
			}
		})
	}
}

func TestANetThatFellWaitsForAnApprover(t *testing.T) {
	w := settletest.Open(t)
	ctx := context.Background()
	first := settle(t, w, settletest.Person, "live-1", "10000.00")
	w.AdvanceTime(time.Millisecond)
	second := settle(t, w, settletest.Person, "live-2", "30000.00")
	if err := w.Quote(ctx, settletest.Tenant, first); err != nil {
		t.Fatal(err)
	}
	move(t, w, finance, string(first), settlement.InReview)
	move(t, w, approver, string(first), settlement.Approved)
	book(t, w, string(second)) // out of order: now the first one's income falls into the next bracket
	for range 2 {
		if err := w.Book(ctx, settletest.Tenant, first); err != nil {
			t.Fatal(err)
		}
	}
	s := load(t, w, string(first))
	// 28,000 x 80% x 30% - 2,000 = 4,720, less the second one's 3,360.
	if s.Status != settlement.Approved || s.Hold == nil || s.Hold.Reason != settlement.HoldNetChanged || s.Net != money.MustParse("5640.00") {
		t.Fatalf("%s %v net %s", s.Status, s.Hold, s.Net)
	}
	in := settlement.Intent{By: approver, ID: string(first), Version: s.StatusVersion}
	if _, err := w.ReleaseHold(ctx, in); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("released: %v", err)
	}
	if _, err := w.ConfirmNet(ctx, in, money.MustParse("5880.00")); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("confirmed another net: %v", err)
	}
	must[settlement.Settlement](t)(w.ConfirmNet(ctx, in, s.Net))
	if err := w.Book(ctx, settletest.Tenant, first); err != nil {
		t.Fatal(err)
	}
	if s = load(t, w, string(first)); s.Status != settlement.Paying {
		t.Errorf("%s %v", s.Status, s.Hold)
	}
}

func TestABookingIsMadeAgainInAnotherTaxMonth(t *testing.T) {
	w := settletest.Open(t)
	ctx := context.Background()
	w.SetDate("2026-09-30")
	id := settle(t, w, settletest.Person, "live-1", "10000.00")
	book(t, w, string(id))
	w.SetDate("2026-10-09")
	for range 2 { // asked twice
		if err := w.Rebook(ctx, settletest.Tenant, id); err != nil {
			t.Fatal(err)
		}
	}
	s := load(t, w, string(id))
	if s.Status != settlement.Paying || s.Hold != nil || s.PaymentDate.String() != "2026-10-09" || s.Net != money.MustParse("5880.00") {
		t.Fatalf("%s %v %s net %s", s.Status, s.Hold, s.PaymentDate, s.Net)
	}
	months := map[string]money.Amount{}
	for _, b := range must[[]settlement.Booking](t)(w.Store.TaxRows(ctx, settletest.Tenant, settletest.Ordinary, "tp-"+settletest.Person, 2026)) {
		for _, r := range b.Rows {
			months[r.Period] = months[r.Period].Add(r.Withheld)
		}
	}
	if !months["2026-09"].IsZero() || months["2026-10"] != money.MustParse("1120.00") {
		t.Errorf("withheld by month: %v", months)
	}
	hear(t, w, string(id), payout.Paid)
	if b := balances(t, w, settletest.Person); !b[ledger.CreatorPayable].IsZero() || b[ledger.TaxPayable("iit")] != money.MustParse("-1120.00") {
		t.Errorf("%v", b)
	}
}

func TestABookingThatCannotBeMadeAgainIsHeld(t *testing.T) {
	w := settletest.Open(t)
	ctx := context.Background()
	w.SetDate("2026-10-30")
	r := settletest.SettleRequest(settletest.Person, "live-1", "10000.00")
	r.TS = settlement.Millis(time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC).UnixMilli())
	a, _, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "october-1", r)
	if err != nil {
		t.Fatal(err)
	}
	book(t, w, string(a.SettlementID))
	w.SetDate("2026-11-02")
	tp := w.People.Taxpayers["tp-"+settletest.Person]
	tp.Profiles = nil // its facts were withdrawn
	w.People.Taxpayers["tp-"+settletest.Person] = tp
	for range 2 {
		if err := w.Rebook(ctx, settletest.Tenant, a.SettlementID); err != nil {
			t.Fatal(err)
		}
	}
	s := load(t, w, string(a.SettlementID))
	if s.Hold == nil || s.Hold.Reason != settlement.HoldRuleGap || s.Booking == "" || s.DueOperation() != "" {
		t.Fatalf("hold %v, booking %q, due %q", s.Hold, s.Booking, s.DueOperation())
	}
}

func TestAStudioGetsItsFullShare(t *testing.T) {
	w := settletest.Open(t)
	id := settle(t, w, settletest.Studio, "live-1", "10000.00")
	s := book(t, w, string(id))
	if s.Net != money.MustParse("7000.00") {
		t.Fatalf("net %s", s.Net)
	}
	f := must[settlement.Figures](t)(w.Store.Figures(context.Background(), settletest.Tenant, string(id), s.Booking))
	if len(f.Result.Taxes) != 0 || len(f.Result.PayeeObligations) == 0 {
		t.Errorf("taxes %v, obligations %v", f.Result.Taxes, f.Result.PayeeObligations)
	}
}

func TestRuleGapHoldsAndPositionFreesIt(t *testing.T) {
	w := settletest.Open(t)
	ctx := context.Background()
	w.SetDate("2026-11-16")
	r := settletest.SettleRequest(settletest.Person, "live-1", "10000.00")
	r.TS = settlement.Millis(time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC).UnixMilli())
	a, _, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "november-1", r)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a repeated message changes nothing
		if err := w.Quote(ctx, settletest.Tenant, a.SettlementID); err != nil {
			t.Fatal(err)
		}
	}
	s := load(t, w, string(a.SettlementID))
	if s.Hold == nil || s.Hold.Reason != settlement.HoldRuleGap || s.Quote != "" || s.Revision != 2 {
		t.Fatalf("hold %v, revision %d", s.Hold, s.Revision)
	}
	move(t, w, finance, s.ID, settlement.InReview)
	_, err = w.Transition(ctx, settlement.Intent{By: approver, ID: s.ID, Version: 2}, settlement.Approved)
	if !errors.Is(err, &fault.Error{Code: fault.IllegalMove, Reason: "on_hold"}) {
		t.Errorf("approved on hold: %v", err)
	}
}

func TestListIsNewestFirstAndComplete(t *testing.T) {
	w := settletest.Open(t)
	ctx := context.Background()
	var want []string
	for _, n := range "abcdefghijklm" {
		w.AdvanceTime(time.Duration(n%3) * time.Millisecond) // some share an instant
		want = append(want, string(settle(t, w, settletest.Person, "live-"+string(n), "100.00")))
	}
	for name, q := range map[string]settlement.Query{"tenant": {}, "creator": {Creator: settletest.Person}} {
		t.Run(name, func(t *testing.T) {
			var got []settlement.Settlement
			for cursor := ""; ; {
				page, next, err := w.Store.List(ctx, settletest.Tenant, q, cursor, 4)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page...)
				if cursor = next; next == "" {
					break
				}
			}
			seen := map[string]bool{}
			for i, s := range got {
				seen[s.ID] = true
				if i > 0 && got[i-1].OpenedAt.Before(s.OpenedAt) {
					t.Errorf("%d is newer than %d", i, i-1)
				}
			}
			if len(got) != len(want) || len(seen) != len(want) {
				t.Errorf("%d of %d, %d different", len(got), len(want), len(seen))
			}
		})
	}
}
