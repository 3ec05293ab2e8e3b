package receivable_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/money"
	"fenzhang/shared/settlement/receivable"
)

// Whatever stands, what is left of a net is never below zero, no claim is taken beyond what is open of it, what is
// owed back comes first and a court's order before all other claims.
func TestAPlanNeverTakesTooMuch(t *testing.T) {
	rank := map[receivable.Kind]int{receivable.GiveBack: 0, receivable.CourtOrder: 1, receivable.TaxShortfall: 2}
	kinds := append(receivable.Raisable(), receivable.TaxShortfall, receivable.GiveBack)
	rapid.Check(t, func(t *rapid.T) {
		var standing []receivable.Receivable
		for i := range rapid.IntRange(0, 12).Draw(t, "claims") {
			open := money.Fen(rapid.Int64Range(0, 500_000).Draw(t, "open"))
			standing = append(standing, receivable.Receivable{ID: fmt.Sprint(i), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), State: receivable.Open, Amount: open, Open: open})
		}
		left := money.Fen(rapid.Int64Range(0, 1_000_000).Draw(t, "net"))
		last := 0
		for _, p := range receivable.Plan(left, standing) {
			left = left.Sub(p.Set)
			r, known := rank[p.Kind]
			if !known {
				r = 3
			}
			if p.Set.Abs().Cmp(p.Open) > 0 || p.Set.IsZero() || left.Negative() || r < last {
				t.Fatalf("%+v leaves %s", p, left)
			}
			last = r
		}
	})
}
