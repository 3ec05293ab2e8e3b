package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// The ids of the rules of the annual settlement of comprehensive income.
const (
	annualRule = "iit.annual"
	waiverRule = "iit.annual.waiver"
)

// largestAnnualFen is the largest total of a year that the settlement accepts: ten thousand million
// yuan. The limit keeps every product of the settlement in range.
const largestAnnualFen = 1_000_000_000_000

// AnnualFacts are a resident's comprehensive income of one tax year and everything that lowers its
// tax, in yuan and fen.
type AnnualFacts struct {
	// Wages, Labor, Author and Royalty are the year's income before any deduction, net of VAT.
	Wages      money.Amount `json:"wages"`
	Labor      money.Amount `json:"labor"`
	Author     money.Amount `json:"author"`
	Royalty    money.Amount `json:"royalty"`
	Exempt     money.Amount `json:"exempt"`     // 免税收入 within it
	Special    money.Amount `json:"special"`    // 专项扣除
	Additional money.Amount `json:"additional"` // 专项附加扣除
	Other      money.Amount `json:"other"`      // 依法确定的其他扣除
	// Donations (公益慈善捐赠) are deductible up to a limit, DonationsInFull without limit.
	Donations       money.Amount `json:"donations"`
	DonationsInFull money.Amount `json:"donations_in_full"`
	Relief          money.Amount `json:"relief"`  // 减免税额
	Prepaid         money.Amount `json:"prepaid"` // 已预缴税额
	// Sources counts the payers of comprehensive income in the year.
	Sources int `json:"sources"`
	// ClaimRefund says that the person wants an excess refunded.
	ClaimRefund bool       `json:"claim_refund"`
	Positions   []Position `json:"-"`
}

// Unknown is something that a figure leaves out, because nobody has provided the fact or no rule
// answers.
type Unknown struct {
	Rule    string         `json:"rule"`
	Missing bilingual.Text `json:"missing"`
}

// The reasons why an annual settlement must be filed (IIT Regulations art. 25).
const (
	FileTwoSources      = "two_sources"
	FileOtherThanWages  = "labor_author_or_royalty"
	FilePrepaidBelowDue = "prepaid_below_due"
	FileRefundClaimed   = "refund_claimed"
)

// AnnualResult is the annual settlement of one tax year.
type AnnualResult struct {
	IncomeAmount money.Amount `json:"income_amount"` // 收入额
	// Donations is the deductible part.
	Donations money.Amount   `json:"donations"`
	Taxable   money.Amount   `json:"taxable"`
	Rate      money.Fraction `json:"rate"`
	Quick     money.Amount   `json:"quick_deduction"`
	Tax       money.Amount   `json:"tax"`
	Prepaid   money.Amount   `json:"prepaid"`
	// Balance is positive for tax to pay and negative for a refund.
	Balance money.Amount `json:"balance"`
	// MustFile lists the reasons for filing; an empty list means no duty to file.
	MustFile []string `json:"must_file"`
	// Waived says whether filing is waived; null where the question does not arise or has no known
	// answer.
	Waived *bool `json:"waived"`
	// Unknown lists what the figures leave out.
	Unknown []Unknown `json:"unknown,omitempty"`
	Answer
}

// annualSettlement is the arithmetic of the annual settlement, compiled for a day. The rule follows
// IIT Law art. 6 and 11, IIT Regulations art. 25; its data are in rules/national/iit/annual.
type annualSettlement struct {
	questionRule
	deduction   money.Amount
	cost, share money.Fraction
	// laborShare is 1 - cost; authorShare is that times the further share of author remuneration.
	laborShare, authorShare money.Fraction
	donations               money.Fraction
	filing                  Threshold
	table                   bracketTable

	income, baseStep, donated, taxable, tax, balance, filingStep *stepSpec
}

// resolveSteps finds the wording of the steps of annualSettlement in its rule file.
func (r *annualSettlement) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"annual.income": &r.income, "annual.base": &r.baseStep,
		"annual.donations": &r.donated, "annual.taxable": &r.taxable,
		"annual.tax": &r.tax, "annual.balance": &r.balance, "annual.filing": &r.filingStep})
}

// SettleAnnualIncome settles a year of comprehensive income by the rules in force on a day, which
// should be the last day of the tax year.
//
// Errors: *fault.Error 2001 with the problems of the facts; *Gap where no rule is in force.
func (e *Engine) SettleAnnualIncome(on civil.Date, f AnnualFacts) (AnnualResult, error) {
	if err := f.validate(); err != nil {
		return AnnualResult{}, err
	}
	r, c, err := beginQuestion[*annualSettlement](e, annualRule, on, f.Positions)
	if err != nil {
		return AnnualResult{}, err
	}
	res := r.computeYear(c, &f)
	if err := e.applyFilingWaiver(c, on, &f, &res); err != nil {
		return AnnualResult{}, err
	}
	res.Answer = c.finishAnswer(&r.compiledRule)
	return res, nil
}

// computeYear computes the year's tax from income to balance and records each step.
func (r *annualSettlement) computeYear(c *Calculation, f *AnnualFacts) AnnualResult {
	income := multiplyExact(f.Labor.Add(f.Royalty),
		r.laborShare).addExact(multiplyExact(f.Author, r.authorShare)).addExact(
		exactAmount{f.Wages.Sub(f.Exempt).Fen(), 1})
	res := AnnualResult{IncomeAmount: income.roundedAmount(), Prepaid: f.Prepaid, MustFile: []string{}}
	c.addStep(r.income, rounded, MoneyValue(res.IncomeAmount), Input{"wages", MoneyValue(f.Wages)},
		Input{"exempt", MoneyValue(f.Exempt)}, Input{"labor", MoneyValue(f.Labor)},
		Input{"royalty", MoneyValue(f.Royalty)}, Input{"author", MoneyValue(f.Author)},
		Input{"cost_rate", RateValue(r.cost)}, Input{"share", RateValue(r.share)})
	base := income.subtractAmount(money.Sum(r.deduction, f.Special, f.Additional, f.Other))
	before := base.roundedAmount()
	c.addStep(r.baseStep, rounded, MoneyValue(before),
		Input{"income_amount", MoneyValue(res.IncomeAmount)},
		Input{"deduction", MoneyValue(r.deduction)},
		Input{"special", MoneyValue(f.Special)}, Input{"additional", MoneyValue(f.Additional)},
		Input{"other", MoneyValue(f.Other)})
	// the limit of donations is a share of the base before donations
	res.Donations = money.Min(f.Donations, before.Times(r.donations, money.HalfUp)).Add(
		f.DonationsInFull)
	c.addStep(r.donated, rounded, MoneyValue(res.Donations),
		Input{"donations", MoneyValue(f.Donations)},
		Input{"base", MoneyValue(before)},
		Input{"donation_limit", RateValue(r.donations)},
		Input{"donations_in_full", MoneyValue(f.DonationsInFull)})
	base = base.subtractAmount(res.Donations)
	res.Taxable = base.roundedAmount()
	c.addStep(r.taxable, rounded, MoneyValue(res.Taxable), Input{"base", MoneyValue(before)},
		Input{"donations", MoneyValue(res.Donations)})
	r.taxYear(c, f, base, &res)
	r.listFilingReasons(c, f, &res)
	return res
}

// taxYear taxes the exact taxable amount of the year and compares the tax with what was prepaid.
func (r *annualSettlement) taxYear(c *Calculation, f *AnnualFacts, base exactAmount,
	res *AnnualResult) {
	level, tax := r.table.bracketAndTax(base)
	if level != nil {
		res.Rate, res.Quick = level.Rate, level.Quick
	}
	res.Tax = tax
	c.addStep(r.tax, rounded, MoneyValue(tax), Input{"taxable", MoneyValue(res.Taxable)},
		Input{"rate", RateValue(res.Rate)}, Input{"quick_deduction", MoneyValue(res.Quick)})
	owed := money.Max(tax.Sub(f.Relief), money.Amount{})
	res.Balance = owed.Sub(f.Prepaid)
	c.addStep(r.balance, exact, MoneyValue(res.Balance), Input{"tax", MoneyValue(tax)},
		Input{"relief", MoneyValue(f.Relief)}, Input{"prepaid", MoneyValue(f.Prepaid)})
}

// listFilingReasons lists why the person must file the annual settlement.
func (r *annualSettlement) listFilingReasons(c *Calculation, f *AnnualFacts, res *AnnualResult) {
	amount := res.IncomeAmount.Sub(f.Special)
	because := func(reason string, holds bool) {
		if holds {
			res.MustFile = append(res.MustFile, reason)
		}
	}
	over := r.filing.IsMet(amount)
	because(FileTwoSources, over && f.Sources > 1)
	because(FileOtherThanWages, over && money.Sum(f.Labor, f.Author, f.Royalty).Positive())
	because(FilePrepaidBelowDue, res.Balance.Positive())
	because(FileRefundClaimed, f.ClaimRefund && res.Balance.Negative())
	c.addStep(r.filingStep, exact, TextValue(boolText(len(res.MustFile) > 0)),
		Input{"sources", CountValue(f.Sources)}, Input{"amount", MoneyValue(amount)},
		Input{"limit", MoneyValue(r.filing.Amount)})
}

// annualWaiver is the rule on the waiver of filing. The announcement's text was not read, so the
// waiver applies only by a tax position.
type annualWaiver struct {
	questionRule
	// filing is waived up to these thresholds of income and of tax to pay
	income, tax Threshold
	step        *stepSpec
}

// resolveSteps finds the wording of the steps of annualWaiver in its rule file.
func (r *annualWaiver) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"annual.waiver": &r.step})
}

// applyFilingWaiver decides whether filing is waived for a person with tax to pay. Only a tax
// position can decide it; without one the waiver is listed as unknown.
func (e *Engine) applyFilingWaiver(c *Calculation, on civil.Date, f *AnnualFacts,
	res *AnnualResult) error {
	if !res.Balance.Positive() {
		return nil
	}
	rule, err := e.findRule(waiverRule, on)
	if open, ok := rule.(*openRule); err == nil && ok {
		rule, err = open.chosenRule(c, on)
	}
	if g, ok := asGap(err); ok && c.positionForRule(waiverRule) == nil {
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
	waived := !r.income.IsMet(income) || !r.tax.IsMet(res.Balance)
	res.Waived = &waived
	c.addStep(r.step, exact, TextValue(boolText(waived)), Input{"income", MoneyValue(income)},
		Input{"income_limit", MoneyValue(r.income.Amount)},
		Input{"balance", MoneyValue(res.Balance)}, Input{"tax_limit", MoneyValue(r.tax.Amount)})
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// chosenRule returns the compiled rule of the reading that the tax position chooses, or the *Gap.
func (r *openRule) chosenRule(c *Calculation, on civil.Date) (TaxRule, error) {
	p := c.positionForRule(r.def.ID)
	if p == nil {
		return nil, r.openGap(on)
	}
	rule := r.readings[p.Reading]
	if rule == nil {
		return nil, unknownReadingGap(r.def.ID, p.Reading, on, r.value)
	}
	c.recordPosition(p)
	return rule, nil
}

// validate returns error 2001 with all problems of the year's facts.
func (f *AnnualFacts) validate() error {
	var p fault.Problems
	amounts := []struct {
		name string
		a    money.Amount
	}{{"wages", f.Wages}, {"labor", f.Labor}, {"author", f.Author}, {"royalty", f.Royalty},
		{"exempt", f.Exempt}, {"special", f.Special},
		{"additional", f.Additional}, {"other", f.Other}, {"donations", f.Donations},
		{"donations_in_full", f.DonationsInFull}, {"relief", f.Relief}, {"prepaid", f.Prepaid}}
	for _, x := range amounts {
		p = checkYearTotal(p, x.name, x.a)
	}
	p.AddIf(f.Sources < 0, "sources", "must not be below zero")
	return p.Err()
}

// checkYearTotal adds a problem when a year's total is negative or too large.
func checkYearTotal(p []fault.Field, name string, a money.Amount) []fault.Field {
	if largest := money.Fen(largestAnnualFen); a.Negative() || a.Cmp(largest) > 0 {
		p = append(p, fault.Field{Field: name, Problem: "must be zero to " + largest.String()})
	}
	return p
}

// annualSettlementMethodSpec describes the method of annualSettlement for rule files: its roles,
// and how its rule is built.
func annualSettlementMethodSpec() methodSpec {
	return methodSpec{isQuestion: true,
		needed: map[string]Kind{"deduction": KindAmount, "cost_rate": KindRate, "share": KindRate,
			"donation_limit": KindRate, "filing_limit": KindThreshold, "brackets": KindBrackets},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			keep, share := shareAfterCost(b.rateInRole(m, "cost_rate")), b.shareInRole(m)
			return &annualSettlement{questionRule: questionRule{r},
				deduction: b.amountInRole(m, "deduction"),
				cost:      b.rateInRole(m, "cost_rate"), share: share, laborShare: keep,
				authorShare: reducedProduct(keep, share),
				donations:   b.rateInRole(m, "donation_limit"), filing: b.thresholdInRole(m, "filing_limit"),
				table: b.bracketsInRole(m)}
		}}
}

// annualWaiverMethodSpec describes the method of annualWaiver for rule files: its roles, and how
// its rule is built.
func annualWaiverMethodSpec() methodSpec {
	return methodSpec{isQuestion: true,
		needed: map[string]Kind{"income": KindThreshold, "tax": KindThreshold},
		build: func(b *Book, r compiledRule) steppedRule {
			return &annualWaiver{questionRule: questionRule{r},
				income: b.thresholdInRole(r.method, "income"),
				tax:    b.thresholdInRole(r.method, "tax")}
		}}
}
