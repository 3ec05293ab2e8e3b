package taxplan

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// plannedPlatform is the placeholder id of the one platform that a plan assumes.
const plannedPlatform = "planned"

// isResident reports whether the person counts as a resident; a person of whom it is not known
// does.
func (p *planner) isResident() bool { return p.Facts.Resident == nil || *p.Facts.Resident }

// personFacts returns the tax facts of a payment to a person or business of this kind. filed says
// whether the payer has reported to the tax office as a platform enterprise (平台企业).
func (p *planner) personFacts(kind string, filed bool) tax.Facts {
	f := tax.Facts{Platform: plannedPlatform, VATIncluded: p.Facts.VATIncluded == nil ||
		*p.Facts.VATIncluded,
		Entity: tax.Entity{ID: "planned", Place: p.payerPlace(), PlaceTier: p.payerTier(),
			VAT: "general"},
		Taxpayer: tax.Taxpayer{Kind: kind, Resident: p.isResident(), VAT: "natural_person",
			Collection: "withheld", Jurisdiction: p.Jurisdiction, PlaceTier: p.Facts.PlaceTier}}
	if filed {
		f.Entity.Filings = []tax.PlatformFiling{
			{Platform: plannedPlatform, From: civil.NewDate(p.Year, 1, 1)}}
	}
	return f
}

// payerPlace returns the division code of the payer's place.
func (p *planner) payerPlace() string {
	if p.Facts.PayingPlace == "" {
		return p.Jurisdiction
	}
	return p.Facts.PayingPlace
}

// payerTier returns the payer's tier for the urban maintenance tax. If it is not known, city is
// assumed; requirePlaceTier then discards the figures if they contain surcharges.
func (p *planner) payerTier() string {
	if p.Facts.PlaceTier == "" {
		return "city"
	}
	return p.Facts.PlaceTier
}

// requirePlaceTier lists the tier of the place as missing and discards the figures, if surcharges
// were computed with an assumed tier.
func (d *draft) requirePlaceTier() {
	if d.p.Facts.PlaceTier == "" && d.taxes[tax.UMCT].Positive() {
		d.ByMonth, d.Steps = []Month{}, []tax.Step{}
		d.addMissingFact("facts.place_tier", bilingual.Text{ZH: "所在地属于市区、县城镇还是其他地区（决定城市维护建设税税率）",
			EN: "whether the place is a city, a county town or another (decides the rate of UMCT)"})
	}
}

// negateFact returns the opposite of a fact; a fact that is not known stays unknown.
func negateFact(b *bool) *bool {
	if b == nil {
		return nil
	}
	no := !*b
	return &no
}

// isKnownTrue reports whether a fact is known and true.
func isKnownTrue(b *bool) bool { return b != nil && *b }

// addNonEmployeeBans lists the bans on paying a person as a non-employee. An employee's pay must
// not be declared as this item of income.
func (d *draft) addNonEmployeeBans(item string) {
	p := d.p
	employee := p.paymentInMonth(p.personFacts("employee", false), p.firstIncomeMonth())
	employee.Item = item
	// The ban in the rules names labor remuneration, whatever method it is withheld by.
	if item == tax.ItemLaborPlatform {
		employee.Item = tax.ItemLabor
	}
	d.addBanOnFacts(employee, isKnownTrue(p.Facts.Employed))
	d.addGeneralBans("plan.items")
}

// firstIncomeMonth returns the first month with income.
func (p *planner) firstIncomeMonth() int {
	m, _ := p.incomeMonths()
	return m
}

// planLabor plans labor remuneration paid by an ordinary company: each month's payment is withheld
// as one payment (按次), and the year ends with the annual settlement.
func (p *planner) planLabor() (*draft, error) {
	d := p.newDraft("labor",
		bilingual.Text{ZH: "普通机构支付的劳务报酬（按次、按月预扣）",
			EN: "Labor remuneration at an ordinary company (one-off method by the month)"})
	d.addPresupposition("plan.services", "employed", negateFact(p.Facts.Employed))
	d.presupposePerformance()
	f := p.personFacts("natural_person", false)
	f.Item = tax.ItemLabor
	filed := p.paymentInMonth(p.personFacts("natural_person", true), p.firstIncomeMonth())
	filed.Item = tax.ItemLabor
	d.addBanOnFacts(filed, isKnownTrue(p.Facts.PlatformFiling))
	d.addNonEmployeeBans(tax.ItemLabor)
	if p.Facts.PlatformFiling == nil {
		d.Assumes = append(d.Assumes, bilingual.Text{ZH: "支付方未就平台报送平台企业信息（facts.platform_filing 未告知）",
			EN: "The payer has no platform filing (facts.platform_filing is not told)"})
	}
	return d, d.computeWithheldYear(f)
}

// presupposePerformance excludes labor remuneration if the income is known to be paid for a
// licensed or published work.
func (d *draft) presupposePerformance() {
	if w := d.p.Facts.Work; w == "licensed" || w == "published" {
		d.addPresupposition("plan.items", "work", new(false))
	}
}

// planPlatformLabor plans labor remuneration paid by a platform enterprise that has reported its
// data: it is withheld cumulatively (累计预扣), and the year ends with the annual settlement.
func (p *planner) planPlatformLabor() (*draft, error) {
	d := p.newDraft("labor_platform",
		bilingual.Text{ZH: "平台企业支付的劳务报酬（累计预扣）",
			EN: "Labor remuneration at a filed platform entity (cumulative method)"})
	d.addPresupposition("plan.platform", "platform_filing", p.Facts.PlatformFiling)
	d.addPresupposition("plan.services", "employed", negateFact(p.Facts.Employed))
	d.presupposePerformance()
	ordinary := p.paymentInMonth(p.personFacts("natural_person", false), p.firstIncomeMonth())
	ordinary.Item = tax.ItemLaborPlatform
	d.addBanOnFacts(ordinary, p.Facts.PlatformFiling != nil && !*p.Facts.PlatformFiling)
	d.addNonEmployeeBans(tax.ItemLaborPlatform)
	f := p.personFacts("natural_person", true)
	f.Item, f.LowEarner = tax.ItemLaborPlatform, isKnownTrue(p.Facts.LowEarner)
	// The platform may file the VAT only with the person's consent; if it is not known, consent is
	// assumed and listed.
	if f.AgencyFiling = p.Facts.AgencyConsent == nil || *p.Facts.AgencyConsent; f.AgencyFiling {
		d.addPresupposition("plan.consent", "agency_consent", p.Facts.AgencyConsent)
	}
	return d, d.computeWithheldYear(f)
}

// planAuthor plans author remuneration (稿酬).
func (p *planner) planAuthor() (*draft, error) {
	d := p.newDraft("author", bilingual.Text{ZH: "稿酬", EN: "Author remuneration"})
	d.addPresupposition("plan.published", "work", p.isPaidForWork("published"))
	return d, d.planCreation(tax.ItemAuthor)
}

// planRoyalty plans royalties (特许权使用费) from licensing a work.
func (p *planner) planRoyalty() (*draft, error) {
	d := p.newDraft("royalty", bilingual.Text{ZH: "特许权使用费", EN: "Royalties"})
	d.addPresupposition("plan.licensed", "work", p.isPaidForWork("licensed"))
	return d, d.planCreation(tax.ItemRoyalty)
}

// isPaidForWork returns whether the income is paid for this kind of work; nil if it is not known.
func (p *planner) isPaidForWork(kind string) *bool {
	if p.Facts.Work == "" {
		return nil
	}
	return new(p.Facts.Work == kind)
}

// planCreation computes author remuneration or royalties.
func (d *draft) planCreation(item string) error {
	d.addNonEmployeeBans(item)
	d.requireFact(d.p.Facts.Work != "", "facts.work",
		bilingual.Text{ZH: "收入是出版作品、许可使用作品还是表演推广的对价", EN: "whether the income is paid for a published " +
			"work, a licensed work or for performance and promotion"})
	f := d.p.personFacts("natural_person", false)
	f.Item = item
	return d.computeWithheldYear(f)
}

// computeWithheldYear taxes the payments of all months and then makes the annual settlement.
func (d *draft) computeWithheldYear(f tax.Facts) error {
	if !d.isComputable() {
		return nil
	}
	if err := d.computeMonths(f, nil); err != nil || !d.isComputable() {
		return err
	}
	d.requirePlaceTier()
	if !d.p.isResident() {
		d.Assumes = append(d.Assumes,
			bilingual.Text{ZH: "非居民个人不办理年度汇算", EN: "A non-resident has no annual settlement"})
		return nil
	}
	return d.settleComprehensiveIncome(d.annualDeductions())
}

// annualDeductions returns the deductions of a person who is not employed. Deductions that are not
// known count as zero and are listed.
func (d *draft) annualDeductions() tax.AnnualFacts {
	f := &d.p.Facts
	return tax.AnnualFacts{
		Special: d.amountOrUnknown(f.Special, "facts.special",
			bilingual.Text{ZH: "专项扣除未知，数字未减除",
				EN: "special deductions are not known; the figures are without them"}),
		Additional: d.additionalDeduction(),
		Other:      d.otherDeduction(),
		Donations:  d.donationDeduction(),
	}
}

// additionalDeduction returns the special additional deductions (专项附加扣除).
func (d *draft) additionalDeduction() money.Amount {
	return d.amountOrUnknown(d.p.Facts.Additional, "facts.additional",
		bilingual.Text{ZH: "专项附加扣除未知，数字未减除",
			EN: "special additional deductions are not known; the figures are without them"})
}

// otherDeduction returns the other lawful deductions (依法确定的其他扣除).
func (d *draft) otherDeduction() money.Amount {
	return d.amountOrUnknown(d.p.Facts.Other, "facts.other",
		bilingual.Text{ZH: "依法确定的其他扣除未知，数字未减除",
			EN: "other lawful deductions are not known; the figures are without them"})
}

// donationDeduction returns the deductible donations.
func (d *draft) donationDeduction() money.Amount {
	return d.amountOrUnknown(d.p.Facts.Donations, "facts.donations",
		bilingual.Text{ZH: "公益慈善捐赠未知，数字未减除", EN: "donations are not known; the figures are without them"})
}

// amountOrUnknown returns a known amount. For an unknown one it returns zero and lists it as left
// out of the figures.
func (d *draft) amountOrUnknown(a *money.Amount, fact string, t bilingual.Text) money.Amount {
	if a == nil {
		d.Unknown = append(d.Unknown, tax.Unknown{Rule: fact, Missing: t})
		return money.Amount{}
	}
	return *a
}

// settleComprehensiveIncome makes the annual settlement of comprehensive income (综合所得汇算清缴) and adds
// its balance to the year's income tax.
func (d *draft) settleComprehensiveIncome(f tax.AnnualFacts) error {
	p := d.p
	y := tax.SumYearIncome(d.rows, p.Year)
	f.Sources = 1
	// A plan assumes that a refund is claimed.
	f.ClaimRefund = true
	f.Positions = p.Positions[months]
	d.addIncomeElsewhere(&y, &f)
	f.Wages = y.Wages
	f.Labor = y.Labor
	f.Author = y.Author
	f.Royalty = y.Royalty
	f.Prepaid = y.Withheld
	res, err := p.national.SettleAnnualIncome(p.lastDay, f)
	if done, err := d.absorbGapOrBan(err); !done {
		return err
	}
	d.addSteps(res.Steps, res.Unconfirmed)
	d.addPositions(res.Rules.Positions)
	d.Unknown = append(d.Unknown, res.Unknown...)
	d.Settlement = &Settlement{Kind: ComprehensiveSettlement, Taxable: res.Taxable, Tax: res.Tax,
		Prepaid: res.Prepaid, Balance: res.Balance}
	// A small balance may be waived by law; it then costs nothing and is not added.
	if res.Waived == nil || !*res.Waived {
		d.addTax(tax.IIT, res.Balance)
	}
	return nil
}

// addIncomeElsewhere adds the comprehensive income from other payers to the income of the year. If
// it is not known, it is listed as left out of the figures.
func (d *draft) addIncomeElsewhere(y *tax.YearIncome, f *tax.AnnualFacts) {
	if e := d.p.Facts.Elsewhere; e == nil {
		d.Unknown = append(d.Unknown, tax.Unknown{Rule: "facts.elsewhere", Missing: bilingual.Text{
			ZH: "其他支付方的综合所得及已扣税额未知，汇算未计入", EN: "comprehensive income from other payers and the tax on it " +
				"are not known; the settlement is without them"}})
	} else if *e != (tax.YearIncome{}) {
		f.Sources = 2
		y.Wages = y.Wages.Add(e.Wages)
		y.Labor = y.Labor.Add(e.Labor)
		y.Author = y.Author.Add(e.Author)
		y.Royalty = y.Royalty.Add(e.Royalty)
		y.Withheld = y.Withheld.Add(e.Withheld)
		d.Assumes = append(d.Assumes,
			bilingual.Text{ZH: "汇算差额含其他支付方综合所得的影响",
				EN: "The balance contains the effect of comprehensive income from other payers"})
	}
}

// planWages plans employment: wages are withheld cumulatively, and the year ends with the annual
// settlement. Without social insurance and housing fund contributions there is no total.
func (p *planner) planWages() (*draft, error) {
	d := p.newDraft("wages",
		bilingual.Text{ZH: "任职受雇的工资薪金（累计预扣）", EN: "Wages of an employee (cumulative withholding)"})
	d.addPresupposition("plan.employment", "employed", p.Facts.Employed)
	d.addGeneralBans("plan.items")
	stranger := p.paymentInMonth(p.personFacts("natural_person", false), p.firstIncomeMonth())
	stranger.Item = tax.ItemWages
	d.addBanOnFacts(stranger, p.Facts.Employed != nil && !*p.Facts.Employed)
	d.requirePayrollFacts()
	if !d.isComputable() {
		return d, nil
	}
	d.Assumes = append(d.Assumes,
		bilingual.Text{ZH: "收入为应发工资；社会保险、住房公积金和各项扣除在任职月份间平均", EN: "The income is the wage before " +
			"deductions; contributions and deductions are spread evenly over the months employed"},
		bilingual.Text{ZH: "支付方负担的社会保险和住房公积金未计入",
			EN: "The payer's own part of social insurance and housing fund is not counted"})
	base := p.personFacts("employee", false)
	base.Route, base.Payroll = "payroll", &tax.Payroll{}
	if err := d.computeMonths(base, nil); err != nil || !d.isComputable() {
		return d, err
	}
	own := p.Facts.SocialInsurance.Add(*p.Facts.HousingFund)
	d.Contributions = &own
	return d, d.settleComprehensiveIncome(
		tax.AnnualFacts{Special: own, Additional: d.additionalDeduction(), Other: d.otherDeduction(),
			Donations: d.donationDeduction()})
}

// requirePayrollFacts lists the facts without which no payroll can be computed, if they are not
// known.
func (d *draft) requirePayrollFacts() {
	f := &d.p.Facts
	d.requireFact(f.SocialInsurance != nil, "facts.social_insurance",
		bilingual.Text{ZH: "全年个人缴纳的社会保险费（随地区与基数而定，不推算）", EN: "the employee's own social insurance of " +
			"the year (it goes by place and base and is not guessed)"})
	d.requireFact(f.HousingFund != nil, "facts.housing_fund",
		bilingual.Text{ZH: "全年个人缴存的住房公积金", EN: "the employee's own housing fund of the year"})
	d.requireFact(f.MonthsEmployed != nil, "facts.months_employed",
		bilingual.Text{ZH: "本年任职受雇月份数", EN: "the months of this year in employment"})
	if !d.p.isResident() {
		d.addMissingFact("facts.resident",
			bilingual.Text{ZH: "非居民个人的工资薪金按月代扣，须逐月境内外工作天数，不在本测算之内", EN: "a non-resident's wages go by the " +
				"month and by days worked here and abroad; they are not part of this comparison"})
	}
}

// requireFact lists a fact as missing if it is not known.
func (d *draft) requireFact(known bool, fact string, t bilingual.Text) {
	if !known {
		d.addMissingFact(fact, t)
	}
}

// payrollUpToMonth returns the payroll from the begin of the employment up to a month. The
// deductions of the year are spread evenly over the months of employment.
func (p *planner) payrollUpToMonth(m int) *tax.Payroll {
	f, n := &p.Facts, *p.Facts.MonthsEmployed
	_, last := p.incomeMonths()
	// The employment ends with the last month with income and lasts n months, but begins in January at
	// the earliest.
	begin := max(1, last-n+1)
	so := min(m-begin+1, n)
	share := func(a *money.Amount) money.Amount {
		if a == nil {
			return money.Amount{}
		}
		return a.MulDiv(int64(so), int64(n), money.HalfUp)
	}
	rule := tax.DeductNormal
	if isKnownTrue(f.LowEarner) {
		rule = tax.DeductLowEarner
	}
	special := f.SocialInsurance.Add(*f.HousingFund)
	return &tax.Payroll{Complete: true, Months: so, Rule: rule, Special: share(&special),
		Additional: share(f.Additional), Other: share(f.Other)}
}
