// Package taxplan lays a year of expected income through the lawful ways to earn it (税负测算与合规方案比较):
// what each presupposes, what forbids it for the facts at hand, and what it would cost. It ranks
// nothing and advises nothing; it is pure and deterministic.
package taxplan

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// Request is one year of income at one place.
type Request struct {
	Year int
	// six digits: where the payee is or would be registered, and the payer's place unless Facts name
	// it
	Jurisdiction string
	Income       []Income
	Facts        Facts
	// Positions are the tenant's approved positions by month of payment, 1 to 12.
	Positions map[int][]tax.Position
}

// Income is expected income of one month.
type Income struct {
	Month  int          `json:"month"`
	Type   string       `json:"type"`
	Amount money.Amount `json:"amount"`
}

// Facts are what is known of the person, the work and the payer. What is left out is not known: it
// becomes a named presupposition or a named gap, never a zero.
type Facts struct {
	Resident    *bool  `json:"resident"`
	Employed    *bool  `json:"employed"` // a real employment with the payer
	Work        string `json:"work"`     // performed, licensed, published: what the income is paid for
	Streamer    *bool  `json:"streamer"` // the studio is opened by a streamer
	Industry    string `json:"industry"` // a word of the rates tables
	VATIncluded *bool  `json:"vat_included"`

	PayingPlace    string `json:"paying_place"` // of the payer's tax bureau
	PlaceTier      string `json:"place_tier"`   // city, county, other: of payer and payee
	PlatformFiling *bool  `json:"platform_filing"`
	AgencyConsent  *bool  `json:"agency_consent"`
	LowEarner      *bool  `json:"low_earner"`

	Registered *bool `json:"registered"` // the business is a registered market entity
	// it is really run, with people, costs and risk of its own
	RealOperation *bool         `json:"real_operation"`
	Books         *bool         `json:"books"`      // it keeps account books
	VAT           string        `json:"vat"`        // small_scale, general
	VATPeriod     string        `json:"vat_period"` // month, quarter
	HoldsEquity   *bool         `json:"holds_equity"`
	Assessed      *Assessed     `json:"assessed"` // what the tax office has decided
	Staff         *int          `json:"staff"`
	Assets        *money.Amount `json:"assets"`
	Restricted    *bool         `json:"restricted"` // an industry that the State restricts

	Costs           *money.Amount   `json:"costs"`      // of the year, without input VAT
	Special         *money.Amount   `json:"special"`    // 专项扣除 of who is not employed
	Additional      *money.Amount   `json:"additional"` // 专项附加扣除
	Other           *money.Amount   `json:"other"`      // 依法确定的其他扣除
	Donations       *money.Amount   `json:"donations"`
	MonthsEmployed  *int            `json:"months_employed"`
	SocialInsurance *money.Amount   `json:"social_insurance"` // the employee's own part, of the year
	HousingFund     *money.Amount   `json:"housing_fund"`
	Elsewhere       *tax.YearIncome `json:"elsewhere"` // comprehensive income from other payers
}

// Assessed is a decision of the tax office on assessed collection (核定征收).
type Assessed struct {
	Way    string      `json:"way"`    // deemed_profit_rate, quota, fixed_rate, invoice_issue
	Basis  string      `json:"basis"`  // revenue, cost
	Period string      `json:"period"` // month, quarter
	Rate   *money.Rate `json:"rate"`   // 应税所得率 as fixed; nil: the place's table says it
}

// The bounds of a request.
const (
	firstYear     = 2019
	lastYear      = 2100
	months        = 12
	largestIncome = 500
	largestYuan   = 1_000_000_000
	largestStaff  = 1_000_000
)

// Validate gives all problems of the request at once, under the names of the HTTP body.
func (q *Request) Validate(corpus *tax.Corpus) error {
	var c checks
	c.need(q.Year >= firstYear && q.Year <= lastYear, "year", "must be 2019 to 2100")
	c.place(corpus, "jurisdiction", q.Jurisdiction, false)
	c.need(len(q.Income) > 0 && len(q.Income) <= largestIncome, "income",
		"must be a list of 1 to 500 entries")
	total := money.Amount{}
	for i, x := range q.Income {
		at := "income." + strconv.Itoa(i)
		c.need(x.Month >= 1 && x.Month <= months, at+".month", "must be 1 to 12")
		c.need(isTypeName(x.Type), at+".type", "must be a word of a-z, 0-9 and _, as live_tip")
		c.amount(at+".amount", &x.Amount)
		if x.Amount.Positive() && x.Amount.Cmp(money.Yuan(largestYuan)) <= 0 {
			total = total.Add(x.Amount)
		}
	}
	c.need(total.Cmp(money.Yuan(largestYuan)) <= 0, "income",
		"must sum to at most "+money.Yuan(largestYuan).String())
	c.need(len(q.Income) == 0 || total.Positive() || len(c.problems) > 0, "income",
		"must sum to more than zero")
	q.Facts.check(&c, corpus)
	c.employment(q)
	if c.problems != nil {
		return fault.Invalid(c.problems...)
	}
	return nil
}

func (f *Facts) check(c *checks, corpus *tax.Corpus) {
	c.word("facts.work", f.Work, "performed", "licensed", "published")
	c.word("facts.place_tier", f.PlaceTier, "city", "county", "other")
	c.word("facts.vat", f.VAT, "small_scale", "general")
	c.word("facts.vat_period", f.VATPeriod, "month", "quarter")
	c.need(f.Industry == "" || isTypeName(f.Industry), "facts.industry",
		"must be a word of a-z, 0-9 and _")
	c.place(corpus, "facts.paying_place", f.PayingPlace, true)
	for _, x := range []struct {
		name string
		a    *money.Amount
	}{{"costs", f.Costs}, {"special", f.Special}, {"additional", f.Additional}, {"other", f.Other},
		{"donations", f.Donations},
		{"social_insurance", f.SocialInsurance}, {"housing_fund", f.HousingFund}, {"assets", f.Assets}} {
		c.amount("facts."+x.name, x.a)
	}
	if e := f.Elsewhere; e != nil {
		for i, a := range []*money.Amount{&e.Wages, &e.Labor, &e.Author, &e.Royalty, &e.Withheld} {
			c.amount("facts.elsewhere."+[]string{"wages", "labor", "author", "royalty", "withheld"}[i], a)
		}
	}
	c.need(f.Staff == nil || (*f.Staff >= 0 && *f.Staff <= largestStaff), "facts.staff",
		"must be 0 to 1000000")
	if a := f.Assessed; a != nil {
		c.word("facts.assessed.way", a.Way, "deemed_profit_rate", "quota", "fixed_rate", "invoice_issue")
		c.need(a.Way != "", "facts.assessed.way", "is needed")
		c.word("facts.assessed.basis", a.Basis, tax.BasisRevenue, tax.BasisCost)
		c.word("facts.assessed.period", a.Period, "month", "quarter")
		c.need(a.Rate == nil ||
			(a.Rate.Positive() && a.Rate.Cmp(money.Ratio(1, 1)) < 0 &&
				a.Rate.Fraction().Den() <= largestDen), "facts.assessed.rate",
			"must be above 0 and below 1, with at most six decimals")
	}
}

// largestDen keeps the products of a rate in range.
const largestDen = 1_000_000

// checks collects problems.
type checks struct{ problems []fault.Field }

func (c *checks) need(ok bool, field, problem string) {
	if !ok {
		c.problems = append(c.problems, fault.Field{Field: field, Problem: problem})
	}
}

func (c *checks) word(field, w string, allowed ...string) {
	c.need(w == "" || slices.Contains(allowed, w), field,
		"must be one of "+strings.Join(allowed, ", "))
}

func (c *checks) amount(field string, a *money.Amount) {
	most := money.Yuan(largestYuan)
	c.need(a == nil || (!a.Negative() && a.Cmp(most) <= 0), field, "must be zero to "+most.String())
}

func (c *checks) place(corpus *tax.Corpus, field, code string, optional bool) {
	if code == "" {
		c.need(optional, field, "must be the six-digit code of a place of the mainland")
		return
	}
	_, err := corpus.EngineAt(code)
	c.need(err == nil, field, "must be the six-digit code of a place of the mainland")
}

// employment checks that the months of employment can hold the months with income.
func (c *checks) employment(q *Request) {
	n := q.Facts.MonthsEmployed
	if n == nil {
		return
	}
	if *n < 1 || *n > months {
		c.need(false, "facts.months_employed", "must be 1 to 12")
		return
	}
	first, last := q.incomeMonths()
	c.need(last == 0 || *n > last-first, "facts.months_employed",
		"must be at least the months from the first to the last with income")
}

// incomeMonths gives the first and the last month with income, 0 and 0 when there is none.
func (q *Request) incomeMonths() (first, last int) {
	for _, x := range q.Income {
		if x.Month < 1 || x.Month > months || !x.Amount.Positive() {
			continue
		}
		if first == 0 || x.Month < first {
			first = x.Month
		}
		last = max(last, x.Month)
	}
	return first, last
}

// lastDayOfYear is the last day of the tax year.
func (q *Request) lastDayOfYear() civil.Date {
	return civil.On(q.Year, time.December, 1).Month().Last()
}

func isTypeName(s string) bool {
	const shortest, longest = 2, 40
	if len(s) < shortest || len(s) > longest || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
