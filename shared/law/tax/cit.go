package tax

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// citYear computes enterprise income tax of a year: at the ordinary rate, or for a small low-profit
// enterprise at the reduced rate on a part of the income. Each limit is a cliff: one fen above it,
// the whole income is taxed at the ordinary rate. The rule follows CIT Law art. 4 and 28, MOF/STA
// Announcement 2023 No. 12 art. 3 and 5; its data are in rules/national/cit.
type citYear struct {
	questionRule
	// inclusion is the share of a small low-profit enterprise's income that is taxed, at smallRate.
	rate, smallRate, inclusion              money.Fraction
	incomeLimit, assetsLimit, employeeLimit Threshold

	conditions, smallTax, ordinary *stepSpec
}

// resolveSteps finds the wording of the steps of citYear in its rule file.
func (r *citYear) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"cit.conditions": &r.conditions, "cit.small": &r.smallTax,
		"cit.ordinary": &r.ordinary})
}

// CompanyYear holds the figures that decide a company's enterprise income tax of a year.
type CompanyYear struct {
	// Taxable (应纳税所得额) is negative for a loss.
	Taxable money.Amount
	// Employees and Assets are the averages of the four quarterly averages; a quarter's average is
	// half of opening plus closing. Dispatched workers count, and Employees may have a fraction.
	Employees money.Rate
	Assets    money.Amount
	// Restricted marks an industry that the State restricts or forbids; such a company is never small.
	Restricted bool
}

// CompanyTax is the enterprise income tax of a year and whether the company was small and
// low-profit.
type CompanyTax struct {
	SmallLowProfit bool
	Tax            money.Amount
	Answer
}

// ComputeCIT returns the enterprise income tax of the year that ends on a day.
//
// Errors: *Gap when no rule is in force; *fault.Error 2001 for figures out of range.
func (e *Engine) ComputeCIT(on civil.Date, f CompanyYear) (CompanyTax, error) {
	r, c, err := beginQuestion[*citYear](e, "cit.year", on, nil)
	if err != nil {
		return CompanyTax{}, err
	}
	if f.Employees.Negative() {
		return CompanyTax{},
			fault.Invalid(fault.Field{Field: "employees_avg", Problem: "must not be negative"})
	}
	if err := checkAmountRange([]namedAmount{{"assets_avg", f.Assets}},
		namedAmount{"taxable_income", f.Taxable}); err != nil {
		return CompanyTax{}, err
	}
	x := CompanyTax{SmallLowProfit: r.isSmallLowProfit(f)}
	// a loss has no tax; carrying it forward is the caller's matter
	taxable := money.Max(f.Taxable, money.Amount{})
	c.addStep(r.conditions, exact, TextValue(boolText(x.SmallLowProfit)),
		Input{"income", MoneyValue(f.Taxable)},
		Input{"income_limit", MoneyValue(r.incomeLimit.Amount)},
		Input{"employees", RateValue(f.Employees.Fraction())},
		Input{"employees_limit", RateValue(headLimit(r.employeeLimit))},
		Input{"assets", MoneyValue(f.Assets)}, Input{"assets_limit", MoneyValue(r.assetsLimit.Amount)},
		Input{"restricted", TextValue(boolText(f.Restricted))})
	if x.SmallLowProfit {
		x.Tax = taxable.Times(reducedProduct(r.inclusion, r.smallRate), money.HalfUp)
		c.addStep(r.smallTax, rounded, MoneyValue(x.Tax), Input{"income", MoneyValue(taxable)},
			Input{"inclusion", RateValue(r.inclusion)}, Input{"rate", RateValue(r.smallRate)})
	} else {
		x.Tax = taxable.Times(r.rate, money.HalfUp)
		c.addStep(r.ordinary, rounded, MoneyValue(x.Tax), Input{"income", MoneyValue(taxable)},
			Input{"rate", RateValue(r.rate)})
	}
	x.Answer = c.finishAnswer(&r.compiledRule)
	return x, nil
}

// isSmallLowProfit reports whether the company is a small low-profit enterprise: income, employees
// and assets are within their limits, and the industry is not restricted.
func (r *citYear) isSmallLowProfit(f CompanyYear) bool {
	few := f.Employees.Fraction().Cmp(headLimit(r.employeeLimit))
	return !f.Restricted && !r.incomeLimit.IsMet(f.Taxable) && !r.assetsLimit.IsMet(f.Assets) &&
		(few < 0 || (few == 0 && !r.employeeLimit.Reach))
}

// headLimit returns a limit of employees as a fraction; rule files write it with two decimals, like
// an amount.
func headLimit(t Threshold) money.Fraction {
	return reducedProduct(money.NewFraction(t.Amount.Fen(), money.Yuan(1).Fen()),
		money.NewFraction(1, 1))
}

// citMethodSpec describes the method of cit for rule files: its roles, and how its rule is built.
func citMethodSpec() methodSpec {
	return methodSpec{isQuestion: true,
		needed: map[string]Kind{"rate": KindRate, "small_rate": KindRate, "inclusion": KindRate,
			"income_limit": KindThreshold, "assets_limit": KindThreshold, "employees_limit": KindThreshold},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &citYear{questionRule: questionRule{r}, rate: b.rateInRole(m, "rate"),
				smallRate: b.rateInRole(m, "small_rate"), inclusion: b.rateInRole(m, "inclusion"),
				incomeLimit: b.thresholdInRole(m, "income_limit"), assetsLimit: b.thresholdInRole(m,
					"assets_limit"),
				employeeLimit: b.thresholdInRole(m, "employees_limit")}
		}}
}

// citDeduction limits one kind of expense before enterprise income tax to a share of a base, for
// entertainment also to a share of the expense. The excess is carried forward or lost, as the rule
// says. The rule follows CIT Law art. 8 to 10, CIT Regulations art. 31 and 40 to 44; its data are
// in rules/national/cit.
type citDeduction struct {
	questionRule
	// limit is the deductible share of the base.
	limit *DatedValue
	// share is the deductible share of the expense itself; nil means all of it.
	share *DatedValue
	// table holds shares by kind of expense; a rule has it instead of a limit.
	table          *DatedValue
	carriesForward bool

	deduct *stepSpec
}

// resolveSteps finds the wording of the steps of citDeduction in its rule file.
func (r *citDeduction) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"cit.deduct": &r.deduct})
}

// Expense is one kind of expense of a company's year.
type Expense struct {
	// Item is welfare, union, training, entertainment, advertising, donation, commission, or a row of
	// the table of kinds that are deducted as a whole.
	Item string
	// Amount is the expense that was incurred in the year.
	Amount money.Amount
	// Base is wages, sales, accounting profit or contract income, depending on the item; a loss is
	// negative.
	Base money.Amount
	// Brought is the excess of earlier years that may still be deducted.
	Brought money.Amount
}

// Deduction splits an expense into what is deductible now, what is carried forward, and what is
// lost.
type Deduction struct {
	Deductible, CarryForward, NonDeductible money.Amount
	Answer
}

// DeductExpense returns the deductible part of an expense of the year that ends on a day.
//
// Errors: *Gap when no rule is in force; *fault.Error 2001 for an unknown item and figures out of
// range.
func (e *Engine) DeductExpense(on civil.Date, x Expense) (Deduction, error) {
	id := "cit.deduction." + x.Item
	// items without a limit of their own are rows of the table
	if _, err := e.findRule(id, on); err != nil && !e.hasDefinition(id) {
		id = "cit.deduction.whole"
	}
	r, c, err := beginQuestion[*citDeduction](e, id, on, nil)
	if err != nil {
		return Deduction{}, err
	}
	if err := checkAmountRange([]namedAmount{{"amount", x.Amount}, {"carry_forward_in", x.Brought}},
		namedAmount{"base", x.Base}); err != nil {
		return Deduction{}, err
	}
	whole := x.Amount
	if r.carriesForward {
		whole = whole.Add(x.Brought)
	}
	allowed, rate, err := r.maxDeduction(x, whole, on)
	if err != nil {
		return Deduction{}, err
	}
	d := Deduction{Deductible: money.Min(whole, allowed)}
	if rest := whole.Sub(d.Deductible); r.carriesForward {
		d.CarryForward = rest
	} else {
		d.NonDeductible = rest
	}
	c.addStep(r.deduct, rounded, MoneyValue(d.Deductible), Input{"item", TextValue(x.Item)},
		Input{"amount", MoneyValue(whole)}, Input{"base", MoneyValue(x.Base)},
		Input{"rate", RateValue(rate)},
		Input{"share", RateValue(r.maxShare())}, Input{"carry_forward", MoneyValue(d.CarryForward)},
		Input{"non_deductible", MoneyValue(d.NonDeductible)})
	d.Answer = c.finishAnswer(&r.compiledRule)
	return d, nil
}

// maxDeduction returns the most that may be deducted of the whole expense, and the rate it comes
// from.
func (r *citDeduction) maxDeduction(x Expense, whole money.Amount,
	on civil.Date) (money.Amount, money.Fraction, error) {
	if r.table != nil {
		row, ok := r.table.findRateRow(x.Item)
		if !ok {
			return money.Amount{}, money.Fraction{},
				fault.Invalid(fault.Field{Field: "item",
					Problem: x.Item + " is no kind of expense that the rules limit"})
		}
		if row.Open {
			return money.Amount{}, money.Fraction{}, row.unreadRateGap(r.method.Uses["rates"], on)
		}
		return whole.Times(row.Rate, money.HalfUp), row.Rate, nil
	}
	most := money.Max(x.Base, money.Amount{}).Times(r.limit.Rate, money.HalfUp)
	if r.share != nil {
		most = money.Min(most, whole.Times(r.share.Rate, money.HalfUp))
	}
	return most, r.limit.Rate, nil
}

// maxShare returns the largest deductible share of the expense itself; 1 where there is no such
// limit.
func (r *citDeduction) maxShare() money.Fraction {
	if r.share == nil {
		return money.NewFraction(1, 1)
	}
	return r.share.Rate
}

// hasDefinition reports whether the pack, or one above it, defines the id on any day.
func (e *Engine) hasDefinition(id string) bool { return e.findDefinition(id) != nil }

func deductionLimitMethodSpec(carried bool) methodSpec {
	return methodSpec{isQuestion: true, needed: map[string]Kind{"limit": KindRate},
		optional: map[string]Kind{"share": KindRate},
		build: func(b *Book, r compiledRule) steppedRule {
			return &citDeduction{questionRule: questionRule{r}, limit: b.findValue(r.method.Uses["limit"]),
				share: b.findValue(r.method.Uses["share"]), carriesForward: carried}
		}}
}

// deductionWholeMethodSpec describes the method of deductionWhole for rule files: its roles, and
// how its rule is built.
func deductionWholeMethodSpec() methodSpec {
	return methodSpec{isQuestion: true, needed: map[string]Kind{"rates": KindRates},
		build: func(b *Book, r compiledRule) steppedRule {
			return &citDeduction{questionRule: questionRule{r}, table: b.findValue(r.method.Uses["rates"])}
		}}
}
