package tax_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// This file is the arithmetic of the law written a second time, in decimal yuan and from the text of the law alone. The
// engine computes the same in whole numbers from compiled rules; property tests hold the two to the same fen.

func yuan(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func yuanOf(a money.Amount) decimal.Decimal { return decimal.New(a.Fen(), -2) }

func amountOf(d decimal.Decimal) money.Amount { return money.Fen(d.Shift(2).IntPart()) }

// notBelowZero replaces a negative amount by nothing.
func notBelowZero(d decimal.Decimal) decimal.Decimal { return decimal.Max(d, decimal.Zero) }

// bracketOf is one level of a table of the law: up to so much, the rate in percent, the quick deduction.
type bracketOf struct{ upTo, percent, quick int64 }

const noEnd = 1 << 50

func annualTable() []bracketOf {
	return []bracketOf{{36_000, 3, 0}, {144_000, 10, 2_520}, {300_000, 20, 16_920}, {420_000, 25, 31_920}, {660_000, 30, 52_920}, {960_000, 35, 85_920}, {noEnd, 45, 181_920}}
}

func monthlyTable() []bracketOf {
	return []bracketOf{{3_000, 3, 0}, {12_000, 10, 210}, {25_000, 20, 1_410}, {35_000, 25, 2_660}, {55_000, 30, 4_410}, {80_000, 35, 7_160}, {noEnd, 45, 15_160}}
}

func laborTable() []bracketOf {
	return []bracketOf{{20_000, 20, 0}, {50_000, 30, 2_000}, {noEnd, 40, 7_000}}
}

// byBrackets is taxable x rate - quick deduction, in whole fen.
func byBrackets(table []bracketOf, taxable decimal.Decimal) decimal.Decimal {
	if !taxable.IsPositive() {
		return decimal.Zero
	}
	for _, level := range table {
		if taxable.LessThanOrEqual(decimal.NewFromInt(level.upTo)) {
			return taxable.Mul(decimal.New(level.percent, -2)).Round(2).Sub(decimal.NewFromInt(level.quick))
		}
	}
	return decimal.Zero
}

// taxesDue are the taxes that fall on one payment, in yuan.
type taxesDue struct{ vat, umct, edu, ledu, iit decimal.Decimal }

// ofLines reads the same from a result of the engine.
func ofLines(r tax.Result) taxesDue {
	due := func(kind string) decimal.Decimal { return yuanOf(line(r.Taxes, kind).Due) }
	return taxesDue{due(tax.VAT), due(tax.UMCT), due(tax.EDU), due(tax.LEDU), due(tax.IIT)}
}

func (d taxesDue) equal(other taxesDue) bool {
	return d.vat.Equal(other.vat) && d.umct.Equal(other.umct) && d.edu.Equal(other.edu) && d.ledu.Equal(other.ledu) && d.iit.Equal(other.iit)
}

func (d taxesDue) sum() decimal.Decimal { return decimal.Sum(d.vat, d.umct, d.edu, d.ledu, d.iit) }

// turnoverSoFar is what was received and taxed in one period of VAT: a day, or a month where the agency files.
type turnoverSoFar struct {
	received, sales decimal.Decimal
	paid            taxesDue
}

// add gives the VAT and surcharges that fall on a payment. A price with VAT is divided by 1.01; from the threshold on
// the whole turnover of the period is taxed at 1%. The surcharges are halved (six taxes and two fees); those for
// education are not due up to monthly sales of 100,000.
func (p *turnoverSoFar) add(price decimal.Decimal, included bool, threshold, educationExempt, cityRate decimal.Decimal) taxesDue {
	sales := price
	if included {
		divisor := yuan("1.01")
		sales = p.received.Add(price).DivRound(divisor, 2).Sub(p.received.DivRound(divisor, 2))
		p.received = p.received.Add(price)
	}
	p.sales = p.sales.Add(sales)
	vat := decimal.Zero
	if p.sales.GreaterThanOrEqual(threshold) {
		vat = p.sales.Mul(yuan("0.01")).Round(2)
	}
	surcharge := func(rate decimal.Decimal) decimal.Decimal {
		full := vat.Mul(rate).Round(2)
		return full.Sub(full.Mul(yuan("0.5")).Round(2))
	}
	total := taxesDue{vat: vat, umct: surcharge(cityRate), edu: surcharge(yuan("0.03")), ledu: surcharge(yuan("0.02"))}
	if p.sales.LessThanOrEqual(educationExempt) {
		total.edu, total.ledu = decimal.Zero, decimal.Zero
	}
	now := taxesDue{vat: notBelowZero(total.vat.Sub(p.paid.vat)), umct: notBelowZero(total.umct.Sub(p.paid.umct)),
		edu: notBelowZero(total.edu.Sub(p.paid.edu)), ledu: notBelowZero(total.ledu.Sub(p.paid.ledu))}
	p.paid = taxesDue{p.paid.vat.Add(now.vat), p.paid.umct.Add(now.umct), p.paid.edu.Add(now.edu), p.paid.ledu.Add(now.ledu), decimal.Zero}
	return now
}

// incomeOf is the income of a payment for income tax: the price without the VAT that is kept back.
func incomeOf(price decimal.Decimal, included bool, vat decimal.Decimal) decimal.Decimal {
	if included {
		return price.Sub(vat)
	}
	return price
}

// oneOffTax is the tax on the labor income of one month (IIT Regulations art. 14): 800 off up to 4,000, 20% above.
func oneOffTax(income decimal.Decimal) decimal.Decimal {
	if income.GreaterThan(yuan("4000")) {
		return byBrackets(laborTable(), income.Mul(yuan("0.8")))
	}
	return byBrackets(laborTable(), income.Sub(yuan("800")))
}

func tierRates() map[string]decimal.Decimal {
	return map[string]decimal.Decimal{"city": yuan("0.07"), "county": yuan("0.05"), "other": yuan("0.01")}
}

// drawPrice draws a small price, any price, or one of 50 yuan and its multiples, whose taxes end in half a fen.
func drawPrice(t *rapid.T, most int64) money.Amount {
	fifties := rapid.Map(rapid.Int64Range(1, most/5_000), func(n int64) int64 { return n * 5_000 })
	return money.Fen(rapid.OneOf(rapid.Int64Range(1, 200_000), rapid.Int64Range(1, most), fifties).Draw(t, "fen"))
}

// Labor income at an ordinary company since VAT is withheld from persons: VAT and surcharges by the day, income tax by
// the month.
func TestLaborAgreesWithDecimals(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		tier := rapid.SampledFrom([]string{"city", "county", "other"}).Draw(t, "tier")
		var rows []tax.Row
		var income, withheld decimal.Decimal
		for day := range rapid.IntRange(1, 3).Draw(t, "days") {
			var period turnoverSoFar
			for range rapid.IntRange(1, 4).Draw(t, "payments") {
				f := byPosition(personFacts(civil.MustDate("2026-11-16").AddDays(day).String(), drawPrice(t, 9_000_000).String()))
				f.Entity.PlaceTier, f.VATIncluded = tier, rapid.Bool().Draw(t, "included")
				r, err := e.ComputeRows(f, rows)
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, r.Rows...)
				price := yuanOf(f.Amount)
				want := period.add(price, f.VATIncluded, yuan("1000"), yuan("-1"), tierRates()[tier])
				income = income.Add(incomeOf(price, f.VATIncluded, want.vat))
				want.iit = notBelowZero(oneOffTax(income).Sub(withheld))
				withheld = withheld.Add(want.iit)
				checkAgainst(t, r, want)
			}
		}
	})
}

// checkAgainst wants the engine's taxes, and what is left to pay out, to be those of the reference.
func checkAgainst(t *rapid.T, r tax.Result, want taxesDue) {
	if got := ofLines(r); !got.equal(want) {
		t.Fatalf("the engine has %v, the reference %v", got, want)
	}
	if net := amountOf(notBelowZero(yuanOf(r.Gross).Sub(want.sum()))); r.Net != net {
		t.Fatalf("the engine pays out %s, the reference %s", r.Net, net)
	}
}

// Cumulative withholding at an entity that has filed for the platform, month after month, with the agency filing VAT.
func TestPlatformLaborAgreesWithDecimals(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.IntRange(1, 12).Draw(t, "first month")
		tier := rapid.SampledFrom([]string{"city", "county", "other"}).Draw(t, "tier")
		var rows []tax.Row
		var income, withheld, peak decimal.Decimal
		for month := first; month <= 12; month++ {
			var period turnoverSoFar
			total := decimal.Zero
			for range rapid.IntRange(1, 3).Draw(t, "payments") {
				f := platformFacts(civil.NewMonth(2026, 1).Add(month-1).Day(15).String(), drawPrice(t, 15_000_000).String())
				f.Entity.PlaceTier, f.VATIncluded = tier, rapid.Bool().Draw(t, "included")
				r, err := e.ComputeRows(f, rows)
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, r.Rows...)
				price := yuanOf(f.Amount)
				want := period.add(price, f.VATIncluded, yuan("100000"), yuan("100000"), tierRates()[tier])
				income = income.Add(incomeOf(price, f.VATIncluded, want.vat))
				months := decimal.NewFromInt(int64(month - first + 1))
				total = byBrackets(annualTable(), income.Mul(yuan("0.8")).Sub(yuan("5000").Mul(months)))
				want.iit = notBelowZero(decimal.Max(total, peak).Sub(withheld))
				withheld = withheld.Add(want.iit)
				checkAgainst(t, r, want)
			}
			peak = decimal.Max(peak, total)
		}
	})
}

// A non-resident's labor income of a month: 80% of it by the monthly table, with no fixed deduction.
func TestNonResidentLaborAgreesWithDecimals(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		var rows []tax.Row
		var income, withheld decimal.Decimal
		for range rapid.IntRange(1, 4).Draw(t, "payments") {
			f := personFacts("2026-09-15", drawPrice(t, 20_000_000).String())
			f.Taxpayer.Resident = false
			r, err := e.ComputeRows(f, rows)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, r.Rows...)
			income = income.Add(yuanOf(f.Amount))
			iit := notBelowZero(byBrackets(monthlyTable(), income.Mul(yuan("0.8"))).Sub(withheld))
			withheld = withheld.Add(iit)
			checkAgainst(t, r, taxesDue{iit: iit})
		}
	})
}

// netOf is what one payment of labor income leaves, after the month's income before it, of which nothing was withheld.
func netOf(price, incomeBefore decimal.Decimal, threshold decimal.Decimal) decimal.Decimal {
	var period turnoverSoFar
	taxes := period.add(price, true, threshold, yuan("-1"), yuan("0.07"))
	taxes.iit = oneOffTax(incomeBefore.Add(price.Sub(taxes.vat)))
	return notBelowZero(price.Sub(taxes.sum()))
}

// The gross behind an agreed net leaves that net by the reference too, and one fen less does not.
func TestGrossUpAgreesWithDecimals(t *testing.T) {
	c := corpus(t)
	rapid.Check(t, func(t *rapid.T) {
		f := labor()
		threshold := yuan("1000")
		if rapid.Bool().Draw(t, "in October") {
			f.PaymentDate, f.VATDate = civil.MustDate("2026-10-16"), civil.MustDate("2026-10-16")
			threshold = decimal.NewFromInt(noEnd)
		}
		f.ToDate.Month.Income = money.Fen(rapid.Int64Range(0, 3_000_000).Draw(t, "income before"))
		want := money.Fen(rapid.OneOf(rapid.Int64Range(1, 200_000), rapid.Int64Range(1, 20_000_000)).Draw(t, "net"))
		got, err := c.FindGross(f, want)
		if err != nil {
			t.Fatal(err)
		}
		net := func(price money.Amount) money.Amount {
			return amountOf(netOf(yuanOf(price), yuanOf(f.ToDate.Month.Income), threshold))
		}
		if left := net(got.Amount); got.Exact != (left == want) {
			t.Fatalf("%s leaves %s by the reference, wanted %s, exact %t", got.Amount, left, want, got.Exact)
		}
		if !got.Exact && net(got.Above.Amount) != got.Above.Net {
			t.Fatalf("%s leaves %s by the reference, %s by the engine", got.Above.Amount, net(got.Above.Amount), got.Above.Net)
		}
		if less := got.Amount.Sub(money.Fen(1)); got.Exact && less.Positive() && net(less) == want {
			t.Fatalf("%s leaves %s already", less, want)
		}
	})
}

// BenchmarkCumulativeInDecimals is the computation of BenchmarkCumulativeNoSteps by decimals, with everything made
// beforehand that does not depend on the payee: what the tax program would cost if it did not compute in whole numbers.
func BenchmarkCumulativeInDecimals(b *testing.B) {
	type level struct{ upTo, rate, quick decimal.Decimal }
	var levels []level
	for _, l := range annualTable() {
		levels = append(levels, level{decimal.NewFromInt(l.upTo), decimal.New(l.percent, -2), decimal.NewFromInt(l.quick)})
	}
	keep, monthly := yuan("0.8"), yuan("5000")
	income, withheld, months := yuan("220000.00"), yuan("8480.00"), decimal.NewFromInt(11)
	var due decimal.Decimal
	b.ReportAllocs()
	for b.Loop() {
		taxable := income.Mul(keep).Sub(monthly.Mul(months))
		for _, l := range levels {
			if taxable.LessThanOrEqual(l.upTo) {
				due = decimal.Max(taxable.Mul(l.rate).Sub(l.quick).Round(2).Sub(withheld), decimal.Zero)
				break
			}
		}
	}
	if !due.Equal(yuan("1100")) {
		b.Fatalf("withholds %s", due)
	}
}
