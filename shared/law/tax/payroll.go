package tax

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// How the basic deduction from wages is counted.
const (
	DeductNormal = "normal" // per month of employment with this payer; also ""
	// per calendar month: no wages and no cumulatively withheld labor since January
	DeductFirstWage = "first_wage_in_year"
	// the whole year's sum from January: at most 60,000 in the full previous year, all of it here
	DeductLowEarner = "prior_year_le_60000"
)

// Payroll is what the paying entity's payroll says of one person up to the month of the payment.
// All amounts are totals of the tax year up to and with that month, in yuan and fen.
type Payroll struct {
	// all wages of the month and the person's deductions stand in the payroll
	Complete bool `json:"complete"`
	// months of this year, up to this one, in employment (任职受雇月份数) or internship with this payer
	Months     int          `json:"months"`
	Rule       string       `json:"rule"`       // DeductNormal, DeductFirstWage or DeductLowEarner
	Exempt     money.Amount `json:"exempt"`     // 累计免税收入
	Special    money.Amount `json:"special"`    // 累计专项扣除: social insurance and housing fund
	Additional money.Amount `json:"additional"` // 累计专项附加扣除
	Other      money.Amount `json:"other"`      // 累计依法确定的其他扣除
}

// totalDeductions is what leaves the base beside the basic deduction.
func (p *Payroll) totalDeductions() money.Amount {
	return money.Sum(p.Exempt, p.Special, p.Additional, p.Other)
}

// validate names the problems of a payroll; a missing one has none.
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
