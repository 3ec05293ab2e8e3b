package tax

import "fenzhang/shared/money"

// creation is author remuneration (稿酬) or a royalty (特许权使用费) of a resident: each payment is one
// time, a flat rate on what the deduction, and for authors the further share, leaves. Source: STA
// Announcement 2018 No. 61, art. 8; data in rules/national/iit/creation.
type creation struct {
	base
	limit       Threshold
	fixed       money.Amount
	cost, share money.Fraction // share of what is left that counts: 70% for authors, else 1
	kept        money.Fraction // (1 - cost) x share, in lowest terms
	table       table          // one level: the flat rate

	income, small, large, tax, due *stepSpec
}

func (r *creation) resolve() error {
	return r.specs(map[string]**stepSpec{"iit.income": &r.income, "iit.base_small": &r.small,
		"iit.base_large": &r.large, "iit.tax": &r.tax, "iit.due": &r.due})
}

func (r *creation) taxable(income money.Amount) fraction {
	if r.limit.Met(income) {
		return of(income, r.kept)
	}
	return of(income.Sub(r.fixed), r.share)
}

// Calculate taxes the payment by itself.
func (r *creation) Calculate(c *Calculation) error {
	now := c.laborIncome(r.income)
	base := r.taxable(now)
	taxable := base.reported()
	if r.limit.Met(now) {
		c.step(r.large, rounded, Money(taxable), Input{"income", Money(now)},
			Input{"limit", Money(r.limit.Amount)}, Input{"cost_rate", Fraction(r.cost)},
			Input{"share", Fraction(r.share)})
	} else {
		c.step(r.small, rounded, Money(taxable), Input{"income", Money(now)},
			Input{"limit", Money(r.limit.Amount)}, Input{"deduction", Money(r.fixed)},
			Input{"share", Fraction(r.share)})
	}
	level, tax := r.table.tax(base)
	c.finishIIT(&r.base, r.tax, r.due, outcome{income: now, taxable: taxable, level: level, tax: tax},
		false)
	return nil
}

// nonResident is income of a non-resident: wages less the monthly deduction, or the share that
// counts of labor, author remuneration and royalties, by the monthly table; no 800 rule and no
// annual settlement. Source: STA Announcement 2018 No. 61, art. 9; data in
// rules/national/iit/nonresident.
type nonResident struct {
	base
	cost, share, kept money.Fraction
	deduction         money.Amount // of wages, per month
	table             table

	income, month, baseStep, tax, due *stepSpec
}

func (r *nonResident) resolve() error {
	return r.specs(map[string]**stepSpec{"iit.income": &r.income, "iit.month": &r.month,
		"iit.base": &r.baseStep, "iit.tax": &r.tax, "iit.due": &r.due})
}

// Calculate taxes the month's total and takes what is not withheld yet.
func (r *nonResident) Calculate(c *Calculation) error {
	f := c.facts
	now := c.laborIncome(r.income)
	before := f.ToDate.Month
	total := before.Income.Add(now)
	c.step(r.month, exact, Money(total), Input{"month", MonthOf(f.PaymentDate)},
		Input{"before", Money(before.Income)}, Input{"income", Money(now)})
	base := of(total, r.kept).minus(r.deduction)
	taxable := base.reported()
	c.step(r.baseStep, rounded, Money(taxable), Input{"income", Money(total)},
		Input{"cost_rate", Fraction(r.cost)}, Input{"share", Fraction(r.share)},
		Input{"deduction", Money(r.deduction)})
	level, tax := r.table.tax(base)
	c.finishIIT(&r.base, r.tax, r.due,
		outcome{income: now, taxable: taxable, level: level, tax: tax, before: before.Withheld}, false)
	return nil
}

// lowest multiplies two rates and cancels what they have in common, so that products with amounts
// stay small.
func lowest(a, b money.Fraction) money.Fraction {
	num, den := a.Num()*b.Num(), a.Den()*b.Den()
	x, y := num, den
	for y != 0 {
		x, y = y, x%y
	}
	if x == 0 {
		return money.NewFraction(0, 1)
	}
	return money.NewFraction(num/x, den/x)
}

func creationSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"small_limit": KindThreshold, "small_deduction": KindAmount,
			"cost_rate": KindRate, "brackets": KindBrackets},
		optional: map[string]Kind{"share": KindRate, "income_base": KindChoice},
		build: func(b *Book, r base) resolver {
			m := r.method
			return &creation{base: r, limit: b.threshold(m, "small_limit"),
				fixed: b.amount(m, "small_deduction"), cost: b.rate(m, "cost_rate"),
				share: b.shareOf(m), kept: lowest(keptShare(b.rate(m, "cost_rate")), b.shareOf(m)),
				table: b.table(m)}
		}}
}

func nonResidentSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"brackets": KindBrackets},
		optional: map[string]Kind{"cost_rate": KindRate, "share": KindRate, "deduction": KindAmount,
			"income_base": KindChoice},
		build: func(b *Book, r base) resolver { return b.newNonResident(r) }}
}
