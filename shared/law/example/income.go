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

// payrollMonth is one month of an example of cumulative withholding; all amounts are those of the
// month.
type payrollMonth struct {
	Month      int          `json:"month"`
	Income     money.Amount `json:"income"`
	Exempt     money.Amount `json:"exempt"`
	Special    money.Amount `json:"special"`
	Additional money.Amount `json:"additional"`
	Other      money.Amount `json:"other"`
}

var errMonth = errors.New("months must be 1 to 12")

// lastOf is the last day of a month of the example's year.
func lastOf(on civil.Date, month int) (civil.Date, error) {
	if month < 1 || month > 12 {
		return civil.Date{}, errMonth
	}
	return civil.In(on.Year(), time.Month(month)).Last(), nil
}

// wageExample withholds the wages of each month on what stands before it.
func wageExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		First  int            `json:"first_employment_month"`
		Rule   string         `json:"basic_deduction_rule"`
		Months []payrollMonth `json:"months"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	p := tax.Payroll{Complete: true, Rule: in.Rule}
	return cumulativeExample(in.Months, on,
		func(m payrollMonth, day civil.Date, year tax.YearToDate) (tax.Result, error) {
			p.Months = m.Month - in.First + 1
			p.Exempt = p.Exempt.Add(m.Exempt)
			p.Special = p.Special.Add(m.Special)
			p.Additional = p.Additional.Add(m.Additional)
			p.Other = p.Other.Add(m.Other)
			payroll := p
			return e.ComputeSingleRule("iit.wages",
				tax.Facts{PaymentDate: day, VATDate: day, Route: "payroll",
					Item: tax.ItemWages, Amount: m.Income, Payroll: &payroll,
					Taxpayer: tax.Taxpayer{Kind: "employee", Resident: true}, ToDate: tax.ToDate{Year: year}})
		})
}

// internExample withholds the pay of each month of an internship that began in a month of the year.
func internExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		First  int            `json:"first_internship_month"`
		Rule   string         `json:"basic_deduction_rule"`
		Months []payrollMonth `json:"months"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	if in.Rule != tax.DeductNormal && in.Rule != tax.DeductLowEarner {
		return answer{}, fmt.Errorf("basic_deduction_rule %q is not known", in.Rule)
	}
	var deductions money.Amount
	return cumulativeExample(in.Months, on,
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

// cumulativeExample runs the months of one year, one after the other.
func cumulativeExample(months []payrollMonth, on civil.Date,
	run func(payrollMonth, civil.Date, tax.YearToDate) (tax.Result, error)) (answer, error) {
	at := func(m payrollMonth) (civil.Date, money.Amount, error) {
		day, err := lastOf(on, m.Month)
		return day, m.Income, err
	}
	return monthByMonth(months, at, run)
}

// monthByMonth runs months one after the other, each on what stands before it in its year.
func monthByMonth[M any](months []M, at func(M) (civil.Date, money.Amount, error),
	run func(M, civil.Date, tax.YearToDate) (tax.Result, error)) (answer, error) {
	var a answer
	var year tax.YearToDate
	var last civil.Date
	withheld := make([]money.Amount, 0, len(months))
	for _, m := range months {
		day, income, err := at(m)
		if err != nil {
			return answer{}, err
		}
		if day.Year() != last.Year() {
			year = tax.YearToDate{}
		}
		last = day
		res, err := run(m, day, year)
		if err != nil {
			return answer{}, err
		}
		due := res.Taxes[0].Due
		year.Months++
		year.Income, year.Withheld = year.Income.Add(income), year.Withheld.Add(due)
		withheld = append(withheld, due)
		a.steps = append(a.steps, res.Steps...)
	}
	a.set("withheld", withheld)
	return a, nil
}

func incidentalExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Income money.Amount `json:"income"`
		InKind money.Amount `json:"in_kind"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	return single(e, "iit.incidental",
		tax.Facts{PaymentDate: on, VATDate: on, Item: tax.ItemIncidental, Amount: in.Income,
			InKind: in.InKind, VATIncluded: true}, "withheld")
}

// overseasExample withholds the VAT of a payment to a person abroad.
func overseasExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Price    money.Amount `json:"price"`
		Included bool         `json:"vat_included"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	res, err := e.ComputeSingleRule("vat.overseas.withholding",
		tax.Facts{PaymentDate: on, VATDate: on, Item: tax.ItemLabor, Amount: in.Price,
			VATIncluded: in.Included})
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: res.Steps}
	a.set("sales", res.Taxes[0].Base)
	a.set("vat", res.Taxes[0].Due)
	return a, nil
}

func annualExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
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
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	f := tax.AnnualFacts{Wages: in.Wages, Labor: in.Labor, Author: in.Author, Royalty: in.Royalty,
		Exempt: in.Exempt, Special: in.Special,
		Additional: in.Additional, Other: in.Other, Donations: in.Donations, Relief: in.Relief,
		Prepaid: in.Prepaid, Sources: in.Sources}
	if in.Waiver != "" {
		f.Positions = []tax.Position{{ID: "example", Rule: "iit.annual.waiver", Reading: in.Waiver}}
	}
	res, err := e.SettleAnnualIncome(on, f)
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: res.Steps}
	a.set("income_amount", res.IncomeAmount)
	a.set("donations", res.Donations)
	a.set("taxable", res.Taxable)
	a.set("tax", res.Tax)
	a.set("balance", res.Balance)
	a.set("must_file", res.MustFile)
	a.set("waived", res.Waived)
	return a, nil
}

// entityOf reads the entity of a business example: a partner files for its share of a partnership.
func entityOf(entity string) string {
	if entity == "partner" {
		return "partnership"
	}
	return entity
}

func businessExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
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
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	f := tax.BusinessFacts{Entity: entityOf(in.Entity), Comprehensive: in.Basic.IsZero(),
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
		return answer{}, err
	}
	if res.Basic != in.Basic {
		return answer{}, fmt.Errorf("basic_deduction is %s by the rules, not %s", res.Basic, in.Basic)
	}
	return businessAnswer(res), nil
}

func assessedExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Entity string       `json:"entity"`
		Method string       `json:"method"`
		Amount money.Amount `json:"amount"`
		Rate   money.Rate   `json:"taxable_income_rate"`
		Relief money.Amount `json:"other_relief"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	bases := map[string]string{"income_rate": tax.BasisRevenue, "cost_rate": tax.BasisCost}
	res, err := e.SettleDeemedProfit(on,
		tax.DeemedProfitFacts{Entity: entityOf(in.Entity), Basis: bases[in.Method], Amount: in.Amount,
			Rate: in.Rate, OtherRelief: in.Relief})
	if err != nil {
		return answer{}, err
	}
	return businessAnswer(res), nil
}

func businessAnswer(res tax.BusinessResult) answer {
	a := answer{steps: res.Steps}
	a.set("taxable", res.Taxable)
	a.set("tax_before", res.TaxBefore)
	a.set("half_reduction", res.Half)
	a.set("payable", res.Payable)
	return a
}

// dividendExample is the tax on what a company distributes to a person: the whole of it at one
// rate.
func dividendExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Income money.Amount `json:"income"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	const rule = "iit.dividend.rate"
	for _, x := range e.Rulebook(on) {
		if rate, ok := x.Value.(money.Fraction); ok && x.ID == rule {
			a := answer{rules: []string{rule}}
			a.set("tax", in.Income.Times(rate, money.HalfUp))
			return a, nil
		}
	}
	return answer{}, errors.New(rule + " has no rate on " + on.String())
}
