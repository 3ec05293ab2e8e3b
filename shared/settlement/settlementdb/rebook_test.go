package settlementdb_test

import (
	"context"
	"testing"

	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/settletest"
)

// What was booked in one month, booked anew in the next and again in the one after, and then not paid after all, is
// owed whole: of all the bookings nothing stays in the books.
func TestABookingMadeAnewIsTakenBackAlone(t *testing.T) {
	ctx := context.Background()
	for _, months := range [][]string{{"2026-10-16"}, {"2026-10-16", "2026-11-16"}} {
		w := settletest.Open(t)
		id := settle(t, w, settletest.Person, "live-1", "10000.00")
		book(t, w, string(id))
		for _, day := range months {
			w.SetDate(day)
			if err := w.Rebook(ctx, settletest.Tenant, id); err != nil {
				t.Fatal(err)
			}
		}
		hear(t, w, string(id), payout.Failed)
		sums := balances(t, w, settletest.Person)
		if sums[ledger.CreatorPayable] != money.MustParse("-7000.00") || !sums[ledger.TaxPayable("iit")].IsZero() {
			t.Errorf("rebooked in %v and failed: payable %s, tax %s", months, sums[ledger.CreatorPayable], sums[ledger.TaxPayable("iit")])
		}
	}
}
