package tax_test

import (
	"errors"
	"math/big"
	"slices"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"

	"pgregory.net/rapid"
)

// employeeFacts is wages on the payroll of a complete month.
func employeeFacts(day, amount string, p tax.Payroll) tax.Facts {
	f := personFacts(day, amount)
	f.Taxpayer.Kind, f.Route = "employee", "payroll"
	p.Complete = true
	f.Payroll = &p
	return f
}

func internFacts(day, amount string) tax.Facts {
	f := personFacts(day, amount)
	f.Taxpayer.Kind = "student_intern"
	return f
}

func overseasFacts(day, amount string) tax.Facts {
	f := byPosition(personFacts(day, amount))
	f.Taxpayer.Resident, f.Taxpayer.Overseas = false, true
	return f
}

func TestIncomePayments(t *testing.T) {
	e := national(t)
	prize := func(day, cash, kind string) tax.Facts {
		f := personFacts(day, cash)
		f.Item, f.InKind = tax.ItemIncidental, money.MustParse(kind)
		return f
	}
	platform := func(day, amount string, change func(*tax.Facts)) tax.Facts {
		return with(with(platformFacts(day, amount), func(f *tax.Facts) { f.AgencyFiling = false }), change)
	}
	type want struct{ item, vat, umct, iit, net string }
	tests := []struct {
		name     string
		payments []tax.Facts
		want     []want
	}{
		{"wages in two payments of a month and one of the next: 18500 x 3%, then 37000 x 10% - 2520",
			[]tax.Facts{employeeFacts("2026-01-10", "10000.00", tax.Payroll{Months: 1, Special: money.Yuan(4500), Additional: money.Yuan(2000)}),
				employeeFacts("2026-01-25", "20000.00", tax.Payroll{Months: 1, Special: money.Yuan(4500), Additional: money.Yuan(2000)}),
				employeeFacts("2026-02-25", "30000.00", tax.Payroll{Months: 2, Special: money.Yuan(9000), Additional: money.Yuan(4000)})},
			[]want{{"wages", "0.00", "0.00", "0.00", "10000.00"}, {"wages", "0.00", "0.00", "555.00", "19445.00"}, {"wages", "0.00", "0.00", "625.00", "29375.00"}}},
		{"wages of a non-resident by the month: 25000 x 20% - 1410",
			[]tax.Facts{with(employeeFacts("2026-01-25", "30000.00", tax.Payroll{Months: 1}), func(f *tax.Facts) { f.Taxpayer.Resident = false })},
			[]want{{"wages", "0.00", "0.00", "3590.00", "26410.00"}}},
		{"a low earner at a platform: 32000 - 60000 is below zero, 64000 - 60000 = 4000 x 3%",
			[]tax.Facts{platform("2026-01-15", "40000.00", func(f *tax.Facts) { f.LowEarner = true }), platform("2026-02-15", "40000.00", func(f *tax.Facts) { f.LowEarner = true })},
			[]want{{"labor_platform", "0.00", "0.00", "0.00", "40000.00"}, {"labor_platform", "0.00", "0.00", "120.00", "39880.00"}}},
		{"other deductions at a platform: 32000 - 5000 - 20000 = 7000 x 3%, then 40000 - 10000 - 30000 is nothing",
			[]tax.Facts{platform("2026-01-15", "40000.00", func(f *tax.Facts) { f.Deductions = money.Yuan(20_000) }), platform("2026-02-15", "10000.00", func(f *tax.Facts) { f.Deductions = money.Yuan(30_000) })},
			[]want{{"labor_platform", "0.00", "0.00", "210.00", "39790.00"}, {"labor_platform", "0.00", "0.00", "0.00", "10000.00"}}},
		{"an intern's projects are one internship: 6000 and 14000 x 80% - 5000 = 11000 x 3%, then 32000 - 10000 = 22000",
			[]tax.Facts{internFacts("2026-07-15", "6000.00"), with(internFacts("2026-07-31", "14000.00"), func(f *tax.Facts) { f.Project = "film" }), internFacts("2026-08-31", "20000.00")},
			[]want{{"labor", "0.00", "0.00", "0.00", "6000.00"}, {"labor", "0.00", "0.00", "330.00", "13670.00"}, {"labor", "0.00", "0.00", "330.00", "19670.00"}}},
		{"a prize bears 20% of all of it each time, and no VAT though No. 28 is open",
			[]tax.Facts{prize("2026-11-16", "100.00", "0.00"), prize("2026-11-16", "100.00", "0.00")},
			[]want{{"incidental", "0.00", "0.00", "20.00", "80.00"}, {"incidental", "0.00", "0.00", "20.00", "80.00"}}},
		{"a thing in kind is income, and its tax comes out of the cash",
			[]tax.Facts{prize("2026-11-16", "3000.00", "5999.00")},
			[]want{{"incidental", "0.00", "0.00", "1799.80", "1200.20"}}},
		{"labor paid partly in kind: VAT and income tax on both, 12120 / 1.01 = 12000, 12000 x 80% x 20%",
			[]tax.Facts{with(byPosition(personFacts("2026-11-16", "10000.00")), func(f *tax.Facts) { f.InKind = money.Yuan(2120) })},
			[]want{{"labor", "120.00", "4.20", "1920.00", "7952.80"}}},
		{"a person abroad: 10600 / 1.06 x 6% = 600 and no surcharges; 10000 x 80% x 10% - 210",
			[]tax.Facts{overseasFacts("2026-11-16", "10600.00")},
			[]want{{"labor", "600.00", "0.00", "590.00", "9410.00"}}},
		{"a person abroad at a price without VAT: VAT on top",
			[]tax.Facts{with(overseasFacts("2026-11-16", "10000.00"), func(f *tax.Facts) { f.VATIncluded = false })},
			[]want{{"labor", "600.00", "0.00", "590.00", "9410.00"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, r := range book(t, e, tt.payments...) {
				if got := (want{r.Item, due(r, tax.VAT), due(r, tax.UMCT), due(r, tax.IIT), r.Net.String()}); got != tt.want[i] {
					t.Errorf("payment %d:\n got %+v\nwant %+v", i+1, got, tt.want[i])
				}
			}
		})
	}
}

// What the cash cannot bear stays owed, and the step says what is in kind.
func TestInKindBeyondTheCash(t *testing.T) {
	f := personFacts("2026-11-16", "0.00")
	f.Item, f.InKind = tax.ItemIncidental, money.Yuan(5000)
	r, err := national(t).Compute(f)
	if err != nil {
		t.Fatal(err)
	}
	if l := line(r.Taxes, tax.IIT); l.Due.String() != "1000.00" || l.Shortfall.String() != "1000.00" || !r.Net.IsZero() {
		t.Errorf("due %s, short %s, net %s", l.Due, l.Shortfall, r.Net)
	}
	if !slices.ContainsFunc(r.Steps, func(s tax.Step) bool { return s.Name() == "iit.in_kind" && len(s.Law()) > 0 }) {
		t.Error("no step says what is in kind")
	}
}

// What stands in the rows is not counted again when a period is checked.
func TestTrueUpsLeaveThingsInKind(t *testing.T) {
	e := national(t)
	f := personFacts("2026-09-15", "10000.00")
	f.InKind = money.Yuan(5000)
	if list, err := e.TrueUps(f, book(t, e, f)[0].Rows); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestIncomeFactsAreChecked(t *testing.T) {
	e := national(t)
	tests := []struct {
		name, field string
		facts       tax.Facts
	}{
		{"resident abroad", "taxpayer.overseas", with(overseasFacts("2026-11-16", "1.00"), func(f *tax.Facts) { f.Taxpayer.Resident = true })},
		{"company abroad", "taxpayer.overseas", with(overseasFacts("2026-11-16", "1.00"), func(f *tax.Facts) { f.Taxpayer.Kind = "company" })},
		{"more months than the year has had", "payroll.months", employeeFacts("2026-02-25", "1.00", tax.Payroll{Months: 3})},
		{"no months", "payroll.months", employeeFacts("2026-02-25", "1.00", tax.Payroll{})},
		{"unknown rule", "payroll.rule", employeeFacts("2026-02-25", "1.00", tax.Payroll{Months: 1, Rule: "half"})},
		{"negative total", "payroll", employeeFacts("2026-02-25", "1.00", tax.Payroll{Months: 1, Special: money.Fen(-1)})},
		{"in kind below zero", "in_kind", with(personFacts("2026-02-25", "1.00"), func(f *tax.Facts) { f.InKind = money.Fen(-1) })},
		{"nothing at all", "amount", personFacts("2026-02-25", "0.00")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.Compute(tt.facts)
			if f := fault.AsError(err); f.Code != fault.InvalidInput || !slices.ContainsFunc(f.Fields, func(x fault.Field) bool { return x.Field == tt.field }) {
				t.Errorf("want a problem of %s, got %v", tt.field, err)
			}
		})
	}
}

func TestForbiddenCollection(t *testing.T) {
	e := national(t)
	studio := func(kind, collection, incomeType, industry string, equity bool) tax.Facts {
		f := businessFacts(kind, "small_scale", "2026-09-15", "5000.00")
		f.Taxpayer.Collection, f.IncomeType, f.Taxpayer.Industry, f.Taxpayer.HoldsEquity = collection, incomeType, industry, equity
		return f
	}
	tests := []struct {
		name   string
		facts  tax.Facts
		reason string // "" = allowed
		rule   string
	}{
		{"tips of a studio by deemed profit", studio("individual_business", "income_rate", "live_tip", "", false), "collection_forbidden", "regime.streamer_books"},
		{"a live-streaming studio by levy rate", studio("sole_proprietorship", "levy_rate", "xingtu_ad", "live_streaming", false), "collection_forbidden", "regime.streamer_books"},
		{"tips of a studio by books", studio("individual_business", "books", "live_tip", "", false), "", ""},
		{"another studio by deemed profit", studio("individual_business", "income_rate", "commerce_commission", "services", false), "", ""},
		{"a partnership with equity by deemed profit", studio("partnership", "cost_rate", "xingtu_ad", "", true), "collection_forbidden", "regime.equity_books"},
		{"a partnership with equity by books", studio("partnership", "books", "xingtu_ad", "", true), "", ""},
		{"an individual business with equity", studio("individual_business", "cost_rate", "xingtu_ad", "", true), "", ""},
		{"a prize of an employee", with(employeeFacts("2026-09-15", "100.00", tax.Payroll{Months: 9}), func(f *tax.Facts) { f.Item = tax.ItemIncidental }), "item_forbidden", "regime.employee"},
		{"an intern's pay as wages", with(internFacts("2026-09-15", "100.00"), func(f *tax.Facts) { f.Item = tax.ItemWages }), "item_forbidden", "regime.intern"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.Compute(tt.facts)
			if tt.reason != "item_forbidden" {
				if asked := e.CheckCollectionMethod(tt.facts.PaymentDate, tt.facts.Taxpayer, tt.facts.IncomeType); (asked == nil) != (tt.reason == "") {
					t.Errorf("the collection by itself: %v", asked)
				}
			}
			if tt.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var x *tax.Forbidden
			if !errors.As(err, &x) || x.Reason != tt.reason || x.Rule != tt.rule || len(x.Law) == 0 || x.Why.ZH == "" {
				t.Fatalf("want %s by %s, got %v", tt.reason, tt.rule, err)
			}
		})
	}
}

// Before its rule a deduction is a gap, not a zero.
func TestPayrollRulesBegin(t *testing.T) {
	e := national(t)
	for day, rule := range map[string]string{"2020-06-30": tax.DeductFirstWage, "2020-12-31": tax.DeductLowEarner} {
		f := employeeFacts(day, "50000.00", tax.Payroll{Months: 1, Rule: rule})
		f.Item = tax.ItemWages
		_, err := e.ComputeSingleRule("iit.wages", f)
		var g *tax.Gap
		if !errors.As(err, &g) || g.Rule != "iit.wages" {
			t.Errorf("%s on %s: %v", rule, day, err)
		}
	}
}

// The year's wages come to the formula at every month, however a month is paid.
func TestWagesTelescope(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.IntRange(1, 12).Draw(t, "first month")
		rule := rapid.SampledFrom([]string{tax.DeductNormal, tax.DeductFirstWage, tax.DeductLowEarner}).Draw(t, "rule")
		var rows []tax.Row
		var income, withheld, peak, off int64
		for m := start; m <= 12; m++ {
			off += rapid.Int64Range(0, 1_000_000).Draw(t, "deductions")
			months := map[string]int64{tax.DeductNormal: int64(m - start + 1), tax.DeductFirstWage: int64(m), tax.DeductLowEarner: 12}[rule]
			for n := rapid.IntRange(1, 3).Draw(t, "payments"); n > 0; n-- {
				amount := rapid.Int64Range(1, 9_000_000).Draw(t, "fen")
				p := tax.Payroll{Months: m - start + 1, Rule: rule, Special: money.Fen(off / 2), Additional: money.Fen(off - off/2)}
				f := employeeFacts(civil.NewMonth(2026, 1).Add(m-1).Day(15).String(), money.Fen(amount).String(), p)
				r, err := e.ComputeRows(f, rows)
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, r.Rows...)
				income += amount
				withheld += line(r.Taxes, tax.IIT).Due.Fen()
				taxable := big.NewRat(income-off, 100)
				taxable.Sub(taxable, new(big.Rat).SetInt64(5000*months))
				peak = max(peak, fen(annualTax(taxable)))
				if withheld != peak {
					t.Fatalf("month %d: withheld %d so far, the formula's highest value is %d", m, withheld, peak)
				}
			}
		}
	})
}

// An intern's month may be paid in parts and under several projects: the year comes to the formula all the same.
func TestInternsTelescope(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.IntRange(1, 12).Draw(t, "first month")
		var rows []tax.Row
		var income, withheld, peak int64
		for m := start; m <= 12; m++ {
			for n := rapid.IntRange(1, 3).Draw(t, "payments"); n > 0; n-- {
				amount := rapid.Int64Range(1, 9_000_000).Draw(t, "fen")
				f := internFacts(civil.NewMonth(2026, 1).Add(m-1).Day(15).String(), money.Fen(amount).String())
				f.VATDate = civil.MustDate("2026-01-15") // before persons' VAT is withheld, so that income tax stands alone
				f.Project = rapid.SampledFrom([]string{"", "film"}).Draw(t, "project")
				r, err := e.ComputeRows(f, rows)
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, r.Rows...)
				income += amount
				withheld += line(r.Taxes, tax.IIT).Due.Fen()
				taxable := new(big.Rat).Mul(big.NewRat(income, 100), big.NewRat(4, 5))
				peak = max(peak, fen(annualTax(taxable.Sub(taxable, new(big.Rat).SetInt64(int64(5000*(m-start+1)))))))
				if withheld != peak {
					t.Fatalf("month %d: withheld %d so far, the formula's highest value is %d", m, withheld, peak)
				}
			}
		}
	})
}

// More income never means less tax, and never less net: wages, interns, prizes, persons abroad.
func TestIncomeIsMonotone(t *testing.T) {
	e := national(t)
	kinds := []func(amount string) tax.Facts{
		func(a string) tax.Facts {
			return employeeFacts("2026-03-25", a, tax.Payroll{Months: 3, Special: money.Yuan(900)})
		},
		func(a string) tax.Facts { return internFacts("2026-03-25", a) },
		func(a string) tax.Facts {
			return with(personFacts("2026-11-16", a), func(f *tax.Facts) { f.Item = tax.ItemIncidental })
		},
		func(a string) tax.Facts { return overseasFacts("2026-11-16", a) },
	}
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SampledFrom(kinds).Draw(t, "kind")
		low := rapid.Int64Range(1, 300_000_000).Draw(t, "low")
		high := low + rapid.Int64Range(0, 1_000_000).Draw(t, "more")
		a, err := e.Compute(facts(money.Fen(low).String()))
		if err != nil {
			t.Fatal(err)
		}
		b, err := e.Compute(facts(money.Fen(high).String()))
		if err != nil {
			t.Fatal(err)
		}
		if a.TotalWithheld.Cmp(b.TotalWithheld) > 0 || a.Net.Cmp(b.Net) > 0 || a.TotalWithheld.Negative() || a.TotalWithheld.Cmp(a.Gross) > 0 {
			t.Fatalf("%d pays %s of %s, %d pays %s", low, a.TotalWithheld, a.Gross, high, b.TotalWithheld)
		}
	})
}

// businessTax is table 2 in exact fractions, written anew from the law.
func businessTax(taxable *big.Rat) *big.Rat {
	levels := []struct{ upTo, percent, quick int64 }{{30000, 5, 0}, {90000, 10, 1500}, {300000, 20, 10500}, {500000, 30, 40500}, {1 << 40, 35, 65500}}
	for _, l := range levels {
		if taxable.Cmp(new(big.Rat).SetInt64(l.upTo)) <= 0 {
			x := new(big.Rat).Mul(taxable, big.NewRat(l.percent, 100))
			return x.Sub(x, new(big.Rat).SetInt64(l.quick))
		}
	}
	return nil
}

// Business tax is the table less the half reduction by its formula, monotone to the fen, and never more than the
// income.
func TestBusinessTaxIsTheFormula(t *testing.T) {
	e := national(t)
	on := civil.MustDate("2026-12-31")
	rapid.Check(t, func(t *rapid.T) {
		taxable := rapid.Int64Range(1, 1_000_000_000).Draw(t, "taxable")
		relief := rapid.Int64Range(0, taxable/10).Draw(t, "relief")
		halves := rapid.Bool().Draw(t, "halves")
		got, err := e.BusinessTax(on, money.Fen(taxable), money.Fen(relief), halves)
		if err != nil {
			t.Fatal(err)
		}
		x := big.NewRat(taxable, 100)
		before, half := fen(businessTax(x)), int64(0)
		if halves {
			part := min(taxable, 200_000_000)
			y := businessTax(big.NewRat(part, 100))
			y.Sub(y, new(big.Rat).Mul(big.NewRat(relief, 100), big.NewRat(part, taxable)))
			if y.Sign() > 0 {
				half = fen(y.Mul(y, big.NewRat(1, 2)))
			}
		}
		payable := max(0, before-relief-half)
		if got.Before.Fen() != before || got.Half.Fen() != half || got.Payable.Fen() != payable || payable > taxable {
			t.Fatalf("taxable %d, relief %d: %+v, want %d, %d, %d", taxable, relief, got, before, half, payable)
		}
		more, err := e.BusinessTax(on, money.Fen(taxable+rapid.Int64Range(0, 1000).Draw(t, "more")), money.Amount{}, halves)
		if err != nil {
			t.Fatal(err)
		}
		// Tax and reduction are reported apart and each is rounded, so that half of them may fall by one fen.
		if less, err := e.BusinessTax(on, money.Fen(taxable), money.Amount{}, halves); err != nil || less.Payable.Cmp(more.Payable.Add(money.Fen(1))) > 0 {
			t.Fatalf("%s is less than %s: %v", more.Payable, less.Payable, err)
		}
	})
}

func TestBusinessGaps(t *testing.T) {
	e := national(t)
	one := []tax.BusinessIncome{{Revenue: money.Yuan(100000)}}
	two := []tax.BusinessIncome{{Revenue: money.Yuan(100000)}, {Costs: money.Yuan(1)}}
	tests := []struct {
		name, day string
		facts     tax.BusinessFacts
		rule      string // "" = an answer
	}{
		{"half reduction in its last year", "2027-12-31", tax.BusinessFacts{Entity: "individual_business", Businesses: one}, ""},
		{"half reduction after it", "2028-12-31", tax.BusinessFacts{Entity: "individual_business", Businesses: one}, "iit.business.half"},
		{"half reduction before it", "2022-12-31", tax.BusinessFacts{Entity: "individual_business", Businesses: one}, "iit.business.half"},
		{"a sole proprietorship needs none", "2028-12-31", tax.BusinessFacts{Entity: "sole_proprietorship", Businesses: one}, ""},
		{"a loss among several", "2026-12-31", tax.BusinessFacts{Entity: "partnership", Businesses: two}, "iit.business.losses"},
		{"a loss alone", "2026-12-31", tax.BusinessFacts{Entity: "partnership", Businesses: two[1:]}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := e.SettleBusinessIncome(civil.MustDate(tt.day), tt.facts)
			var g *tax.Gap
			switch {
			case tt.rule == "" && err != nil:
				t.Fatal(err)
			case tt.rule != "" && (!errors.As(err, &g) || g.Rule != tt.rule):
				t.Fatalf("want the gap %s, got %s, %v", tt.rule, r.Payable, err)
			}
		})
	}
	if _, err := e.SettleDeemedProfit(civil.MustDate("2028-01-01"), tax.DeemedProfitFacts{Entity: "individual_business", Basis: tax.BasisRevenue, Amount: money.Yuan(1), Rate: money.MustRate("0.1")}); err == nil {
		t.Error("deemed profit of an individual business in 2028 is answered")
	}
}

func TestYearlyFactsAreChecked(t *testing.T) {
	e := national(t)
	on := civil.MustDate("2026-12-31")
	calls := map[string]func() error{
		"negative wages": func() error { _, err := e.SettleAnnualIncome(on, tax.AnnualFacts{Wages: money.Fen(-1)}); return err },
		"sources":        func() error { _, err := e.SettleAnnualIncome(on, tax.AnnualFacts{Sources: -1}); return err },
		"no business": func() error {
			_, err := e.SettleBusinessIncome(on, tax.BusinessFacts{Entity: "individual_business"})
			return err
		},
		"a company": func() error {
			_, err := e.SettleBusinessIncome(on, tax.BusinessFacts{Entity: "company", Businesses: []tax.BusinessIncome{{}}})
			return err
		},
		"share above one": func() error {
			_, err := e.SettleBusinessIncome(on, tax.BusinessFacts{Entity: "partnership", Businesses: []tax.BusinessIncome{{Share: money.MustRate("1.5")}}})
			return err
		},
		"deemed rate of one": func() error {
			_, err := e.SettleDeemedProfit(on, tax.DeemedProfitFacts{Entity: "partnership", Basis: tax.BasisCost, Rate: money.Ratio(1, 1)})
			return err
		},
		"basis": func() error {
			_, err := e.SettleDeemedProfit(on, tax.DeemedProfitFacts{Entity: "partnership", Basis: "profit", Rate: money.MustRate("0.1")})
			return err
		},
	}
	for name, call := range calls {
		if err := call(); fault.AsError(err).Code != fault.InvalidInput {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The settlement is the formula, and its balance is the tax less what was prepaid.
func TestAnnualIsTheFormula(t *testing.T) {
	e := national(t)
	on := civil.MustDate("2026-12-31")
	rapid.Check(t, func(t *rapid.T) {
		amount := func(name string) int64 { return rapid.Int64Range(0, 100_000_000).Draw(t, name) }
		w, l, a, r, s, p := amount("wages"), amount("labor"), amount("author"), amount("royalty"), amount("special"), amount("prepaid")
		got, err := e.SettleAnnualIncome(on, tax.AnnualFacts{Wages: money.Fen(w), Labor: money.Fen(l), Author: money.Fen(a), Royalty: money.Fen(r), Special: money.Fen(s), Prepaid: money.Fen(p)})
		if err != nil {
			t.Fatal(err)
		}
		x := big.NewRat(w, 100)
		x.Add(x, new(big.Rat).Mul(big.NewRat(l+r, 100), big.NewRat(4, 5)))
		x.Add(x, new(big.Rat).Mul(big.NewRat(a, 100), big.NewRat(14, 25)))
		if want := fen(x); got.IncomeAmount.Fen() != want {
			t.Fatalf("income amount %s, want %d", got.IncomeAmount, want)
		}
		x.Sub(x, big.NewRat(s, 100)).Sub(x, new(big.Rat).SetInt64(60000))
		if want := fen(annualTax(x)); got.Tax.Fen() != want || got.Balance.Fen() != want-p || got.Tax.Fen() > w+l+a+r {
			t.Fatalf("tax %s, balance %s, want %d less %d", got.Tax, got.Balance, want, p)
		}
	})
}

// Whether a debt is waived is not known without a position, and named.
func TestWaiverIsNamed(t *testing.T) {
	e := national(t)
	r, err := e.SettleAnnualIncome(civil.MustDate("2025-12-31"), tax.AnnualFacts{Wages: money.Yuan(100000), Sources: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Waived != nil || len(r.Unknown) != 1 || r.Unknown[0].Rule != "iit.annual.waiver" || r.Unknown[0].Missing.ZH == "" {
		t.Errorf("waived %v, unknown %+v", r.Waived, r.Unknown)
	}
	wrong := []tax.Position{{ID: "x", Rule: "iit.annual.waiver", Reading: "never"}}
	if _, err := e.SettleAnnualIncome(civil.MustDate("2025-12-31"), tax.AnnualFacts{Wages: money.Yuan(100000), Positions: wrong}); err == nil {
		t.Error("a reading nobody declared is taken")
	}
}

func TestForecast(t *testing.T) {
	e := national(t)
	paid := book(t, e, personFacts("2026-09-15", "50000.00"))[0].Rows // 40000 x 30% - 2000 = 10000
	none := tax.YearIncome{}
	special, additional := money.Yuan(24000), money.Yuan(12000)
	job := tax.YearIncome{Wages: money.Yuan(120000), Withheld: money.Yuan(720)}
	resident := tax.Taxpayer{Kind: "natural_person", Resident: true}
	tests := []struct {
		name    string
		facts   tax.ForecastFacts
		balance string
		to      string // expected withholding
		unknown []string
	}{
		{"the year so far, with a job elsewhere: 64000 x 10% - 2520 - 10720",
			tax.ForecastFacts{Taxpayer: resident, Rows: paid, Elsewhere: &job, Special: &special, Additional: &additional}, "-6840.00", "0.00", nil},
		{"nothing else known: 40000 is below 60000",
			tax.ForecastFacts{Taxpayer: resident, Rows: paid}, "-10000.00", "0.00", []string{"iit.annual.other_payers", "iit.annual.special_deductions", "iit.annual.additional_deductions"}},
		{"payments to come in this month and the next: 80000 x 40% - 7000 - 10000 = 15000 and 1600; 88000 - 60000 = 28000 x 3% = 840 less 26600",
			tax.ForecastFacts{Taxpayer: resident, Rows: paid, Elsewhere: &none, Special: &none.Wages, Additional: &none.Wages,
				Expected: []tax.Facts{personFacts("2026-09-20", "50000.00"), personFacts("2026-10-15", "10000.00")}}, "-25760.00", "16600.00", nil},
		{"totals instead of rows", tax.ForecastFacts{Taxpayer: resident, SoFar: tax.YearIncome{Labor: money.Yuan(50000), Withheld: money.Yuan(10000)},
			Elsewhere: &none, Special: &none.Wages, Additional: &none.Wages}, "-10000.00", "0.00", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, err := e.ForecastAnnualSettlement(civil.MustDate("2026-11-22"), tt.facts)
			if err != nil {
				t.Fatal(err)
			}
			if x.Balance.String() != tt.balance || x.ExpectedWithheld.String() != tt.to {
				t.Errorf("balance %s, to be withheld %s (%+v)", x.Balance, x.ExpectedWithheld, x.Income)
			}
			var ids []string
			for _, u := range x.Unknown {
				ids = append(ids, u.Rule)
			}
			if !slices.Equal(ids, tt.unknown) {
				t.Errorf("unknown %v, want %v", ids, tt.unknown)
			}
		})
	}
	var x *tax.Forbidden
	if _, err := e.ForecastAnnualSettlement(civil.MustDate("2026-11-22"), tax.ForecastFacts{}); !errors.As(err, &x) || len(x.Law) == 0 {
		t.Errorf("a non-resident's forecast: %v", err)
	}
	late := tax.ForecastFacts{Taxpayer: resident, Expected: []tax.Facts{personFacts("2027-01-15", "1.00")}}
	if _, err := e.ForecastAnnualSettlement(civil.MustDate("2026-11-22"), late); fault.AsError(err).Code != fault.InvalidInput {
		t.Errorf("a payment of another year: %v", err)
	}
}

// Wages of a month in the middle of the year are taken back: the next month withholds what the formula gives on what
// stands, less what is withheld already, and never less than nothing.
func TestAReversedWageIsMadeUpForByTheNext(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		last := rapid.IntRange(2, 11).Draw(t, "months before")
		back := rapid.IntRange(1, last).Draw(t, "taken back")
		var rows []tax.Row
		var income, withheld int64
		pay := func(month int) tax.Result {
			fen := rapid.Int64Range(1, 9_000_000).Draw(t, "wage")
			r, err := e.ComputeRows(employeeFacts(civil.NewMonth(2026, 1).Add(month-1).Day(20).String(), money.Fen(fen).String(), tax.Payroll{Months: month}), rows)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, r.Rows...)
			if month != back {
				income += fen
				withheld += line(r.Taxes, tax.IIT).Due.Fen()
			}
			return r
		}
		var gone []tax.Row
		for month := 1; month <= last; month++ {
			if r := pay(month); month == back {
				gone = r.Rows
			}
		}
		for _, x := range gone {
			x.Income, x.Withheld = x.Income.Neg(), x.Withheld.Neg()
			rows = append(rows, x)
		}
		before := withheld
		due := line(pay(last+1).Taxes, tax.IIT).Due.Fen()
		taxable := big.NewRat(income, 100)
		taxable.Sub(taxable, new(big.Rat).SetInt64(int64(5000*(last+1))))
		if want := max(0, fen(annualTax(taxable))-before); due != want {
			t.Fatalf("%d due, want %d", due, want)
		}
	})
}
