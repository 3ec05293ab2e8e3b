package tax_test

import (
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

func BenchmarkCumulativeWithSteps(b *testing.B) {
	e := national(b)
	f := platformFacts("2026-11-16", "20000.00")
	f.ToDate.Year = tax.YearToDate{Months: 10, Income: money.MustParse("200000.00"), Withheld: money.MustParse("8480.00")}
	f.Positions = []tax.Position{no28()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Compute(f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCumulativeNoSteps(b *testing.B) {
	e := national(b)
	m, err := e.CumulativeLabor(civil.MustDate("2026-11-16"))
	if err != nil {
		b.Fatal(err)
	}
	income, withheld := money.MustParse("220000.00"), money.MustParse("8480.00")
	var sum money.Amount
	b.ReportAllocs()
	for b.Loop() {
		sum = m.MonthlyWithholding(11, income, withheld)
	}
	_ = sum
}

// BenchmarkCumulativeSlice withholds November from a million payees of different incomes; one operation is one payee.
func BenchmarkCumulativeSlice(b *testing.B) {
	m, err := national(b).CumulativeLabor(civil.MustDate("2026-11-16"))
	if err != nil {
		b.Fatal(err)
	}
	type payee struct {
		months                int
		income, withheld, due money.Amount
	}
	payees := make([]payee, 1_000_000)
	for i := range payees {
		months := 1 + i%11
		before := money.Fen(int64(i) * 7919 % 100_000_000)
		payees[i] = payee{months: months, income: before.Add(money.Fen(int64(i%50_000) * 100)), withheld: m.TotalTax(months, before)}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		for i := range payees[:min(len(payees), b.N-n)] {
			p := &payees[i]
			p.due = m.MonthlyWithholding(p.months, p.income, p.withheld)
			n++
		}
	}
}

func BenchmarkFullQuote(b *testing.B) {
	e := national(b)
	f := personFacts("2026-11-16", "12000.00")
	f.Positions = []tax.Position{no28()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Compute(f); err != nil {
			b.Fatal(err)
		}
	}
}
