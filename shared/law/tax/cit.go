package tax

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// citYear is enterprise income tax of a year: the ordinary rate, or for a small low-profit
// enterprise the reduced rate on a part of the income. The limits are cliffs: one fen above them
// the whole income bears the ordinary rate. Source: CIT Law art. 4 and 28, MOF/STA Announcement
// 2023 No. 12 art. 3 and 5; data in rules/national/cit.
type citYear struct {
	ownQuestion
	rate, small, inclusion   money.Fraction
	income, assets, employed Threshold

	conditions, smallTax, ordinary *stepSpec
}

func (r *citYear) resolve() error {
	return r.specs(map[string]**stepSpec{"cit.conditions": &r.conditions, "cit.small": &r.smallTax,
		"cit.ordinary": &r.ordinary})
}

// Company is what decides the tax of a company's year.
type Company struct {
	Taxable money.Amount // 应纳税所得额; a loss is negative
	// Employees and Assets are the average of the four quarterly averages, a quarter's being half of
	// opening plus closing; dispatched workers count. Employees may have a fraction.
	Employees  money.Rate
	Assets     money.Amount
	Restricted bool // an industry that the State restricts or forbids
}

// CompanyTax is what the year gives.
type CompanyTax struct {
	SmallLowProfit bool
	Tax            money.Amount
	Answer
}

// CIT gives the enterprise income tax of the year that ends on a day.
//
// Errors: *Gap when no rule is in force; *fault.Error 2001 for figures out of range.
func (e *Engine) CIT(on civil.Date, f Company) (CompanyTax, error) {
	r, c, err := ask[*citYear](e, "cit.year", on, nil)
	if err != nil {
		return CompanyTax{}, err
	}
	if f.Employees.Negative() {
		return CompanyTax{},
			fault.Invalid(fault.Field{Field: "employees_avg", Problem: "must not be negative"})
	}
	if err := within([]named{{"assets_avg", f.Assets}},
		named{"taxable_income", f.Taxable}); err != nil {
		return CompanyTax{}, err
	}
	x := CompanyTax{SmallLowProfit: r.isSmall(f)}
	taxable := money.MaxOf(f.Taxable, money.Amount{})
	c.step(r.conditions, exact, Word(boolWord(x.SmallLowProfit)), Input{"income", Money(f.Taxable)},
		Input{"income_limit", Money(r.income.Amount)},
		Input{"employees", Fraction(f.Employees.Fraction())},
		Input{"employees_limit", Fraction(people(r.employed))},
		Input{"assets", Money(f.Assets)}, Input{"assets_limit", Money(r.assets.Amount)},
		Input{"restricted", Word(boolWord(f.Restricted))})
	if x.SmallLowProfit {
		x.Tax = taxable.Times(lowest(r.inclusion, r.small), money.HalfUp)
		c.step(r.smallTax, rounded, Money(x.Tax), Input{"income", Money(taxable)},
			Input{"inclusion", Fraction(r.inclusion)}, Input{"rate", Fraction(r.small)})
	} else {
		x.Tax = taxable.Times(r.rate, money.HalfUp)
		c.step(r.ordinary, rounded, Money(x.Tax), Input{"income", Money(taxable)},
			Input{"rate", Fraction(r.rate)})
	}
	x.Answer = c.answer(&r.base)
	return x, nil
}

func (r *citYear) isSmall(f Company) bool {
	few := f.Employees.Fraction().Cmp(people(r.employed))
	return !f.Restricted && !r.income.Met(f.Taxable) && !r.assets.Met(f.Assets) &&
		(few < 0 || (few == 0 && !r.employed.Reach))
}

// people reads a limit of heads, which a rule file writes with two decimals like an amount.
func people(t Threshold) money.Fraction {
	return lowest(money.NewFraction(t.Amount.Fen(), money.Yuan(1).Fen()), money.NewFraction(1, 1))
}

func citYearSpec() methodSpec {
	return methodSpec{apart: true,
		needed: map[string]Kind{"rate": KindRate, "small_rate": KindRate, "inclusion": KindRate,
			"income_limit": KindThreshold, "assets_limit": KindThreshold, "employees_limit": KindThreshold},
		build: func(b *Book, r base) resolver {
			m := r.method
			return &citYear{ownQuestion: ownQuestion{r}, rate: b.rate(m, "rate"),
				small: b.rate(m, "small_rate"), inclusion: b.rate(m, "inclusion"),
				income: b.threshold(m, "income_limit"), assets: b.threshold(m, "assets_limit"),
				employed: b.threshold(m, "employees_limit")}
		}}
}

// citDeduction limits one kind of expense before enterprise income tax: a share of a base, for
// entertainment also a share of the expense; what is above it is carried forward or lost, as the
// rule says. Source: CIT Law art. 8 to 10, CIT Regulations art. 31 and 40 to 44; data in
// rules/national/cit.
type citDeduction struct {
	ownQuestion
	limit   *Dated // share of the base
	share   *Dated // share of the expense; nil = all of it
	table   *Dated // shares by kind of expense instead of a limit
	carried bool

	deduct *stepSpec
}

func (r *citDeduction) resolve() error {
	return r.specs(map[string]**stepSpec{"cit.deduct": &r.deduct})
}

// Expense is one kind of expense of a year.
type Expense struct {
	// welfare, union, training, entertainment, advertising, donation, commission, or a row of the
	// table of whole items
	Item   string
	Amount money.Amount // incurred in the year
	// wages, sales, accounting profit or contract income, as the item asks; a loss is negative
	Base    money.Amount
	Brought money.Amount // excess of earlier years that may still be deducted
}

// Deduction is what of an expense may be deducted.
type Deduction struct {
	Deductible, CarryForward, NonDeductible money.Amount
	Answer
}

// Deduct gives the deductible part of an expense of the year that ends on a day.
//
// Errors: *Gap when no rule is in force; *fault.Error 2001 for an unknown item and figures out of
// range.
func (e *Engine) Deduct(on civil.Date, x Expense) (Deduction, error) {
	id := "cit.deduction." + x.Item
	if _, err := e.rule(id, on); err != nil && !e.defines(id) {
		id = "cit.deduction.whole"
	}
	r, c, err := ask[*citDeduction](e, id, on, nil)
	if err != nil {
		return Deduction{}, err
	}
	if err := within([]named{{"amount", x.Amount}, {"carry_forward_in", x.Brought}},
		named{"base", x.Base}); err != nil {
		return Deduction{}, err
	}
	whole := x.Amount
	if r.carried {
		whole = whole.Add(x.Brought)
	}
	allowed, rate, err := r.allowed(x, whole, on)
	if err != nil {
		return Deduction{}, err
	}
	d := Deduction{Deductible: money.Min(whole, allowed)}
	if rest := whole.Sub(d.Deductible); r.carried {
		d.CarryForward = rest
	} else {
		d.NonDeductible = rest
	}
	c.step(r.deduct, rounded, Money(d.Deductible), Input{"item", Word(x.Item)},
		Input{"amount", Money(whole)}, Input{"base", Money(x.Base)}, Input{"rate", Fraction(rate)},
		Input{"share", Fraction(r.shareOf())}, Input{"carry_forward", Money(d.CarryForward)},
		Input{"non_deductible", Money(d.NonDeductible)})
	d.Answer = c.answer(&r.base)
	return d, nil
}

// allowed gives the most that may be deducted, and the rate it comes from.
func (r *citDeduction) allowed(x Expense, whole money.Amount,
	on civil.Date) (money.Amount, money.Fraction, error) {
	if r.table != nil {
		row, ok := r.table.row(x.Item)
		if !ok {
			return money.Amount{}, money.Fraction{},
				fault.Invalid(fault.Field{Field: "item",
					Problem: x.Item + " is no kind of expense that the rules limit"})
		}
		if row.Open {
			return money.Amount{}, money.Fraction{}, row.gap(r.method.Uses["rates"], on)
		}
		return whole.Times(row.Rate, money.HalfUp), row.Rate, nil
	}
	most := money.MaxOf(x.Base, money.Amount{}).Times(r.limit.Rate, money.HalfUp)
	if r.share != nil {
		most = money.Min(most, whole.Times(r.share.Rate, money.HalfUp))
	}
	return most, r.limit.Rate, nil
}

// shareOf is the share of the expense that counts at most.
func (r *citDeduction) shareOf() money.Fraction {
	if r.share == nil {
		return money.NewFraction(1, 1)
	}
	return r.share.Rate
}

// defines tells whether the pack has a definition of an id on any day.
func (e *Engine) defines(id string) bool { return e.definition(id) != nil }

func citLimitSpec(carried bool) methodSpec {
	return methodSpec{apart: true, needed: map[string]Kind{"limit": KindRate},
		optional: map[string]Kind{"share": KindRate},
		build: func(b *Book, r base) resolver {
			return &citDeduction{ownQuestion: ownQuestion{r}, limit: b.value(r.method.Uses["limit"]),
				share: b.value(r.method.Uses["share"]), carried: carried}
		}}
}

func citWholeSpec() methodSpec {
	return methodSpec{apart: true, needed: map[string]Kind{"rates": KindRates},
		build: func(b *Book, r base) resolver {
			return &citDeduction{ownQuestion: ownQuestion{r}, table: b.value(r.method.Uses["rates"])}
		}}
}
