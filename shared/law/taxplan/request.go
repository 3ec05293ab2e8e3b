// Package taxplan computes a year of expected income under each lawful way to earn it
// (税负测算与合规方案比较): what each way presupposes, what the law forbids for the given facts, and what tax
// it would bear. The package recommends nothing. The same request always gives the same answer.
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

// Request is one year of expected income at one place.
type Request struct {
	Year int
	// Jurisdiction is the six-digit code of the place where the payee is or would be registered. It
	// is the payer's place too, unless Facts.PayingPlace names another one.
	Jurisdiction string
	Income       []Income
	Facts        Facts
	// Positions are the tenant's approved positions by month of payment, 1 to 12.
	Positions map[int][]tax.Position
}

// Income is the income of one type that is expected in one month.
type Income struct {
	Month  int          `json:"month"`
	Type   string       `json:"type"`
	Amount money.Amount `json:"amount"`
}

// Facts are what is known of the person, the work and the payer. A fact that is left out is not
// known: the plan then lists it as a presupposition or as missing, and never takes it for zero.
type Facts struct {
	Resident    *bool  `json:"resident"`
	Employed    *bool  `json:"employed"` // the person is really employed by the payer
	Work        string `json:"work"`     // what the income is paid for: performed, licensed, published
	Streamer    *bool  `json:"streamer"` // the business is the studio of a streamer
	Industry    string `json:"industry"` // industry as the rate tables of the rules name it
	VATIncluded *bool  `json:"vat_included"`

	PayingPlace string `json:"paying_place"` // division code of the payer's tax bureau
	// tier of the place of payer and payee: city, county, other
	PlaceTier      string `json:"place_tier"`
	PlatformFiling *bool  `json:"platform_filing"`
	AgencyConsent  *bool  `json:"agency_consent"`
	LowEarner      *bool  `json:"low_earner"`

	Registered *bool `json:"registered"` // the business is registered
	// the business is really run, with its own people, costs and risk
	RealOperation *bool         `json:"real_operation"`
	Books         *bool         `json:"books"`      // the business keeps account books
	VAT           string        `json:"vat"`        // small_scale, general
	VATPeriod     string        `json:"vat_period"` // month, quarter
	HoldsEquity   *bool         `json:"holds_equity"`
	Assessed      *Assessed     `json:"assessed"` // decision of the tax office, nil if there is none
	Staff         *int          `json:"staff"`
	Assets        *money.Amount `json:"assets"`
	// the industry is one that the State restricts or forbids
	Restricted *bool `json:"restricted"`

	Costs          *money.Amount `json:"costs"`      // costs of the year, without input VAT
	Special        *money.Amount `json:"special"`    // 专项扣除 of a person who is not employed
	Additional     *money.Amount `json:"additional"` // 专项附加扣除
	Other          *money.Amount `json:"other"`      // 依法确定的其他扣除
	Donations      *money.Amount `json:"donations"`
	MonthsEmployed *int          `json:"months_employed"`
	// the employee's own contributions of the year
	SocialInsurance *money.Amount   `json:"social_insurance"`
	HousingFund     *money.Amount   `json:"housing_fund"`
	Elsewhere       *tax.YearIncome `json:"elsewhere"` // comprehensive income from other payers
}

// Assessed is a decision of the tax office on assessed collection (核定征收).
type Assessed struct {
	Way    string      `json:"way"`    // deemed_profit_rate, quota, fixed_rate, invoice_issue
	Basis  string      `json:"basis"`  // revenue, cost
	Period string      `json:"period"` // month, quarter
	Rate   *money.Rate `json:"rate"`   // 应税所得率 that the office fixed; nil: the place's table applies
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

// Validate returns one error that lists all problems of the request, under the names of the HTTP
// body.
//
// Errors: 2001.
func (q *Request) Validate(corpus *tax.Corpus) error {
	var p fault.Problems
	p.AddIf(q.Year < firstYear || q.Year > lastYear, "year", "must be 2019 to 2100")
	addIfNoPlace(&p, "jurisdiction", q.Jurisdiction, corpus)
	q.validateIncome(&p)
	q.Facts.validate(&p, corpus)
	q.validateMonthsEmployed(&p)
	return p.Err()
}

// validateIncome checks each income and their sum.
func (q *Request) validateIncome(p *fault.Problems) {
	p.AddIf(len(q.Income) == 0 || len(q.Income) > largestIncome, "income",
		"must be a list of 1 to 500 entries")
	most := money.Yuan(largestYuan)
	var total money.Amount
	for i, x := range q.Income {
		at := "income." + strconv.Itoa(i)
		p.AddIf(x.Month < 1 || x.Month > months, at+".month", "must be 1 to 12")
		p.AddIf(!isTypeName(x.Type), at+".type", "must be a word of a-z, 0-9 and _, as live_tip")
		addIfNoAmount(p, at+".amount", &x.Amount)
		// An amount out of range has its own problem; left out here, it cannot overflow the sum.
		if x.Amount.Positive() && x.Amount.Cmp(most) <= 0 {
			total = total.Add(x.Amount)
		}
	}
	p.AddIf(total.Cmp(most) > 0, "income", "must sum to at most "+most.String())
	// A sum of zero is worth a line only if no other problem explains it.
	p.AddIf(len(q.Income) > 0 && !total.Positive() && len(*p) == 0, "income",
		"must sum to more than zero")
}

// validate checks the facts that have a fixed set of values or a range.
func (f *Facts) validate(p *fault.Problems, corpus *tax.Corpus) {
	addIfNotOneOf(p, "facts.work", f.Work, "performed", "licensed", "published")
	addIfNotOneOf(p, "facts.place_tier", f.PlaceTier, "city", "county", "other")
	addIfNotOneOf(p, "facts.vat", f.VAT, "small_scale", "general")
	addIfNotOneOf(p, "facts.vat_period", f.VATPeriod, "month", "quarter")
	p.AddIf(f.Industry != "" && !isTypeName(f.Industry), "facts.industry",
		"must be a word of a-z, 0-9 and _")
	if f.PayingPlace != "" {
		addIfNoPlace(p, "facts.paying_place", f.PayingPlace, corpus)
	}
	for _, x := range []struct {
		name string
		a    *money.Amount
	}{
		{"costs", f.Costs}, {"special", f.Special}, {"additional", f.Additional}, {"other", f.Other},
		{"donations", f.Donations}, {"social_insurance", f.SocialInsurance},
		{"housing_fund", f.HousingFund}, {"assets", f.Assets},
	} {
		addIfNoAmount(p, "facts."+x.name, x.a)
	}
	if e := f.Elsewhere; e != nil {
		addIfNoAmount(p, "facts.elsewhere.wages", &e.Wages)
		addIfNoAmount(p, "facts.elsewhere.labor", &e.Labor)
		addIfNoAmount(p, "facts.elsewhere.author", &e.Author)
		addIfNoAmount(p, "facts.elsewhere.royalty", &e.Royalty)
		addIfNoAmount(p, "facts.elsewhere.withheld", &e.Withheld)
	}
	p.AddIf(f.Staff != nil && (*f.Staff < 0 || *f.Staff > largestStaff), "facts.staff",
		"must be 0 to 1000000")
	if f.Assessed != nil {
		f.Assessed.validate(p)
	}
}

// largestDenominator is the largest denominator of a rate: six decimals. largestDenominator keeps
// the products of rates and amounts in range.
const largestDenominator = 1_000_000

// validate checks a decision on assessed collection.
func (a *Assessed) validate(p *fault.Problems) {
	addIfNotOneOf(p, "facts.assessed.way", a.Way,
		"deemed_profit_rate", "quota", "fixed_rate", "invoice_issue")
	p.AddIf(a.Way == "", "facts.assessed.way", "is needed")
	addIfNotOneOf(p, "facts.assessed.basis", a.Basis, tax.BasisRevenue, tax.BasisCost)
	addIfNotOneOf(p, "facts.assessed.period", a.Period, "month", "quarter")
	if r := a.Rate; r != nil {
		p.AddIf(!r.Positive() || r.Cmp(money.Ratio(1, 1)) >= 0 ||
			r.Fraction().Den() > largestDenominator, "facts.assessed.rate",
			"must be above 0 and below 1, with at most six decimals")
	}
}

// validateMonthsEmployed checks that the employment is long enough to contain all months with
// income.
func (q *Request) validateMonthsEmployed(p *fault.Problems) {
	n := q.Facts.MonthsEmployed
	if n == nil {
		return
	}
	if *n < 1 || *n > months {
		p.Add("facts.months_employed", "must be 1 to 12")
		return
	}
	first, last := q.incomeMonths()
	p.AddIf(last != 0 && *n <= last-first, "facts.months_employed",
		"must be at least the months from the first to the last with income")
}

// addIfNotOneOf adds a problem if a field has a value that is not allowed. An empty value means
// that the fact is not known.
func addIfNotOneOf(p *fault.Problems, field, value string, allowed ...string) {
	p.AddIf(value != "" && !slices.Contains(allowed, value), field,
		"must be one of "+strings.Join(allowed, ", "))
}

// addIfNoAmount adds a problem if an amount is negative or above the limit; nil means that it is
// not known.
func addIfNoAmount(p *fault.Problems, field string, a *money.Amount) {
	most := money.Yuan(largestYuan)
	p.AddIf(a != nil && (a.Negative() || a.Cmp(most) > 0), field, "must be zero to "+most.String())
}

// addIfNoPlace adds a problem if code is not the division code of a place for which there are
// rules.
func addIfNoPlace(p *fault.Problems, field, code string, corpus *tax.Corpus) {
	_, err := corpus.EngineAt(code)
	p.AddIf(code == "" || err != nil, field,
		"must be the six-digit code of a place of the mainland")
}

// incomeMonths returns the first and the last month with income, and 0 and 0 if there is none.
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

// lastDayOfYear returns the last day of the tax year.
func (q *Request) lastDayOfYear() civil.Date {
	return civil.NewDate(q.Year, time.December, 1).Month().Last()
}

// isTypeName reports whether s has the form of an income type or industry: 2 to 40 of a-z, 0-9 and
// _, beginning with a letter.
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
