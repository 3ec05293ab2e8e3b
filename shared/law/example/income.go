package example

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// payrollMonth is one month of an example of cumulative withholding; all amounts are of that month.
type payrollMonth struct {
	Month      int          `json:"month"`
	Income     money.Amount `json:"income"`
	Exempt     money.Amount `json:"exempt"`
	Special    money.Amount `json:"special"`
	Additional money.Amount `json:"additional"`
	Other      money.Amount `json:"other"`
}

var errMonth = errors.New("months must be 1 to 12")

// lastDayOfMonth returns the last day of a month of the example's year.
func lastDayOfMonth(on civil.Date, month int) (civil.Date, error) {
	if month < 1 || month > 12 {
		return civil.Date{}, errMonth
	}
	return civil.NewMonth(on.Year(), time.Month(month)).Last(), nil
}

// computeWageExample withholds tax on the wages of each month, on top of the months before.
func computeWageExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		First  int            `json:"first_employment_month"`
		Rule   string         `json:"basic_deduction_rule"`
		Months []payrollMonth `json:"months"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	p := tax.Payroll{Complete: true, Rule: in.Rule}
	return withholdMonthsOfYear(in.Months, on,
		func(m payrollMonth, day civil.Date, year tax.YearToDate) (tax.Result, error) {
			// payroll figures are totals of the year up to the month
			p.Months = m.Month - in.First + 1
			p.Exempt = p.Exempt.Add(m.Exempt)
			p.Special = p.Special.Add(m.Special)
			p.Additional = p.Additional.Add(m.Additional)
			p.Other = p.Other.Add(m.Other)
			// a copy, because the totals grow while the engine holds a pointer to its own month
			payroll := p
			return e.ComputeSingleRule("iit.wages",
				tax.Facts{PaymentDate: day, VATDate: day, Route: "payroll",
					Item: tax.ItemWages, Amount: m.Income, Payroll: &payroll,
					Taxpayer: tax.Taxpayer{Kind: "employee", Resident: true}, ToDate: tax.ToDate{Year: year}})
		})
}

// computeInternExample withholds tax on the pay of each month of an internship that began during
// the year.
func computeInternExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		First  int            `json:"first_internship_month"`
		Rule   string         `json:"basic_deduction_rule"`
		Months []payrollMonth `json:"months"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	// the rule of a late first wage is for employees only
	if in.Rule != tax.DeductNormal && in.Rule != tax.DeductLowEarner {
		return exampleAnswer{}, fmt.Errorf("basic_deduction_rule %q is not known", in.Rule)
	}
	var deductions money.Amount
	return withholdMonthsOfYear(in.Months, on,
		func(m payrollMonth, day civil.Date, year tax.YearToDate) (tax.Result, error) {
			deductions = deductions.Add(m.Exempt).Add(m.Other)
			return e.ComputeSingleRule("iit.intern",
				tax.Facts{PaymentDate: day, VATDate: day, Item: tax.ItemLabor,
					Amount: m.Income, VATIncluded: true, Deductions: deductions,
					LowEarner: in.Rule == tax.DeductLowEarner,
					Payroll:   &tax.Payroll{Months: m.Month - in.First + 1},
					Taxpayer:  tax.Taxpayer{Kind: "student_intern", Resident: true},
					ToDate:    tax.ToDate{Year: year}})
		})
}

// withholdMonthsOfYear runs the months of one year, one after the other.
func withholdMonthsOfYear(months []payrollMonth, on civil.Date,
	run func(payrollMonth, civil.Date, tax.YearToDate) (tax.Result, error)) (exampleAnswer, error) {
	at := func(m payrollMonth) (civil.Date, money.Amount, error) {
		day, err := lastDayOfMonth(on, m.Month)
		return day, m.Income, err
	}
	return withholdMonthByMonth(months, at, run)
}

// withholdMonthByMonth runs months one after the other, each on top of the months before it in its
// year.
func withholdMonthByMonth[M any](months []M, at func(M) (civil.Date, money.Amount, error),
	run func(M, civil.Date, tax.YearToDate) (tax.Result, error)) (exampleAnswer, error) {
	var a exampleAnswer
	var year tax.YearToDate
	var last civil.Date
	withheld := make([]money.Amount, 0, len(months))
	for _, m := range months {
		day, income, err := at(m)
		if err != nil {
			return exampleAnswer{}, err
		}
		// cumulative withholding starts anew each year
		if day.Year() != last.Year() {
			year = tax.YearToDate{}
		}
		last = day
		res, err := run(m, day, year)
		if err != nil {
			return exampleAnswer{}, err
		}
		due := res.Taxes[0].Due
		year.Months++
		year.Income, year.Withheld = year.Income.Add(income), year.Withheld.Add(due)
		withheld = append(withheld, due)
		a.steps = append(a.steps, res.Steps...)
	}
	a.setValue("withheld", withheld)
	return a, nil
}

// computeIncidentalExample withholds tax on a prize or another windfall.
func computeIncidentalExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Income money.Amount `json:"income"`
		InKind money.Amount `json:"in_kind"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	return computeSingleRule(e, "iit.incidental",
		tax.Facts{PaymentDate: on, VATDate: on, Item: tax.ItemIncidental, Amount: in.Income,
			InKind: in.InKind, VATIncluded: true}, "withheld")
}

// computeOverseasVATExample withholds the VAT of a payment to a person abroad.
func computeOverseasVATExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Price    money.Amount `json:"price"`
		Included bool         `json:"vat_included"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	res, err := e.ComputeSingleRule("vat.overseas.withholding",
		tax.Facts{PaymentDate: on, VATDate: on, Item: tax.ItemLabor, Amount: in.Price,
			VATIncluded: in.Included})
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: res.Steps}
	a.setValue("sales", res.Taxes[0].Base)
	a.setValue("vat", res.Taxes[0].Due)
	return a, nil
}

// computeAnnualExample computes the annual settlement of comprehensive income.
func computeAnnualExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Wages      money.Amount `json:"wages"`
		Labor      money.Amount `json:"labor"`
		Author     money.Amount `json:"author"`
		Royalty    money.Amount `json:"royalty"`
		Exempt     money.Amount `json:"exempt"`
		Special    money.Amount `json:"special"`
		Additional money.Amount `json:"additional"`
		Other      money.Amount `json:"other"`
		Donations  money.Amount `json:"donations"`
		Relief     money.Amount `json:"relief"`
		Prepaid    money.Amount `json:"prepaid"`
		Sources    int          `json:"sources"`
		Waiver     string       `json:"waiver_reading"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	f := tax.AnnualFacts{Wages: in.Wages, Labor: in.Labor, Author: in.Author, Royalty: in.Royalty,
		Exempt: in.Exempt, Special: in.Special,
		Additional: in.Additional, Other: in.Other, Donations: in.Donations, Relief: in.Relief,
		Prepaid: in.Prepaid, Sources: in.Sources}
	// the text of the waiver was not read, so only a tax position can apply it
	if in.Waiver != "" {
		f.Positions = []tax.Position{{ID: "example", Rule: "iit.annual.waiver", Reading: in.Waiver}}
	}
	res, err := e.SettleAnnualIncome(on, f)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: res.Steps}
	a.setValue("income_amount", res.IncomeAmount)
	a.setValue("donations", res.Donations)
	a.setValue("taxable", res.Taxable)
	a.setValue("tax", res.Tax)
	a.setValue("balance", res.Balance)
	a.setValue("must_file", res.MustFile)
	a.setValue("waived", res.Waived)
	return a, nil
}

// businessEntity returns the entity of a business example; a partner files as part of a
// partnership.
func businessEntity(entity string) string {
	if entity == "partner" {
		return "partnership"
	}
	return entity
}

// computeBusinessExample settles a year of business income by account books.
func computeBusinessExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Entity     string `json:"entity"`
		Businesses []struct {
			Revenue money.Amount `json:"revenue"`
			Costs   money.Amount `json:"costs"`
			Share   money.Rate   `json:"share"`
		} `json:"businesses"`
		Basic      money.Amount `json:"basic_deduction"`
		Special    money.Amount `json:"special"`
		Additional money.Amount `json:"additional"`
		Other      money.Amount `json:"other"`
		Relief     money.Amount `json:"other_relief"`
		Losses     string       `json:"losses_reading"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	// without a basic deduction of its own, comprehensive income takes the personal deductions
	f := tax.BusinessFacts{Entity: businessEntity(in.Entity), Comprehensive: in.Basic.IsZero(),
		Special: in.Special, Additional: in.Additional, Other: in.Other, OtherRelief: in.Relief}
	for _, b := range in.Businesses {
		f.Businesses = append(f.Businesses,
			tax.BusinessIncome{Revenue: b.Revenue, Costs: b.Costs, Share: b.Share})
	}
	if in.Losses != "" {
		f.Positions = []tax.Position{{ID: "example", Rule: "iit.business.losses", Reading: in.Losses}}
	}
	res, err := e.SettleBusinessIncome(on, f)
	if err != nil {
		return exampleAnswer{}, err
	}
	// the example states the deduction it expects; another one would be another calculation
	if res.Basic != in.Basic {
		return exampleAnswer{},
			fmt.Errorf("basic_deduction is %s by the rules, not %s", res.Basic, in.Basic)
	}
	return businessAnswer(res), nil
}

// computeDeemedProfitExample taxes business income by a deemed profit rate.
func computeDeemedProfitExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Entity string       `json:"entity"`
		Method string       `json:"method"`
		Amount money.Amount `json:"amount"`
		Rate   money.Rate   `json:"taxable_income_rate"`
		Relief money.Amount `json:"other_relief"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	// the collection method says what the deemed rate applies to
	bases := map[string]string{"income_rate": tax.BasisRevenue, "cost_rate": tax.BasisCost}
	res, err := e.SettleDeemedProfit(on,
		tax.DeemedProfitFacts{Entity: businessEntity(in.Entity), Basis: bases[in.Method],
			Amount: in.Amount,
			Rate:   in.Rate, OtherRelief: in.Relief})
	if err != nil {
		return exampleAnswer{}, err
	}
	return businessAnswer(res), nil
}

// businessAnswer returns the figures of business income under the names that examples use.
func businessAnswer(res tax.BusinessResult) exampleAnswer {
	a := exampleAnswer{steps: res.Steps}
	a.setValue("taxable", res.Taxable)
	a.setValue("tax_before", res.TaxBefore)
	a.setValue("half_reduction", res.Half)
	a.setValue("payable", res.Payable)
	return a
}

// computeDividendExample computes the tax on what a company distributes to a person: one rate on
// the whole of it.
func computeDividendExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Income money.Amount `json:"income"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	const rule = "iit.dividend.rate"
	if rate, ok := rateOn(e, rule, on); ok {
		a := exampleAnswer{rules: []string{rule}}
		a.setValue("tax", in.Income.Times(rate, money.HalfUp))
		return a, nil
	}
	return exampleAnswer{}, errors.New(rule + " has no rate on " + on.String())
}
