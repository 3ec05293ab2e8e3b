package tax_test

import (
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/money"
)

func corpus(t interface{ Fatal(...any) }) *tax.Corpus {
	c, err := taxpack.LoadEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// labor is a person paid by an ordinary MCN after the VAT withholding of 2026-11-01, under the position of the demo.
func labor() tax.Facts {
	return tax.Facts{PaymentDate: civil.MustDate("2026-11-16"), VATDate: civil.MustDate("2026-11-16"),
		Entity:   tax.Entity{ID: "e", Place: "330106", PlaceTier: "city", VAT: "general"},
		Taxpayer: tax.Taxpayer{Kind: "natural_person", Resident: true, VAT: "natural_person", Collection: "withheld", Jurisdiction: "330000"}, IncomeType: "live_tip", VATIncluded: true,
		Positions: []tax.Position{{ID: "p", Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct"}}}
}

// The gross of a net leaves exactly that net, and no smaller payment does; where none does, the two nearest lie on
// both sides of it.
func TestGrossUpInverts(t *testing.T) {
	c := corpus(t)
	rapid.Check(t, func(t *rapid.T) {
		f := labor()
		if rapid.Bool().Draw(t, "in October") {
			f.PaymentDate, f.VATDate = civil.MustDate("2026-10-16"), civil.MustDate("2026-10-16")
		}
		f.ToDate.Month.Income = money.Fen(rapid.Int64Range(0, 3_000_000).Draw(t, "income before"))
		want := money.Fen(rapid.OneOf(rapid.Int64Range(1, 200_000), rapid.Int64Range(1, 20_000_000)).Draw(t, "net"))
		got, err := c.FindGross(f, want)
		if err != nil {
			t.Fatal(err)
		}
		f.Amount = got.Amount
		res, err := c.Compute(f)
		if err != nil || res.Net != got.Result.Net {
			t.Fatalf("%v, %s", err, res.Net)
		}
		if got.Exact != (res.Net == want) {
			t.Fatalf("exact %t: %s leaves %s of %s", got.Exact, got.Amount, res.Net, want)
		}
		if !got.Exact && (got.Above == nil || got.Above.Net.Cmp(want) < 0) {
			t.Fatalf("%+v", got.Above)
		}
	})
}

// By hand: 21,000 net of labor income in October 2026. At the edge of level 1 the gross is 25,000, its base 20,000 and
// the tax 4,000.
func TestGrossUpOfLabor(t *testing.T) {
	c, f := corpus(t), labor()
	f.PaymentDate, f.VATDate = civil.MustDate("2026-10-16"), civil.MustDate("2026-10-16")
	got, err := c.FindGross(f, money.Yuan(21_000))
	if err != nil || !got.Exact {
		t.Fatalf("%+v, %v", got, err)
	}
	for amount := got.Amount.Fen() - 20; amount < got.Amount.Fen(); amount++ {
		f.Amount = money.Fen(amount)
		if res, err := c.Compute(f); err != nil || res.Net == money.Yuan(21_000) {
			t.Fatalf("%s leaves it too, %v", f.Amount, err)
		}
	}
	if diff := got.Amount.Sub(money.Yuan(25_000)); diff.Abs().Fen() > 1 {
		t.Errorf("gross %s", got.Amount)
	}
}

// From 1,000 VAT-exclusive a day the whole is taxed. A net that payments on both sides of the threshold leave is met
// by the smaller one.
func TestGrossUpAtTheThreshold(t *testing.T) {
	c := corpus(t)
	for net, untaxed := range map[string]bool{"960.00": true, "967.99": true, "968.00": false, "969.00": false} {
		got, err := c.FindGross(labor(), money.MustParse(net))
		if err != nil || !got.Exact || got.Result.Net != money.MustParse(net) {
			t.Errorf("%s: %s leaves %s, exact %t, %v", net, got.Amount, got.Result.Net, got.Exact, err)
		}
		if got.Result.Taxes[0].Total.IsZero() != untaxed {
			t.Errorf("%s is left by %s", net, got.Amount)
		}
	}
	if _, err := c.FindGross(labor(), money.Amount{}); err == nil {
		t.Error("a net of nothing has a gross")
	}
}
