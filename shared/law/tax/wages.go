package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// payrollGap is the gap of wages without a complete payroll month.
const payrollGap = "iit.wages.payroll_incomplete"

// wagesCumulative withholds wages of a resident employee over the months of the year (累计预扣法).
// Source: STA Announcement 2018 No. 61, art. 6; 2020 No. 13, art. 1; 2020 No. 19, art. 1; data in
// rules/national/iit/wages.
type wagesCumulative struct {
	base
	monthly money.Amount // basic deduction per month of employment
	// per calendar month where the year's first wage came late; zero before there was that rule
	firstWage money.Amount
	flat      money.Amount // of a whole year for low earners; zero before there was that rule
	table     table

	income, cumulative, normal, first, low, taxStep, due *stepSpec
}

func (r *wagesCumulative) resolve() error {
	return r.specs(map[string]**stepSpec{"iit.income": &r.income,
		"iit.cumulative_income": &r.cumulative, "iit.base": &r.normal,
		"iit.base_first_wage": &r.first, "iit.base_low_earner": &r.low, "iit.tax": &r.taxStep,
		"iit.due": &r.due})
}

// Calculate taxes the year's total and takes what is not withheld yet; what was withheld too much
// waits for the annual settlement. It fails with a *Gap unless the payment goes by the payroll and
// the payroll month is complete.
func (r *wagesCumulative) Calculate(c *Calculation) error {
	f := c.facts
	if gap := c.payrollGap(); gap != nil {
		return gap
	}
	now := c.laborIncome(r.income)
	y := &f.ToDate.Year
	income := y.Income.Add(now)
	c.step(r.cumulative, exact, Money(income), Input{"year", Count(f.PaymentDate.Year())},
		Input{"before", Money(y.Income)}, Input{"income", Money(now)})
	basic, err := r.basic(f)
	if err != nil {
		return err
	}
	base := fraction{income.Fen(), 1}.minus(basic.total).minus(f.Payroll.deductions())
	taxable := base.reported()
	c.step(basic.step, exact, Money(taxable), Input{"income", Money(income)},
		Input{"monthly_deduction", Money(basic.monthly)}, Input{"months", Count(basic.months)},
		Input{"basic", Money(basic.total)}, Input{"exempt", Money(f.Payroll.Exempt)},
		Input{"special", Money(f.Payroll.Special)},
		Input{"additional", Money(f.Payroll.Additional)}, Input{"other", Money(f.Payroll.Other)})
	level, tax := r.table.tax(base)
	c.finishIIT(&r.base, r.taxStep, r.due, outcome{income: now, taxable: taxable, level: level,
		tax: tax, peak: y.Withheld, before: y.Withheld}, true)
	return nil
}

// payrollGap tells what a payment of wages lacks; nil means nothing.
func (c *Calculation) payrollGap() error {
	g := &Gap{Rule: payrollGap, On: c.facts.PaymentDate}
	switch {
	case c.fact(factRoute) != "payroll":
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

// basicDeduction is the basic deduction of the year so far.
type basicDeduction struct {
	monthly, total money.Amount
	months         int
	step           *stepSpec
}

// basic counts the basic deduction by the payroll's rule; a rule that was not yet law on the day is
// a *Gap.
func (r *wagesCumulative) basic(f *Facts) (basicDeduction, error) {
	d := basicDeduction{monthly: r.monthly, months: f.Payroll.Months, step: r.normal}
	switch f.Payroll.Rule {
	case DeductLowEarner:
		d = basicDeduction{total: r.flat, months: 12, step: r.low}
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

func wagesCumulativeSpec() methodSpec {
	return methodSpec{
		needed:   map[string]Kind{"monthly_deduction": KindAmount, "brackets": KindBrackets},
		optional: map[string]Kind{"first_wage_deduction": KindAmount, "flat_deduction": KindAmount},
		build: func(b *Book, r base) resolver {
			m := r.method
			return &wagesCumulative{base: r, monthly: b.amount(m, "monthly_deduction"),
				firstWage: b.amountOr(m, "first_wage_deduction"),
				flat:      b.amountOr(m, "flat_deduction"), table: b.table(m)}
		}}
}

// amountOr reads an amount that the method need not have; zero where it has none.
func (b *Book) amountOr(m *Method, role string) money.Amount {
	if m.Uses[role] == "" {
		return money.Amount{}
	}
	return b.amount(m, role)
}

// internCumulative withholds the internship remuneration of a full-time student over the months of
// the year, with the arithmetic of cumulative labor. Source: STA Announcement 2020 No. 13, art. 2;
// data in rules/national/iit/intern.
type internCumulative struct {
	base
	math CumulativeLabor
	cost money.Fraction
	flat money.Amount

	income, cumulative, months, baseStep, flatStep, taxStep, due *stepSpec
}

func (r *internCumulative) resolve() error {
	return r.specs(map[string]**stepSpec{"iit.income": &r.income,
		"iit.cumulative_income": &r.cumulative, "iit.months": &r.months,
		"iit.base": &r.baseStep, "iit.base_low_earner": &r.flatStep, "iit.tax": &r.taxStep,
		"iit.due": &r.due})
}

// Calculate taxes the year's total at this payer and takes what is not withheld yet.
func (r *internCumulative) Calculate(c *Calculation) error {
	f := c.facts
	now := c.laborIncome(r.income)
	y := &f.ToDate.Year
	income, months := y.Income.Add(now), r.monthsOf(f)
	c.step(r.cumulative, exact, Money(income), Input{"year", Count(f.PaymentDate.Year())},
		Input{"before", Money(y.Income)}, Input{"income", Money(now)})
	c.step(r.months, exact, Count(months), Input{"month", MonthOf(f.PaymentDate)})
	step, base := r.baseStep, r.math.taxable(months, income)
	if f.LowEarner && r.flat.Positive() {
		step, base = r.flatStep, of(income, r.math.keep).minus(r.flat)
	}
	base = base.minus(f.Deductions)
	taxable := base.reported()
	c.step(step, rounded, Money(taxable), Input{"income", Money(income)},
		Input{"cost_rate", Fraction(r.cost)}, Input{"monthly_deduction", Money(r.math.monthly)},
		Input{"months", Count(months)}, Input{"deduction", Money(r.flat)},
		Input{"deductions", Money(f.Deductions)})
	level, tax := r.math.table.tax(base)
	c.finishIIT(&r.base, r.taxStep, r.due, outcome{income: now, taxable: taxable, level: level,
		tax: tax, peak: r.peak(f), before: y.Withheld}, true)
	return nil
}

// peak is the highest value that the formula has reached at the end of an earlier month; what was
// withheld stands for it where the months or their deductions are not known one by one.
func (r *internCumulative) peak(f *Facts) money.Amount {
	y := &f.ToDate.Year
	if f.Payroll != nil || f.LowEarner || !f.Deductions.IsZero() || !y.series() {
		return y.Withheld
	}
	return y.upTo(f.PaymentDate.Month().Number()-1, false, r.math.Total).peak
}

// monthsOf gives the months of internship with this payer: those that the payroll states, else
// those of the year with income, the payment's own included, which are never more.
func (r *internCumulative) monthsOf(f *Facts) int {
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

func internCumulativeSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"cost_rate": KindRate, "monthly_deduction": KindAmount,
			"brackets": KindBrackets, "income_base": KindChoice},
		optional: map[string]Kind{"flat_deduction": KindAmount},
		build: func(b *Book, r base) resolver {
			m := r.method
			return &internCumulative{base: r, cost: b.rate(m, "cost_rate"),
				flat: b.amountOr(m, "flat_deduction"),
				math: CumulativeLabor{keep: keptShare(b.rate(m, "cost_rate")),
					monthly: b.amount(m, "monthly_deduction"), table: b.table(m)}}
		}}
}
