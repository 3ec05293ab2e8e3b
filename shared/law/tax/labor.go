package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// laborOneOff withholds IIT on a resident's remuneration for labor by the one-off method: all
// payments of one project in a month count as one receipt. The rule follows STA Announcement 2018
// No. 61, art. 8 and 11; its data are in rules/national/iit/labor.
type laborOneOff struct {
	compiledRule
	// limit decides the deduction: an income above it is lowered by the cost rate, an income up to it
	// by the fixed deduction.
	limit          Threshold
	fixedDeduction money.Amount
	// cost is the deemed share of costs; keptShare is 1 - cost.
	cost, keptShare money.Fraction
	table           bracketTable

	income, month, small, large, tax, due *stepSpec
}

// resolveSteps finds the wording of the steps of laborOneOff in its rule file.
func (r *laborOneOff) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.income": &r.income, "iit.month": &r.month,
		"iit.base_small": &r.small,
		"iit.base_large": &r.large, "iit.tax": &r.tax, "iit.due": &r.due})
}

// taxableBase returns the exact taxable amount of one receipt.
func (r *laborOneOff) taxableBase(income money.Amount) exactAmount {
	if r.limit.IsMet(income) {
		return multiplyExact(income, r.keptShare)
	}
	return exactAmount{income.Fen() - r.fixedDeduction.Fen(), 1}
}

// Calculate taxes the month's total of the project and withholds what was not withheld before.
func (r *laborOneOff) Calculate(c *Calculation) error {
	f := c.facts
	now := c.incomeAfterVAT(r.income)
	before := f.ToDate.Month
	total := before.Income.Add(now)
	c.addStep(r.month, exact, MoneyValue(total), Input{"month", MonthValue(f.PaymentDate)},
		Input{"before", MoneyValue(before.Income)}, Input{"income", MoneyValue(now)})
	base := r.taxableBase(total)
	taxable := base.roundedAmount()
	if r.limit.IsMet(total) {
		c.addStep(r.large, rounded, MoneyValue(taxable), Input{"income", MoneyValue(total)},
			Input{"limit", MoneyValue(r.limit.Amount)}, Input{"cost_rate", RateValue(r.cost)})
	} else {
		c.addStep(r.small, exact, MoneyValue(taxable), Input{"income", MoneyValue(total)},
			Input{"limit", MoneyValue(r.limit.Amount)}, Input{"deduction", MoneyValue(r.fixedDeduction)})
	}
	level, tax := r.table.bracketAndTax(base)
	c.finishIIT(&r.compiledRule, r.tax, r.due,
		outcome{income: now, taxable: taxable, level: level, tax: tax, before: before.Withheld}, false)
	return nil
}

// incomeAfterVAT records and returns the income that IIT sees: the payment, with what it gives in
// kind, less the VAT that is withheld with it.
func (c *Calculation) incomeAfterVAT(s *stepSpec) money.Amount {
	payment := c.gross.Add(c.inKind)
	now := payment.Sub(c.vatWithheld)
	c.addStep(s, exact, MoneyValue(now), Input{"payment", MoneyValue(payment)},
		Input{"vat", MoneyValue(c.vatWithheld)})
	return now
}

// outcome is the result of an IIT formula for its period.
type outcome struct {
	// income is the income of this payment alone.
	income money.Amount
	// taxable is the taxable amount of the whole period, rounded as it is reported.
	taxable money.Amount
	// level is nil when nothing is taxable.
	level *Bracket
	// tax is the tax of the whole period by the formula.
	tax money.Amount
	// peak is the highest cumulative tax of earlier months; zero for one-off methods.
	peak money.Amount
	// before is the tax withheld earlier in the period.
	before money.Amount
}

// finishIIT writes the last steps, the line and the row of an IIT withholding. When a cumulative
// formula gives less than its peak, that is no true-up: the excess waits for the annual settlement.
func (c *Calculation) finishIIT(r *compiledRule, taxStep, dueStep *stepSpec, o outcome,
	cumulative bool) {
	l := Line{Tax: IIT, Item: c.item, Period: c.paymentMonth(), Collection: Withheld, Base: o.taxable,
		Total: money.Max(o.tax, o.peak), Before: o.before,
		BorneBy: BorneByCreator, Law: taxStep.law, Status: r.worstStatus}
	if o.level != nil {
		l.Rate, l.Quick = o.level.Rate, o.level.Quick
	}
	c.addStep(taxStep, rounded, MoneyValue(o.tax), Input{"base", MoneyValue(o.taxable)},
		Input{"rate", RateValue(l.Rate)}, Input{"quick_deduction", MoneyValue(l.Quick)})
	due := c.withholdLine(&l, !cumulative)
	c.addStep(dueStep, exact, MoneyValue(due), Input{"tax", MoneyValue(o.tax)},
		Input{"peak", MoneyValue(o.peak)},
		Input{"withheld", MoneyValue(o.before)},
		Input{"kept_back", MoneyValue(l.Amount)}, Input{"shortfall", MoneyValue(l.Shortfall)})
	c.result.TaxableIncome = o.taxable
	c.result.Rows = append(c.result.Rows,
		Row{Kind: IIT, Item: c.item, Project: c.facts.Project, Platform: c.facts.Platform,
			Period: l.Period, Income: o.income, Withheld: due, Collection: Withheld})
	c.addUnconfirmed(r.unconfirmed...)
}

// CumulativeLabor is the arithmetic of cumulative withholding of labor remuneration, compiled for a
// day. The rule follows STA Announcement 2025 No. 16, art. 1(1), in force from 2025-10-01; its data
// are in rules/national/iit/labor_platform.
type CumulativeLabor struct {
	keptShare money.Fraction
	monthly   money.Amount
	table     bracketTable
}

// taxableBase returns the exact cumulative base: income, less its deemed costs, less the monthly
// deduction for each month.
func (m *CumulativeLabor) taxableBase(months int, income money.Amount) exactAmount {
	return multiplyExact(income,
		m.keptShare).subtractAmount(money.Fen(m.monthly.Fen() * int64(months)))
}

// TotalTax returns the tax on the income of so many months of the year, rounded half up to the fen.
func (m *CumulativeLabor) TotalTax(months int, income money.Amount) money.Amount {
	_, tax := m.table.bracketAndTax(m.taxableBase(months, income))
	return tax
}

// MonthlyWithholding returns the tax that one month adds: months and income count up to the month's
// end, withheld is the tax before the month. The result is never negative, because tax withheld too
// much waits for the annual settlement.
func (m *CumulativeLabor) MonthlyWithholding(months int, income,
	withheld money.Amount) money.Amount {
	return money.Max(m.TotalTax(months, income).Sub(withheld), money.Amount{})
}

// CumulativeLabor returns the arithmetic of cumulative withholding in force on a day, without
// steps, for bulk runs.
//
// Errors: *Gap when the method is not in force on that day.
func (e *Engine) CumulativeLabor(on civil.Date) (CumulativeLabor, error) {
	b, err := e.bookOn(on)
	if err != nil {
		return CumulativeLabor{}, err
	}
	for _, stage := range b.stages {
		for _, r := range stage {
			if m, ok := r.(*laborCumulative); ok {
				return m.arithmetic, nil
			}
		}
	}
	return CumulativeLabor{},
		&Gap{Rule: "iit.labor_platform", On: on,
			Missing: bilingual.Text{ZH: "该日没有累计预扣法的规定", EN: "no cumulative method is in force on that day"}}
}

// laborCumulative withholds IIT on remuneration for labor at a filed platform entity, cumulatively
// over the months of the year.
type laborCumulative struct {
	compiledRule
	arithmetic CumulativeLabor
	cost       money.Fraction
	// flatDeduction is the deduction of a whole year for low earners.
	flatDeduction money.Amount
	// breaksID is the id of the open question how months without income count.
	breaksID   string
	breakValue *DatedValue

	income, cumulative, months, baseStep, flatStep, taxStep, due *stepSpec
}

// resolveSteps finds the wording of the steps of laborCumulative in its rule file.
func (r *laborCumulative) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.income": &r.income,
		"iit.cumulative_income": &r.cumulative, "iit.months": &r.months,
		"iit.base": &r.baseStep, "iit.base_low_earner": &r.flatStep, "iit.tax": &r.taxStep,
		"iit.due": &r.due})
}

// Calculate taxes the year's total and withholds what exceeds the highest cumulative tax so far.
func (r *laborCumulative) Calculate(c *Calculation) error {
	f := c.facts
	now := c.incomeAfterVAT(r.income)
	y, reading, err := r.stateBeforePayment(c)
	if err != nil {
		return err
	}
	income, months := y.income.Add(now), y.months
	c.addStep(r.cumulative, exact, MoneyValue(income), Input{"year", CountValue(f.PaymentDate.Year())},
		Input{"before", MoneyValue(y.income)}, Input{"income", MoneyValue(now)})
	c.addStep(r.months, exact, CountValue(months), Input{"platform", TextValue(f.Platform)},
		Input{"month", MonthValue(f.PaymentDate)}, Input{"reading", TextValue(reading)})
	base := r.taxableBase(f, months, income)
	taxable := base.roundedAmount()
	if f.LowEarner {
		c.addStep(r.flatStep, rounded, MoneyValue(taxable), Input{"income", MoneyValue(income)},
			Input{"cost_rate", RateValue(r.cost)}, Input{"deduction", MoneyValue(r.flatDeduction)},
			Input{"deductions", MoneyValue(f.Deductions)})
	} else {
		c.addStep(r.baseStep, rounded, MoneyValue(taxable), Input{"income", MoneyValue(income)},
			Input{"cost_rate", RateValue(r.cost)}, Input{"monthly_deduction",
				MoneyValue(r.arithmetic.monthly)},
			Input{"months", CountValue(months)}, Input{"deductions", MoneyValue(f.Deductions)})
	}
	level, tax := r.arithmetic.table.bracketAndTax(base)
	c.finishIIT(&r.compiledRule, r.taxStep, r.due, outcome{income: now, taxable: taxable, level: level,
		tax: tax, peak: y.peak, before: y.withheld}, true)
	return nil
}

// taxableBase returns the exact cumulative base up to the payment's month.
func (r *laborCumulative) taxableBase(f *Facts, months int, income money.Amount) exactAmount {
	if f.LowEarner {
		return multiplyExact(income, r.arithmetic.keptShare).subtractAmount(
			r.flatDeduction).subtractAmount(f.Deductions)
	}
	return r.arithmetic.taxableBase(months, income).subtractAmount(f.Deductions)
}

// yearBefore is the year before the payment, counted as the method's reading of break months says.
type yearBefore struct {
	// months includes the payment's month.
	months         int
	income         money.Amount
	withheld, peak money.Amount
}

// The readings of break months that the rule file may declare.
const (
	readContinuous = "continuous"
	readCountAll   = "count_income_months"
	readRestart    = "restart_after_break"
)

// stateBeforePayment counts months, sums income and finds the peak before the payment. How a month
// without income between months with income counts is open law: without a tax position it is a
// *Gap.
func (r *laborCumulative) stateBeforePayment(c *Calculation) (yearBefore, string, error) {
	y := &c.facts.ToDate.Year
	current := c.facts.PaymentDate.Month().Number() - 1
	if !y.hasMonthlyIncome() {
		return r.stateFromTotals(c)
	}
	reading := readContinuous
	if y.hasBreak(current) {
		var err error
		if reading, err = c.chosenReading(r.breaksID, r.breakValue, c.facts.PaymentDate); err != nil {
			return yearBefore{}, "", err
		}
	}
	s := y.sumBeforePayment(current, reading == readRestart,
		func(months int, income money.Amount) money.Amount {
			_, tax := r.arithmetic.table.bracketAndTax(r.taxableBase(c.facts, months, income))
			return tax
		})
	if !c.facts.Deductions.IsZero() {
		// the deductions of earlier months are not known month by month, so the withheld tax replaces the
		// peak
		s.peak = s.withheld
	}
	return s, reading, nil
}

// stateFromTotals is stateBeforePayment where only the totals of the year are known and not the
// single months: it trusts the count of months in the facts, up to the payment's calendar month.
func (r *laborCumulative) stateFromTotals(c *Calculation) (yearBefore, string, error) {
	y := &c.facts.ToDate.Year
	current := c.facts.PaymentDate.Month().Number() - 1
	s := yearBefore{months: y.Months, income: y.Income, withheld: y.Withheld, peak: y.Peak}
	if !c.facts.ToDate.Month.Income.Positive() {
		s.months++
	}
	if s.months > current+1 {
		s.months = current + 1
	}
	if !y.Broken {
		return s, readContinuous, nil
	}
	reading, err := c.chosenReading(r.breaksID, r.breakValue, c.facts.PaymentDate)
	if err == nil && reading == readRestart {
		err = &Gap{Rule: r.breaksID, On: c.facts.PaymentDate,
			Missing: bilingual.Text{ZH: "中断后重新累计需要逐月收入",
				EN: "restarting after a break needs the income of each month"}}
	}
	return s, reading, err
}

// laborOneOffMethodSpec describes the method of laborOneOff for rule files: its roles, and how its
// rule is built.
func laborOneOffMethodSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"small_limit": KindThreshold, "small_deduction": KindAmount,
			"cost_rate": KindRate, "brackets": KindBrackets, "income_base": KindChoice},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &laborOneOff{compiledRule: r, limit: b.thresholdInRole(m, "small_limit"),
				fixedDeduction: b.amountInRole(m, "small_deduction"),
				cost:           b.rateInRole(m, "cost_rate"),
				keptShare:      shareAfterCost(b.rateInRole(m, "cost_rate")), table: b.bracketsInRole(m)}
		}}
}

// laborCumulativeMethodSpec describes the method of laborCumulative for rule files: its roles, and
// how its rule is built.
func laborCumulativeMethodSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"cost_rate": KindRate, "monthly_deduction": KindAmount,
			"brackets": KindBrackets, "break_months": KindChoice, "flat_deduction": KindAmount,
			"income_base": KindChoice},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &laborCumulative{compiledRule: r, cost: b.rateInRole(m, "cost_rate"),
				flatDeduction: b.amountInRole(m, "flat_deduction"), breaksID: m.Uses["break_months"],
				breakValue: b.findValue(m.Uses["break_months"]),
				arithmetic: CumulativeLabor{keptShare: shareAfterCost(b.rateInRole(m, "cost_rate")),
					monthly: b.amountInRole(m, "monthly_deduction"), table: b.bracketsInRole(m)}}
		}}
}
