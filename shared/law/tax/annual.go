package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// The rules of the annual settlement of comprehensive income.
const (
	annualRule = "iit.annual"
	waiverRule = "iit.annual.waiver"
)

// largestAnnualFen is the most that one total of a year may be: ten thousand million yuan. It keeps
// every product of the settlement in range.
const largestAnnualFen = 1_000_000_000_000

// AnnualFacts are a resident's comprehensive income of one tax year with all that lowers its tax,
// in yuan and fen.
type AnnualFacts struct {
	Wages           money.Amount `json:"wages"` // income of the year, before any deduction, net of VAT
	Labor           money.Amount `json:"labor"`
	Author          money.Amount `json:"author"`
	Royalty         money.Amount `json:"royalty"`
	Exempt          money.Amount `json:"exempt"`     // 免税收入 within it
	Special         money.Amount `json:"special"`    // 专项扣除
	Additional      money.Amount `json:"additional"` // 专项附加扣除
	Other           money.Amount `json:"other"`      // 依法确定的其他扣除
	Donations       money.Amount `json:"donations"`  // 公益慈善捐赠 that are deductible up to the limit
	DonationsInFull money.Amount `json:"donations_in_full"`
	Relief          money.Amount `json:"relief"`       // 减免税额
	Prepaid         money.Amount `json:"prepaid"`      // 已预缴税额
	Sources         int          `json:"sources"`      // payers of comprehensive income in the year
	ClaimRefund     bool         `json:"claim_refund"` // the person wants an excess back
	Positions       []Position   `json:"-"`
}

// Unknown is something that a figure leaves out because nobody has told it or no rule says it.
type Unknown struct {
	Rule    string         `json:"rule"`
	Missing bilingual.Text `json:"missing"`
}

// The reasons why a settlement must be filed (IIT Regulations art. 25).
const (
	FileTwoSources      = "two_sources"
	FileOtherThanWages  = "labor_author_or_royalty"
	FilePrepaidBelowDue = "prepaid_below_due"
	FileRefundClaimed   = "refund_claimed"
)

// AnnualResult is the settlement of one year.
type AnnualResult struct {
	IncomeAmount money.Amount   `json:"income_amount"` // 收入额
	Donations    money.Amount   `json:"donations"`     // of them deductible
	Taxable      money.Amount   `json:"taxable"`
	Rate         money.Fraction `json:"rate"`
	Quick        money.Amount   `json:"quick_deduction"`
	Tax          money.Amount   `json:"tax"`
	Prepaid      money.Amount   `json:"prepaid"`
	Balance      money.Amount   `json:"balance"`   // positive: to pay; negative: refund
	MustFile     []string       `json:"must_file"` // reasons; empty: no duty to file
	// whether filing is waived; null where it is not asked or not known
	Waived  *bool     `json:"waived"`
	Unknown []Unknown `json:"unknown,omitempty"` // what the figures leave out
	Answer
}

// annual is the settlement's arithmetic, compiled for a day.
// Source: IIT Law art. 6 and 11, IIT Regulations art. 25; data in rules/national/iit/annual.
type annual struct {
	ownQuestion
	deduction   money.Amount
	cost, share money.Fraction
	keep, kept  money.Fraction // 1 - cost, and with the further share of author remuneration
	donations   money.Fraction
	filing      Threshold
	table       table

	income, baseStep, donated, taxable, tax, balance, filingStep *stepSpec
}

func (r *annual) resolve() error {
	return r.specs(map[string]**stepSpec{"annual.income": &r.income, "annual.base": &r.baseStep,
		"annual.donations": &r.donated, "annual.taxable": &r.taxable,
		"annual.tax": &r.tax, "annual.balance": &r.balance, "annual.filing": &r.filingStep})
}

// Annual settles a year of comprehensive income by the rules in force on a day; the last day of the
// tax year is the one to ask for.
//
// Errors: *fault.Error 2001 with the problems of the facts; *Gap where no rule is in force.
func (e *Engine) Annual(on civil.Date, f AnnualFacts) (AnnualResult, error) {
	if err := f.check(); err != nil {
		return AnnualResult{}, err
	}
	r, c, err := ask[*annual](e, annualRule, on, f.Positions)
	if err != nil {
		return AnnualResult{}, err
	}
	res := r.settle(c, &f)
	if err := e.waiver(c, on, &f, &res); err != nil {
		return AnnualResult{}, err
	}
	res.Answer = c.answer(&r.base)
	return res, nil
}

// settle writes the figures of the year.
func (r *annual) settle(c *Calculation, f *AnnualFacts) AnnualResult {
	income := of(f.Labor.Add(f.Royalty), r.keep).plus(of(f.Author, r.kept)).plus(
		fraction{f.Wages.Sub(f.Exempt).Fen(), 1})
	res := AnnualResult{IncomeAmount: income.reported(), Prepaid: f.Prepaid, MustFile: []string{}}
	c.step(r.income, rounded, Money(res.IncomeAmount), Input{"wages", Money(f.Wages)},
		Input{"exempt", Money(f.Exempt)}, Input{"labor", Money(f.Labor)},
		Input{"royalty", Money(f.Royalty)}, Input{"author", Money(f.Author)},
		Input{"cost_rate", Fraction(r.cost)}, Input{"share", Fraction(r.share)})
	base := income.minus(money.Sum(r.deduction, f.Special, f.Additional, f.Other))
	before := base.reported()
	c.step(r.baseStep, rounded, Money(before), Input{"income_amount", Money(res.IncomeAmount)},
		Input{"deduction", Money(r.deduction)},
		Input{"special", Money(f.Special)}, Input{"additional", Money(f.Additional)},
		Input{"other", Money(f.Other)})
	res.Donations = money.Min(f.Donations, before.Times(r.donations, money.HalfUp)).Add(
		f.DonationsInFull)
	c.step(r.donated, rounded, Money(res.Donations), Input{"donations", Money(f.Donations)},
		Input{"base", Money(before)},
		Input{"donation_limit", Fraction(r.donations)},
		Input{"donations_in_full", Money(f.DonationsInFull)})
	base = base.minus(res.Donations)
	res.Taxable = base.reported()
	c.step(r.taxable, rounded, Money(res.Taxable), Input{"base", Money(before)},
		Input{"donations", Money(res.Donations)})
	level, tax := r.table.tax(base)
	if level != nil {
		res.Rate, res.Quick = level.Rate, level.Quick
	}
	res.Tax = tax
	c.step(r.tax, rounded, Money(tax), Input{"taxable", Money(res.Taxable)},
		Input{"rate", Fraction(res.Rate)}, Input{"quick_deduction", Money(res.Quick)})
	owed := money.MaxOf(tax.Sub(f.Relief), money.Amount{})
	res.Balance = owed.Sub(f.Prepaid)
	c.step(r.balance, exact, Money(res.Balance), Input{"tax", Money(tax)},
		Input{"relief", Money(f.Relief)}, Input{"prepaid", Money(f.Prepaid)})
	r.file(c, f, &res)
	return res
}

// file lists why the settlement must be filed.
func (r *annual) file(c *Calculation, f *AnnualFacts, res *AnnualResult) {
	amount := res.IncomeAmount.Sub(f.Special)
	because := func(reason string, holds bool) {
		if holds {
			res.MustFile = append(res.MustFile, reason)
		}
	}
	over := r.filing.Met(amount)
	because(FileTwoSources, over && f.Sources > 1)
	because(FileOtherThanWages, over && money.Sum(f.Labor, f.Author, f.Royalty).Positive())
	because(FilePrepaidBelowDue, res.Balance.Positive())
	because(FileRefundClaimed, f.ClaimRefund && res.Balance.Negative())
	c.step(r.filingStep, exact, Word(boolWord(len(res.MustFile) > 0)),
		Input{"sources", Count(f.Sources)}, Input{"amount", Money(amount)},
		Input{"limit", Money(r.filing.Amount)})
}

// annualWaiver is the reading of the waiver of filing; its text is not read, so only a position
// brings it in.
type annualWaiver struct {
	ownQuestion
	income, tax Threshold // filing is waived up to them
	step        *stepSpec
}

func (r *annualWaiver) resolve() error {
	return r.specs(map[string]**stepSpec{"annual.waiver": &r.step})
}

// waiver says whether filing is waived where tax is to be paid: by a position, else it is a named
// unknown.
func (e *Engine) waiver(c *Calculation, on civil.Date, f *AnnualFacts, res *AnnualResult) error {
	if !res.Balance.Positive() {
		return nil
	}
	rule, err := e.rule(waiverRule, on)
	if open, ok := rule.(*openRule); err == nil && ok {
		rule, err = open.chosen(c, on)
	}
	if g, ok := asGap(err); ok && c.positionOn(waiverRule) == nil {
		res.Unknown = append(res.Unknown, Unknown{g.Rule, g.Missing})
		return nil
	}
	if err != nil {
		return err
	}
	r, ok := rule.(*annualWaiver)
	if !ok {
		return &Gap{Rule: waiverRule, On: on,
			Missing: bilingual.Text{ZH: "该规则不是免予汇算的口径", EN: "the rule is no reading of the waiver"}}
	}
	income := money.Sum(f.Wages, f.Labor, f.Author, f.Royalty)
	waived := !r.income.Met(income) || !r.tax.Met(res.Balance)
	res.Waived = &waived
	c.step(r.step, exact, Word(boolWord(waived)), Input{"income", Money(income)},
		Input{"income_limit", Money(r.income.Amount)},
		Input{"balance", Money(res.Balance)}, Input{"tax_limit", Money(r.tax.Amount)})
	c.unconfirmed(r.unconfirmed...)
	return nil
}

// chosen gives the rule of the position's reading, or the gap.
func (r *openRule) chosen(c *Calculation, on civil.Date) (TaxRule, error) {
	p := c.positionOn(r.def.ID)
	if p == nil {
		return nil, r.gap(on)
	}
	rule := r.readings[p.Reading]
	if rule == nil {
		return nil, unknownReading(r.def.ID, p.Reading, on, r.value)
	}
	c.usePosition(p)
	return rule, nil
}

func (f *AnnualFacts) check() error {
	var p fault.Problems
	amounts := []struct {
		name string
		a    money.Amount
	}{{"wages", f.Wages}, {"labor", f.Labor}, {"author", f.Author}, {"royalty", f.Royalty},
		{"exempt", f.Exempt}, {"special", f.Special},
		{"additional", f.Additional}, {"other", f.Other}, {"donations", f.Donations},
		{"donations_in_full", f.DonationsInFull}, {"relief", f.Relief}, {"prepaid", f.Prepaid}}
	for _, x := range amounts {
		p = inRange(p, x.name, x.a)
	}
	p.AddIf(f.Sources < 0, "sources", "must not be below zero")
	return p.Err()
}

// inRange adds the problem of a year's total that is below zero or too large.
func inRange(p []fault.Field, name string, a money.Amount) []fault.Field {
	if largest := money.Fen(largestAnnualFen); a.Negative() || a.Cmp(largest) > 0 {
		p = append(p, fault.Field{Field: name, Problem: "must be zero to " + largest.String()})
	}
	return p
}

func annualSpec() methodSpec {
	return methodSpec{apart: true,
		needed: map[string]Kind{"deduction": KindAmount, "cost_rate": KindRate, "share": KindRate,
			"donation_limit": KindRate, "filing_limit": KindThreshold, "brackets": KindBrackets},
		build: func(b *Book, r base) resolver {
			m := r.method
			keep, share := keptShare(b.rate(m, "cost_rate")), b.shareOf(m)
			return &annual{ownQuestion: ownQuestion{r}, deduction: b.amount(m, "deduction"),
				cost: b.rate(m, "cost_rate"), share: share, keep: keep, kept: lowest(keep, share),
				donations: b.rate(m, "donation_limit"), filing: b.threshold(m, "filing_limit"),
				table: b.table(m)}
		}}
}

func annualWaiverSpec() methodSpec {
	return methodSpec{apart: true,
		needed: map[string]Kind{"income": KindThreshold, "tax": KindThreshold},
		build: func(b *Book, r base) resolver {
			return &annualWaiver{ownQuestion: ownQuestion{r}, income: b.threshold(r.method, "income"),
				tax: b.threshold(r.method, "tax")}
		}}
}
