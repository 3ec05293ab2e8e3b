package ledger_test

import (
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// Whatever balanced entries a sheet takes, its debits are its credits, its closing is the plain sum of all postings,
// and it does not matter how the entries were dealt out over sheets.
func TestASheetBalances(t *testing.T) {
	c := standard(t)
	rapid.Check(t, func(rt *rapid.T) {
		whole, parts := ledger.Sheet{}, []ledger.Sheet{{}, {}, {}}
		var all []ledger.Entry
		for range rapid.IntRange(0, 20).Draw(rt, "entries") {
			var e ledger.Entry
			var rest money.Amount
			for range rapid.IntRange(1, 4).Draw(rt, "postings") {
				amount := money.Fen(rapid.Int64Range(-1_000_000, 1_000_000).Draw(rt, "fen"))
				e.Debit(rapid.SampledFrom(c.Accounts).Draw(rt, "account").Account, amount)
				rest = rest.Add(amount)
			}
			e.Credit(ledger.MCNRevenue, rest)
			all = append(all, e)
			part := rapid.SampledFrom(parts).Draw(rt, "part")
			if rapid.Bool().Draw(rt, "before") {
				whole.AddBefore(e)
				part.AddBefore(e)
			} else {
				whole.AddWithin(e)
				part.AddWithin(e)
			}
		}
		sum := ledger.Sheet{}
		for _, p := range parts {
			sum.AddSheet(p)
		}
		trial, again := whole.TrialBalance(c), sum.TrialBalance(c)
		if len(trial.Differs) > 0 || trial.Totals != again.Totals || len(trial.Rows) != len(again.Rows) {
			rt.Fatalf("%+v\n%+v", trial, again)
		}
		want := ledger.SumByAccount(all)
		for _, r := range trial.Rows {
			if r.Closing != want[r.Account] || r.Debit.Negative() || r.Credit.Negative() {
				rt.Fatalf("%+v, want %s", r, want[r.Account])
			}
		}
	})
}

func TestATrialBalanceSaysWhatDiffers(t *testing.T) {
	s := ledger.Sheet{}
	s.AddWithin(ledger.Entry{Postings: []ledger.Posting{{Account: ledger.Bank, Amount: money.Yuan(5)}, {Account: "own.lost", Amount: money.Fen(-400)}}})
	trial := s.TrialBalance(standard(t))
	want := []string{"own.lost is not in the chart", "turnover: debits of 5.00 and credits of 4.00 differ by 1.00", "closing: debits of 5.00 and credits of 4.00 differ by 1.00"}
	if len(trial.Differs) != 3 {
		t.Fatal(trial.Differs)
	}
	for i, text := range want {
		if trial.Differs[i] != text {
			t.Errorf("%q, want %q", trial.Differs[i], text)
		}
	}
}
