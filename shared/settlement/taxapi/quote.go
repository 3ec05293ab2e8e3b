package taxapi

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// question is the body of a quote. Entity and taxpayer are named, or described.
type question struct {
	Date     civil.Date    `json:"date"`
	VATDate  civil.Date    `json:"vat_date"` // the day of payment when left out
	Route    string        `json:"route"`
	Entity   entityFacts   `json:"paying_entity"`
	Taxpayer payeeFacts    `json:"taxpayer"`
	Income   incomeFacts   `json:"income"`
	Payroll  *payrollFacts `json:"payroll"`
	// LowEarner tells that the whole of the last year was withheld here by the cumulative method and
	// came to at most 60,000 yuan.
	LowEarner bool `json:"low_earner"`
	// exempt income and other lawful deductions of the year to date
	Deductions money.Amount `json:"deductions"`
	ToDate     periodToDate `json:"period_to_date"`
}

type incomeFacts struct {
	Type        string        `json:"type"`
	Item        string        `json:"item"`
	Platform    string        `json:"platform"`
	Amount      *money.Amount `json:"amount"`
	NetWanted   *money.Amount `json:"net_wanted"`
	InKind      money.Amount  `json:"in_kind"` // market price of what is given in kind with it
	VATIncluded *bool         `json:"vat_included"`
}

// payrollFacts are a payroll's totals of the year up to and with the payment's month.
type payrollFacts struct {
	Complete   bool         `json:"complete"`
	Months     int          `json:"months"`
	Rule       string       `json:"rule"`
	Exempt     money.Amount `json:"exempt"`
	Special    money.Amount `json:"special"`
	Additional money.Amount `json:"additional"`
	Other      money.Amount `json:"other"`
}

type turnoverFacts struct {
	Sales money.Amount `json:"sales"`
	VAT   money.Amount `json:"vat"`
}

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

// fieldNames gives the body's names of the engine's facts; "" drops a problem that another field's
// problem implies.
func fieldNames() map[string]string {
	return map[string]string{"payment_date": "date", "vat_date": "", "amount": "income.amount",
		"in_kind": "income.in_kind", "net_wanted": "income.net_wanted",
		"jurisdiction": "taxpayer.jurisdiction"}
}

// quoteAnswer is what one payment gives. With net_wanted it is the quote of the gross found; where
// no gross leaves exactly that net, Nearest names those next to it.
type quoteAnswer struct {
	tax.Result
	Item      string        `json:"item"`
	NetWanted *money.Amount `json:"net_wanted,omitempty"`
	Nearest   []priced      `json:"nearest,omitempty"`
}

// priced is a gross and what it leaves.
type priced struct {
	Gross money.Amount `json:"gross"`
	Net   money.Amount `json:"net"`
}

// quote answers what the paying entity keeps back from one payment.
func (a API) quote(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	corpus := a.Corpus(ctx)
	var b body
	var q question
	if b.read(r.Body, &q) {
		q.check(&b, corpus, r.Header[provinceHeader])
	}
	if err := b.refusal(); err != nil {
		return httpapi.Response{}, err
	}
	if (q.Entity.ID != "" || q.Taxpayer.ID != "") && r.OnlyOwn() {
		return httpapi.Response{}, fault.Absent("paying entity or taxpayer")
	}
	f, err := a.facts(ctx, r, q)
	if err != nil {
		return httpapi.Response{}, err
	}
	answer, err := price(corpus, f, q.Income.NetWanted)
	if err != nil {
		return httpapi.Response{}, named(err)
	}
	return httpapi.OK(answer), nil
}

// price computes a payment, or the payment that leaves a net.
func price(corpus *tax.Corpus, f tax.Facts, net *money.Amount) (quoteAnswer, error) {
	if net == nil {
		res, err := corpus.Compute(f)
		return quoteAnswer{Result: res, Item: res.Item}, err
	}
	g, err := corpus.FindGross(f, *net)
	if err != nil {
		return quoteAnswer{}, err
	}
	return quoteAnswer{Result: g.Result, Item: g.Result.Item, NetWanted: net,
		Nearest: nearest(g, *net)}, nil
}

// nearest names the gross figures on both sides of a net that no gross leaves exactly; nil where
// one does.
func nearest(g tax.GrossUp, net money.Amount) []priced {
	if g.Exact {
		return nil
	}
	var list []priced
	if g.Result.Net.Cmp(net) < 0 {
		list = append(list, priced{g.Result.Gross, g.Result.Net})
	}
	if g.Above != nil {
		list = append(list, priced{g.Above.Gross, g.Above.Net})
	}
	return list
}

// named gives the problems that only computing could find the names of the body.
func named(err error) error {
	if problemsOf(err) == nil {
		return err
	}
	var b body
	b.adopt(err, fieldNames())
	return b.refusal()
}

// check notes everything that is wrong with the question as far as it can be told without master
// data.
func (q *question) check(b *body, corpus *tax.Corpus, province string) {
	q.Entity.check(b, corpus)
	q.Taxpayer.check(b, corpus, province)
	b.need(isIncomeType(q.Income.Type), "income.type", "must be a word of a-z, 0-9 and _, as live_tip")
	b.need(isWord(q.Income.Platform), "income.platform", "must be a word of a-z, 0-9, _ and -")
	b.need(q.Income.Amount != nil || q.Income.NetWanted != nil || q.Income.InKind.Positive(),
		"income.amount", "is needed, or net_wanted")
	b.need(q.Income.Amount == nil || q.Income.NetWanted == nil, "income.net_wanted",
		"give the amount or the net that is wanted, not both")
	b.need(q.Income.NetWanted == nil || q.Income.NetWanted.Positive(), "income.net_wanted",
		"must be above zero")
	y := &q.ToDate.Year
	b.need(len(y.ByMonth) <= monthsOfYear, "period_to_date.year.by_month",
		"must be at most twelve amounts, January first")
	b.need(len(y.WithheldByMonth) <= monthsOfYear, "period_to_date.year.withheld_by_month",
		"must be at most twelve amounts, January first")
	f := q.described(province)
	_, err := corpus.National().DeriveItem(f)
	b.adopt(err, fieldNames())
}

// described gives the facts that stand in the body itself.
func (q *question) described(province string) tax.Facts {
	f := tax.Facts{PaymentDate: q.Date, VATDate: q.VATDate,
		Entity: q.Entity.described(q.platform(), q.Date), Route: q.Route,
		Taxpayer:   q.Taxpayer.described(province),
		IncomeType: q.Income.Type, Item: q.Income.Item, Platform: q.platform(), InKind: q.Income.InKind,
		VATIncluded: q.Income.VATIncluded == nil || *q.Income.VATIncluded,
		LowEarner:   q.LowEarner, Deductions: q.Deductions, ToDate: q.ToDate.facts(),
		Payroll: q.Payroll.facts()}
	if f.VATDate.IsZero() {
		f.VATDate = q.Date
	}
	switch {
	case q.Income.Amount != nil:
		f.Amount = *q.Income.Amount
	case q.Income.NetWanted != nil: // stands in until the gross is found; the wanted net has its own check
		f.Amount = money.Yuan(1)
	}
	return f
}

func (q *question) platform() string {
	if q.Income.Platform == "" {
		return platform
	}
	return q.Income.Platform
}

// facts turns a question into the engine's words, with what master data and positions add.
func (a API) facts(ctx context.Context, r *httpapi.Request, q question) (tax.Facts, error) {
	province := r.Header[provinceHeader]
	f := q.described(province)
	var err error
	if f.Entity, err = a.entity(ctx, r.Tenant, q.Entity, q.platform(), q.Date); err != nil {
		return f, err
	}
	t, err := a.taxpayer(ctx, r.Tenant, q.Taxpayer, province, q.Date)
	if err != nil {
		return f, err
	}
	f.Taxpayer, f.AgencyFiling = t.Taxpayer, t.consent
	if f.Route == "" && f.Taxpayer.Kind == "employee" {
		f.Route = "payroll" // whoever is employed is paid with the payroll
	}
	f.Positions, err = a.positions(ctx, r.Tenant, q.Date)
	return f, err
}

func (p *payrollFacts) facts() *tax.Payroll {
	if p == nil {
		return nil
	}
	return &tax.Payroll{Complete: p.Complete, Months: p.Months, Rule: p.Rule, Exempt: p.Exempt,
		Special: p.Special, Additional: p.Additional, Other: p.Other}
}

func (t *turnoverFacts) facts() tax.Turnover {
	return tax.Turnover{Sales: t.Sales, VAT: t.VAT, Stated: true}
}

func (p *periodToDate) facts() tax.ToDate {
	t := tax.ToDate{Day: p.Day.facts(), Quarter: p.Quarter.facts(),
		Month: tax.MonthToDate{Income: p.Month.Income, Withheld: p.Month.Withheld,
			Turnover: tax.Turnover{Sales: p.Month.Sales, VAT: p.Month.VAT, Stated: true}},
		Year: tax.YearToDate{Months: p.Year.Months, Income: p.Year.Income, Withheld: p.Year.Withheld,
			Peak: p.Year.Peak, Broken: p.Year.Broken}}
	copy(t.Year.ByMonth[:], p.Year.ByMonth)
	copy(t.Year.WithheldByMonth[:], p.Year.WithheldByMonth)
	return t
}
