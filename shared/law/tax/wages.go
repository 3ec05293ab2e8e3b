package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// payrollGap is the rule id of the *Gap of wages without a complete payroll month.
const payrollGap = "iit.wages.payroll_incomplete"

// wagesCumulative withholds IIT on the wages of a resident employee cumulatively over the months of
// the year (累计预扣法). The rule follows STA Announcement 2018 No. 61, art. 6; 2020 No. 13, art. 1;
// 2020 No. 19, art. 1; its data are in rules/national/iit/wages.
type wagesCumulative struct {
	compiledRule
	// monthly is the basic deduction per month of employment.
	monthly money.Amount
	// firstWage is the deduction per calendar month where the year's first wage came late; zero before
	// that rule existed.
	firstWage money.Amount
	// flatDeduction is that of a whole year for low earners; zero before that rule existed.
	flatDeduction money.Amount
	table         bracketTable

	income, cumulative, normal, first, low, taxStep, due *stepSpec
}

// resolveSteps finds the wording of the steps of wagesCumulative in its rule file.
func (r *wagesCumulative) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.income": &r.income,
		"iit.cumulative_income": &r.cumulative, "iit.base": &r.normal,
		"iit.base_first_wage": &r.first, "iit.base_low_earner": &r.low, "iit.tax": &r.taxStep,
		"iit.due": &r.due})
}

// Calculate taxes the year's total and withholds what was not withheld before; tax withheld too
// much waits for the annual settlement. Calculate fails with a *Gap unless the payment is made
// through the payroll and the payroll month is complete.
func (r *wagesCumulative) Calculate(c *Calculation) error {
	f := c.facts
	if gap := c.checkPayroll(); gap != nil {
		return gap
	}
	now := c.incomeAfterVAT(r.income)
	y := &f.ToDate.Year
	income := y.Income.Add(now)
	c.addStep(r.cumulative, exact, MoneyValue(income), Input{"year", CountValue(f.PaymentDate.Year())},
		Input{"before", MoneyValue(y.Income)}, Input{"income", MoneyValue(now)})
	basic, err := r.basicDeduction(f)
	if err != nil {
		return err
	}
	base := exactAmount{income.Fen(), 1}.subtractAmount(basic.total).subtractAmount(
		f.Payroll.totalDeductions())
	taxable := base.roundedAmount()
	c.addStep(basic.step, exact, MoneyValue(taxable), Input{"income", MoneyValue(income)},
		Input{"monthly_deduction", MoneyValue(basic.monthly)}, Input{"months", CountValue(basic.months)},
		Input{"basic", MoneyValue(basic.total)}, Input{"exempt", MoneyValue(f.Payroll.Exempt)},
		Input{"special", MoneyValue(f.Payroll.Special)},
		Input{"additional", MoneyValue(f.Payroll.Additional)},
		Input{"other", MoneyValue(f.Payroll.Other)})
	level, tax := r.table.bracketAndTax(base)
	c.finishIIT(&r.compiledRule, r.taxStep, r.due, outcome{income: now, taxable: taxable, level: level,
		tax: tax, peak: y.Withheld, before: y.Withheld}, true)
	return nil
}

// checkPayroll returns the *Gap of a payment of wages that is not on the payroll route, or whose
// payroll month is incomplete.
func (c *Calculation) checkPayroll() error {
	g := &Gap{Rule: payrollGap, On: c.facts.PaymentDate}
	switch {
	case c.factText(factRoute) != "payroll":
		g.Missing = bilingual.Text{ZH: "工资薪金须经工资发放通道按整月工资册计算，本次付款不在工资发放通道", EN: "wages are taxed with " +
			"the whole payroll month on the payroll route, and this payment is not on it"}
	case c.facts.Payroll == nil || !c.facts.Payroll.Complete:
		g.Missing = bilingual.Text{ZH: "工资薪金累计预扣须有完整的当月工资册：任职月份数、累计专项扣除、专项附加扣除、其他扣除与免税收入",
			EN: "cumulative withholding of wages needs the complete payroll month: months employed, and " +
				"the year's special, additional, other deductions and exempt income"}
	default:
		return nil
	}
	return g
}

// basicDeduction is the basic deduction of the year so far, with the step that explains it.
type basicDeduction struct {
	monthly, total money.Amount
	months         int
	step           *stepSpec
}

// basicDeduction counts the basic deduction by the payroll's rule; a rule that was not law on the
// day is a *Gap.
func (r *wagesCumulative) basicDeduction(f *Facts) (basicDeduction, error) {
	d := basicDeduction{monthly: r.monthly, months: f.Payroll.Months, step: r.normal}
	switch f.Payroll.Rule {
	case DeductLowEarner:
		d = basicDeduction{total: r.flatDeduction, months: 12, step: r.low}
	case DeductFirstWage:
		d = basicDeduction{monthly: r.firstWage, months: f.PaymentDate.Month().Number(), step: r.first}
	}
	if d.total.IsZero() {
		d.total = money.Fen(d.monthly.Fen() * int64(d.months))
	}
	if d.total.IsZero() {
		return d, &Gap{Rule: r.ID(), On: f.PaymentDate,
			Missing: bilingual.Text{ZH: "该日尚无“" + f.Payroll.Rule + "”减除费用的规定",
				EN: "no rule on the deduction \"" + f.Payroll.Rule + "\" is in force on that day"}}
	}
	return d, nil
}

// wagesCumulativeMethodSpec describes the method of wagesCumulative for rule files: its roles, and
// how its rule is built.
func wagesCumulativeMethodSpec() methodSpec {
	return methodSpec{
		needed:   map[string]Kind{"monthly_deduction": KindAmount, "brackets": KindBrackets},
		optional: map[string]Kind{"first_wage_deduction": KindAmount, "flat_deduction": KindAmount},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &wagesCumulative{compiledRule: r, monthly: b.amountInRole(m, "monthly_deduction"),
				firstWage:     b.optionalAmount(m, "first_wage_deduction"),
				flatDeduction: b.optionalAmount(m, "flat_deduction"), table: b.bracketsInRole(m)}
		}}
}

// optionalAmount returns the amount in an optional role; zero where the method has none.
func (b *Book) optionalAmount(m *Method, role string) money.Amount {
	if m.Uses[role] == "" {
		return money.Amount{}
	}
	return b.amountInRole(m, role)
}

// internCumulative withholds IIT on the internship pay of a full-time student cumulatively over the
// months of the year, with the arithmetic of cumulative labor. The rule follows STA Announcement
// 2020 No. 13, art. 2; its data are in rules/national/iit/intern.
type internCumulative struct {
	compiledRule
	arithmetic    CumulativeLabor
	cost          money.Fraction
	flatDeduction money.Amount

	income, cumulative, months, baseStep, flatStep, taxStep, due *stepSpec
}

// resolveSteps finds the wording of the steps of internCumulative in its rule file.
func (r *internCumulative) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.income": &r.income,
		"iit.cumulative_income": &r.cumulative, "iit.months": &r.months,
		"iit.base": &r.baseStep, "iit.base_low_earner": &r.flatStep, "iit.tax": &r.taxStep,
		"iit.due": &r.due})
}

// Calculate taxes the year's total at this payer and withholds what was not withheld before.
func (r *internCumulative) Calculate(c *Calculation) error {
	f := c.facts
	now := c.incomeAfterVAT(r.income)
	y := &f.ToDate.Year
	income, months := y.Income.Add(now), r.internshipMonths(f)
	c.addStep(r.cumulative, exact, MoneyValue(income), Input{"year", CountValue(f.PaymentDate.Year())},
		Input{"before", MoneyValue(y.Income)}, Input{"income", MoneyValue(now)})
	c.addStep(r.months, exact, CountValue(months), Input{"month", MonthValue(f.PaymentDate)})
	step, base := r.baseStep, r.arithmetic.taxableBase(months, income)
	if f.LowEarner && r.flatDeduction.Positive() {
		step, base = r.flatStep, multiplyExact(income, r.arithmetic.keptShare).subtractAmount(
			r.flatDeduction)
	}
	base = base.subtractAmount(f.Deductions)
	taxable := base.roundedAmount()
	c.addStep(step, rounded, MoneyValue(taxable), Input{"income", MoneyValue(income)},
		Input{"cost_rate", RateValue(r.cost)},
		Input{"monthly_deduction", MoneyValue(r.arithmetic.monthly)},
		Input{"months", CountValue(months)}, Input{"deduction", MoneyValue(r.flatDeduction)},
		Input{"deductions", MoneyValue(f.Deductions)})
	level, tax := r.arithmetic.table.bracketAndTax(base)
	c.finishIIT(&r.compiledRule, r.taxStep, r.due, outcome{income: now, taxable: taxable, level: level,
		tax: tax, peak: r.peakTax(f), before: y.Withheld}, true)
	return nil
}

// peakTax returns the highest cumulative tax at the end of an earlier month. Where the months or
// their deductions are not known one by one, it is the tax that was withheld.
func (r *internCumulative) peakTax(f *Facts) money.Amount {
	y := &f.ToDate.Year
	if f.Payroll != nil || f.LowEarner || !f.Deductions.IsZero() || !y.hasMonthlyIncome() {
		return y.Withheld
	}
	return y.sumBeforePayment(f.PaymentDate.Month().Number()-1, false, r.arithmetic.TotalTax).peak
}

// internshipMonths returns the months of internship with this payer: those that the payroll states,
// else those of the year with income, including the payment's own month, which are never more.
func (r *internCumulative) internshipMonths(f *Facts) int {
	if f.Payroll != nil {
		return f.Payroll.Months
	}
	current := f.PaymentDate.Month().Number()
	months := f.ToDate.Year.Months
	if !f.ToDate.Month.Income.Positive() {
		months++
	}
	return min(months, current)
}

// internCumulativeMethodSpec describes the method of internCumulative for rule files: its roles,
// and how its rule is built.
func internCumulativeMethodSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"cost_rate": KindRate, "monthly_deduction": KindAmount,
			"brackets": KindBrackets, "income_base": KindChoice},
		optional: map[string]Kind{"flat_deduction": KindAmount},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &internCumulative{compiledRule: r, cost: b.rateInRole(m, "cost_rate"),
				flatDeduction: b.optionalAmount(m, "flat_deduction"),
				arithmetic: CumulativeLabor{keptShare: shareAfterCost(b.rateInRole(m, "cost_rate")),
					monthly: b.amountInRole(m, "monthly_deduction"), table: b.bracketsInRole(m)}}
		}}
}
