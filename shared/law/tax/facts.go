// Package tax computes the Chinese taxes on creators' income: a pure function from the facts of a
// payment and the dated rules in force to figures with an explanation in steps. The package has no
// clock and no I/O, and the same facts give the same bytes.
package tax

import (
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// The items of income (所得项目). The item decides by which method income tax is computed.
const (
	ItemWages = "wages"
	// ItemLabor is remuneration for labor (劳务报酬), taxed by the one-off method.
	ItemLabor = "labor"
	// ItemLaborPlatform is remuneration for labor that a filed platform entity withholds cumulatively.
	ItemLaborPlatform = "labor_platform"
	ItemAuthor        = "author"  // 稿酬
	ItemRoyalty       = "royalty" // 特许权使用费
	// ItemBusiness is business income (经营所得), and what a company earns.
	ItemBusiness   = "business"
	ItemIncidental = "incidental" // 偶然所得
)

// The kinds of tax in lines and rows.
const (
	// IIT is individual income tax (个人所得税).
	IIT = "IIT"
	// VAT is value-added tax (增值税).
	VAT = "VAT"
	// UMCT is urban maintenance and construction tax (城市维护建设税), a surcharge on VAT.
	UMCT = "UMCT"
	// EDU is the education surcharge (教育费附加), LEDU the local one (地方教育附加).
	EDU  = "EDU"
	LEDU = "LEDU"
	// CIT is enterprise income tax (企业所得税).
	CIT = "CIT"
)

// The collections say who pays a tax to the tax office.
const (
	// Withheld means that the paying entity withholds the tax and pays it to the tax office (扣缴).
	Withheld = "withheld"
	// AgencyFiled means that the filed platform entity files the payee's tax on the payee's behalf
	// (代办申报).
	AgencyFiled = "agency_filed"
	// SelfFiled means that the payee files the tax itself (自行申报).
	SelfFiled = "self_filed"
)

// Who bears a tax.
const (
	// BorneByCreator means that the tax lowers the creator's net.
	BorneByCreator = "creator"
	// BorneByMCN means that the contract promises the creator a net amount and that the MCN pays the
	// tax (包税).
	BorneByMCN = "mcn"
)

// Entity is the paying entity, which is the withholding agent (扣缴义务人).
type Entity struct {
	ID string
	// Place is the six-digit administrative code of the place of its tax bureau.
	Place string
	// PlaceTier is city, county or other; it decides the UMCT rate of what the entity withholds.
	PlaceTier string
	// VAT is small_scale or general.
	VAT     string
	Filings []PlatformFiling
}

// PlatformFiling is the basic-information filing of a platform entity under STA Announcement 2025
// No. 15. A zero To means that the filing has no end.
type PlatformFiling struct {
	Platform string
	From, To civil.Date
}

// hasFiling reports whether the entity had filed for the platform on the day.
func (e *Entity) hasFiling(platform string, on civil.Date) bool {
	for i := range e.Filings {
		f := &e.Filings[i]
		if f.Platform == platform && !on.Before(f.From) && (f.To.IsZero() || !on.After(f.To)) {
			return true
		}
	}
	return false
}

// Taxpayer is the payee's tax profile on the payment date.
type Taxpayer struct {
	// Kind is natural_person, individual_business, sole_proprietorship, partnership, company, employee
	// or student_intern.
	Kind     string `json:"kind"`
	Resident bool   `json:"resident"`
	// VAT is natural_person, small_scale or general.
	VAT string `json:"vat"`
	// Collection is how income tax is collected: withheld, books, income_rate, cost_rate or levy_rate.
	Collection   string `json:"collection"`
	Jurisdiction string `json:"jurisdiction"`
	Industry     string `json:"industry,omitempty"`
	// PlaceTier is city, county or other at the payee's own registration; with "" its UMCT is unknown
	// and no figure is given.
	PlaceTier string `json:"place_tier,omitempty"`
	// VATPeriod is month or quarter for VAT that the payee files itself; "" means month.
	VATPeriod string `json:"vat_period,omitempty"`
	// Overseas marks a person abroad who sells services consumed in China (境外个人); such a
	// person is never a resident.
	Overseas bool `json:"overseas,omitempty"`
	// HoldsEquity marks a payee that holds equity, shares or partnership interests (权益性投资): it must
	// keep books.
	HoldsEquity bool `json:"holds_equity,omitempty"`
}

// Position is an approved tax position in force (税务口径): the tenant's choice of one reading of a
// rule that the law leaves open.
type Position struct {
	ID string
	// Rule is the id of the open rule, such as "vat.natural_person.withholding".
	Rule string
	// Reading is one of the readings that the open rule declares.
	Reading string
}

// Facts are everything that decides the taxes of one payment.
type Facts struct {
	// PaymentDate decides the month and the year of income tax.
	PaymentDate civil.Date
	// VATDate decides the day and the month of VAT.
	VATDate civil.Date
	Entity  Entity
	// Route is the settlement route; "" means mcn_pays.
	Route    string
	Taxpayer Taxpayer
	// IncomeType is the tenant's own type of income; only explanations and open questions use it.
	IncomeType string
	// Item is "" to derive the item of income; any other item is forced, and refused with the article
	// where the law forbids it.
	Item string
	// Platform is where the income was earned.
	Platform string
	// Project separates several projects of one month; "" means that all payments of the month from
	// this entity to this taxpayer are one project.
	Project string
	// Amount is the creator's share that is paid now.
	Amount money.Amount
	// InKind is the market price of things given in kind with the payment (实物奖励); they are income
	// beside the money.
	InKind money.Amount
	// VATIncluded says that Amount contains the VAT.
	VATIncluded bool
	// AfterTax says that Amount was promised net of tax (包税): the payer bears the taxes, which are
	// income themselves. Only the ComputeRows methods of Corpus and FigureComputer read it.
	AfterTax bool
	// AgencyFiling says that the filed platform entity files the worker's VAT with the worker's
	// consent (代办申报).
	AgencyFiling bool
	// Deductions are the year's exempt income and other lawful deductions (其他扣除) up to this payment's
	// month; only cumulative methods deduct them.
	Deductions money.Amount
	// LowEarner says that this payer withheld cumulatively in every month of the previous year and
	// that the year's income was at most 60,000 yuan; then the whole 60,000 is deducted from January
	// on.
	LowEarner bool
	// Payroll is the employee's payroll month; for an intern it may give the months of internship.
	Payroll   *Payroll
	ToDate    ToDate
	Positions []Position
}

// ToDate is the income and the tax of this payment's periods before the payment, from booked rows
// and opening rows together.
type ToDate struct {
	// Day is the turnover of the payment's VAT day.
	Day   Turnover
	Month MonthToDate
	// Quarter is the VAT quarter, for payees that file by quarter.
	Quarter Turnover
	Year    YearToDate
}

// Turnover is the sales of a VAT period and the taxes that were withheld on them.
type Turnover struct {
	// Received is the VAT-inclusive money behind that part of Sales which was computed from it.
	Received money.Amount
	// Sales are without VAT.
	Sales money.Amount
	VAT   money.Amount
	UMCT  money.Amount
	EDU   money.Amount
	LEDU  money.Amount
	// Stated says that only Sales and VAT are known, as in a quote's period-to-date facts. The
	// surcharges withheld are then computed from that VAT.
	Stated bool
}

// MonthToDate is the payment's month: income and withheld tax of the same item and project.
type MonthToDate struct {
	Income   money.Amount
	Withheld money.Amount
	// Turnover is the VAT month over all items of income.
	Turnover Turnover
}

// YearToDate is the tax year before the payment, for cumulative methods.
type YearToDate struct {
	// Months counts months with income so far; the current month counts once Month.Income is positive.
	Months   int
	Income   money.Amount
	Withheld money.Amount
	// Peak is the highest cumulative tax at the end of an earlier month of the year. The engine uses
	// it only where ByMonth is empty; where Peak is empty too, the withheld total replaces it.
	Peak money.Amount
	// ByMonth is the income of each month, January first. Where it is filled, the engine derives
	// months, peak and breaks from it.
	ByMonth [12]money.Amount
	// WithheldByMonth is the tax withheld in each month; the reading that restarts the year after a
	// break month needs it.
	WithheldByMonth [12]money.Amount
	// Broken says that a month without income lies between months with income.
	Broken bool
	// Opening is a bit set: bit n means that month n+1 is covered by an opening row of several months.
	Opening uint16
}

// Row is what booking a payment appends for one tax of one period. A reversal appends the same row
// with negative figures.
type Row struct {
	// Kind is IIT, VAT, UMCT, EDU or LEDU.
	Kind string `json:"kind"`
	// Item is the item of income.
	Item string `json:"item"`
	// Project is the separate project, if the payment has one.
	Project  string `json:"project,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Period is a month such as "2026-11", or a day such as "2026-11-16".
	Period string       `json:"period"`
	Income money.Amount `json:"income"`
	// Received is the VAT-inclusive money behind Sales, which are without VAT.
	Received money.Amount `json:"received"`
	Sales    money.Amount `json:"sales"`
	// Withheld is the tax due on this payment, its shortfall included.
	Withheld   money.Amount `json:"withheld"`
	Collection string       `json:"collection"`
	// Months is set on opening rows only: the number of consecutive months that the row covers, up to
	// Period's month.
	Months int `json:"months,omitempty"`
}

// largestFen is the largest amount or total that the engine accepts: 10^13 yuan. The limit keeps
// every product of the engine within 64 bits.
const largestFen = 1_000_000_000_000_000

// validate returns error 2001 with all problems of the facts at once, so that the caller need not
// mend them one by one.
func (f *Facts) validate() error {
	var p fault.Problems
	largest := money.Fen(largestFen)
	p.AddIf(f.PaymentDate.IsZero(), "payment_date", "must be a day")
	p.AddIf(f.VATDate.IsZero(), "vat_date", "must be a day")
	if f.InKind.Negative() || f.InKind.Cmp(largest) > 0 {
		p.Add("in_kind", "must be zero to "+largest.String())
	}
	// a payment of zero is allowed only when it accompanies something in kind
	if f.Amount.Negative() || !f.Amount.Add(f.InKind).Positive() || f.Amount.Cmp(largest) > 0 {
		p.Add("amount", "must be above zero, or zero beside something in kind, and at most "+
			largest.String())
	}
	p.AddIf(f.Taxpayer.Overseas && (f.Taxpayer.Resident || f.Taxpayer.Kind != "natural_person"),
		"taxpayer.overseas", "is for a natural person who is not resident")
	f.Payroll.validate(f.PaymentDate, p.Add)
	f.validateCodes(&p)
	if f.Deductions.Negative() || f.Deductions.Cmp(largest) > 0 {
		p.Add("deductions", "must be zero to "+largest.String())
	}
	p.AddIf(f.ToDate.Year.Months < 0 || f.ToDate.Year.Months > 12, "period_to_date.year.months",
		"must be 0 to 12")
	if !f.ToDate.isInRange() {
		p = append(p, totalTooLarge())
	}
	return p.Err()
}

// validateCodes adds a problem for every fact that is none of its allowed codes.
func (f *Facts) validateCodes(p *fault.Problems) {
	oneOf := func(field, v string, allowed ...string) {
		for _, a := range allowed {
			if v == a {
				return
			}
		}
		p.Add(field, "must be one of "+strings.Join(allowed, ", "))
	}
	oneOf("taxpayer.kind", f.Taxpayer.Kind, "natural_person", "individual_business",
		"sole_proprietorship", "partnership", "company", "employee", "student_intern")
	oneOf("taxpayer.vat", f.Taxpayer.VAT, "natural_person", "small_scale", "general")
	oneOf("taxpayer.collection", f.Taxpayer.Collection, "withheld", "books", "income_rate",
		"cost_rate", "levy_rate")
	oneOf("taxpayer.place_tier", f.Taxpayer.PlaceTier, "", "city", "county", "other")
	oneOf("taxpayer.vat_period", f.Taxpayer.VATPeriod, "", "month", "quarter")
	oneOf("paying_entity.place_tier", f.Entity.PlaceTier, "city", "county", "other")
	oneOf("route", f.Route, "", "mcn_pays", "platform_pays_creator", "flex_platform_pays",
		"studio_invoice", "payroll")
	oneOf("income.item", f.Item, "", ItemWages, ItemLabor, ItemLaborPlatform, ItemAuthor, ItemRoyalty,
		ItemBusiness, ItemIncidental)
}

// isInRange reports whether the period totals are small enough for every product of the engine.
func (t *ToDate) isInRange() bool {
	for _, total := range [...]money.Amount{t.Day.Sales, t.Month.Income, t.Month.Turnover.Sales,
		t.Quarter.Sales, t.Year.Income} {
		if total.Abs().Cmp(money.Fen(largestFen)) > 0 {
			return false
		}
	}
	return true
}

// totalTooLarge returns the problem of period totals above the engine's range.
func totalTooLarge() fault.Field {
	return fault.Field{Field: "period_to_date",
		Problem: "a total is above " + money.Fen(largestFen).String()}
}
