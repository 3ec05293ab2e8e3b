package ledgercheck_test

import (
	"context"
	"fmt"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

// platformWorker makes the worker of the filed entity one whose VAT the entity files, and who gets all that is paid.
func platformWorker(w *world) {
	tp := w.People.Taxpayers["tp-"+settletest.Worker]
	tp.Profiles[0].Papers = []tenancy.Paper{{Name: settlement.ConsentPaper, Number: "1", From: civil.MustDate("2026-01-01")}}
	w.People.Taxpayers["tp-"+settletest.Worker] = tp
	w.People.Contracts[settletest.Worker].Splits["live_tip"] = tenancy.Split{Method: "ratio", Parties: []tenancy.Party{{Party: settletest.Worker, Kind: "creator", Share: money.MustRate("1")}}}
}

// lastUntaxed is the most that may be received in a month with VAT before it is taxed.
func lastUntaxed(month tax.TurnoverVAT) money.Amount {
	low, high := int64(0), int64(1_000_000_000_00)
	for low+1 < high {
		if mid := (low + high) / 2; month.IsTaxed(month.ExclusiveSales(money.Fen(mid))) {
			high = mid
		} else {
			low = mid
		}
	}
	return money.Fen(low)
}

func embedded(t *testing.T) *tax.Corpus {
	t.Helper()
	c, err := taxpack.LoadEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// taxesOf sums what the booked figures of settlements say is due, by tax.
func (w *world) taxesOf(t *testing.T, ids []string) map[string]money.Amount {
	t.Helper()
	due := map[string]money.Amount{}
	for _, id := range ids {
		f, err := w.Store.Figures(context.Background(), settletest.Tenant, id, w.load(t, id).Booking)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range f.Result.Taxes {
			due[l.Tax] = due[l.Tax].Add(l.Due)
		}
	}
	return due
}

// A platform seller's month stays below the threshold of VAT until a later settlement reaches it: that one takes the
// VAT of the whole month as far as its share goes, the rest is a claim that the next one bears, and nothing is open.
func TestTheMonthsThresholdIsCrossedLate(t *testing.T) {
	corpus := embedded(t)
	month, err := corpus.National().TurnoverRule("vat.platform_worker.agency_filed", civil.MustDate("2026-09-15"))
	if err != nil {
		t.Fatal(err)
	}
	below := lastUntaxed(month)
	half := money.Fen(below.Fen() / 2)
	for name, shares := range map[string][]money.Amount{
		"by the second, which bears it":  {below, yuan("50000.00")},
		"by the third, which bears it":   {half, below.Sub(half), yuan("50000.00")},
		"by the third, for a single fen": {half, below.Sub(half), money.Fen(1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
			platformWorker(w)
			var ids []string
			var received money.Amount
			for n, share := range shares {
				if due := w.taxesOf(t, ids)[tax.VAT]; !due.IsZero() {
					t.Fatalf("%s of VAT on %s, which is not taxed", due, received)
				}
				ids = append(ids, string(w.settle(t, settletest.Worker, fmt.Sprintf("live-%d", n), share.String())))
				received = received.Add(share)
				w.to(t, ids[n], "quote", "submit", "approve", "book", "book", string(payout.Paid)) // the second booking ends what pays nothing
			}
			due := w.taxesOf(t, ids)
			if want := month.TaxOnPeriod(tax.PeriodSales{Total: month.ExclusiveSales(received)}); due[tax.VAT] != want || want.IsZero() {
				t.Fatalf("VAT %s, the rules give %s on the month's %s", due[tax.VAT], want, received)
			}
			w.asAtOnce(t, corpus, received, due)
			if list := w.openTrueUps(t, settletest.Filed, "2026-09"); len(list) != 0 {
				t.Fatalf("open: %+v", list)
			}
			w.nextBears(t, w.load(t, ids[len(ids)-1]))
		})
	}
}

// asAtOnce compares turnover taxes with those of a single payment of the whole month.
func (w *world) asAtOnce(t *testing.T, corpus *tax.Corpus, received money.Amount, due map[string]money.Amount) {
	t.Helper()
	whole := w.load(t, string(w.settle(t, settletest.Worker, "at-once", received.String())))
	f := settlement.FactsOf(whole.Opening, w.People.Entities[settletest.Filed], w.People.Taxpayers["tp-"+settletest.Worker].Profiles[0], nil, civil.MustDate("2026-09-15"))
	once, err := corpus.ComputeRows(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range once.Taxes {
		if l.Tax != tax.IIT && l.Due != due[l.Tax] {
			t.Errorf("%s of %s: %s by parts, %s at once", l.Tax, received, due[l.Tax], l.Due)
		}
	}
	w.act(t, "submit", whole.ID)
	w.act(t, "reject", whole.ID)
}

// nextBears pays one settlement more, which bears the claim for what the crossing one could not.
func (w *world) nextBears(t *testing.T, crossing settlement.Settlement) {
	t.Helper()
	claims, err := w.Store.Receivables(context.Background(), settletest.Tenant, settletest.Worker, settletest.Filed)
	if err != nil {
		t.Fatal(err)
	}
	var owed money.Amount
	for _, r := range claims {
		if r.Kind != receivable.TaxShortfall || r.Settlement != ident.Settlement(crossing.ID) {
			t.Fatalf("claim %+v", r)
		}
		owed = owed.Add(r.Open)
	}
	if owed.Positive() != (crossing.CreatorShare() == money.Fen(1)) || !crossing.Net.Positive() != owed.Positive() {
		t.Fatalf("%s of %s is left and %s owed", crossing.Net, crossing.CreatorShare(), owed)
	}
	next := w.to(t, string(w.settle(t, settletest.Worker, "next", "90000.00")), "quote", "submit", "approve", "book", string(payout.Paid))
	if next.ToPay != next.Net.Sub(owed) {
		t.Errorf("%s of %s to pay, %s owed", next.ToPay, next.Net, owed)
	}
	if list := w.openTrueUps(t, settletest.Filed, "2026-09"); len(list) != 0 {
		t.Errorf("open: %+v", list)
	}
}
