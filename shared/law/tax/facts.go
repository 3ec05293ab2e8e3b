// Package tax computes what Chinese law keeps back from a creator's income: a pure function from
// facts and the dated rules in force to figures with steps. It has no clock and no I/O and gives
// the same bytes for the same facts.
package tax

import (
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// Kinds of income by which the regime is named (所得项目).
const (
	ItemWages         = "wages"
	ItemLabor         = "labor"          // 劳务报酬, one-off method
	ItemLaborPlatform = "labor_platform" // 劳务报酬, cumulative method of a filed platform entity
	ItemAuthor        = "author"         // 稿酬
	ItemRoyalty       = "royalty"        // 特许权使用费
	ItemBusiness      = "business"       // 经营所得, and what a company earns
	ItemIncidental    = "incidental"     // 偶然所得
)

// Tax kinds as they stand in lines and rows.
const (
	IIT  = "IIT"  // 个人所得税
	VAT  = "VAT"  // 增值税
	UMCT = "UMCT" // 城市维护建设税
	EDU  = "EDU"  // 教育费附加
	LEDU = "LEDU" // 地方教育附加
	CIT  = "CIT"  // 企业所得税
)

// Collections tell who brings the tax to the tax office.
const (
	Withheld    = "withheld"     // 扣缴 by the paying entity
	AgencyFiled = "agency_filed" // 代办申报 by the filed platform entity
	SelfFiled   = "self_filed"   // 自行申报 by the payee
)

// Who bears a tax.
const (
	BorneByCreator = "creator" // it lowers the creator's net
	BorneByMCN     = "mcn"     // it was promised beside the net (包税)
)

// Entity is the paying entity (扣缴义务人).
type Entity struct {
	ID        string
	Place     string // six digits of its tax bureau's place
	PlaceTier string // city, county, other: decides the UMCT rate of what it withholds
	VAT       string // small_scale, general
	Filings   []PlatformFiling
}

// PlatformFiling is the basic-information filing under STA Announcement 2025 No. 15; To zero means
// no end.
type PlatformFiling struct {
	Platform string
	From, To civil.Date
}

// hasFiling tells whether the entity had filed for the platform on the day.
func (e *Entity) hasFiling(platform string, on civil.Date) bool {
	for i := range e.Filings {
		f := &e.Filings[i]
		if f.Platform == platform && !on.Before(f.From) && (f.To.IsZero() || !on.After(f.To)) {
			return true
		}
	}
	return false
}

// Taxpayer is what the tax profile says of the payee on the payment date.
type Taxpayer struct {
	// natural_person, individual_business, sole_proprietorship, partnership, company, employee,
	// student_intern
	Kind         string `json:"kind"`
	Resident     bool   `json:"resident"`
	VAT          string `json:"vat"`        // natural_person, small_scale, general
	Collection   string `json:"collection"` // withheld, books, income_rate, cost_rate, levy_rate
	Jurisdiction string `json:"jurisdiction"`
	Industry     string `json:"industry,omitempty"`
	// of its own registration; "" = not known, then its UMCT is a named unknown
	PlaceTier string `json:"place_tier,omitempty"`
	// month (also when "") or quarter, for what it files itself
	VATPeriod string `json:"vat_period,omitempty"`
	// Overseas marks a person abroad who sells services consumed in China (境外个人); never a resident.
	Overseas bool `json:"overseas,omitempty"`
	// HoldsEquity marks a payee that holds equity, shares or partnership interests (权益性投资): it must
	// keep books.
	HoldsEquity bool `json:"holds_equity,omitempty"`
}

// Position is an approved tax position in force (税务口径): the reading that closes an open rule.
type Position struct {
	ID      string
	Rule    string // rule id, "vat.natural_person.withholding"
	Reading string // one of the readings that the rule declares
}

// Facts are all that decides the taxes of one payment.
type Facts struct {
	PaymentDate civil.Date // decides the IIT month and year
	VATDate     civil.Date // decides the VAT day and month
	Entity      Entity
	Route       string // settlement route; "" is mcn_pays
	Taxpayer    Taxpayer
	IncomeType  string // the tenant's income type, for the explanation
	// "" = derived; else forced, and refused with the article where the law forbids it
	Item     string
	Platform string       // platform on which the income was earned
	Project  string       // "" = all the entity pays this taxpayer in the month is one project
	Amount   money.Amount // this payment: the creator's share
	// market price of what is given in kind with it (实物奖励): income beside the money
	InKind      money.Amount
	VATIncluded bool // whether Amount contains the VAT
	// AfterTax tells that Amount was promised net (包税): the payer bears the taxes, which are income
	// themselves. Only Corpus.ComputeRows and Silent.ComputeRows look at it.
	AfterTax bool
	// AgencyFiling tells that the filed entity files the worker's VAT with the worker's consent
	// (代办申报).
	AgencyFiling bool
	// Deductions are exempt income and other lawful deductions (其他扣除) of the year to this payment's
	// month, for cumulative methods.
	Deductions money.Amount
	// LowEarner tells that every month of the full previous year was withheld here by the cumulative
	// method and its income was at most 60,000 yuan: then the whole 60,000 is deducted from January.
	LowEarner bool
	// Payroll is what the payroll says of an employee's month; of an intern it may say the months.
	Payroll   *Payroll
	ToDate    ToDate
	Positions []Position
}

// ToDate is what stands in the periods of this payment before it, booked and opening rows together.
type ToDate struct {
	Day     Turnover // VAT day of the payment
	Month   MonthToDate
	Quarter Turnover // VAT quarter, for payees that file by quarter
	Year    YearToDate
}

// Turnover is VAT-relevant income of a period and what was kept back on it.
type Turnover struct {
	Received money.Amount // VAT-inclusive money from which part of Sales was derived
	Sales    money.Amount // VAT-exclusive sales
	VAT      money.Amount
	UMCT     money.Amount
	EDU      money.Amount
	LEDU     money.Amount
	// Stated tells that only Sales and VAT are known, as in a quote's period-to-date facts: the
	// surcharges kept back are then taken to be what the rules give on that VAT.
	Stated bool
}

// MonthToDate is the month of the payment; income and tax are those of the same item and project.
type MonthToDate struct {
	Income   money.Amount
	Withheld money.Amount
	Turnover Turnover // VAT month, all items
}

// YearToDate is the tax year of the payment up to it, for cumulative methods.
type YearToDate struct {
	Months   int // months with income so far; the current month counts once Month.Income is above zero
	Income   money.Amount
	Withheld money.Amount
	// Peak is the highest cumulative tax at the end of an earlier month of the year. It is used where
	// ByMonth is empty; when both are empty the withheld total stands for it.
	Peak money.Amount
	// ByMonth is the income of each month of the year, January first; when it is filled the engine
	// works out months, peak and breaks from it.
	ByMonth [12]money.Amount
	// WithheldByMonth is the tax withheld in each month; a reading that restarts after a break needs
	// it.
	WithheldByMonth [12]money.Amount
	// Broken tells that a month without income lies between months with income.
	Broken bool
	// Opening has bit n set for month n+1 that is covered by an opening row of several months.
	Opening uint16
}

// Row is what a booking appends for one tax of one period; a reversal is the same row with negative
// figures.
type Row struct {
	Kind       string       `json:"kind"`              // IIT, VAT, UMCT, EDU, LEDU
	Item       string       `json:"item"`              // item of income
	Project    string       `json:"project,omitempty"` // separate project, if any
	Platform   string       `json:"platform,omitempty"`
	Period     string       `json:"period"` // "2026-11" or "2026-11-16"
	Income     money.Amount `json:"income"`
	Received   money.Amount `json:"received"` // VAT-inclusive money behind Sales
	Sales      money.Amount `json:"sales"`    // VAT-exclusive
	Withheld   money.Amount `json:"withheld"` // due of this payment, shortfall included
	Collection string       `json:"collection"`
	// Months is set on opening rows only: how many consecutive months, up to Period's month, the row
	// stands for.
	Months int `json:"months,omitempty"`
}

// largestFen is the most that one amount or total may be: 10^13 yuan. It keeps every product of the
// engine in range.
const largestFen = 1_000_000_000_000_000

// validate gives all problems of the facts at once.
func (f *Facts) validate() error {
	var p fault.Problems
	oneOf := func(field, v string, allowed ...string) {
		for _, a := range allowed {
			if v == a {
				return
			}
		}
		p.Add(field, "must be one of "+strings.Join(allowed, ", "))
	}
	largest := money.Fen(largestFen)
	p.AddIf(f.PaymentDate.IsZero(), "payment_date", "must be a day")
	p.AddIf(f.VATDate.IsZero(), "vat_date", "must be a day")
	if f.InKind.Negative() || f.InKind.Cmp(largest) > 0 {
		p.Add("in_kind", "must be zero to "+largest.String())
	}
	if f.Amount.Negative() || !f.Amount.Add(f.InKind).Positive() || f.Amount.Cmp(largest) > 0 {
		p.Add("amount", "must be above zero, or zero beside something in kind, and at most "+
			largest.String())
	}
	p.AddIf(f.Taxpayer.Overseas && (f.Taxpayer.Resident || f.Taxpayer.Kind != "natural_person"),
		"taxpayer.overseas", "is for a natural person who is not resident")
	f.Payroll.validate(f.PaymentDate, p.Add)
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

// isInRange tells whether the totals keep every product of the engine in range.
func (t *ToDate) isInRange() bool {
	for _, total := range [...]money.Amount{t.Day.Sales, t.Month.Income, t.Month.Turnover.Sales,
		t.Quarter.Sales, t.Year.Income} {
		if total.Abs().Cmp(money.Fen(largestFen)) > 0 {
			return false
		}
	}
	return true
}

func totalTooLarge() fault.Field {
	return fault.Field{Field: "period_to_date",
		Problem: "a total is above " + money.Fen(largestFen).String()}
}
