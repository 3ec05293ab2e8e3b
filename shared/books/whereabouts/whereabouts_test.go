package whereabouts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/books/whereabouts"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy/review"
)

type world struct {
	*settletest.World
	money    whereabouts.Service
	recorder *income.Recorder
}

func begin(t *testing.T) *world {
	w := &world{World: settletest.OpenIn(t, dynamotest.OpenInMemory(t))}
	lines := &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: w.NextID}
	w.recorder = &income.Recorder{Lines: lines, Directory: w.People, Clock: w.Clock, NewID: w.NextID}
	w.money = whereabouts.Service{Journal: ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}, Settlements: w.Store, Viewers: w.Service, Statements: &billing.Service{Settlements: w.Service, Buckets: lines, Log: slog.New(slog.DiscardHandler)}, Creators: w.People}
	return w
}

func (w *world) settle(t rapid.TB, activity, amount string) ident.Settlement {
	t.Helper()
	a, _, err := w.Settle(context.Background(), settletest.CallerWith(identity.Operator), "key-"+activity, settletest.SettleRequest(settletest.Person, activity, amount))
	if err != nil {
		t.Fatal(err)
	}
	return a.SettlementID
}

// act does one thing to a settlement; what is not possible now changes nothing.
func (w *world) act(t rapid.TB, name, id string) string {
	t.Helper()
	ctx := context.Background()
	s, err := w.Store.Load(ctx, settletest.Tenant, ident.Settlement(id))
	if err != nil {
		t.Fatal(err)
	}
	intent := func(role identity.Role) settlement.Intent {
		return settlement.Intent{By: settletest.CallerWith(role), ID: id, Version: s.StatusVersion, Reason: "test"}
	}
	switch name {
	case "quote":
		err = w.Quote(ctx, settletest.Tenant, ident.Settlement(id))
	case "hold":
		_, err = w.PutOnHold(ctx, intent(identity.Finance), settlement.Hold{Reason: settlement.HoldManual, Owner: "finance"})
	case "release":
		_, err = w.ReleaseHold(ctx, intent(identity.Finance))
	case "submit":
		_, err = w.Transition(ctx, intent(identity.Finance), settlement.InReview)
	case "approve":
		_, err = w.Transition(ctx, intent(identity.Approver), settlement.Approved)
	case "reject":
		_, err = w.Transition(ctx, intent(identity.Approver), settlement.Failed)
	case "book":
		err = w.Book(ctx, settletest.Tenant, ident.Settlement(id))
	case "reopen":
		if s, err = w.Reopen(ctx, intent(identity.Approver)); err == nil {
			return s.ID
		}
	default:
		err = w.hear(ctx, id, payout.State(name))
	}
	if err != nil && !fault.HasCode(err, fault.IllegalMove) && !fault.HasCode(err, fault.Forbidden) {
		t.Fatalf("%s %s: %v", name, id, err)
	}
	return id
}

// hear lets the gateway say something that can follow what it said before.
func (w *world) hear(ctx context.Context, id string, state payout.State) error {
	p, err := w.Payables.Load(ctx, settletest.Tenant, ident.Settlement(id))
	if err != nil || (p.Status != string(settlement.Paying) && (state != payout.Returned || p.State != payout.Paid)) || p.Key == "" || p.Hold != "" {
		return err
	}
	if p.State == payout.Created {
		if err := w.Payables.MarkSent(ctx, p, w.Now()); err != nil {
			return err
		}
	}
	if state == payout.Returned && p.State != payout.Paid {
		return nil
	}
	return w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: state, At: w.Now()})
}

// look wants no fen unexplained and gives what the creator is owed, by state.
func (w *world) look(t rapid.TB, after string) map[whereabouts.State]money.Amount {
	t.Helper()
	v, err := w.money.LocateCreator(context.Background(), settletest.CallerWith(identity.Finance), settletest.Person)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Unexplained.IsZero() {
		t.Fatalf("after %s: %s unexplained: %+v", after, v.Unexplained, v.Ledger)
	}
	out := map[whereabouts.State]money.Amount{}
	for _, p := range v.Positions {
		if p.Account == ledger.CreatorPayable {
			out[p.State] = out[p.State].Sub(p.Amount)
		}
		if p.Owner == "" || p.Action == "" || p.Reason == "" || p.State == "" {
			t.Fatalf("after %s: nobody knows about %+v", after, p)
		}
	}
	return out
}

func TestEachStepTellsWhereTheMoneyIs(t *testing.T) {
	w := begin(t)
	id := w.settle(t, "live-1", "10000.00")
	for _, step := range []struct {
		act   string
		state whereabouts.State
		fen   string
	}{
		{"quote", whereabouts.ForReview, "7000.00"}, {"hold", whereabouts.OnHold, "7000.00"}, {"release", whereabouts.ForReview, "7000.00"},
		{"submit", whereabouts.ForReview, "7000.00"}, {"approve", whereabouts.ForPayDay, "7000.00"}, {"book", whereabouts.BeingPaid, "5880.00"},
		{string(payout.Paid), "", ""}, {string(payout.Returned), whereabouts.NotPaid, "5880.00"},
	} {
		id = ident.Settlement(w.act(t, step.act, string(id)))
		got := w.look(t, step.act)
		if step.state == "" && len(got) > 0 || step.state != "" && (len(got) != 1 || got[step.state].String() != step.fen) {
			t.Errorf("after %s: %v", step.act, got)
		}
	}
	fresh := w.act(t, "reopen", string(id))
	v, err := w.money.LocateSettlement(t.Context(), settletest.CallerWith(identity.Finance), string(id))
	if err != nil || len(v.Positions) == 0 || v.Positions[0].Object != fresh {
		t.Errorf("the money of the reopened payable is told of %+v, %v", v.Positions, err)
	}
}

func TestWhatACreatorSees(t *testing.T) {
	w := begin(t)
	id := w.settle(t, "live-1", "10000.00")
	own := identity.Principal{Tenant: settletest.Tenant, Subject: "p", Roles: []identity.Role{identity.Creator}, Creator: settletest.Person}
	v, err := w.money.LocateSettlement(t.Context(), own, string(id))
	if err != nil || len(v.Positions) != 1 || v.Positions[0].Account != ledger.CreatorPayable {
		t.Errorf("%+v %v", v.Positions, err)
	}
	other := own
	other.Creator = settletest.Worker
	if _, err := w.money.LocateSettlement(t.Context(), other, string(id)); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("another creator: %v", err)
	}
	if _, err := w.money.LocateCreator(t.Context(), other, settletest.Person); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("another creator: %v", err)
	}
	foreign := settletest.CallerWith(identity.Admin)
	foreign.Tenant = "other-mcn"
	if _, err := w.money.LocateSettlement(t.Context(), foreign, string(id)); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("another tenant: %v", err)
	}
}

// Whatever happens to settlements, in whatever order: every fen is somewhere, and it sums to the ledger.
func TestEveryFenIsSomewhere(t *testing.T) {
	w := begin(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		var ids []string
		for i := range rapid.IntRange(1, 2).Draw(t, "settlements") {
			ids = append(ids, string(w.settle(t, fmt.Sprintf("run-%d-%d", n, i), "1234.56")))
		}
		for range rapid.IntRange(1, 8).Draw(t, "acts") {
			i := rapid.IntRange(0, len(ids)-1).Draw(t, "which")
			name := rapid.SampledFrom([]string{"quote", "hold", "release", "submit", "approve", "reject", "book", "reopen", "PAID", "FAILED", "RETURNED", "UNKNOWN"}).Draw(t, "act")
			ids[i] = w.act(t, name, ids[i])
		}
		w.look(t, "acts")
	})
}

func TestIncomeThatWaitsForAStatementIsTold(t *testing.T) {
	w := begin(t)
	line := []byte(`{"line_id":"l1","creator_id":"c-person","income_type":"live_tip","platform":"douyin","occurred_on":"2026-09-10","service_period":"2026-09",` +
		`"gross_before_platform":"10.00","platform_fee":"0.00","refund":"0.00","subsidy":"0.00","distributable":"10.00"}`)
	if _, err := w.recorder.RecordUpload(t.Context(), income.Upload{Tenant: settletest.Tenant, By: "op", Lines: []json.RawMessage{line}}); err != nil {
		t.Fatal(err)
	}
	v, err := w.money.LocateCreator(t.Context(), settletest.CallerWith(identity.Finance), settletest.Person)
	if err != nil || len(v.Waiting) != 1 || v.Waiting[0].Amount != money.MustParse("10.00") || v.Waiting[0].Reason != billing.NotDue || v.Waiting[0].Due.IsZero() {
		t.Errorf("%+v %v", v.Waiting, err)
	}
}

// rules are one tenant's.
type rules struct{ review.Rules }

func (r rules) ReviewRules(context.Context, ident.Tenant, civil.Date) (review.Rules, error) {
	return r.Rules, nil
}

// What is due is due by the tenant's deadlines, on working days, and a creator reads no names of staff.
func TestDeadlinesAreTheTenants(t *testing.T) {
	w := begin(t)
	defaults, err := review.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	own := review.Rules{Deadlines: map[string]review.Deadline{"quote": {WorkingDays: 9}}}
	w.Checks.Policy = rules{own.WithDefaults(defaults)}
	id := w.settle(t, "live-1", "10000.00")
	due := func(by identity.Principal) (whereabouts.Position, string) {
		t.Helper()
		v, err := w.money.LocateSettlement(t.Context(), by, string(id))
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(v.Positions, func(p whereabouts.Position) bool { return p.Account == ledger.CreatorPayable })
		return v.Positions[i], time.Time(*v.Positions[i].Due).Format("2006-01-02 15:04")
	}
	// 16, 17, 18, 20 (a Sunday to make up for the Mid-Autumn days), 21 to 24, 28.
	if _, at := due(settletest.CallerWith(identity.Finance)); at != "2026-09-28 18:00" {
		t.Errorf("due %s", at)
	}
	w.act(t, "hold", string(id))
	creator := identity.Principal{Tenant: settletest.Tenant, Subject: "p", Roles: []identity.Role{identity.Creator}, Creator: settletest.Person}
	if p, _ := due(creator); p.Owner != "finance" {
		t.Errorf("a creator reads %q", p.Owner)
	}
}
