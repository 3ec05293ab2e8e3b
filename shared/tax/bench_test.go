package tax_test

import (
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
	"fenzhang/shared/tax"
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
		sum = m.Withhold(11, income, withheld)
	}
	_ = sum
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
