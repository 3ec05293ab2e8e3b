package tax_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"

	"pgregory.net/rapid"
)

const companyDay = "2026-06-30"

func drawAmount(t *rapid.T, name string) money.Amount {
	return money.Fen(rapid.Int64Range(0, 1_000_000_000_000_000).Draw(t, name))
}

// Output VAT is the exact sum rounded once, and payable less what is carried forward is output less input.
func TestGeneralVATAddsUp(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		p := tax.GeneralPeriod{CarryForward: drawAmount(t, "carried"), Creditable: []money.Amount{drawAmount(t, "input")}, Blocked: []money.Amount{drawAmount(t, "blocked")}}
		want := new(big.Rat)
		for n := rapid.IntRange(0, 5).Draw(t, "outputs"); n > 0; n-- {
			percent := rapid.SampledFrom([]int64{0, 6, 9, 13}).Draw(t, "percent")
			o := tax.OutputSales{Amount: drawAmount(t, "amount"), Inclusive: rapid.Bool().Draw(t, "inclusive"), Rate: money.Ratio(percent, 100)}
			den := int64(100)
			if o.Inclusive {
				den += percent
			}
			want.Add(want, new(big.Rat).Mul(big.NewRat(o.Amount.Fen(), 1), big.NewRat(percent, den)))
			p.Outputs = append(p.Outputs, o)
		}
		g, err := e.ComputeGeneralVAT(civil.MustDate(companyDay), p)
		if err != nil {
			t.Fatal(err)
		}
		if yuan := new(big.Rat).Mul(want, big.NewRat(1, 100)); g.Output.Fen() != fen(yuan) {
			t.Fatalf("output %s, the exact sum is %s fen", g.Output, want.FloatString(4))
		}
		if g.Payable.Sub(g.CarryForward) != g.Output.Sub(g.Input) || g.Payable.Negative() || g.CarryForward.Negative() || (g.Payable.Positive() && g.CarryForward.Positive()) {
			t.Fatalf("%+v", g)
		}
	})
}

// What the law does not know is refused, and named where it is a rule that is missing.
func TestCompanyRefusals(t *testing.T) {
	e := national(t)
	day := civil.MustDate(companyDay)
	most := money.Fen(1_000_000_000_000_000)
	general := func(on string, o tax.OutputSales) func() error {
		return func() error {
			_, err := e.ComputeGeneralVAT(civil.MustDate(on), tax.GeneralPeriod{Outputs: []tax.OutputSales{o}})
			return err
		}
	}
	stamp := func(on string, d tax.StampDocument) func() error {
		return func() error { _, err := e.ComputeStampTax(civil.MustDate(on), d); return err }
	}
	fee := func(on string, f tax.FeeReturn) func() error {
		f.Service, f.Revenue = "advertising", money.Yuan(1000)
		return func() error { _, err := e.ComputeCulturalFee(civil.MustDate(on), f); return err }
	}
	cit := func(on string, f tax.CompanyYear) func() error {
		return func() error { _, err := e.ComputeCIT(civil.MustDate(on), f); return err }
	}
	high, negative := money.MustRate("0.51"), money.MustRate("-0.01")
	half := money.MustRate("0.50")
	tests := []struct {
		name string
		ask  func() error
		want string // rule of the gap, or part of the refusal
		gap  bool
	}{
		{"a levy rate is no rate of general taxpayers", general(companyDay, tax.OutputSales{Rate: money.MustRate("0.03")}), "output.rate", false},
		{"an amount below zero", general(companyDay, tax.OutputSales{Amount: money.Fen(-1), Rate: money.MustRate("0.06")}), "output", false},
		{"an amount out of range", general(companyDay, tax.OutputSales{Amount: most.Add(money.Fen(1)), Rate: money.MustRate("0.06")}), "output", false},
		{"general VAT before the rules", general("2019-03-31", tax.OutputSales{Rate: money.MustRate("0.06")}), "vat.general", true},
		{"stamp tax before its law", stamp("2022-06-30", tax.StampDocument{Items: []string{"loan"}}), "stamp.tax", true},
		{"an unknown item", stamp(companyDay, tax.StampDocument{Items: []string{"poem"}}), "poem", false},
		{"no item", stamp(companyDay, tax.StampDocument{}), "item", false},
		{"more VAT than the amount", stamp(companyDay, tax.StampDocument{Items: []string{"loan"}, VAT: &most}), "vat_stated_separately", false},
		{"the half reduction after its end", stamp("2028-01-01", tax.StampDocument{Items: []string{"loan"}, Half: true}), "relief.six_taxes_two_fees", true},
		{"an MCN without a position", fee(companyDay, tax.FeeReturn{Agency: true}), "fee.cultural.mcn_scope", true},
		{"a province whose reduction is open", fee(companyDay, tax.FeeReturn{Local: true}), "fee.cultural.local_reduction", true},
		{"the centre's reduction after its end", fee("2028-01-01", tax.FeeReturn{}), "fee.cultural.central_reduction", true},
		{"a stated reduction after the end", fee("2028-01-01", tax.FeeReturn{Reduction: &half}), "fee.cultural.local_ceiling", true},
		{"more reduction than the law allows", fee(companyDay, tax.FeeReturn{Reduction: &high}), "reduction_rate", false},
		{"a reduction below zero", fee(companyDay, tax.FeeReturn{Reduction: &negative}), "reduction_rate", false},
		{"enterprise income tax after the relief", cit("2028-12-31", tax.CompanyYear{}), "cit.small", true},
		{"staff below zero", cit(companyDay, tax.CompanyYear{Employees: money.MustRate("-1")}), "employees_avg", false},
		{"an unknown expense", func() error { _, err := e.DeductExpense(day, tax.Expense{Item: "hobby"}); return err }, "hobby", false},
		{"an expense by a word for no rule", func() error { _, err := e.DeductExpense(day, tax.Expense{Item: "whole"}); return err }, "whole", false},
		{"donations before they were carried", func() error {
			_, err := e.DeductExpense(civil.MustDate("2016-12-31"), tax.Expense{Item: "donation"})
			return err
		}, "cit.deduction.donation", true},
		{"a late fee without a due day", func() error { _, err := e.LateFee(money.Yuan(1), civil.Date{}, day); return err }, "due_date", false},
		{"a late fee on a debt below zero", func() error { _, err := e.LateFee(money.Fen(-1), day, day); return err }, "tax", false},
		{"a return that is none", func() error { _, err := e.DueDate("hobby", day, nil); return err }, "collection.due.hobby", true},
		{"another kind of rule", func() error { _, err := e.TurnoverRule("stamp.tax", day); return err }, "stamp.tax", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.ask()
			var gap *tax.Gap
			if errors.As(err, &gap) != tt.gap || err == nil {
				t.Fatalf("got %v", err)
			}
			if tt.gap && !strings.HasPrefix(gap.Rule, tt.want) {
				t.Errorf("gap of %s, want %s", gap.Rule, tt.want)
			}
			if b, _ := json.Marshal(fault.AsError(err).Fields); !tt.gap && (fault.AsError(err).Code != fault.InvalidInput || !strings.Contains(string(b), tt.want)) {
				t.Errorf("refused with %s, want %s", b, tt.want)
			}
		})
	}
}

// Up to the cliff small low-profit income bears a fifth of the ordinary tax; above it no less than the ordinary tax.
func TestCompanyTaxIsBounded(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		income := money.Fen(rapid.Int64Range(-1_000_000, 600_000_000).Draw(t, "income"))
		x, err := e.ComputeCIT(civil.MustDate("2026-12-31"), tax.CompanyYear{Taxable: income, Employees: money.Ratio(rapid.Int64Range(0, 400).Draw(t, "staff"), 1), Assets: drawAmount(t, "assets"), Restricted: rapid.Bool().Draw(t, "restricted")})
		if err != nil {
			t.Fatal(err)
		}
		parts := int64(4)
		if x.SmallLowProfit {
			parts = 20
		}
		if want := money.Max(income, money.Amount{}).MulDiv(1, parts, money.HalfUp); x.Tax != want {
			t.Fatalf("tax %s on %s (small: %t), want %s", x.Tax, income, x.SmallLowProfit, want)
		}
	})
}

// Nothing of an expense is lost: deducted, carried and refused make the whole, and a higher base never deducts less.
func TestDeductionsAddUp(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		x := tax.Expense{Item: rapid.SampledFrom([]string{"welfare", "union", "training", "entertainment", "advertising", "donation", "commission", "fine", "surcharges"}).Draw(t, "item"),
			Amount: drawAmount(t, "amount"), Base: money.Fen(rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, "base"))}
		low, err := e.DeductExpense(civil.MustDate("2026-12-31"), x)
		if err != nil {
			t.Fatal(err)
		}
		if money.Sum(low.Deductible, low.CarryForward, low.NonDeductible) != x.Amount || low.Deductible.Negative() {
			t.Fatalf("%+v of %s", low, x.Amount)
		}
		x.Base = x.Base.Add(drawAmount(t, "more").MulDiv(1, 2, money.HalfUp))
		if high, err := e.DeductExpense(civil.MustDate("2026-12-31"), x); err != nil || high.Deductible.Cmp(low.Deductible) < 0 {
			t.Fatalf("a higher base deducts %s instead of %s, %v", high.Deductible, low.Deductible, err)
		}
	})
}

func TestLateFeeGrowsByTheDay(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		due := civil.MustDate("2019-01-01").AddDays(rapid.IntRange(0, 3000).Draw(t, "due"))
		days := rapid.IntRange(-50, 3000).Draw(t, "days")
		debt := drawAmount(t, "debt")
		x, err := e.LateFee(debt, due, due.AddDays(days))
		if err != nil {
			t.Fatal(err)
		}
		late := max(0, days)
		if want := debt.MulDiv(int64(late), 2000, money.HalfUp); x.Days != late || x.Fee != want {
			t.Fatalf("%d days cost %s, want %d and %s", x.Days, x.Fee, late, want)
		}
	})
}

// Stamp tax never depends on the order of the items, and the half reduction takes exactly the half it shows.
func TestStampReduction(t *testing.T) {
	e := national(t)
	rapid.Check(t, func(t *rapid.T) {
		items := []string{rapid.SampledFrom([]string{"loan", "lease", "sale", "service"}).Draw(t, "one"), rapid.SampledFrom([]string{"transport", "custody", "advertising"}).Draw(t, "other")}
		d := tax.StampDocument{Items: items, Stated: drawAmount(t, "amount"), Half: true}
		a, err := e.ComputeStampTax(civil.MustDate(companyDay), d)
		if err != nil {
			t.Fatal(err)
		}
		d.Items = []string{items[1], items[0]}
		b, err := e.ComputeStampTax(civil.MustDate(companyDay), d)
		if err != nil || a.Tax != b.Tax {
			t.Fatalf("%s and %s, %v", a.Tax, b.Tax, err)
		}
		if a.Full.Sub(a.Relief) != a.Tax || a.Relief != a.Full.MulDiv(1, 2, money.HalfUp) {
			t.Fatalf("%+v", a)
		}
	})
}

// A year without a holiday notice is named, never guessed.
func TestDueDateNeedsTheCalendar(t *testing.T) {
	working, err := calendar.New(calendar.Year{Year: 2026})
	if err != nil {
		t.Fatal(err)
	}
	e := national(t)
	if x, err := e.DueDate(tax.ReturnVAT, civil.MustDate("2026-05-31"), working); err != nil || x.Last.String() != "2026-06-15" {
		t.Errorf("%s, %v", x.Last, err)
	}
	if _, err := e.DueDate(tax.ReturnVAT, civil.MustDate("2026-12-31"), working); fault.AsError(err).Missing != "calendar.2027" {
		t.Errorf("a year without a notice: %v", err)
	}
}

// The payer's own taxes are a list of their own: what an advertising payment leaves open is a line without a figure,
// it lowers nothing, and a tax position closes it.
func TestPayerTaxes(t *testing.T) {
	e := national(t)
	f := businessFacts("company", "general", "2026-11-16", "50000.00")
	r, err := e.Compute(f)
	if err != nil || len(r.PayerTaxes) != 0 || r.PayerTaxes == nil || !explained(r, "stamp.payment.none") {
		t.Errorf("payer taxes %v, %v", r.PayerTaxes, err)
	}
	f.IncomeType = "xingtu_ad"
	if r, err = e.Compute(f); err != nil || len(r.PayerTaxes) != 1 || r.Net != r.Gross {
		t.Fatalf("payer taxes %v, %v", r.PayerTaxes, err)
	}
	l := r.PayerTaxes[0]
	if l.Tax != tax.TaxCulturalFee || l.BorneBy != tax.BorneByPayer || len(l.Missing) != 2 || !strings.Contains(l.Missing[0].EN, "fee.cultural.mcn_scope") || len(l.Law) == 0 {
		t.Errorf("line %+v", l)
	}
	f.Positions = []tax.Position{{ID: "p1", Rule: "fee.cultural.mcn_scope", Reading: "advertising_media_unit"}}
	if r, err = e.Compute(f); err != nil || len(r.PayerTaxes) != 1 || len(r.PayerTaxes[0].Missing) != 1 || len(r.Positions) != 1 {
		t.Errorf("by position: %+v, %v", r.PayerTaxes, err)
	}
	royalty := personFacts("2026-09-15", "5000.00")
	royalty.Item = tax.ItemRoyalty
	if x, err := e.Compute(royalty); err != nil || len(x.PayerTaxes) != 1 || x.PayerTaxes[0].Tax != tax.TaxStamp || len(x.PayerTaxes[0].Missing) != 1 {
		t.Errorf("the price of a copyright: %+v, %v", x.PayerTaxes, err)
	}
	f.Positions[0].Reading = "not_a_payer"
	if r, err = e.Compute(f); err != nil || len(r.PayerTaxes) != 0 || !explained(r, "fee.cultural.payer") {
		t.Errorf("by the other position: %+v, %v", r.PayerTaxes, err)
	}
}

func explained(r tax.Result, rule string) bool {
	for i := range r.Steps {
		if r.Steps[i].Rule() == rule {
			return true
		}
	}
	return false
}

// A general taxpayer's output VAT is estimated over the month, and the line says what it leaves out.
func TestOutputEstimate(t *testing.T) {
	rs := book(t, national(t), businessFacts("company", "general", "2026-11-02", "53000.00"), businessFacts("company", "general", "2026-11-16", "10600.00"))
	l := line(rs[1].PayeeObligations, tax.VAT)
	if l.Base.String() != "60000.00" || l.Total.String() != "3600.00" || l.Before.String() != "3000.00" || l.Due.String() != "600.00" {
		t.Errorf("line %+v", l)
	}
	b, err := json.Marshal(l)
	if err != nil || !strings.Contains(string(b), "before input credit") {
		t.Errorf("%s, %v", b, err)
	}
	var back tax.Line
	if err := json.Unmarshal(b, &back); err != nil || back.Note == nil || *back.Note != *l.Note {
		t.Errorf("read back as %+v, %v", back, err)
	}
}
