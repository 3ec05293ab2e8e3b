package taxplan

import (
	"time"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// businessTitle returns the name of a kind of business.
func businessTitle(kind string) bilingual.Text {
	if kind == "individual_business" {
		return bilingual.Text{ZH: "个体工商户", EN: "Individual business"}
	}
	return bilingual.Text{ZH: "个人独资企业", EN: "Sole proprietorship"}
}

// businessFacts returns the tax facts of a payment to a registered business against its invoice.
func (p *planner) businessFacts(kind, collection string) tax.Facts {
	f := p.personFacts(kind, false)
	f.Taxpayer.VAT, f.Taxpayer.Collection = "small_scale", collection
	f.Taxpayer.VATPeriod = p.Facts.VATPeriod
	f.Taxpayer.Industry = p.businessIndustry()
	f.Taxpayer.HoldsEquity = isKnownTrue(p.Facts.HoldsEquity)
	return f
}

// streamingIndustry is the industry of streamers' studios in the rules.
const streamingIndustry = "live_streaming"

// businessIndustry returns the industry of the business; the studio of a streamer is always in live
// streaming.
func (p *planner) businessIndustry() string {
	if isKnownTrue(p.Facts.Streamer) {
		return streamingIndustry
	}
	return p.Facts.Industry
}

// addBusinessConditions lists what every business presupposes, and the bans on declaring a person's
// or an employee's income as business income.
func (d *draft) addBusinessConditions() {
	p := d.p
	d.addPresupposition("plan.registered", "registered", p.Facts.Registered)
	d.addPresupposition("plan.operation", "real_operation", p.Facts.RealOperation)
	person := p.paymentInMonth(p.personFacts("natural_person", false), p.firstIncomeMonth())
	person.Item = tax.ItemBusiness
	// Without a real business the income is that of the person, and business income is forbidden.
	unreal := p.Facts.Registered != nil && !*p.Facts.Registered || p.Facts.RealOperation != nil &&
		!*p.Facts.RealOperation
	d.addBanOnFacts(person, unreal)
	employee := p.paymentInMonth(p.personFacts("employee", false), p.firstIncomeMonth())
	employee.Item = tax.ItemBusiness
	d.addBanOnFacts(employee, isKnownTrue(p.Facts.Employed))
	d.addGeneralBans("plan.items", "plan.avoidance")
	if p.Facts.VAT == "general" {
		d.addMissingFact("vat.general",
			bilingual.Text{ZH: "一般纳税人的进项税额与逐项税率，不在本测算之内", EN: "a general taxpayer's " +
				"input VAT and the rate of each of its sales; they are not part of this comparison"})
	}
	if !p.isResident() {
		d.addMissingFact("facts.resident",
			bilingual.Text{ZH: "非居民个人的经营所得，不在本测算之内",
				EN: "business income of a non-resident; it is not part of this comparison"})
	}
}

// planBusinessByBooks returns the plan of a business that is taxed by its account books (查账征收).
func (p *planner) planBusinessByBooks(kind string) func() (*draft, error) {
	return func() (*draft, error) {
		t := businessTitle(kind)
		d := p.newDraft(kind+"_books", bilingual.Text{ZH: t.ZH + "，查账征收", EN: t.EN + " by account books"})
		d.addBusinessConditions()
		d.addPresupposition("plan.books", "books", p.Facts.Books)
		d.requireCosts()
		if !d.isComputable() {
			return d, nil
		}
		revenue, levies, err := d.computeTurnover(p.businessFacts(kind, "books"))
		if err != nil || !d.isComputable() {
			return d, err
		}
		f := tax.BusinessFacts{Entity: kind,
			Businesses: []tax.BusinessIncome{{Revenue: revenue, Costs: p.Facts.Costs.Add(levies)}},
			Positions:  p.Positions[months]}
		d.addPersonalDeductions(&f)
		res, err := p.national.SettleBusinessIncome(p.lastDay, f)
		if done, err := d.absorbGapOrBan(err); !done {
			return d, err
		}
		d.addSteps(res.Steps, res.Unconfirmed)
		d.settleBusinessIncome(res.Taxable, res.TaxBefore, res.Half, res.Payable)
		return d, nil
	}
}

// requireCosts lists the costs of the year as missing if they are not known.
func (d *draft) requireCosts() {
	d.requireFact(d.p.Facts.Costs != nil, "facts.costs",
		bilingual.Text{ZH: "全年成本、费用和损失", EN: "costs, expenses and losses of the year"})
}

// settleBusinessIncome sets the annual settlement of business income. Nothing of this tax is
// withheld by the payer, so the whole of it is the balance.
func (d *draft) settleBusinessIncome(taxable, before, half, payable money.Amount) {
	d.Settlement = &Settlement{Kind: BusinessSettlement, Taxable: taxable, Tax: before, Relief: half,
		Balance: payable}
	d.addTax(tax.IIT, payable)
	d.Assumes = append(d.Assumes,
		bilingual.Text{ZH: "经营所得个人所得税列在年度汇算，月（季）预缴不另列", EN: "Income tax on business income stands in " +
			"the settlement; prepayments by month or quarter are not shown apart"})
}

// addPersonalDeductions gives a business owner the personal deductions. A person with comprehensive
// income deducts them there and not a second time here.
func (d *draft) addPersonalDeductions(f *tax.BusinessFacts) {
	facts := &d.p.Facts
	if e := facts.Elsewhere; e == nil {
		d.Unknown = append(d.Unknown, tax.Unknown{Rule: "facts.elsewhere", Missing: bilingual.Text{
			ZH: "本年有无综合所得未知，按没有综合所得减除基本费用", EN: "whether there is comprehensive income in the year is not " +
				"known; the basic deduction is taken as if there were none"}})
	} else {
		f.Comprehensive = *e != (tax.YearIncome{})
	}
	if f.Comprehensive {
		return
	}
	f.Special = d.amountOrUnknown(facts.Special, "facts.special",
		bilingual.Text{ZH: "专项扣除未知，数字未减除",
			EN: "special deductions are not known; the figures are without them"})
	f.Additional, f.Other = d.additionalDeduction(), d.otherDeduction()
}

// computeTurnover computes the business's VAT month by month and returns the revenue without VAT
// and the surcharges on the VAT.
func (d *draft) computeTurnover(f tax.Facts) (revenue, levies money.Amount, err error) {
	if d.p.Facts.VATPeriod == "" {
		d.Assumes = append(d.Assumes, bilingual.Text{ZH: "增值税按月申报（facts.vat_period 未告知）",
			EN: "VAT is filed by month (facts.vat_period is not told)"})
	}
	if d.p.Facts.VAT == "" {
		d.Assumes = append(d.Assumes,
			bilingual.Text{ZH: "增值税小规模纳税人（facts.vat 未告知）",
				EN: "A small-scale taxpayer for VAT (facts.vat is not told)"})
	}
	d.Assumes = append(d.Assumes,
		bilingual.Text{ZH: "没有其他支付方的销售额；附加税费计入成本",
			EN: "There are no sales to other payers; surcharges count among the costs"})
	// The income taxes of a business are computed for the whole year, at the settlement.
	isIncomeTax := func(l *tax.Line) bool { return l.Tax == tax.IIT || l.Tax == tax.CIT }
	if err := d.computeMonths(f, isIncomeTax); err != nil || !d.isComputable() {
		return revenue, levies, err
	}
	above, answer, err := d.p.national.CheckSalesLimit(d.p.lastDay, d.salesOfYear())
	if done, err := d.absorbGapOrBan(err); !done {
		return revenue, levies, err
	}
	d.addSteps(answer.Steps, answer.Unconfirmed)
	// A business above the limit must register as a general taxpayer, whose VAT depends on its input
	// VAT.
	if above {
		d.addMissingFact("vat.small_scale.limit",
			bilingual.Text{ZH: "销售额超过小规模纳税人标准，须按一般纳税人计算进项税额", EN: "the sales are above the limit of " +
				"small-scale taxpayers; a general taxpayer's input VAT would have to be known"})
	}
	levies = money.Sum(d.taxes[tax.UMCT], d.taxes[tax.EDU], d.taxes[tax.LEDU])
	return d.gross.Sub(d.taxes[tax.VAT]), levies, nil
}

// planAssessedBusiness returns the plan of a business whose income the tax office assesses (核定征收).
// Only the tax office can decide on this way; without its decision there are no figures.
func (p *planner) planAssessedBusiness(kind string) func() (*draft, error) {
	return func() (*draft, error) {
		t := businessTitle(kind)
		d := p.newDraft(kind+"_assessed",
			bilingual.Text{ZH: t.ZH + "，核定征收", EN: t.EN + " by assessment of the tax office"})
		d.addBusinessConditions()
		a := p.Facts.Assessed
		var decided *bool
		if a != nil {
			decided = new(true)
		}
		d.addPresupposition("plan.assessment", "assessed", decided)
		f := p.businessFacts(kind, "income_rate")
		asked := p.paymentInMonth(f, p.firstIncomeMonth())
		if p.hasLiveTips {
			asked.IncomeType = liveTip
		}
		d.addBanOnFacts(asked, true)
		d.requireFact(a != nil, "facts.assessed", bilingual.Text{ZH: "主管税务机关核定的方式与应税所得率（或定额、征收率）；没有核定的，" +
			"不能按此计算",
			EN: "the way and rate that the tax office has fixed; without its decision nothing is computed"})
		if !d.isComputable() {
			return d, nil
		}
		revenue, levies, err := d.computeTurnover(f)
		if err != nil || !d.isComputable() {
			return d, err
		}
		if a.Way != deemedProfitWay {
			return d, d.sumAssessedLevies(kind, a)
		}
		return d, d.taxDeemedProfit(kind, a, revenue, levies)
	}
}

// deemedProfitWay is the way of assessment in which a share of revenue or costs counts as the
// profit (应税所得率).
const deemedProfitWay = "deemed_profit_rate"

// taxDeemedProfit taxes a deemed profit at the rate that the tax office has fixed or, without one,
// at the rate of the place's table.
func (d *draft) taxDeemedProfit(kind string, a *Assessed, revenue, levies money.Amount) error {
	p := d.p
	basis := a.Basis
	amount := revenue
	if basis == "" {
		basis = tax.BasisRevenue
	}
	if basis == tax.BasisCost {
		if d.requireCosts(); !d.isComputable() {
			return nil
		}
		amount = p.Facts.Costs.Add(levies)
	}
	if a.Rate != nil {
		return d.settleDeemedProfit(tax.DeemedProfitFacts{Entity: kind, Basis: basis, Amount: amount,
			Rate: *a.Rate})
	}
	q := d.assessmentFacts(kind, a, p.lastDay, amount)
	q.Basis, q.Period = basis, "year"
	got, err := p.local.Assess(q, p.Positions[months])
	if done, err := d.absorbGapOrBan(err); !done {
		return err
	}
	d.addSteps(got.Steps, got.Uncertain)
	res, err := p.national.BusinessTax(p.lastDay, got.Taxable, money.Amount{},
		kind == "individual_business")
	if done, err := d.absorbGapOrBan(err); !done {
		return err
	}
	d.settleBusinessIncome(got.Taxable, got.Tax, res.Half, got.Tax.Sub(res.Half))
	return nil
}

// settleDeemedProfit taxes a deemed profit at the rate that the tax office has fixed.
func (d *draft) settleDeemedProfit(f tax.DeemedProfitFacts) error {
	res, err := d.p.national.SettleDeemedProfit(d.p.lastDay, f)
	if done, err := d.absorbGapOrBan(err); !done {
		return err
	}
	d.addSteps(res.Steps, res.Unconfirmed)
	d.settleBusinessIncome(res.Taxable, res.TaxBefore, res.Half, res.Payable)
	return nil
}

// assessmentFacts returns the facts by which the place's rules assess an amount.
func (d *draft) assessmentFacts(kind string, a *Assessed, on civil.Date,
	amount money.Amount) tax.Assessable {
	return tax.Assessable{On: on, Kind: kind, VAT: "small_scale", Way: a.Way, IncomeKind: "business",
		Industry: d.p.businessIndustry(), Amount: amount}
}

// sumAssessedLevies sums what the place's rules levy on the sales of each month or quarter.
func (d *draft) sumAssessedLevies(kind string, a *Assessed) error {
	length, period := 1, "month"
	if a.Period == "quarter" {
		length, period = 3, a.Period
	}
	var sum, base money.Amount
	for end := length; end <= months; end += length {
		on := civil.NewMonth(d.p.Year, time.Month(end)).Last()
		q := d.assessmentFacts(kind, a, on, d.salesOfMonths(end-length+1, end))
		q.Period = period
		if q.Amount.IsZero() {
			continue
		}
		got, err := d.p.local.Assess(q, d.p.Positions[end])
		if done, err := d.absorbGapOrBan(err); !done {
			return err
		}
		d.addSteps(got.Steps, got.Uncertain)
		sum, base = sum.Add(got.Tax), base.Add(got.Base)
	}
	// The half reduction is one of the tax on taxable income, and these levies compute no taxable
	// income.
	if kind == "individual_business" {
		d.Unknown = append(d.Unknown, tax.Unknown{Rule: "iit.business.half", Missing: bilingual.Text{
			ZH: "按征收率或定额核定时没有应纳税所得额，个体工商户减半的数额未计入", EN: "a levy on turnover knows no taxable income; the " +
				"half reduction of individual businesses is not in the figure"}})
	}
	d.settleBusinessIncome(base, sum, money.Amount{}, sum)
	return nil
}

// salesOfYear sums the sales without VAT of all VAT rows.
func (d *draft) salesOfYear() money.Amount {
	var sum money.Amount
	for i := range d.rows {
		if d.rows[i].Kind == tax.VAT {
			sum = sum.Add(d.rows[i].Sales)
		}
	}
	return sum
}

// salesOfMonths sums the sales without VAT from one month to another, both included.
func (d *draft) salesOfMonths(from, to int) money.Amount {
	var sum money.Amount
	for i := range d.rows {
		m, err := civil.ParseMonth(d.rows[i].Period)
		if err == nil && d.rows[i].Kind == tax.VAT && m.Number() >= from && m.Number() <= to {
			sum = sum.Add(d.rows[i].Sales)
		}
	}
	return sum
}

// planCompany plans a company of the person: enterprise income tax on the profit, then the owner's
// income tax on the profit that is distributed as a dividend.
func (p *planner) planCompany() (*draft, error) {
	d := p.newDraft("company",
		bilingual.Text{ZH: "公司（企业所得税，利润全部分配）",
			EN: "A company (enterprise income tax, all profit distributed)"})
	d.addPresupposition("plan.company", "registered", p.Facts.Registered)
	d.addBusinessConditions()
	d.addPresupposition("plan.books", "books", p.Facts.Books)
	d.requireCompanyFacts()
	if !d.isComputable() {
		return d, nil
	}
	f := &p.Facts
	revenue, levies, err := d.computeTurnover(p.businessFacts("company", "books"))
	if err != nil || !d.isComputable() {
		return d, err
	}
	profit := revenue.Sub(f.Costs.Add(levies))
	res, err := p.national.ComputeCIT(p.lastDay,
		tax.CompanyYear{Taxable: profit, Employees: money.Ratio(int64(*f.Staff), 1), Assets: *f.Assets,
			Restricted: *f.Restricted})
	if done, err := d.absorbGapOrBan(err); !done {
		return d, err
	}
	d.addSteps(res.Steps, res.Unconfirmed)
	d.addTax(tax.CIT, res.Tax)
	d.Settlement = &Settlement{Kind: EnterpriseSettlement,
		Taxable: money.Max(profit, money.Amount{}),
		Tax:     res.Tax, Balance: res.Tax}
	d.Assumes = append(d.Assumes,
		bilingual.Text{ZH: "会计利润即应纳税所得额，没有纳税调整、以前年度亏损和法定公积金", EN: "Accounting profit is the taxable " +
			"income: no adjustments, no earlier losses, no statutory reserve"},
		bilingual.Text{ZH: "股东本人不从公司领取工资", EN: "The owner takes no wages from the company"})
	return d, d.taxDividend(profit.Sub(res.Tax))
}

// requireCompanyFacts lists the facts that decide on a company's enterprise income tax as missing,
// if they are not known.
func (d *draft) requireCompanyFacts() {
	f := &d.p.Facts
	d.requireCosts()
	d.requireFact(f.Staff != nil, "facts.staff",
		bilingual.Text{ZH: "从业人数（决定是否小型微利企业）",
			EN: "the number of staff (decides whether it is a small low-profit enterprise)"})
	d.requireFact(f.Assets != nil, "facts.assets",
		bilingual.Text{ZH: "资产总额（决定是否小型微利企业）",
			EN: "total assets (decide whether it is a small low-profit enterprise)"})
	d.requireFact(f.Restricted != nil, "facts.restricted",
		bilingual.Text{ZH: "是否从事国家限制或禁止行业",
			EN: "whether it works in an industry that the State restricts or forbids"})
}

// dividendRate is the id of the rule with the rate on dividends that a company pays to a person.
const dividendRate = "iit.dividend.rate"

// taxDividend taxes the whole profit after tax as the owner's dividend.
func (d *draft) taxDividend(profit money.Amount) error {
	x, known := d.p.rulebook[dividendRate]
	rate, ok := x.Value.(money.Fraction)
	if !known || !ok {
		d.addMissingFact(dividendRate,
			bilingual.Text{ZH: "该日没有收录股息红利所得的税率", EN: "no rate on dividends is known on that day"})
		return nil
	}
	if !profit.Positive() {
		return nil
	}
	due := profit.Times(rate, money.HalfUp)
	d.addTax(tax.IIT, due)
	d.Steps = append(d.Steps,
		tax.NewEntryStep(&x, "dividend", "profit after tax x rate", bilingual.Text{
			ZH: "税后利润 {profit} 全部分配，股东按股息红利所得缴纳 {profit} × {rate} = {result}",
			EN: "The profit after tax {profit} is distributed; the owner pays {profit} x {rate} = {result}" +
				" on the dividend"},
			tax.MoneyValue(due), tax.Input{Name: "profit", Value: tax.MoneyValue(profit)},
			tax.Input{Name: "rate", Value: tax.RateValue(rate)}))
	return nil
}
