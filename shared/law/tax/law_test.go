package tax_test

import (
	"encoding/json"
	"math/big"
	"sync"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"

	"pgregory.net/rapid"
)

// drawFacts gives a payment of any kind that the slice knows.
func drawFacts(t *rapid.T) tax.Facts {
	day := civil.MustDate("2025-10-01").AddDays(rapid.IntRange(0, 820).Draw(t, "day")).String()
	amount := money.Fen(rapid.Int64Range(1, 50_000_000).Draw(t, "fen")).String()
	var f tax.Facts
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		f = personFacts(day, amount)
	case 1:
		f = platformFacts(day, amount)
	default:
		f = businessFacts("individual_business", "small_scale", day, amount)
	}
	f.Entity.PlaceTier = rapid.SampledFrom([]string{"city", "county", "other"}).Draw(t, "tier")
	f.VATIncluded = rapid.Bool().Draw(t, "vat_included")
	return byPosition(f)
}

func TestFiguresAddUp(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t)
		r, err := e.Compute(f)
		if err != nil {
			t.Fatal(err)
		}
		var kept money.Amount
		for _, l := range r.Taxes {
			if l.Due.Negative() || l.Amount.Negative() || l.Shortfall.Negative() || l.Due != l.Amount.Add(l.Shortfall) || l.Total != l.Before.Add(l.Due) {
				t.Fatalf("line %+v", l)
			}
			kept = kept.Add(l.Amount)
		}
		if r.Net.Negative() || r.Net.Add(kept) != r.Gross || kept != r.TotalWithheld {
			t.Fatalf("gross %s, kept back %s, net %s", r.Gross, kept, r.Net)
		}
		if f.VATIncluded && r.Gross != f.Amount {
			t.Fatalf("gross %s of amount %s", r.Gross, f.Amount)
		}
	})
}

// annualTax is table 1 in exact fractions, written anew from the law: the reference that the engine is held to.
func annualTax(taxable *big.Rat) *big.Rat {
	if taxable.Sign() <= 0 {
		return new(big.Rat)
	}
	levels := []struct{ upTo, percent, quick int64 }{{36000, 3, 0}, {144000, 10, 2520}, {300000, 20, 16920}, {420000, 25, 31920}, {660000, 30, 52920}, {960000, 35, 85920}, {1 << 40, 45, 181920}}
	for _, l := range levels {
		if taxable.Cmp(new(big.Rat).SetInt64(l.upTo)) <= 0 {
			x := new(big.Rat).Mul(taxable, big.NewRat(l.percent, 100))
			return x.Sub(x, new(big.Rat).SetInt64(l.quick))
		}
	}
	return nil
}

// fen rounds yuan half up to fen.
func fen(yuan *big.Rat) int64 {
	x := new(big.Rat).Mul(yuan, big.NewRat(200, 1))
	x.Add(x, big.NewRat(1, 1))
	q := new(big.Int).Quo(x.Num(), new(big.Int).Mul(x.Denom(), big.NewInt(2)))
	return q.Int64()
}

func TestCumulativeTelescopes(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.IntRange(1, 12).Draw(t, "first month")
		var rows []tax.Row
		var income, withheld, peak int64
		for m := start; m <= 12; m++ {
			for n := rapid.IntRange(1, 3).Draw(t, "payments"); n > 0; n-- {
				amount := rapid.Int64Range(1, 9_000_000).Draw(t, "fen")
				f := platformFacts(civil.NewMonth(2026, 1).Add(m-1).Day(15).String(), money.Fen(amount).String())
				f.AgencyFiling = false
				f.VATDate = civil.MustDate("2026-01-15") // before persons' VAT is withheld, so that IIT stands alone
				r, err := e.ComputeRows(f, rows)
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, r.Rows...)
				income += amount
				withheld += line(r.Taxes, tax.IIT).Due.Fen()
				taxable := new(big.Rat).Mul(big.NewRat(income, 100), big.NewRat(4, 5))
				taxable.Sub(taxable, new(big.Rat).SetInt64(int64(5000*(m-start+1))))
				want := max(peak, fen(annualTax(taxable)))
				if withheld != want {
					t.Fatalf("month %d: withheld %d so far, the formula's highest value is %d", m, withheld, want)
				}
				peak = want
			}
		}
	})
}

// A month's payments of one project come to the same as one payment. VAT has a cliff: just above it the VAT lowers
// the income, and what was withheld before stands as a named excess, never as a silent difference.
func TestSplittingChangesNothing(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Int64Range(1, 3_000_000), 1, 6).Draw(t, "parts")
		make1 := func(fen int64) tax.Facts { return byPosition(personFacts("2026-11-16", money.Fen(fen).String())) }
		var whole int64
		var fs []tax.Facts
		for _, p := range parts {
			whole += p
			fs = append(fs, make1(p))
		}
		split, one := book(t, e, fs...), book(t, e, make1(whole))[0]
		for _, kind := range []string{tax.VAT, tax.UMCT, tax.EDU, tax.LEDU, tax.IIT} {
			var sum money.Amount
			for _, r := range split {
				sum = sum.Add(line(r.Taxes, kind).Due)
			}
			for _, u := range split[len(split)-1].TrueUps {
				if u.Tax == kind {
					sum = sum.Sub(u.Excess)
				}
			}
			if want := line(one.Taxes, kind).Due; sum != want {
				t.Fatalf("%s: %v in parts gives %s, at once %s", kind, parts, sum, want)
			}
		}
	})
}

func TestMonotone(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Int64Range(1, 40_000_000).Draw(t, "low")
		high := low + rapid.Int64Range(0, 10_000_000).Draw(t, "more")
		day := "2026-09-15" // before persons' VAT is withheld: its threshold is a cliff
		a, errA := e.Compute(personFacts(day, money.Fen(low).String()))
		b, errB := e.Compute(personFacts(day, money.Fen(high).String()))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if a.TotalWithheld.Cmp(b.TotalWithheld) > 0 || a.Net.Cmp(b.Net) > 0 {
			t.Fatalf("%d pays %s, %d pays %s", low, a.TotalWithheld, high, b.TotalWithheld)
		}
	})
}

// A reversal takes a booking out as if it had never been.
func TestReversal(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		f, g := drawFacts(t), drawFacts(t)
		r, err := e.Compute(f)
		if err != nil {
			t.Fatal(err)
		}
		rows := r.Rows
		for _, x := range r.Rows {
			x.Income, x.Received, x.Sales, x.Withheld = x.Income.Neg(), x.Received.Neg(), x.Sales.Neg(), x.Withheld.Neg()
			rows = append(rows, x)
		}
		after, err1 := e.ComputeRows(g, rows)
		fresh, err2 := e.ComputeRows(g, nil)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if string(mustJSON(t, after)) != string(mustJSON(t, fresh)) {
			t.Fatalf("after a reversal: %s\nfresh: %s", mustJSON(t, after), mustJSON(t, fresh))
		}
	})
}

func mustJSON(t failer, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSameBytesInEveryRun(t *testing.T) {
	f := byPosition(personFacts("2026-11-16", "12345.67"))
	first, err := national(t).Compute(f)
	if err != nil {
		t.Fatal(err)
	}
	want := string(mustJSON(t, first))
	e := national(t)
	var wg sync.WaitGroup
	got := make([]string, 16)
	for i := range got {
		wg.Go(func() {
			if r, err := e.Compute(f); err == nil {
				b, _ := json.Marshal(r)
				got[i] = string(b)
			}
		})
	}
	wg.Wait()
	for i, g := range got {
		if g != want {
			t.Fatalf("run %d differs:\n%s\n%s", i, g, want)
		}
	}
}

// A stored result comes back as it was, steps and texts included.
func TestResultRoundTrip(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		r, err := e.Compute(drawFacts(t))
		if err != nil {
			t.Fatal(err)
		}
		stored := mustJSON(t, r)
		var back tax.Result
		if err := json.Unmarshal(stored, &back); err != nil {
			t.Fatal(err)
		}
		if again := mustJSON(t, back); string(again) != string(stored) {
			t.Fatalf("stored %s\nread   %s", stored, again)
		}
	})
}
