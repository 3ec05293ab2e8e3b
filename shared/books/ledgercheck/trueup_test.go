package ledgercheck_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/tenancy"
)

func (w *world) openTrueUps(t *testing.T, entity ident.Entity, month string) []trueup.TrueUp {
	t.Helper()
	list, err := w.TrueUps(t).OpenTrueUps(context.Background(), settletest.Tenant, entity, civil.MustMonth(month))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Two payments of one month, the second in a higher bracket: the first comes back, and what the second bore for it is
// too much.
func TestAReversalWithinAMonthIsANamedTrueUp(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	first := w.settle(t, settletest.Person, "live-1", "30000.00")  // 21,000.00: 16,800.00 x 20% = 3,360.00
	second := w.settle(t, settletest.Person, "live-2", "30000.00") // 42,000.00: 33,600.00 x 30% - 2,000 = 8,080.00, so 4,720.00
	w.to(t, string(first), "quote", "submit", "approve", "book", string(payout.Paid))
	w.to(t, string(second), "quote", "submit", "approve", "book", string(payout.Paid))
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	w.to(t, string(first), string(payout.Returned), "reopen")
	list := w.openTrueUps(t, settletest.Ordinary, "2026-09")
	if len(list) != 1 || list[0].Difference != yuan("-1360.00") || list[0].Rule != yuan("3360.00") || list[0].Cause != trueup.CauseReversal || list[0].Tax != "IIT" {
		t.Fatalf("%+v", list)
	}
	name := list[0].ID
	words, err := w.TrueUps(t).Undecided(context.Background(), settletest.Tenant, settletest.Ordinary, civil.MustMonth("2026-09"))
	if err != nil || len(words) != 1 {
		t.Fatalf("%v %v", words, err)
	}
	d, replayed := w.decide(t, name, trueup.GiveBack)
	if again, twice := w.decide(t, name, trueup.GiveBack); replayed || !twice || again.Act != d.Act || d.Difference != yuan("-1360.00") {
		t.Fatalf("%+v %v %+v %v", d, replayed, again, twice)
	}
	if _, _, err := w.TrueUps(t).Decide(context.Background(), settletest.CallerWith(identity.Finance), name, trueup.Collect, "no"); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("collecting what was withheld too much: %v", err)
	}
	if _, err := w.TrueUps(t).Confirm(context.Background(), settletest.CallerWith(identity.Finance), name); !fault.HasCode(err, fault.Forbidden) {
		t.Errorf("one person alone: %v", err)
	}
	cashier := settletest.CallerWith(identity.Approver, identity.Cashier)
	if _, err := w.TrueUps(t).Confirm(context.Background(), cashier, name); fault.AsError(err).Reason != "cashier" {
		t.Errorf("a cashier confirms: %v", err)
	}
	if _, _, err := w.TrueUps(t).Decide(context.Background(), cashier, name, trueup.GiveBack, "x"); fault.AsError(err).Reason != "cashier" {
		t.Errorf("a cashier decides: %v", err)
	}
	if d = w.confirm(t, name); d.State != trueup.DecisionPosted {
		t.Fatalf("%+v", d)
	}
	w.explained(t, "given back")
	if again := w.confirm(t, name); again.Act != d.Act {
		t.Errorf("%+v, then %+v", d, again)
	}
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	next := w.settle(t, settletest.Person, "live-3", "1000.00") // 21,700.00: 3,472.00, so 112.00
	st := w.to(t, string(next), "quote", "submit", "approve", "book", string(payout.Paid))
	if st.Net != yuan("588.00") || st.ToPay != yuan("1948.00") {
		t.Errorf("net %s, to pay %s: %+v", st.Net, st.ToPay, st.SetOffs)
	}
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	if b := w.balance(t, ledger.TaxPayable("iit")); b != yuan("-3472.00") {
		t.Errorf("tax payable %s", b)
	}
}

func (w *world) decide(t *testing.T, id, decision string) (trueup.Decision, bool) {
	t.Helper()
	d, replayed, err := w.TrueUps(t).Decide(context.Background(), settletest.CallerWith(identity.Finance), id, decision, "reversed within the month")
	if err != nil {
		t.Fatal(err)
	}
	return d, replayed
}

func (w *world) confirm(t *testing.T, id string) trueup.Decision {
	t.Helper()
	d, err := w.TrueUps(t).Confirm(context.Background(), settletest.CallerWith(identity.Admin), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w *world) balance(t *testing.T, account ledger.Account) money.Amount {
	t.Helper()
	for _, b := range w.page(t).Accounts {
		if b.Account == account {
			return b.Balance
		}
	}
	return money.Amount{}
}

// Rules that changed are corrected year by year, but in a filed month no correction posts anything: there people decide,
// and the return is filed again.
func TestWhatAnotherLawGivesForAFiledMonthIsDecided(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	ctx := context.Background()
	w.to(t, string(w.settle(t, settletest.Person, "live-1", "10000.00")), "quote", "submit", "approve", "book", string(payout.Paid)) // 7,000 x 80% x 20% = 1,120.00
	other, err := ruletest.ChangedLaw(ruletest.LaborCostChange("0.10"))                                                              // 90%: 1,260.00
	if err != nil {
		t.Fatal(err)
	}
	w.Rules = ruleset.Fixed{Corpus: other}
	list := w.openTrueUps(t, settletest.Ordinary, "2026-09")
	if len(list) != 1 || list[0].Cause != trueup.CauseLaw || list[0].Difference != yuan("140.00") {
		t.Fatalf("%+v", list)
	}
	finance := settletest.CallerWith(identity.Finance)
	if _, _, err := w.TrueUps(t).Decide(ctx, finance, list[0].ID, trueup.Collect, "no"); !fault.HasCode(err, fault.IllegalMove) {
		t.Fatalf("decided before the correction of a month that is not filed: %v", err)
	}
	w.AdvanceTime(31 * 24 * time.Hour)
	if _, _, err := w.FilingRecorder(t).Record(ctx, settletest.Tenant, "finance", filedmonth.FiledMonth{Entity: settletest.Ordinary, Month: civil.MustMonth("2026-09"), FiledOn: civil.MustDate("2026-10-12"), Reference: "r"}); err != nil {
		t.Fatal(err)
	}
	corrections := w.TrueUps(t)
	if _, _, err := corrections.Prepare(ctx, finance, trueup.Correction{ID: "cor-1", Entity: settletest.Ordinary, Taxpayer: list[0].Taxpayer, Year: 2026, Reason: "law"}); !fault.HasCode(err, fault.IllegalMove) {
		t.Fatalf("a correction of a filed month: %v", err)
	}
	w.decide(t, list[0].ID, trueup.Collect)
	if d := w.confirm(t, list[0].ID); d.State != trueup.DecisionPosted {
		t.Fatalf("%+v", d)
	}
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Errorf("still open: %+v", list)
	}
	w.explained(t, "collected")
}

// A decision holds for the difference it was taken on: a booking that changes it opens it again, and one that was not
// confirmed is not carried out.
func TestADecisionHoldsForItsDifference(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	ctx := context.Background()
	first := w.settle(t, settletest.Person, "live-1", "30000.00")
	second := w.settle(t, settletest.Person, "live-2", "30000.00")
	w.to(t, string(first), "quote", "submit", "approve", "book", string(payout.Paid))
	w.to(t, string(second), "quote", "submit", "approve", "book", string(payout.Paid))
	w.to(t, string(first), string(payout.Returned), "reopen")
	name := w.openTrueUps(t, settletest.Ordinary, "2026-09")[0].ID
	w.decide(t, name, trueup.LeaveToAnnual)
	if d := w.confirm(t, name); d.State != trueup.DecisionLeft {
		t.Fatalf("%+v", d)
	}
	if words, err := w.TrueUps(t).Undecided(ctx, settletest.Tenant, settletest.Ordinary, civil.MustMonth("2026-09")); err != nil || len(words) != 0 {
		t.Fatalf("%v %v", words, err)
	}
	next := w.settle(t, settletest.Person, "live-3", "1000.00") // 112.00 of it are withheld already
	if st := w.to(t, string(next), "quote", "submit", "approve", "book"); st.Net != yuan("700.00") {
		t.Fatalf("net %s", st.Net)
	}
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 1 || list[0].Decided || list[0].Difference != yuan("-1248.00") {
		t.Fatalf("%+v", list)
	}
	w.decide(t, name, trueup.GiveBack)
	last := w.settle(t, settletest.Person, "live-4", "1000.00")
	w.to(t, string(last), "quote", "submit", "approve", "book")
	if _, err := w.TrueUps(t).Confirm(ctx, settletest.CallerWith(identity.Admin), name); !fault.HasCode(err, fault.StaleVersion) {
		t.Errorf("%v", err)
	}
	w.decide(t, name, trueup.GiveBack)
	w.raceToConfirm(t, name)
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	w.explained(t, "given back once")
}

// raceToConfirm lets eight approvers confirm at once; the difference is posted once.
func (w *world) raceToConfirm(t *testing.T, name string) {
	t.Helper()
	var work errgroup.Group
	acts := make([]string, 8)
	for i := range acts {
		work.Go(func() error {
			d, err := w.TrueUps(t).Confirm(context.Background(), settletest.CallerWith(identity.Admin), name)
			acts[i] = d.Act
			return err
		})
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, act := range acts {
		if act != acts[0] {
			t.Fatalf("posted more than once: %v", acts)
		}
	}
}

// VAT of a day and its surcharges fall away when the payment that crossed the threshold comes back; each is decided by
// itself, and the month's income grows by the VAT that is given back.
func TestAThresholdThatIsCrossedNoMoreIsGivenBack(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	w.People.ApprovedPositions = []tenancy.Position{{PositionID: "pos-1", Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct"}}
	w.AdvanceTime(62 * 24 * time.Hour) // 2026-11-16
	var ids []string
	for i := range 2 {
		in := settletest.SettleRequest(settletest.Person, fmt.Sprintf("live-%d", i), "1000.00") // 700.00 each, on one VAT day
		in.TS = settlement.Millis(w.Now().UnixMilli())
		a, _, err := w.Settle(context.Background(), settletest.CallerWith(identity.Operator), fmt.Sprintf("key-live-%d", i), in)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(a.SettlementID))
	}
	w.AdvanceTime(29 * 24 * time.Hour) // 2026-12-15, a pay day
	for _, id := range ids {
		w.to(t, id, "quote", "submit", "approve", "book", string(payout.Paid))
	}
	if net := w.load(t, ids[1]).Net; net != yuan("568.08") { // 13.86 VAT, 0.83 on it, 117.23 of the month's 1,386.14
		t.Fatalf("net %s", net)
	}
	w.to(t, ids[0], string(payout.Returned), "reopen")
	list := w.openTrueUps(t, settletest.Ordinary, "2026-12")
	if len(list) != 5 {
		t.Fatalf("%d open", len(list))
	}
	for len(list) > 0 {
		if list[0].Difference.Positive() || list[0].Cause != trueup.CauseThreshold {
			t.Fatalf("%s %s %s", list[0].ID, list[0].Difference, list[0].Cause)
		}
		w.decide(t, list[0].ID, trueup.GiveBack)
		w.confirm(t, list[0].ID)
		w.explained(t, list[0].ID)
		list = w.openTrueUps(t, settletest.Ordinary, "2026-12")
	}
	if owed := w.balance(t, ledger.CreatorPayable); owed != yuan("-831.92") { // 700.00 of the returned one, 131.92 given back
		t.Errorf("owed %s", owed)
	}
}
