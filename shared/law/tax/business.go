package tax

import (
	"math/big"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// The ids of the rules of business income.
const (
	booksRule  = "iit.business.books"
	halfRule   = "iit.business.half"
	deemedRule = "iit.business.deemed_profit"
)

// The bases from which a profit may be deemed.
const (
	BasisRevenue = "revenue"
	BasisCost    = "cost"
)

// BusinessIncome is one business of a person in the year, in yuan and fen. Share is the person's
// part of a partnership's income (先分后税); the zero Rate means all of it.
type BusinessIncome struct {
	Revenue money.Amount `json:"revenue"`
	Costs   money.Amount `json:"costs"`
	Share   money.Rate   `json:"share"`
}

// BusinessFacts are a person's business income of a tax year by account books (查账征收).
type BusinessFacts struct {
	// Entity is individual_business, sole_proprietorship or partnership.
	Entity     string           `json:"entity"`
	Businesses []BusinessIncome `json:"businesses"`
	// Comprehensive says that the person has comprehensive income in the year, which then takes the
	// personal deductions.
	Comprehensive bool         `json:"comprehensive"`
	Special       money.Amount `json:"special"`
	Additional    money.Amount `json:"additional"`
	Other         money.Amount `json:"other"`
	OtherRelief   money.Amount `json:"other_relief"`
	Prepaid       money.Amount `json:"prepaid"`
	Positions     []Position   `json:"-"`
}

// DeemedProfitFacts are business income whose profit the tax office deems to be a share of revenue
// or costs.
type DeemedProfitFacts struct {
	// Entity is one of the kinds of BusinessFacts.
	Entity string `json:"entity"`
	// Basis is BasisRevenue or BasisCost; it says what Amount is.
	Basis  string       `json:"basis"`
	Amount money.Amount `json:"amount"`
	// Rate is the deemed profit rate (应税所得率) that the tax office has fixed, above 0 and below 1.
	Rate        money.Rate   `json:"income_rate"`
	OtherRelief money.Amount `json:"other_relief"`
}

// BusinessTax is the tax on a taxable amount of business income.
type BusinessTax struct {
	Taxable money.Amount
	Rate    money.Fraction
	Quick   money.Amount
	// Before is the tax by the table, before reliefs.
	Before money.Amount
	// Half is the half reduction of individual businesses.
	Half money.Amount
	// Payable is Before less other relief less Half, and never negative.
	Payable money.Amount
}

// BusinessResult is the settlement of business income for a tax year.
type BusinessResult struct {
	// Basic is 0.00 where comprehensive income takes the basic deduction, and for deemed profit.
	Basic     money.Amount   `json:"basic_deduction"`
	Taxable   money.Amount   `json:"taxable"`
	Rate      money.Fraction `json:"rate"`
	Quick     money.Amount   `json:"quick_deduction"`
	TaxBefore money.Amount   `json:"tax_before"`
	Half      money.Amount   `json:"half_reduction"`
	Payable   money.Amount   `json:"payable"`
	// Balance is payable less prepaid tax; a negative balance is a refund.
	Balance money.Amount `json:"balance"`
	Answer
}

// businessTable is the common end of every way of taxing business income: the progressive table and
// the payable tax.
type businessTable struct {
	questionRule
	table                bracketTable
	taxStep, payableStep *stepSpec
}

// businessBooks taxes business income by account books. The rule follows IIT Law art. 6 and 12, IIT
// Regulations art. 15; its data are in rules/national/iit/business.
type businessBooks struct {
	businessTable
	deduction money.Amount
	losses    *DatedValue
	lossesID  string

	profit, sum, baseStep, noDeduction, balance *stepSpec
}

// resolveSteps finds the wording of the steps of businessBooks in its rule file.
func (r *businessBooks) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"business.profit": &r.profit, "business.sum": &r.sum,
		"business.base": &r.baseStep, "business.base_comprehensive": &r.noDeduction,
		"business.tax": &r.taxStep, "business.payable": &r.payableStep, "business.balance": &r.balance})
}

// businessDeemed taxes business income whose profit is deemed to be a share of revenue or of costs.
// The rule follows Caishui [2000] No. 91, art. 9.
type businessDeemed struct {
	businessTable
	revenue, cost *stepSpec
}

// resolveSteps finds the wording of the steps of businessDeemed in its rule file.
func (r *businessDeemed) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"business.base_revenue": &r.revenue,
		"business.base_cost": &r.cost, "business.tax": &r.taxStep, "business.payable": &r.payableStep})
}

// businessHalf is the half reduction of individual businesses' income tax. The rule follows MOF/STA
// Announcement 2023 No. 12, art. 1; STA Announcement 2023 No. 12.
type businessHalf struct {
	questionRule
	limit money.Amount
	rate  money.Fraction
	step  *stepSpec
}

// resolveSteps finds the wording of the steps of businessHalf in its rule file.
func (r *businessHalf) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"business.half": &r.step})
}

// SettleBusinessIncome settles a year of business income by account books. Only individual
// businesses get the half reduction, on the sum of all their businesses.
//
// Errors: *fault.Error 2001 with the problems of the facts; *Gap where no rule answers: after the
// last day of the half reduction, and where one of several businesses made a loss and no tax
// position says what the loss lowers.
func (e *Engine) SettleBusinessIncome(on civil.Date, f BusinessFacts) (BusinessResult, error) {
	if err := f.validate(); err != nil {
		return BusinessResult{}, err
	}
	r, c, err := beginQuestion[*businessBooks](e, booksRule, on, f.Positions)
	if err != nil {
		return BusinessResult{}, err
	}
	profit, err := r.sumProfits(c, f.Businesses)
	if err != nil {
		return BusinessResult{}, err
	}
	taxable := money.Max(profit, money.Amount{})
	// personal deductions may be taken once: from comprehensive income where there is any
	if f.Comprehensive {
		c.addStep(r.noDeduction, exact, MoneyValue(taxable), Input{"profit", MoneyValue(profit)})
	} else {
		taxable = money.Max(profit.Sub(money.Sum(r.deduction, f.Special, f.Additional, f.Other)),
			money.Amount{})
		c.addStep(r.baseStep, exact, MoneyValue(taxable), Input{"profit", MoneyValue(profit)},
			Input{"deduction", MoneyValue(r.deduction)}, Input{"special", MoneyValue(f.Special)},
			Input{"additional", MoneyValue(f.Additional)}, Input{"other", MoneyValue(f.Other)})
	}
	res, err := e.taxBusinessIncome(c, on, &r.businessTable, taxable, f.OtherRelief, f.Entity)
	if err != nil {
		return BusinessResult{}, err
	}
	if !f.Comprehensive {
		res.Basic = r.deduction
	}
	res.Balance = res.Payable.Sub(f.Prepaid)
	c.addStep(r.balance, exact, MoneyValue(res.Balance), Input{"payable", MoneyValue(res.Payable)},
		Input{"prepaid", MoneyValue(f.Prepaid)})
	res.Answer = c.finishAnswer(&r.compiledRule)
	return res, nil
}

// SettleDeemedProfit taxes business income by the deemed profit rate that the tax office has fixed.
// There are no personal deductions; the half reduction is applied after the rate.
//
// Errors: those of SettleBusinessIncome.
func (e *Engine) SettleDeemedProfit(on civil.Date, f DeemedProfitFacts) (BusinessResult, error) {
	if err := f.validate(); err != nil {
		return BusinessResult{}, err
	}
	r, c, err := beginQuestion[*businessDeemed](e, deemedRule, on, nil)
	if err != nil {
		return BusinessResult{}, err
	}
	rate := f.Rate.Fraction()
	step, den := r.revenue, rate.Den()
	// costs are the share 1 - rate of revenue, so the profit is costs x rate / (1 - rate)
	if f.Basis == BasisCost {
		step, den = r.cost, rate.Den()-rate.Num()
	}
	taxable := f.Amount.MulDiv(rate.Num(), den, money.HalfUp)
	c.addStep(step, rounded, MoneyValue(taxable), Input{"amount", MoneyValue(f.Amount)},
		Input{"income_rate", RateValue(rate)})
	res, err := e.taxBusinessIncome(c, on, &r.businessTable, taxable, f.OtherRelief, f.Entity)
	if err != nil {
		return BusinessResult{}, err
	}
	res.Balance = res.Payable
	res.Answer = c.finishAnswer(&r.compiledRule)
	return res, nil
}

// BusinessTax returns the tax on a taxable amount of business income, without steps. halves says
// whether the half reduction of individual businesses applies.
//
// Errors: *Gap when no table, or with halves no half reduction, is in force on the day.
func (e *Engine) BusinessTax(on civil.Date, taxable, otherRelief money.Amount,
	halves bool) (BusinessTax, error) {
	r, err := findTypedRule[*businessBooks](e, booksRule, on)
	if err != nil {
		return BusinessTax{}, err
	}
	var h *businessHalf
	if halves {
		if h, err = findTypedRule[*businessHalf](e, halfRule, on); err != nil {
			return BusinessTax{}, err
		}
	}
	return r.taxOnAmount(taxable, otherRelief, h), nil
}

// sumProfits adds up the profits of the person's businesses. Whether the loss of one business
// lowers the profit of another is open law; a tax position decides it.
func (r *businessBooks) sumProfits(c *Calculation, list []BusinessIncome) (money.Amount, error) {
	whole, reading := money.NewFraction(1, 1), noLosses
	profits := make([]money.Amount, len(list))
	for i, b := range list {
		share := b.Share.Fraction()
		if share.IsZero() {
			share = whole
		}
		profits[i] = b.Revenue.Sub(b.Costs).Times(share, money.HalfUp)
		c.addStep(r.profit, rounded, MoneyValue(profits[i]), Input{"number", CountValue(i + 1)},
			Input{"revenue", MoneyValue(b.Revenue)}, Input{"costs", MoneyValue(b.Costs)},
			Input{"share", RateValue(share)})
		if profits[i].Negative() && len(list) > 1 {
			var err error
			if reading, err = c.chosenReading(r.lossesID, r.losses, c.facts.PaymentDate); err != nil {
				return money.Amount{}, err
			}
		}
	}
	var sum money.Amount
	for _, p := range profits {
		if reading == lossesApart {
			p = money.Max(p, money.Amount{})
		}
		sum = sum.Add(p)
	}
	c.addStep(r.sum, exact, MoneyValue(sum), Input{"number", CountValue(len(list))},
		Input{"reading", TextValue(reading)})
	return sum, nil
}

// The treatment of losses: there are none, or the reading by which a business with a loss counts
// as zero.
const (
	noLosses    = "none"
	lossesApart = "no_offset"
)

// taxBusinessIncome taxes the amount by the table and halves the tax of an individual business.
func (e *Engine) taxBusinessIncome(c *Calculation, on civil.Date, r *businessTable, taxable,
	otherRelief money.Amount, entity string) (BusinessResult, error) {
	var h *businessHalf
	if entity == "individual_business" {
		var err error
		if h, err = findTypedRule[*businessHalf](e, halfRule, on); err != nil {
			return BusinessResult{}, err
		}
	}
	t := r.taxOnAmount(taxable, otherRelief, h)
	c.addStep(r.taxStep, rounded, MoneyValue(t.Before), Input{"taxable", MoneyValue(taxable)},
		Input{"rate", RateValue(t.Rate)}, Input{"quick_deduction", MoneyValue(t.Quick)})
	if h != nil {
		part := money.Min(taxable, h.limit)
		_, onPart := r.table.bracketAndTax(exactAmount{part.Fen(), 1})
		c.addStep(h.step, rounded, MoneyValue(t.Half), Input{"limit", MoneyValue(h.limit)},
			Input{"part", MoneyValue(part)},
			Input{"tax_on_part", MoneyValue(onPart)},
			Input{"other_relief", MoneyValue(otherRelief)}, Input{"taxable", MoneyValue(taxable)},
			Input{"rate", RateValue(h.rate)})
		c.addUnconfirmed(h.unconfirmed...)
	}
	c.addStep(r.payableStep, exact, MoneyValue(t.Payable), Input{"tax", MoneyValue(t.Before)},
		Input{"other_relief", MoneyValue(otherRelief)}, Input{"half_reduction", MoneyValue(t.Half)})
	return BusinessResult{Taxable: taxable, Rate: t.Rate, Quick: t.Quick, TaxBefore: t.Before,
		Half: t.Half, Payable: t.Payable}, nil
}

// taxOnAmount returns the tax on a taxable amount; a nil h means no half reduction.
func (r *businessTable) taxOnAmount(taxable, otherRelief money.Amount,
	h *businessHalf) BusinessTax {
	t := BusinessTax{Taxable: taxable}
	level, tax := r.table.bracketAndTax(exactAmount{taxable.Fen(), 1})
	if level == nil {
		return t
	}
	t.Rate = level.Rate
	t.Quick = level.Quick
	t.Before = tax
	if h != nil {
		t.Half = h.halfReduction(&r.table, taxable, otherRelief)
	}
	t.Payable = money.Max(tax.Sub(otherRelief).Sub(t.Half), money.Amount{})
	return t
}

// halfReduction returns the relief of an individual business: the tax on the taxable part up to the
// limit, less that part's share of other reliefs, times the rate. The relief is computed exactly,
// rounded half up once, and never negative.
func (r *businessHalf) halfReduction(table *bracketTable, taxable,
	otherRelief money.Amount) money.Amount {
	part := money.Min(taxable, r.limit)
	level, _ := table.bracketAndTax(exactAmount{part.Fen(), 1})
	if level == nil {
		return money.Amount{}
	}
	yuan := func(a money.Amount) *big.Rat { return big.NewRat(a.Fen(), 1) }
	x := new(big.Rat).Mul(yuan(part), big.NewRat(level.Rate.Num(), level.Rate.Den()))
	x.Sub(x, yuan(level.Quick))
	relief := new(big.Rat).Mul(yuan(otherRelief), big.NewRat(part.Fen(), taxable.Fen()))
	x.Sub(x, relief)
	x.Mul(x, big.NewRat(r.rate.Num(), r.rate.Den()))
	if x.Sign() <= 0 {
		return money.Amount{}
	}
	twice := new(big.Int).Lsh(x.Denom(), 1)
	n := new(big.Int).Lsh(x.Num(), 1)
	return money.Fen(n.Add(n, x.Denom()).Quo(n, twice).Int64())
}

// validate returns error 2001 with all problems of the year's business income.
func (f *BusinessFacts) validate() error {
	p := validateEntity(f.Entity)
	if len(f.Businesses) == 0 || len(f.Businesses) > largestBusinesses {
		p = append(p, fault.Field{Field: "businesses", Problem: "must be 1 to 100"})
	}
	for _, b := range f.Businesses {
		p = checkYearTotal(p, "businesses.revenue", b.Revenue)
		p = checkYearTotal(p, "businesses.costs", b.Costs)
		if !b.Share.IsShare() {
			p = append(p, fault.Field{Field: "businesses.share", Problem: "must be above 0 and at most 1"})
		}
	}
	p = checkYearTotal(p, "special", f.Special)
	p = checkYearTotal(p, "additional", f.Additional)
	p = checkYearTotal(p, "other", f.Other)
	p = checkYearTotal(p, "other_relief", f.OtherRelief)
	p = checkYearTotal(p, "prepaid", f.Prepaid)
	if p != nil {
		return fault.Invalid(p...)
	}
	return nil
}

// largestBusinesses is how many businesses one person may list, so that their sum stays in range.
const largestBusinesses = 100

// validate returns error 2001 with all problems of the deemed profit facts.
func (f *DeemedProfitFacts) validate() error {
	p := validateEntity(f.Entity)
	if f.Basis != BasisRevenue && f.Basis != BasisCost {
		p = append(p, fault.Field{Field: "basis", Problem: "must be one of revenue, cost"})
	}
	if !f.Rate.Positive() || f.Rate.Cmp(money.Ratio(1, 1)) >= 0 {
		p = append(p, fault.Field{Field: "income_rate", Problem: "must be above 0 and below 1"})
	}
	p = checkYearTotal(p, "amount", f.Amount)
	p = checkYearTotal(p, "other_relief", f.OtherRelief)
	if p != nil {
		return fault.Invalid(p...)
	}
	return nil
}

// validateEntity returns a problem when the entity is no kind that has business income.
func validateEntity(entity string) []fault.Field {
	switch entity {
	case "individual_business", "sole_proprietorship", "partnership":
		return nil
	}
	return []fault.Field{{Field: "entity",
		Problem: "must be one of individual_business, sole_proprietorship, partnership"}}
}

// businessBooksMethodSpec describes the method of businessBooks for rule files: its roles, and how
// its rule is built.
func businessBooksMethodSpec() methodSpec {
	return methodSpec{isQuestion: true,
		needed: map[string]Kind{"deduction": KindAmount, "brackets": KindBrackets, "losses": KindChoice},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &businessBooks{businessTable: businessTable{questionRule: questionRule{r},
				table: b.bracketsInRole(m)}, deduction: b.amountInRole(m, "deduction"),
				losses: b.findValue(m.Uses["losses"]), lossesID: m.Uses["losses"]}
		}}
}

// businessDeemedMethodSpec describes the method of businessDeemed for rule files: its roles, and
// how its rule is built.
func businessDeemedMethodSpec() methodSpec {
	return methodSpec{isQuestion: true,
		needed: map[string]Kind{"brackets": KindBrackets},
		build: func(b *Book, r compiledRule) steppedRule {
			return &businessDeemed{businessTable: businessTable{questionRule: questionRule{r},
				table: b.bracketsInRole(r.method)}}
		}}
}

// businessHalfMethodSpec describes the method of businessHalf for rule files: its roles, and how
// its rule is built.
func businessHalfMethodSpec() methodSpec {
	return methodSpec{isQuestion: true,
		needed: map[string]Kind{"limit": KindAmount, "rate": KindRate},
		build: func(b *Book, r compiledRule) steppedRule {
			return &businessHalf{questionRule: questionRule{r}, limit: b.amountInRole(r.method, "limit"),
				rate: b.rateInRole(r.method, "rate")}
		}}
}
