package ledgercheck_test

import (
	"context"
	"testing"

	"fenzhang/local/dynamotest"
	"fenzhang/local/settletest"
	"fenzhang/shared/civil"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
)

func (w *world) trueUps() *settlement.TrueUps {
	corrections := &settlement.Corrections{Taxes: w.Taxes, Store: w.Store.(settlement.CorrectionStore)}
	return &settlement.TrueUps{Corrections: corrections, Decisions: w.Store.(settlement.DecisionStore)}
}

func (w *world) openTrueUps(t *testing.T, entity, month string) []settlement.OpenTrueUp {
	t.Helper()
	list, err := w.trueUps().OpenTrueUps(context.Background(), settletest.Tenant, entity, civil.MustMonth(month))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Two payments of one month, the second in a higher bracket: the first comes back, and what the second bore for it is
// too much.
func TestAReversalWithinAMonthIsANamedTrueUp(t *testing.T) {
	w := over(settletest.OpenOn(t, dynamotest.Memory(t)))
	first := w.settle(t, settletest.Person, "live-1", "30000.00")  // 21,000.00: 16,800.00 x 20% = 3,360.00
	second := w.settle(t, settletest.Person, "live-2", "30000.00") // 42,000.00: 33,600.00 x 30% - 2,000 = 8,080.00, so 4,720.00
	w.to(t, first, "quote", "submit", "approve", "book", string(payout.Paid))
	w.to(t, second, "quote", "submit", "approve", "book", string(payout.Paid))
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	w.to(t, first, string(payout.Returned), "reopen")
	list := w.openTrueUps(t, settletest.Ordinary, "2026-09")
	if len(list) != 1 || list[0].Difference != yuan("-1360.00") || list[0].Rule != yuan("3360.00") || list[0].Cause != settlement.CauseReversal || list[0].Tax != "IIT" {
		t.Fatalf("%+v", list)
	}
	words, err := w.trueUps().Undecided(context.Background(), settletest.Tenant, settletest.Ordinary, civil.MustMonth("2026-09"))
	if err != nil || len(words) != 1 {
		t.Fatalf("%v %v", words, err)
	}
	t.Log(words[0], list[0].ID)
}
