package tax

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// The rules by which the basic deduction from wages is counted.
const (
	// DeductNormal, and "", deducts per month of employment with this payer.
	DeductNormal = "normal"
	// DeductFirstWage deducts per calendar month, for a person who had no wages and no cumulatively
	// withheld labor income since January.
	DeductFirstWage = "first_wage_in_year"
	// DeductLowEarner deducts the whole year's sum from January on, for a person who earned at most
	// 60,000 in the full previous year, all of it from this payer.
	DeductLowEarner = "prior_year_le_60000"
)

// Payroll is one person's data in the paying entity's payroll up to the month of the payment. All
// amounts are totals of the tax year up to the end of that month, in yuan and fen.
type Payroll struct {
	// Complete says that the payroll has all wages of the month and all deductions of the person.
	Complete bool `json:"complete"`
	// Months counts the months of this year, up to this one, in employment (任职受雇月份数) or internship
	// with this payer.
	Months int `json:"months"`
	// Rule is DeductNormal, DeductFirstWage or DeductLowEarner.
	Rule string `json:"rule"`
	// Exempt is 累计免税收入, the year's exempt income.
	Exempt money.Amount `json:"exempt"`
	// Special is 累计专项扣除: social insurance and housing fund.
	Special money.Amount `json:"special"`
	// Additional is 累计专项附加扣除, Other is 累计依法确定的其他扣除.
	Additional money.Amount `json:"additional"`
	Other      money.Amount `json:"other"`
}

// totalDeductions returns what lowers the base of wages beside the basic deduction.
func (p *Payroll) totalDeductions() money.Amount {
	return money.Sum(p.Exempt, p.Special, p.Additional, p.Other)
}

// validate reports the problems of a payroll through add; a payment without payroll has none here.
func (p *Payroll) validate(on civil.Date, add func(field, problem string)) {
	if p == nil {
		return
	}
	switch p.Rule {
	case "", DeductNormal, DeductFirstWage, DeductLowEarner:
	default:
		add("payroll.rule", "must be one of normal, first_wage_in_year, prior_year_le_60000")
	}
	if p.Months < 1 || p.Months > 12 || (!on.IsZero() && p.Months > on.Month().Number()) {
		add("payroll.months", "must be 1 to the number of the payment's month")
	}
	largest := money.Fen(largestFen / 10)
	for _, a := range []money.Amount{p.Exempt, p.Special, p.Additional, p.Other} {
		if a.Negative() || a.Cmp(largest) > 0 {
			add("payroll", "its totals must be zero to "+largest.String())
			return
		}
	}
}
