package tax

import (
	"math/big"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// The rules of business income.
const (
	booksRule  = "iit.business.books"
	halfRule   = "iit.business.half"
	deemedRule = "iit.business.deemed_profit"
)

// The bases of a deemed profit.
const (
	BasisRevenue = "revenue"
	BasisCost    = "cost"
)

// BusinessIncome is one business of the person in the year, in yuan and fen. Share is the person's
// part of its income (先分后税); the zero Rate means all of it.
type BusinessIncome struct {
	Revenue money.Amount `json:"revenue"`
	Costs   money.Amount `json:"costs"`
	Share   money.Rate   `json:"share"`
}

// BusinessFacts are a person's business income of a tax year by account books (查账征收).
type BusinessFacts struct {
	// individual_business, sole_proprietorship, partnership
	Entity     string           `json:"entity"`
	Businesses []BusinessIncome `json:"businesses"`
	// Comprehensive tells that the person has comprehensive income in the year, which then bears the
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
	Entity string       `json:"entity"` // as in BusinessFacts
	Basis  string       `json:"basis"`  // BasisRevenue or BasisCost: what Amount is
	Amount money.Amount `json:"amount"`
	// 应税所得率 as the tax office has fixed it, above 0 and below 1
	Rate        money.Rate   `json:"income_rate"`
	OtherRelief money.Amount `json:"other_relief"`
}

// BusinessTax is the tax on a taxable amount of business income.
type BusinessTax struct {
	Taxable money.Amount
	Rate    money.Fraction
	Quick   money.Amount
	Before  money.Amount // by the table
	Half    money.Amount // half reduction of individual businesses
	Payable money.Amount // Before less other relief less Half, never below zero
}

// BusinessResult is the settlement of business income.
type BusinessResult struct {
	// 0.00 where comprehensive income bears it, and by deemed profit
	Basic     money.Amount   `json:"basic_deduction"`
	Taxable   money.Amount   `json:"taxable"`
	Rate      money.Fraction `json:"rate"`
	Quick     money.Amount   `json:"quick_deduction"`
	TaxBefore money.Amount   `json:"tax_before"`
	Half      money.Amount   `json:"half_reduction"`
	Payable   money.Amount   `json:"payable"`
	Balance   money.Amount   `json:"balance"` // payable less prepaid; negative: refund
	Answer
}

// businessTable is what every way of taxing business income ends with: the table and what is
// payable.
type businessTable struct {
	ownQuestion
	table                table
	taxStep, payableStep *stepSpec
}

// businessBooks is business income by account books.
// Source: IIT Law art. 6 and 12, IIT Regulations art. 15; data in rules/national/iit/business.
type businessBooks struct {
	businessTable
	deduction money.Amount
	losses    *Dated
	lossesID  string

	profit, sum, baseStep, noDeduction, balance *stepSpec
}

func (r *businessBooks) resolve() error {
	return r.specs(map[string]**stepSpec{"business.profit": &r.profit, "business.sum": &r.sum,
		"business.base": &r.baseStep, "business.base_comprehensive": &r.noDeduction,
		"business.tax": &r.taxStep, "business.payable": &r.payableStep, "business.balance": &r.balance})
}

// businessDeemed is business income whose profit is a share of revenue or of costs.
// Source: Caishui [2000] No. 91, art. 9.
type businessDeemed struct {
	businessTable
	revenue, cost *stepSpec
}

func (r *businessDeemed) resolve() error {
	return r.specs(map[string]**stepSpec{"business.base_revenue": &r.revenue,
		"business.base_cost": &r.cost, "business.tax": &r.taxStep, "business.payable": &r.payableStep})
}

// businessHalf is the half reduction for individual businesses.
// Source: MOF/STA Announcement 2023 No. 12, art. 1; STA Announcement 2023 No. 12.
type businessHalf struct {
	ownQuestion
	limit money.Amount
	rate  money.Fraction
	step  *stepSpec
}

func (r *businessHalf) resolve() error {
	return r.specs(map[string]**stepSpec{"business.half": &r.step})
}

// Business settles a year of business income by account books. The half reduction goes to
// individual businesses only, on all of them together.
//
// Errors: *fault.Error 2001 with the problems of the facts; *Gap where no rule answers: after the
// last day of the half reduction, and where one of several businesses made a loss and no position
// says what it lowers.
func (e *Engine) Business(on civil.Date, f BusinessFacts) (BusinessResult, error) {
	if err := f.check(); err != nil {
		return BusinessResult{}, err
	}
	r, c, err := ask[*businessBooks](e, booksRule, on, f.Positions)
	if err != nil {
		return BusinessResult{}, err
	}
	profit, err := r.profits(c, f.Businesses)
	if err != nil {
		return BusinessResult{}, err
	}
	taxable := money.MaxOf(profit, money.Amount{})
	if f.Comprehensive {
		c.step(r.noDeduction, exact, Money(taxable), Input{"profit", Money(profit)})
	} else {
		taxable = money.MaxOf(profit.Sub(money.Sum(r.deduction, f.Special, f.Additional, f.Other)),
			money.Amount{})
		c.step(r.baseStep, exact, Money(taxable), Input{"profit", Money(profit)},
			Input{"deduction", Money(r.deduction)}, Input{"special", Money(f.Special)},
			Input{"additional", Money(f.Additional)}, Input{"other", Money(f.Other)})
	}
	res, err := e.finishBusiness(c, on, &r.businessTable, taxable, f.OtherRelief, f.Entity)
	if err != nil {
		return BusinessResult{}, err
	}
	if !f.Comprehensive {
		res.Basic = r.deduction
	}
	res.Balance = res.Payable.Sub(f.Prepaid)
	c.step(r.balance, exact, Money(res.Balance), Input{"payable", Money(res.Payable)},
		Input{"prepaid", Money(f.Prepaid)})
	res.Answer = c.answer(&r.base)
	return res, nil
}

// DeemedProfit taxes business income by the deemed profit rate that the tax office has fixed. It
// knows no personal deductions; the half reduction comes after it.
//
// Errors: as Business.
func (e *Engine) DeemedProfit(on civil.Date, f DeemedProfitFacts) (BusinessResult, error) {
	if err := f.check(); err != nil {
		return BusinessResult{}, err
	}
	r, c, err := ask[*businessDeemed](e, deemedRule, on, nil)
	if err != nil {
		return BusinessResult{}, err
	}
	rate := f.Rate.Fraction()
	step, den := r.revenue, rate.Den()
	if f.Basis == BasisCost {
		step, den = r.cost, rate.Den()-rate.Num()
	}
	taxable := f.Amount.MulDiv(rate.Num(), den, money.HalfUp)
	c.step(step, rounded, Money(taxable), Input{"amount", Money(f.Amount)},
		Input{"income_rate", Fraction(rate)})
	res, err := e.finishBusiness(c, on, &r.businessTable, taxable, f.OtherRelief, f.Entity)
	if err != nil {
		return BusinessResult{}, err
	}
	res.Balance = res.Payable
	res.Answer = c.answer(&r.base)
	return res, nil
}

// BusinessTax gives the tax on a taxable amount of business income, without steps. halves asks for
// the half reduction of individual businesses.
//
// Errors: *Gap where no table, or with halves no half reduction, is in force on the day.
func (e *Engine) BusinessTax(on civil.Date, taxable, otherRelief money.Amount,
	halves bool) (BusinessTax, error) {
	r, err := ruleOf[*businessBooks](e, booksRule, on)
	if err != nil {
		return BusinessTax{}, err
	}
	var h *businessHalf
	if halves {
		if h, err = ruleOf[*businessHalf](e, halfRule, on); err != nil {
			return BusinessTax{}, err
		}
	}
	return r.reckon(taxable, otherRelief, h), nil
}

// profits sums the person's businesses. A loss among several is open law.
func (r *businessBooks) profits(c *Calculation, list []BusinessIncome) (money.Amount, error) {
	whole, reading := money.NewFraction(1, 1), noLosses
	profits := make([]money.Amount, len(list))
	for i, b := range list {
		share := b.Share.Fraction()
		if share.IsZero() {
			share = whole
		}
		profits[i] = b.Revenue.Sub(b.Costs).Times(share, money.HalfUp)
		c.step(r.profit, rounded, Money(profits[i]), Input{"number", Count(i + 1)},
			Input{"revenue", Money(b.Revenue)}, Input{"costs", Money(b.Costs)},
			Input{"share", Fraction(share)})
		if profits[i].Negative() && len(list) > 1 {
			var err error
			if reading, err = c.reading(r.lossesID, r.losses, c.facts.PaymentDate); err != nil {
				return money.Amount{}, err
			}
		}
	}
	var sum money.Amount
	for _, p := range profits {
		if reading == lossesApart {
			p = money.MaxOf(p, money.Amount{})
		}
		sum = sum.Add(p)
	}
	c.step(r.sum, exact, Money(sum), Input{"number", Count(len(list))},
		Input{"reading", Word(reading)})
	return sum, nil
}

// What becomes of losses: there are none, or the reading by which a business with a loss counts as
// zero.
const (
	noLosses    = "none"
	lossesApart = "no_offset"
)

// finishBusiness taxes the amount and halves what an individual business owes.
func (e *Engine) finishBusiness(c *Calculation, on civil.Date, r *businessTable, taxable,
	otherRelief money.Amount, entity string) (BusinessResult, error) {
	var h *businessHalf
	if entity == "individual_business" {
		var err error
		if h, err = ruleOf[*businessHalf](e, halfRule, on); err != nil {
			return BusinessResult{}, err
		}
	}
	t := r.reckon(taxable, otherRelief, h)
	c.step(r.taxStep, rounded, Money(t.Before), Input{"taxable", Money(taxable)},
		Input{"rate", Fraction(t.Rate)}, Input{"quick_deduction", Money(t.Quick)})
	if h != nil {
		part := money.Min(taxable, h.limit)
		_, onPart := r.table.tax(fraction{part.Fen(), 1})
		c.step(h.step, rounded, Money(t.Half), Input{"limit", Money(h.limit)}, Input{"part", Money(part)},
			Input{"tax_on_part", Money(onPart)},
			Input{"other_relief", Money(otherRelief)}, Input{"taxable", Money(taxable)},
			Input{"rate", Fraction(h.rate)})
		c.unconfirmed(h.unconfirmed...)
	}
	c.step(r.payableStep, exact, Money(t.Payable), Input{"tax", Money(t.Before)},
		Input{"other_relief", Money(otherRelief)}, Input{"half_reduction", Money(t.Half)})
	return BusinessResult{Taxable: taxable, Rate: t.Rate, Quick: t.Quick, TaxBefore: t.Before,
		Half: t.Half, Payable: t.Payable}, nil
}

// reckon gives the tax on a taxable amount; h nil means no half reduction.
func (r *businessTable) reckon(taxable, otherRelief money.Amount, h *businessHalf) BusinessTax {
	t := BusinessTax{Taxable: taxable}
	level, tax := r.table.tax(fraction{taxable.Fen(), 1})
	if level == nil {
		return t
	}
	t.Rate = level.Rate
	t.Quick = level.Quick
	t.Before = tax
	if h != nil {
		t.Half = h.reduction(&r.table, taxable, otherRelief)
	}
	t.Payable = money.MaxOf(tax.Sub(otherRelief).Sub(t.Half), money.Amount{})
	return t
}

// reduction is (tax on the part up to the limit - other relief x part / taxable) x rate, exact
// inside and rounded half up once; never below zero.
func (r *businessHalf) reduction(table *table, taxable, otherRelief money.Amount) money.Amount {
	part := money.Min(taxable, r.limit)
	level, _ := table.tax(fraction{part.Fen(), 1})
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

func (f *BusinessFacts) check() error {
	p := checkEntity(f.Entity)
	if len(f.Businesses) == 0 || len(f.Businesses) > largestBusinesses {
		p = append(p, fault.Field{Field: "businesses", Problem: "must be 1 to 100"})
	}
	for _, b := range f.Businesses {
		p = inRange(p, "businesses.revenue", b.Revenue)
		p = inRange(p, "businesses.costs", b.Costs)
		if !b.Share.IsShare() {
			p = append(p, fault.Field{Field: "businesses.share", Problem: "must be above 0 and at most 1"})
		}
	}
	p = inRange(p, "special", f.Special)
	p = inRange(p, "additional", f.Additional)
	p = inRange(p, "other", f.Other)
	p = inRange(p, "other_relief", f.OtherRelief)
	p = inRange(p, "prepaid", f.Prepaid)
	if p != nil {
		return fault.Invalid(p...)
	}
	return nil
}

// largestBusinesses bounds the businesses of one person, so that their sum stays in range.
const largestBusinesses = 100

func (f *DeemedProfitFacts) check() error {
	p := checkEntity(f.Entity)
	if f.Basis != BasisRevenue && f.Basis != BasisCost {
		p = append(p, fault.Field{Field: "basis", Problem: "must be one of revenue, cost"})
	}
	if !f.Rate.Positive() || f.Rate.Cmp(money.Ratio(1, 1)) >= 0 {
		p = append(p, fault.Field{Field: "income_rate", Problem: "must be above 0 and below 1"})
	}
	p = inRange(p, "amount", f.Amount)
	p = inRange(p, "other_relief", f.OtherRelief)
	if p != nil {
		return fault.Invalid(p...)
	}
	return nil
}

func checkEntity(entity string) []fault.Field {
	switch entity {
	case "individual_business", "sole_proprietorship", "partnership":
		return nil
	}
	return []fault.Field{{Field: "entity",
		Problem: "must be one of individual_business, sole_proprietorship, partnership"}}
}

func businessBooksSpec() methodSpec {
	return methodSpec{apart: true,
		needed: map[string]Kind{"deduction": KindAmount, "brackets": KindBrackets, "losses": KindChoice},
		build: func(b *Book, r base) resolver {
			m := r.method
			return &businessBooks{businessTable: businessTable{ownQuestion: ownQuestion{r},
				table: b.table(m)}, deduction: b.amount(m, "deduction"),
				losses: b.value(m.Uses["losses"]), lossesID: m.Uses["losses"]}
		}}
}

func businessDeemedSpec() methodSpec {
	return methodSpec{apart: true,
		needed: map[string]Kind{"brackets": KindBrackets},
		build: func(b *Book, r base) resolver {
			return &businessDeemed{businessTable: businessTable{ownQuestion: ownQuestion{r},
				table: b.table(r.method)}}
		}}
}

func businessHalfSpec() methodSpec {
	return methodSpec{apart: true,
		needed: map[string]Kind{"limit": KindAmount, "rate": KindRate},
		build: func(b *Book, r base) resolver {
			return &businessHalf{ownQuestion: ownQuestion{r}, limit: b.amount(r.method, "limit"),
				rate: b.rate(r.method, "rate")}
		}}
}
