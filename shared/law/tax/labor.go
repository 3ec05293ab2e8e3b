package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// laborOneOff is labor remuneration of a resident, one-off method: what one project pays in a month
// is one time. Source: STA Announcement 2018 No. 61, art. 8 and 11; data in
// rules/national/iit/labor.
type laborOneOff struct {
	base
	limit      Threshold      // above it the share is deducted, up to it the fixed sum
	fixed      money.Amount   // 800 yuan
	cost, keep money.Fraction // 20% and 80%
	table      table

	income, month, small, large, tax, due *stepSpec
}

func (r *laborOneOff) resolve() error {
	return r.specs(map[string]**stepSpec{"iit.income": &r.income, "iit.month": &r.month,
		"iit.base_small": &r.small,
		"iit.base_large": &r.large, "iit.tax": &r.tax, "iit.due": &r.due})
}

// taxable gives the exact base of an income of one time.
func (r *laborOneOff) taxable(income money.Amount) fraction {
	if r.limit.Met(income) {
		return of(income, r.keep)
	}
	return fraction{income.Fen() - r.fixed.Fen(), 1}
}

// Calculate taxes the month's total and takes what is not withheld yet.
func (r *laborOneOff) Calculate(c *Calculation) error {
	f := c.facts
	now := c.laborIncome(r.income)
	before := f.ToDate.Month
	total := before.Income.Add(now)
	c.step(r.month, exact, Money(total), Input{"month", MonthOf(f.PaymentDate)},
		Input{"before", Money(before.Income)}, Input{"income", Money(now)})
	base := r.taxable(total)
	taxable := base.reported()
	if r.limit.Met(total) {
		c.step(r.large, rounded, Money(taxable), Input{"income", Money(total)},
			Input{"limit", Money(r.limit.Amount)}, Input{"cost_rate", Fraction(r.cost)})
	} else {
		c.step(r.small, exact, Money(taxable), Input{"income", Money(total)},
			Input{"limit", Money(r.limit.Amount)}, Input{"deduction", Money(r.fixed)})
	}
	level, tax := r.table.tax(base)
	c.finishIIT(&r.base, r.tax, r.due,
		outcome{income: now, taxable: taxable, level: level, tax: tax, before: before.Withheld}, false)
	return nil
}

// laborIncome is the payment, with what it gives in kind, less the VAT that is kept back with it.
func (c *Calculation) laborIncome(s *stepSpec) money.Amount {
	payment := c.gross.Add(c.inKind)
	now := payment.Sub(c.vatKept)
	c.step(s, exact, Money(now), Input{"payment", Money(payment)}, Input{"vat", Money(c.vatKept)})
	return now
}

// outcome is what the formula gives for the IIT period.
type outcome struct {
	income  money.Amount // of this payment
	taxable money.Amount // of the period, as reported
	level   *Bracket     // nil when nothing is taxable
	tax     money.Amount // of the period, by the formula
	peak    money.Amount // highest cumulative tax of earlier months; zero for one-off methods
	before  money.Amount // withheld so far
}

// finishIIT writes the tax, the due amount, the line and the row that every IIT withholding ends
// with. What a cumulative formula gives below its peak is no true-up: the excess waits for the
// annual settlement.
func (c *Calculation) finishIIT(r *base, taxStep, dueStep *stepSpec, o outcome, cumulative bool) {
	l := Line{Tax: IIT, Item: c.item, Period: c.month(), Collection: Withheld, Base: o.taxable,
		Total: money.MaxOf(o.tax, o.peak), Before: o.before,
		BorneBy: BorneByCreator, Law: taxStep.law, Status: r.worst}
	if o.level != nil {
		l.Rate, l.Quick = o.level.Rate, o.level.Quick
	}
	c.step(taxStep, rounded, Money(o.tax), Input{"base", Money(o.taxable)},
		Input{"rate", Fraction(l.Rate)}, Input{"quick_deduction", Money(l.Quick)})
	due := c.take(&l, !cumulative)
	c.step(dueStep, exact, Money(due), Input{"tax", Money(o.tax)}, Input{"peak", Money(o.peak)},
		Input{"withheld", Money(o.before)},
		Input{"kept_back", Money(l.Amount)}, Input{"shortfall", Money(l.Shortfall)})
	c.res.TaxableIncome = o.taxable
	c.res.Rows = append(c.res.Rows,
		Row{Kind: IIT, Item: c.item, Project: c.facts.Project, Platform: c.facts.Platform,
			Period: l.Period, Income: o.income, Withheld: due, Collection: Withheld})
	c.unconfirmed(r.unconfirmed...)
}

// CumulativeLabor is the arithmetic of cumulative withholding of labor remuneration, compiled for a
// day. Source: STA Announcement 2025 No. 16, art. 1(1), in force from 2025-10-01; data in
// rules/national/iit/labor_platform.
type CumulativeLabor struct {
	keep    money.Fraction
	monthly money.Amount
	table   table
}

// taxable gives the exact cumulative base: income less its cost share less the monthly deduction
// per month.
func (m *CumulativeLabor) taxable(months int, income money.Amount) fraction {
	return of(income, m.keep).minus(money.Fen(m.monthly.Fen() * int64(months)))
}

// Total gives the tax on the income of so many months of the year, in fen, rounded half up.
func (m *CumulativeLabor) Total(months int, income money.Amount) money.Amount {
	_, tax := m.table.tax(m.taxable(months, income))
	return tax
}

// Withhold gives what a month adds: months and income to its end, withheld before it. It is never
// below zero; what was withheld too much waits for the annual settlement.
func (m *CumulativeLabor) Withhold(months int, income, withheld money.Amount) money.Amount {
	return money.MaxOf(m.Total(months, income).Sub(withheld), money.Amount{})
}

// CumulativeLabor gives the arithmetic in force on a day, without steps, for bulk runs.
//
// Errors: *Gap when the method is not in force on that day.
func (e *Engine) CumulativeLabor(on civil.Date) (CumulativeLabor, error) {
	b, err := e.book(on)
	if err != nil {
		return CumulativeLabor{}, err
	}
	for _, stage := range b.stages {
		for _, r := range stage {
			if m, ok := r.(*laborCumulative); ok {
				return m.math, nil
			}
		}
	}
	return CumulativeLabor{},
		&Gap{Rule: "iit.labor_platform", On: on,
			Missing: bilingual.Text{ZH: "该日没有累计预扣法的规定", EN: "no cumulative method is in force on that day"}}
}

// laborCumulative withholds labor remuneration at a filed platform entity over the months of the
// year.
type laborCumulative struct {
	base
	math       CumulativeLabor
	cost       money.Fraction
	flat       money.Amount // deduction of a whole year for low earners
	breaks     string       // id of the open question of break months
	breakValue *Dated

	income, cumulative, months, baseStep, flatStep, taxStep, due *stepSpec
}

func (r *laborCumulative) resolve() error {
	return r.specs(map[string]**stepSpec{"iit.income": &r.income,
		"iit.cumulative_income": &r.cumulative, "iit.months": &r.months,
		"iit.base": &r.baseStep, "iit.base_low_earner": &r.flatStep, "iit.tax": &r.taxStep,
		"iit.due": &r.due})
}

// Calculate taxes the year's total and takes what exceeds the highest value withheld so far.
func (r *laborCumulative) Calculate(c *Calculation) error {
	f := c.facts
	now := c.laborIncome(r.income)
	y, reading, err := r.yearBefore(c)
	if err != nil {
		return err
	}
	income, months := y.income.Add(now), y.months
	c.step(r.cumulative, exact, Money(income), Input{"year", Count(f.PaymentDate.Year())},
		Input{"before", Money(y.income)}, Input{"income", Money(now)})
	c.step(r.months, exact, Count(months), Input{"platform", Word(f.Platform)},
		Input{"month", MonthOf(f.PaymentDate)}, Input{"reading", Word(reading)})
	base := r.taxable(f, months, income)
	taxable := base.reported()
	if f.LowEarner {
		c.step(r.flatStep, rounded, Money(taxable), Input{"income", Money(income)},
			Input{"cost_rate", Fraction(r.cost)}, Input{"deduction", Money(r.flat)},
			Input{"deductions", Money(f.Deductions)})
	} else {
		c.step(r.baseStep, rounded, Money(taxable), Input{"income", Money(income)},
			Input{"cost_rate", Fraction(r.cost)}, Input{"monthly_deduction", Money(r.math.monthly)},
			Input{"months", Count(months)}, Input{"deductions", Money(f.Deductions)})
	}
	level, tax := r.math.table.tax(base)
	c.finishIIT(&r.base, r.taxStep, r.due, outcome{income: now, taxable: taxable, level: level,
		tax: tax, peak: y.peak, before: y.withheld}, true)
	return nil
}

// taxable gives the exact cumulative base of the payment's month.
func (r *laborCumulative) taxable(f *Facts, months int, income money.Amount) fraction {
	if f.LowEarner {
		return of(income, r.math.keep).minus(r.flat).minus(f.Deductions)
	}
	return r.math.taxable(months, income).minus(f.Deductions)
}

// yearBefore is the year's state before the payment, as the method reads it.
type yearBefore struct {
	months         int // the payment's month included
	income         money.Amount
	withheld, peak money.Amount
}

// The readings of break months that the rule file may declare.
const (
	readContinuous = "continuous"
	readCountAll   = "count_income_months"
	readRestart    = "restart_after_break"
)

// yearBefore counts months and finds the peak. A break month between months with income is open
// law: without a position it is a gap.
func (r *laborCumulative) yearBefore(c *Calculation) (yearBefore, string, error) {
	y := &c.facts.ToDate.Year
	current := c.facts.PaymentDate.Month().Number() - 1
	if !y.series() {
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
		reading, err := c.reading(r.breaks, r.breakValue, c.facts.PaymentDate)
		if err == nil && reading == readRestart {
			err = &Gap{Rule: r.breaks, On: c.facts.PaymentDate,
				Missing: bilingual.Text{ZH: "中断后重新累计需要逐月收入",
					EN: "restarting after a break needs the income of each month"}}
		}
		return s, reading, err
	}
	reading := readContinuous
	if y.broken(current) {
		var err error
		if reading, err = c.reading(r.breaks, r.breakValue, c.facts.PaymentDate); err != nil {
			return yearBefore{}, "", err
		}
	}
	s := y.upTo(current, reading == readRestart, func(months int, income money.Amount) money.Amount {
		_, tax := r.math.table.tax(r.taxable(c.facts, months, income))
		return tax
	})
	if !c.facts.Deductions.IsZero() {
		// those of the earlier months are not known apart: what they withheld stands for them
		s.peak = s.withheld
	}
	return s, reading, nil
}

func laborOneOffSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"small_limit": KindThreshold, "small_deduction": KindAmount,
			"cost_rate": KindRate, "brackets": KindBrackets, "income_base": KindChoice},
		build: func(b *Book, r base) resolver {
			m := r.method
			return &laborOneOff{base: r, limit: b.threshold(m, "small_limit"),
				fixed: b.amount(m, "small_deduction"),
				cost:  b.rate(m, "cost_rate"), keep: keptShare(b.rate(m, "cost_rate")), table: b.table(m)}
		}}
}

func laborCumulativeSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"cost_rate": KindRate, "monthly_deduction": KindAmount,
			"brackets": KindBrackets, "break_months": KindChoice, "flat_deduction": KindAmount,
			"income_base": KindChoice},
		build: func(b *Book, r base) resolver {
			m := r.method
			return &laborCumulative{base: r, cost: b.rate(m, "cost_rate"),
				flat: b.amount(m, "flat_deduction"), breaks: m.Uses["break_months"],
				breakValue: b.value(m.Uses["break_months"]),
				math: CumulativeLabor{keep: keptShare(b.rate(m, "cost_rate")),
					monthly: b.amount(m, "monthly_deduction"), table: b.table(m)}}
		}}
}
