package ledgercheck_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

func (w *world) claims() *receivable.Claims {
	store := &receivabledb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: ids.NewSource(w.Now)}
	return &receivable.Claims{Store: store, Directory: w.People, Clock: w.Clock, NewID: w.NextID}
}

// claim raises a claim by two people.
func (w *world) claim(t rapid.TB, creator ident.Creator, id string, kind receivable.Kind, amount money.Amount) receivable.Receivable {
	t.Helper()
	ctx := context.Background()
	in := receivable.Receivable{ID: id, CreatorID: creator, Entity: settletest.Ordinary, Kind: kind, Amount: amount, Document: "doc-" + id, Reason: "test"}
	if kind == receivable.RefundRecovery {
		in.MCNPart = money.Fen(100)
	}
	if _, _, err := w.claims().Prepare(ctx, settletest.CallerWith(identity.Finance), in); err != nil {
		t.Fatal(err)
	}
	r, err := w.claims().Approve(ctx, settletest.CallerWith(identity.Admin), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) load(t *testing.T, id string) settlement.Settlement {
	t.Helper()
	s, err := w.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(id))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) to(t *testing.T, id string, acts ...string) settlement.Settlement {
	t.Helper()
	for _, name := range acts {
		w.act(t, name, id)
		w.explained(t, name)
	}
	return w.load(t, id)
}

func yuan(s string) money.Amount { return money.MustParse(s) }

// Claims of every kind are taken in order, and whatever is paid, fails or comes back stays explained.
func TestSetOffsAreExplained(t *testing.T) {
	w := open(t)
	w.claim(t, settletest.Person, "adv", receivable.Advance, yuan("1000.00"))
	w.claim(t, settletest.Person, "court", receivable.CourtOrder, yuan("300.00"))
	w.claim(t, settletest.Person, "refund", receivable.RefundRecovery, yuan("6000.00"))
	w.explained(t, "claims raised")
	id := w.settle(t, settletest.Person, "live-1", "10000.00") // 7,000.00 less 1,120.00
	s := w.to(t, string(id), "quote", "submit", "approve", "book")
	if s.Net != yuan("5880.00") || !s.ToPay.IsZero() || len(s.SetOffs) != 3 || s.SetOffs[0].Kind != "court_order" || s.SetOffs[1].Amount != yuan("1000.00") || s.SetOffs[2].Amount != yuan("4580.00") {
		t.Fatalf("net %s to pay %s: %+v", s.Net, s.ToPay, s.SetOffs)
	}
	want := map[ledger.Account]string{ledger.CreatorReceivable: "1420.00", ledger.CourtPayable: "-300.00", ledger.CreatorPayable: "0.00", ledger.GatewayClearing: "-1000.00"}
	for _, b := range w.page(t).Accounts {
		if text, ok := want[b.Account]; ok && b.Balance != yuan(text) {
			t.Errorf("%s is %s, want %s", b.Account, b.Balance, text)
		}
	}
	if s = w.to(t, string(id), "book"); s.Status != settlement.Paid { // nothing to send
		t.Errorf("%s", s.Status)
	}
	next := w.settle(t, settletest.Person, "live-2", "5000.00")
	s = w.to(t, string(next), "quote", "submit", "approve", "book", string(payout.Failed))
	if s.Status != settlement.Failed || s.Kept {
		t.Errorf("%+v", s)
	}
	s = w.to(t, string(next), "reopen")
	s = w.to(t, string(s.ReopenedBy), "quote", "submit", "approve", "book", string(payout.Paid))
	if len(s.SetOffs) != 1 || s.SetOffs[0].Amount != yuan("1420.00") || s.ToPay != s.Net.Sub(yuan("1420.00")) {
		t.Errorf("net %s to pay %s: %+v", s.Net, s.ToPay, s.SetOffs)
	}
}

// A claim raised after the approval lowers what is paid: an approver looks again, and it is not who raised it.
func TestANewClaimNeedsTheApproverAgain(t *testing.T) {
	w := open(t)
	id := w.settle(t, settletest.Person, "live-1", "10000.00")
	w.to(t, string(id), "quote", "submit", "approve")
	w.claim(t, settletest.Person, "adv", receivable.Advance, yuan("1000.00"))
	s := w.to(t, string(id), "book")
	if s.Status != settlement.Approved || s.Hold == nil || s.Hold.Reason != settlement.HoldNetChanged || s.Net != yuan("5880.00") || s.ToPay != yuan("4880.00") {
		t.Fatalf("%s %+v net %s to pay %s", s.Status, s.Hold, s.Net, s.ToPay)
	}
	in, _ := w.intent(t, identity.Approver, string(id))
	if _, err := w.ConfirmNet(context.Background(), in, s.Net); err != nil {
		t.Fatal(err)
	}
	if s = w.to(t, string(id), "book"); s.Status != settlement.Paying || s.ToPay != yuan("4880.00") {
		t.Errorf("%s to pay %s", s.Status, s.ToPay)
	}
}

// november settles a share of a creator whose right arises on a pay day of November, under the tenant's position.
func (w *world) november(t *testing.T, creator ident.Creator, activity, amount string) ident.Settlement {
	t.Helper()
	r := settletest.SettleRequest(creator, activity, amount)
	r.TS = settlement.Millis(civil.MustDate("2026-10-20").Start().UnixMilli())
	a, _, err := w.Settle(context.Background(), settletest.CallerWith(identity.Operator), "key-"+activity, r)
	if err != nil {
		t.Fatal(err)
	}
	w.AdvanceTime(1e6)
	return a.SettlementID
}

// Two accounts of one taxpayer cross 1,000 a day together. What the second share cannot bear of the tax on both is a
// receivable, the next settlement takes it, and if the booking that raised it is taken back, it is owed back.
func TestAShortfallIsTakenAndOwedBack(t *testing.T) {
	w := open(t)
	w.SetDate("2026-11-16")
	w.People.ApprovedPositions = []tenancy.Position{{Version: tenancy.Version{From: civil.MustDate("2026-11-01"), Version: 1}, PositionID: "pos-28",
		Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct", DecidedBy: "a", ApprovedBy: "b"}}
	second := w.People.People[settletest.Worker]
	second.TaxpayerID = "tp-" + settletest.Person
	w.People.People[settletest.Worker] = second
	c := w.People.Contracts[settletest.Worker]
	c.PayingEntity = settletest.Ordinary
	w.People.Contracts[settletest.Worker] = c

	first := w.november(t, settletest.Person, "live-1", "1442.84") // 1,009.99 with VAT: 999.99 without
	crossing := w.november(t, settletest.Worker, "live-2", "0.03") // 1,000.01 together: 10.00 of VAT falls on 0.03
	next := w.november(t, settletest.Worker, "live-3", "1000.00")
	for _, id := range []string{string(first), string(crossing), string(next)} {
		w.to(t, id, "quote", "submit", "approve")
	}
	planned := w.load(t, string(next))
	w.to(t, string(first), "book", string(payout.Paid))
	s := w.to(t, string(crossing), "book")
	if !s.ToPay.IsZero() {
		t.Fatalf("to pay %s", s.ToPay)
	}
	claims, err := w.Store.Receivables(context.Background(), settletest.Tenant, settletest.Worker, settletest.Ordinary)
	if err != nil || len(claims) != 1 || claims[0].Kind != receivable.TaxShortfall || !claims[0].Open.Positive() {
		t.Fatalf("%+v %v", claims, err)
	}
	s = w.to(t, string(next), "book", string(payout.Paid))
	if s.Hold != nil || len(s.SetOffs) != 1 || s.SetOffs[0].Amount != claims[0].Amount || s.ToPay != planned.ToPay {
		t.Fatalf("%+v net %s to pay %s, planned %s", s.SetOffs, s.Net, s.ToPay, planned.ToPay)
	}
	w.to(t, string(crossing), "cancel")
	back := w.november(t, settletest.Worker, "live-4", "1000.00")
	s = w.to(t, string(back), "quote", "submit", "approve", "book", string(payout.Paid))
	if len(s.SetOffs) != 1 || s.SetOffs[0].Kind != "give_back" || s.ToPay != s.Net.Add(claims[0].Amount) {
		t.Errorf("%+v net %s to pay %s", s.SetOffs, s.Net, s.ToPay)
	}
}

// A month that is filed keeps tax and set-offs: the failed net is paid by an occurrence that books nothing.
func TestAFiledMonthKeepsItsTax(t *testing.T) {
	ctx := context.Background()
	for _, end := range []payout.State{payout.Failed, payout.Returned} {
		t.Run(string(end), func(t *testing.T) {
			w := open(t)
			w.claim(t, settletest.Person, "adv", receivable.Advance, yuan("1000.00"))
			id := w.settle(t, settletest.Person, "live-1", "10000.00")
			w.to(t, string(id), "quote", "submit", "approve", "book")
			if end == payout.Returned {
				w.to(t, string(id), string(payout.Paid))
			} else if err := w.hearSent(ctx, id); err != nil {
				t.Fatal(err)
			}
			w.SetDate("2026-10-16")
			if _, _, err := w.FilingRecorder(t).Record(ctx, settletest.Tenant, "finance@t", filedmonth.FiledMonth{Entity: settletest.Ordinary, Month: civil.MustMonth("2026-09"), FiledOn: civil.MustDate("2026-10-16"), Reference: "r"}); err != nil {
				t.Fatal(err)
			}
			old := w.to(t, string(id), string(end), "reopen")
			if !old.Kept || old.ReopenedBy == "" {
				t.Fatalf("%+v", old)
			}
			s := w.load(t, string(old.ReopenedBy))
			if s.Carries != id || s.ToPay != yuan("4880.00") || s.Quote == "" {
				t.Fatalf("%+v", s)
			}
			rows, err := w.Store.TaxRows(ctx, settletest.Tenant, s.Entity, s.TaxpayerID, 2026)
			if err != nil || len(rows) != 1 {
				t.Fatalf("%d bookings %v", len(rows), err)
			}
			w.to(t, s.ID, "submit", "reject") // it cannot be undone any more
			s = w.to(t, s.ID, "approve", "book")
			if s.Status != settlement.Paying || s.ToPay != yuan("4880.00") {
				t.Fatalf("%s %s", s.Status, s.ToPay)
			}
			s = w.to(t, s.ID, string(payout.Failed), "reopen")
			s = w.to(t, string(s.ReopenedBy), "submit", "approve", "book", string(payout.Paid))
			if s.Status != settlement.Paid || s.Carries != id {
				t.Errorf("%+v", s)
			}
			if rows, err = w.Store.TaxRows(ctx, settletest.Tenant, s.Entity, s.TaxpayerID, 2026); err != nil || len(rows) != 1 {
				t.Errorf("%d bookings %v", len(rows), err)
			}
		})
	}
}

// hearSent marks the payout as sent.
func (w *world) hearSent(ctx context.Context, id ident.Settlement) error {
	p, err := w.Payables.Load(ctx, settletest.Tenant, id)
	if err != nil {
		return err
	}
	return w.Payables.MarkSent(ctx, p, w.Now())
}

// The creator's share of an after-tax contract is the net, whatever the agency bears.
func TestAfterTaxIsExplained(t *testing.T) {
	w := open(t)
	c := w.People.Contracts[settletest.Person]
	c.PriceBasis = "after_tax"
	w.People.Contracts[settletest.Person] = c
	for _, live := range []string{"live-1", "live-2", "live-3"} {
		id := w.settle(t, settletest.Person, live, "10000.00")
		s := w.to(t, string(id), "quote", "submit", "approve", "book", string(payout.Paid))
		if s.Net != s.CreatorShare() || s.ToPay != yuan("7000.00") || !s.AfterTax {
			t.Fatalf("net %s to pay %s", s.Net, s.ToPay)
		}
	}
}
