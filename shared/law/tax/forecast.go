package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// YearIncome is comprehensive income of one tax year and the tax withheld on it, in yuan and fen.
type YearIncome struct {
	Wages money.Amount `json:"wages"`
	// Labor is income by the one-off and by the cumulative method together.
	Labor    money.Amount `json:"labor"`
	Author   money.Amount `json:"author"`
	Royalty  money.Amount `json:"royalty"`
	Withheld money.Amount `json:"withheld"`
}

// SumYearIncome sums the booked, reversed and opening rows of a year. Incidental and business
// income are left out, because they are no part of the annual settlement.
func SumYearIncome(rows []Row, year int) YearIncome {
	var y YearIncome
	for i := range rows {
		r := &rows[i]
		m, err := civil.ParseMonth(r.Period)
		if r.Kind != IIT || err != nil || m.Year() != year {
			continue
		}
		y.addRow(r)
	}
	return y
}

// addRow counts one income tax row of comprehensive income.
func (y *YearIncome) addRow(r *Row) {
	into := map[string]*money.Amount{ItemWages: &y.Wages, ItemLabor: &y.Labor,
		ItemLaborPlatform: &y.Labor, ItemAuthor: &y.Author, ItemRoyalty: &y.Royalty}[r.Item]
	if into == nil {
		return
	}
	*into = into.Add(r.Income)
	y.Withheld = y.Withheld.Add(r.Withheld)
}

// addIncome returns the sum of two incomes of the year.
func (y YearIncome) addIncome(z YearIncome) YearIncome {
	return YearIncome{Wages: y.Wages.Add(z.Wages), Labor: y.Labor.Add(z.Labor),
		Author: y.Author.Add(z.Author), Royalty: y.Royalty.Add(z.Royalty),
		Withheld: y.Withheld.Add(z.Withheld)}
}

// ForecastFacts are what is known about a tax year that is not over.
type ForecastFacts struct {
	Taxpayer Taxpayer
	// Rows are the booked rows of the paying entity for the year so far.
	Rows []Row
	// SoFar is income of the year beside the rows, of which only totals are known.
	SoFar YearIncome
	// Expected are payments to come from the same paying entity, by payment date.
	Expected []Facts
	// Elsewhere is income from other payers in the year; nil means not known.
	Elsewhere *YearIncome
	// Special and Additional are the year's deductions; nil means not known.
	Special, Additional *money.Amount
	// Other are further lawful deductions; Exempt is exempt income.
	Other, Exempt     money.Amount
	Donations, Relief money.Amount
	Positions         []Position
}

// Forecast is the expected annual settlement. Unknown names what is not known, and the figures are
// without it.
type Forecast struct {
	AnnualResult
	// Income is that of the whole year, with the tax withheld on it.
	Income YearIncome `json:"income"`
	// ExpectedWithheld is the tax that payments to come will bear.
	ExpectedWithheld money.Amount `json:"expected_withheld"`
}

// The ids by which a forecast names the facts that it does not know.
const (
	unknownSpecial    = "iit.annual.special_deductions"
	unknownAdditional = "iit.annual.additional_deductions"
	unknownElsewhere  = "iit.annual.other_payers"
)

// ForecastAnnualSettlement settles a tax year in advance, from the income so far, the payments to
// come with their withholding, and the known deductions. on is a day of the tax year.
//
// Errors: those of Compute for a payment to come, and those of SettleAnnualIncome; *Forbidden for a
// non-resident, who has no annual settlement.
func (e *Engine) ForecastAnnualSettlement(on civil.Date, f ForecastFacts) (Forecast, error) {
	r, err := findTypedRule[*annualSettlement](e, annualRule, on)
	if err != nil {
		return Forecast{}, err
	}
	if !f.Taxpayer.Resident {
		return Forecast{},
			&Forbidden{Reason: "no_annual_settlement", Rule: annualRule, Law: r.law, Why: bilingual.Text{
				ZH: "非居民个人按月或按次扣缴，不办理年度汇算",
				EN: "a non-resident is taxed by the month or the time and has no annual settlement"}}
	}
	income := f.SoFar.addIncome(SumYearIncome(f.Rows, on.Year()))
	expected, err := e.withholdExpected(on, f)
	if err != nil {
		return Forecast{}, err
	}
	income = income.addIncome(expected)
	x := Forecast{ExpectedWithheld: expected.Withheld}
	a := AnnualFacts{Other: f.Other, Exempt: f.Exempt, Donations: f.Donations, Relief: f.Relief,
		Sources: 1, ClaimRefund: true, Positions: f.Positions}
	unknown := f.addKnownFacts(&income, &a)
	a.Wages = income.Wages
	a.Labor = income.Labor
	a.Author = income.Author
	a.Royalty = income.Royalty
	a.Prepaid = income.Withheld
	x.Income = income
	if x.AnnualResult, err = e.SettleAnnualIncome(on, a); err != nil {
		return Forecast{}, err
	}
	x.Unknown = append(unknown, x.Unknown...)
	return x, nil
}

// addKnownFacts adds the income from other payers and the deductions, as far as they are known, and
// returns those that are unknown: the figures are then without them.
func (f *ForecastFacts) addKnownFacts(income *YearIncome, a *AnnualFacts) []Unknown {
	var unknown []Unknown
	if f.Elsewhere == nil {
		unknown = append(unknown, Unknown{unknownElsewhere, bilingual.Text{ZH: "其他扣缴义务人支付的综合所得及已扣税额未知，" +
			"数字不含该部分", EN: "comprehensive income from other payers and the tax on it are not known; the " +
			"figures are without them"}})
	} else if *f.Elsewhere != (YearIncome{}) {
		*income = income.addIncome(*f.Elsewhere)
		// a second payer is one of the reasons for filing
		a.Sources = 2
	}
	if f.Special == nil {
		unknown = append(unknown,
			Unknown{unknownSpecial,
				bilingual.Text{ZH: "专项扣除（社会保险、住房公积金）未知，数字未减除", EN: "special deductions (social insurance, " +
					"housing fund) are not known; the figures are without them"}})
	} else {
		a.Special = *f.Special
	}
	if f.Additional == nil {
		unknown = append(unknown,
			Unknown{unknownAdditional,
				bilingual.Text{ZH: "专项附加扣除未知，数字未减除",
					EN: "special additional deductions are not known; the figures are without them"}})
	} else {
		a.Additional = *f.Additional
	}
	return unknown
}

// withholdExpected computes the payments to come in their order, each on top of the rows of those
// before it, and returns their income and withheld tax.
func (e *Engine) withholdExpected(on civil.Date, f ForecastFacts) (YearIncome, error) {
	rows := append([]Row{}, f.Rows...)
	before := len(rows)
	for i := range f.Expected {
		p := f.Expected[i]
		// each payment builds on the rows of those before it, so their order matters
		if p.PaymentDate.Year() != on.Year() ||
			(i > 0 && p.PaymentDate.Before(f.Expected[i-1].PaymentDate)) {
			return YearIncome{},
				fault.Invalid(fault.Field{Field: "expected.payment_date",
					Problem: "must be days of the tax year in their order"})
		}
		res, err := e.ComputeRows(p, rows)
		if err != nil {
			return YearIncome{}, err
		}
		rows = append(rows, res.Rows...)
	}
	return SumYearIncome(rows[before:], on.Year()), nil
}
