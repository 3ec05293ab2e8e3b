package taxapi

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// quoteQuestion is the request body of a quote. Paying entity and taxpayer are given by their ids,
// or described.
type quoteQuestion struct {
	Date civil.Date `json:"date"`
	// VATDate is the date of payment when it is left out.
	VATDate  civil.Date    `json:"vat_date"`
	Route    string        `json:"route"`
	Entity   entityFacts   `json:"paying_entity"`
	Taxpayer payeeFacts    `json:"taxpayer"`
	Income   incomeFacts   `json:"income"`
	Payroll  *payrollFacts `json:"payroll"`
	// LowEarner is true when this paying entity withheld in all months of the year before, by the
	// cumulative method, and the income of that year was at most 60,000 yuan.
	LowEarner bool `json:"low_earner"`
	// Deductions are the exempt income and other lawful deductions of the year to date.
	Deductions money.Amount `json:"deductions"`
	ToDate     periodToDate `json:"period_to_date"`
}

// incomeFacts describes the income of a quote: an amount, or the net that the payee is to receive.
type incomeFacts struct {
	Type      string        `json:"type"`
	Item      string        `json:"item"`
	Platform  string        `json:"platform"`
	Amount    *money.Amount `json:"amount"`
	NetWanted *money.Amount `json:"net_wanted"`
	// InKind is the market price of goods or services that are part of the income.
	InKind      money.Amount `json:"in_kind"`
	VATIncluded *bool        `json:"vat_included"`
}

// payrollFacts are the totals of an employee's payroll from January to the month of the payment.
type payrollFacts struct {
	Complete   bool         `json:"complete"`
	Months     int          `json:"months"`
	Rule       string       `json:"rule"`
	Exempt     money.Amount `json:"exempt"`
	Special    money.Amount `json:"special"`
	Additional money.Amount `json:"additional"`
	Other      money.Amount `json:"other"`
}

// turnoverFacts are the sales without VAT and the VAT of a period.
type turnoverFacts struct {
	Sales money.Amount `json:"sales"`
	VAT   money.Amount `json:"vat"`
}

// periodToDate is what the paying entity has already paid and withheld in the day, month, quarter
// and year of the payment.
type periodToDate struct {
	Day   turnoverFacts `json:"day"`
	Month struct {
		Income   money.Amount `json:"income"`
		Withheld money.Amount `json:"withheld"`
		Sales    money.Amount `json:"sales"`
		VAT      money.Amount `json:"vat"`
	} `json:"month"`
	Quarter turnoverFacts `json:"quarter"`
	Year    struct {
		Months          int            `json:"months"`
		Income          money.Amount   `json:"income"`
		Withheld        money.Amount   `json:"withheld"`
		Peak            money.Amount   `json:"peak"`
		Broken          bool           `json:"broken"`
		ByMonth         []money.Amount `json:"by_month"`
		WithheldByMonth []money.Amount `json:"withheld_by_month"`
	} `json:"year"`
}

// monthsOfYear is how many months a tax year has.
const monthsOfYear = 12

// bodyFieldNames maps the field names of the tax engine to those of a quote's body. The name ""
// drops a problem, because the problem of another field implies it.
func bodyFieldNames() map[string]string {
	return map[string]string{"payment_date": "date", "vat_date": "", "amount": "income.amount",
		"in_kind": "income.in_kind", "net_wanted": "income.net_wanted",
		"jurisdiction": "taxpayer.jurisdiction"}
}

// quoteAnswer is the response body of a quote. For a wanted net it is the quote of the gross that
// leaves this net; when no gross leaves exactly this net, Nearest lists the gross amounts below and
// above.
type quoteAnswer struct {
	tax.Result
	Item      string        `json:"item"`
	NetWanted *money.Amount `json:"net_wanted,omitempty"`
	Nearest   []grossAndNet `json:"nearest,omitempty"`
}

// grossAndNet is a gross amount and the net after all that is withheld from it.
type grossAndNet struct {
	Gross money.Amount `json:"gross"`
	Net   money.Amount `json:"net"`
}

// quoteTax handles POST /v1/tax/quote: it computes the taxes that a paying entity withholds from
// one payment.
func (a API) quoteTax(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	corpus := a.Corpus(ctx)
	var q quoteQuestion
	err := decodeBody(r.Body, &q, func(p *fault.Problems) {
		q.validate(p, corpus, r.Header[provinceHeader])
	})
	if err != nil {
		return httpapi.Response{}, err
	}
	// A creator may describe anybody, but may not read the tenant's master data.
	if (q.Entity.ID != "" || q.Taxpayer.ID != "") && r.SeesOnlyOwn() {
		return httpapi.Response{}, fault.MissingObject("paying entity or taxpayer")
	}
	f, err := a.engineFacts(ctx, r, q)
	if err != nil {
		return httpapi.Response{}, err
	}
	answer, err := computeQuote(corpus, f, q.Income.NetWanted)
	if err != nil {
		return httpapi.Response{}, withBodyFieldNames(err)
	}
	return httpapi.OK(answer), nil
}

// computeQuote computes the taxes of a payment, or finds the gross that leaves the wanted net.
func computeQuote(corpus *tax.Corpus, f tax.Facts, net *money.Amount) (quoteAnswer, error) {
	if net == nil {
		res, err := corpus.Compute(f)
		return quoteAnswer{Result: res, Item: res.Item}, err
	}
	g, err := corpus.FindGross(f, *net)
	if err != nil {
		return quoteAnswer{}, err
	}
	return quoteAnswer{Result: g.Result, Item: g.Result.Item, NetWanted: net,
		Nearest: nearestGross(g, *net)}, nil
}

// nearestGross lists the gross amounts whose nets are next below and next above a wanted net; it
// returns nil when a gross leaves exactly the wanted net.
func nearestGross(g tax.GrossUp, net money.Amount) []grossAndNet {
	if g.Exact {
		return nil
	}
	var list []grossAndNet
	if g.Result.Net.Cmp(net) < 0 {
		list = append(list, grossAndNet{g.Result.Gross, g.Result.Net})
	}
	if g.Above != nil {
		list = append(list, grossAndNet{g.Above.Gross, g.Above.Net})
	}
	return list
}

// withBodyFieldNames returns an error of the computation with the field names of the request's
// body, when it lists problems of input.
func withBodyFieldNames(err error) error {
	if inputProblems(err) == nil {
		return err
	}
	var p fault.Problems
	addInputProblems(&p, err, bodyFieldNames())
	return appendUnrelated(nil, p).Err()
}

// validate adds all problems of the question that can be found without reading master data.
func (q *quoteQuestion) validate(p *fault.Problems, corpus *tax.Corpus, province string) {
	q.Entity.validate(p, corpus)
	q.Taxpayer.validate(p, corpus, province)
	p.AddIf(!isIncomeType(q.Income.Type), "income.type",
		"must be a word of a-z, 0-9 and _, as live_tip")
	p.AddIf(!isRuleName(q.Income.Platform), "income.platform", "must be a word of a-z, 0-9, _ and -")
	p.AddIf(q.Income.Amount == nil && q.Income.NetWanted == nil && !q.Income.InKind.Positive(),
		"income.amount", "is needed, or net_wanted")
	p.AddIf(q.Income.Amount != nil && q.Income.NetWanted != nil, "income.net_wanted",
		"give the amount or the net that is wanted, not both")
	p.AddIf(q.Income.NetWanted != nil && !q.Income.NetWanted.Positive(), "income.net_wanted",
		"must be above zero")
	y := &q.ToDate.Year
	p.AddIf(len(y.ByMonth) > monthsOfYear, "period_to_date.year.by_month",
		"must be at most twelve amounts, January first")
	p.AddIf(len(y.WithheldByMonth) > monthsOfYear, "period_to_date.year.withheld_by_month",
		"must be at most twelve amounts, January first")
	// The engine finds the remaining problems when it derives the tax item of the income.
	f := q.statedFacts(province)
	_, err := corpus.National().DeriveItem(f)
	addInputProblems(p, err, bodyFieldNames())
}

// statedFacts returns the facts of the tax engine that the request body contains.
func (q *quoteQuestion) statedFacts(province string) tax.Facts {
	f := tax.Facts{PaymentDate: q.Date, VATDate: q.VATDate,
		Entity: q.Entity.statedEntity(q.platformOrDefault(), q.Date), Route: q.Route,
		Taxpayer:   q.Taxpayer.statedTaxpayer(province),
		IncomeType: q.Income.Type, Item: q.Income.Item, Platform: q.platformOrDefault(),
		InKind:      q.Income.InKind,
		VATIncluded: q.Income.VATIncluded == nil || *q.Income.VATIncluded,
		LowEarner:   q.LowEarner, Deductions: q.Deductions, ToDate: q.ToDate.taxToDate(),
		Payroll: q.Payroll.taxPayroll()}
	if f.VATDate.IsZero() {
		f.VATDate = q.Date
	}
	switch {
	case q.Income.Amount != nil:
		f.Amount = *q.Income.Amount
	case q.Income.NetWanted != nil:
		// One yuan is a placeholder that passes validation. Method GrossUp replaces it.
		f.Amount = money.Yuan(1)
	}
	return f
}

// platformOrDefault returns the platform of the income.
func (q *quoteQuestion) platformOrDefault() string {
	if q.Income.Platform == "" {
		return defaultPlatform
	}
	return q.Income.Platform
}

// engineFacts returns the facts of the tax engine: those of the request body, completed by master
// data and by the tenant's tax positions.
func (a API) engineFacts(ctx context.Context, r *httpapi.Request,
	q quoteQuestion) (tax.Facts, error) {
	province := r.Header[provinceHeader]
	f := q.statedFacts(province)
	var err error
	if f.Entity, err = a.loadEntity(ctx, r.Tenant, q.Entity, q.platformOrDefault(),
		q.Date); err != nil {
		return f, err
	}
	t, err := a.loadPayee(ctx, r.Tenant, q.Taxpayer, province, q.Date)
	if err != nil {
		return f, err
	}
	f.Taxpayer = t.Taxpayer
	f.AgencyFiling = t.consent
	if f.Route == "" && f.Taxpayer.Kind == "employee" {
		// The income of an employee is always paid with the payroll.
		f.Route = "payroll"
	}
	f.Positions, err = a.loadPositions(ctx, r.Tenant, q.Date)
	return f, err
}

// taxPayroll returns the payroll totals in the form of the tax engine, nil when there are none.
func (p *payrollFacts) taxPayroll() *tax.Payroll {
	if p == nil {
		return nil
	}
	return &tax.Payroll{Complete: p.Complete, Months: p.Months, Rule: p.Rule, Exempt: p.Exempt,
		Special: p.Special, Additional: p.Additional, Other: p.Other}
}

// taxTurnover returns the turnover in the form of the tax engine.
func (t *turnoverFacts) taxTurnover() tax.Turnover {
	return tax.Turnover{Sales: t.Sales, VAT: t.VAT, Stated: true}
}

// taxToDate returns the totals of the periods in the form of the tax engine.
func (p *periodToDate) taxToDate() tax.ToDate {
	t := tax.ToDate{Day: p.Day.taxTurnover(), Quarter: p.Quarter.taxTurnover(),
		Month: tax.MonthToDate{Income: p.Month.Income, Withheld: p.Month.Withheld,
			Turnover: tax.Turnover{Sales: p.Month.Sales, VAT: p.Month.VAT, Stated: true}},
		Year: tax.YearToDate{Months: p.Year.Months, Income: p.Year.Income, Withheld: p.Year.Withheld,
			Peak: p.Year.Peak, Broken: p.Year.Broken}}
	copy(t.Year.ByMonth[:], p.Year.ByMonth)
	copy(t.Year.WithheldByMonth[:], p.Year.WithheldByMonth)
	return t
}
