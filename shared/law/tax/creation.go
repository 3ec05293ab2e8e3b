package tax

import "fenzhang/shared/money"

// creationIncome withholds IIT on a resident's author remuneration (稿酬) or royalty (特许权使用费). Each
// payment is taxed by itself: a flat rate on what is left after the deduction and, for authors,
// after the further share. The rule follows STA Announcement 2018 No. 61, art. 8; its data are in
// rules/national/iit/creation.
type creationIncome struct {
	compiledRule
	limit          Threshold
	fixedDeduction money.Amount
	// share is the part of the income after costs that counts: 70% for authors, else all of it.
	cost, share money.Fraction
	// keptShare is (1 - cost) x share, in lowest terms.
	keptShare money.Fraction
	// table has one level with the flat rate.
	table bracketTable

	income, small, large, tax, due *stepSpec
}

// resolveSteps finds the wording of the steps of creationIncome in its rule file.
func (r *creationIncome) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.income": &r.income, "iit.base_small": &r.small,
		"iit.base_large": &r.large, "iit.tax": &r.tax, "iit.due": &r.due})
}

// taxableBase returns the exact taxable amount of one payment: small incomes are lowered by a fixed
// deduction, larger ones by a share of costs.
func (r *creationIncome) taxableBase(income money.Amount) exactAmount {
	if r.limit.IsMet(income) {
		return multiplyExact(income, r.keptShare)
	}
	return multiplyExact(income.Sub(r.fixedDeduction), r.share)
}

// Calculate taxes the payment by itself, whatever was paid before.
func (r *creationIncome) Calculate(c *Calculation) error {
	now := c.incomeAfterVAT(r.income)
	base := r.taxableBase(now)
	taxable := base.roundedAmount()
	if r.limit.IsMet(now) {
		c.addStep(r.large, rounded, MoneyValue(taxable), Input{"income", MoneyValue(now)},
			Input{"limit", MoneyValue(r.limit.Amount)}, Input{"cost_rate", RateValue(r.cost)},
			Input{"share", RateValue(r.share)})
	} else {
		c.addStep(r.small, rounded, MoneyValue(taxable), Input{"income", MoneyValue(now)},
			Input{"limit", MoneyValue(r.limit.Amount)}, Input{"deduction", MoneyValue(r.fixedDeduction)},
			Input{"share", RateValue(r.share)})
	}
	level, tax := r.table.bracketAndTax(base)
	c.finishIIT(&r.compiledRule, r.tax, r.due,
		outcome{income: now, taxable: taxable, level: level, tax: tax},
		false)
	return nil
}

// nonResidentIncome withholds IIT from a non-resident by the monthly table: on wages less the
// monthly deduction, or on the counting share of labor, author remuneration and royalties. There is
// no fixed deduction for small incomes and no annual settlement. The rule follows STA Announcement
// 2018 No. 61, art. 9; its data are in rules/national/iit/nonresident.
type nonResidentIncome struct {
	compiledRule
	cost, share, keptShare money.Fraction
	// deduction is that of wages, per month.
	deduction money.Amount
	table     bracketTable

	income, month, baseStep, tax, due *stepSpec
}

// resolveSteps finds the wording of the steps of nonResidentIncome in its rule file.
func (r *nonResidentIncome) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.income": &r.income, "iit.month": &r.month,
		"iit.base": &r.baseStep, "iit.tax": &r.tax, "iit.due": &r.due})
}

// Calculate taxes the month's total and withholds what was not withheld before.
func (r *nonResidentIncome) Calculate(c *Calculation) error {
	f := c.facts
	now := c.incomeAfterVAT(r.income)
	before := f.ToDate.Month
	total := before.Income.Add(now)
	c.addStep(r.month, exact, MoneyValue(total), Input{"month", MonthValue(f.PaymentDate)},
		Input{"before", MoneyValue(before.Income)}, Input{"income", MoneyValue(now)})
	base := multiplyExact(total, r.keptShare).subtractAmount(r.deduction)
	taxable := base.roundedAmount()
	c.addStep(r.baseStep, rounded, MoneyValue(taxable), Input{"income", MoneyValue(total)},
		Input{"cost_rate", RateValue(r.cost)}, Input{"share", RateValue(r.share)},
		Input{"deduction", MoneyValue(r.deduction)})
	level, tax := r.table.bracketAndTax(base)
	c.finishIIT(&r.compiledRule, r.tax, r.due,
		outcome{income: now, taxable: taxable, level: level, tax: tax, before: before.Withheld}, false)
	return nil
}

// reducedProduct multiplies two rates and cancels common factors, so that products with amounts
// stay within 64 bits.
func reducedProduct(a, b money.Fraction) money.Fraction {
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

// creationMethodSpec describes the method of creation for rule files: its roles, and how its rule
// is built.
func creationMethodSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"small_limit": KindThreshold, "small_deduction": KindAmount,
			"cost_rate": KindRate, "brackets": KindBrackets},
		optional: map[string]Kind{"share": KindRate, "income_base": KindChoice},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &creationIncome{compiledRule: r, limit: b.thresholdInRole(m, "small_limit"),
				fixedDeduction: b.amountInRole(m, "small_deduction"), cost: b.rateInRole(m, "cost_rate"),
				share: b.shareInRole(m), keptShare: reducedProduct(shareAfterCost(b.rateInRole(m, "cost_rate")),
					b.shareInRole(m)),
				table: b.bracketsInRole(m)}
		}}
}

// nonResidentMethodSpec describes the method of nonResident for rule files: its roles, and how its
// rule is built.
func nonResidentMethodSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"brackets": KindBrackets},
		optional: map[string]Kind{"cost_rate": KindRate, "share": KindRate, "deduction": KindAmount,
			"income_base": KindChoice},
		build: func(b *Book, r compiledRule) steppedRule { return b.newNonResidentIncome(r) }}
}
