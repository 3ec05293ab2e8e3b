package taxapi

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// Rows reads tax bookings.
type Rows interface {
	// TaxRows reads the bookings of a taxpayer at a paying entity in one tax year, in order.
	TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		year int) ([]settlement.Booking, error)
}

// forecastQuestion is the request body of a forecast. When paying entity and taxpayer are given by
// their ids, the booked tax rows are read; otherwise Booked states the income so far.
type forecastQuestion struct {
	Year     int             `json:"year"`
	Entity   entityFacts     `json:"paying_entity"`
	Taxpayer payeeFacts      `json:"taxpayer"`
	Booked   []bookedFacts   `json:"booked"`
	Expected []expectedFacts `json:"expected"`
	// LowEarner is true when this paying entity withheld in all months of the year before, by the
	// cumulative method, and the income of that year was at most 60,000 yuan.
	LowEarner  bool            `json:"low_earner"`
	Elsewhere  *tax.YearIncome `json:"elsewhere"`
	Special    *money.Amount   `json:"special"`
	Additional *money.Amount   `json:"additional"`
	Other      money.Amount    `json:"other"`
	Exempt     money.Amount    `json:"exempt"`
	Donations  money.Amount    `json:"donations"`
	Relief     money.Amount    `json:"relief"`
}

// bookedFacts is the income of one month, or of several months up to this one, with the tax that
// was withheld from it.
type bookedFacts struct {
	Month int `json:"month"`
	// Months is how many months in a row, Month being the last, the income covers; 1 when left out.
	Months   int          `json:"months"`
	Item     string       `json:"item"`
	Platform string       `json:"platform"`
	Income   money.Amount `json:"income"`
	Withheld money.Amount `json:"withheld"`
}

// expectedFacts is a payment that is expected later in the year.
type expectedFacts struct {
	Date        civil.Date    `json:"date"`
	Type        string        `json:"type"`
	Item        string        `json:"item"`
	Platform    string        `json:"platform"`
	Amount      *money.Amount `json:"amount"`
	InKind      money.Amount  `json:"in_kind"`
	VATIncluded *bool         `json:"vat_included"`
	Payroll     *payrollFacts `json:"payroll"`
	Deductions  money.Amount  `json:"deductions"`
}

// forecastAnswer is the response body of a forecast: the annual settlement of comprehensive income
// as it would be with the expected payments.
type forecastAnswer struct {
	Year int `json:"year"`
	// Outcome is refund, debt, waived or even.
	Outcome string          `json:"outcome"`
	Months  []forecastMonth `json:"by_month"`
	tax.Forecast
}

// forecastMonth is the income of one month, and the balance that the annual settlement would have
// if no income followed.
type forecastMonth struct {
	Month    int          `json:"month"`
	Income   money.Amount `json:"income"`
	Withheld money.Amount `json:"withheld"`
	// Expected is true when part of the month's income is only expected.
	Expected bool         `json:"expected"`
	Balance  money.Amount `json:"balance_to_date"`
}

// The outcomes of an annual settlement: a refund to the taxpayer, a payment by the taxpayer, a
// payment that is waived by law, or neither.
const (
	refund = "refund"
	debt   = "debt"
	waived = "waived"
	even   = "even"
)

// forecastYear handles POST /v1/tax/forecast: it computes the annual settlement of comprehensive
// income (综合所得汇算清缴) in advance.
func (a API) forecastYear(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	corpus := a.Corpus(ctx)
	var q forecastQuestion
	err := decodeBody(r.Body, &q, func(p *fault.Problems) { q.validate(p, corpus) })
	if err != nil {
		return httpapi.Response{}, err
	}
	// A creator may describe anybody, but may not read the tenant's master data.
	if (q.Entity.ID != "" || q.Taxpayer.ID != "") && r.SeesOnlyOwn() {
		return httpapi.Response{}, fault.MissingObject("paying entity or taxpayer")
	}
	y, err := a.loadTaxYear(ctx, r.Tenant, corpus, &q)
	if err != nil {
		return httpapi.Response{}, err
	}
	answer, err := y.settleYear()
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(answer), nil
}

// The limits of a forecast: its years, the expected payments and the booked rows. The cumulative
// withholding of comprehensive income began in 2019.
const (
	firstForecast  = 2019
	lastForecast   = 2100
	mostPayments   = 366
	mostBookedRows = 500
)

// validate adds all problems of the question that can be found without reading master data.
func (q *forecastQuestion) validate(p *fault.Problems, corpus *tax.Corpus) {
	p.AddIf(q.Year < firstForecast || q.Year > lastForecast, "year", "must be 2019 to 2100")
	q.Entity.validate(p, corpus)
	q.Taxpayer.validate(p, corpus, "")
	p.AddIf(len(q.Expected) > mostPayments, "expected", "must be at most 366 payments")
	p.AddIf(len(q.Booked) > mostBookedRows, "booked", "must be at most 500 rows")
	p.AddIf(len(q.Booked) > 0 && q.Entity.ID != "" && q.Taxpayer.ID != "", "booked",
		"is read from the books where entity and taxpayer are named by their ids")
	// Each row and payment has a field name with its number, so that a caller finds the wrong one.
	for i := range q.Booked {
		q.Booked[i].validate(p, "booked."+strconv.Itoa(i))
	}
	q.validatePayee(p, corpus)
	for i := range q.Expected {
		q.validateExpected(p, corpus, i)
	}
	q.validateAmounts(p)
}

// validatePayee adds the problems of the payee and of the paying entity, which all payments share.
// The engine finds them on a sample payment of one yuan that is otherwise valid.
func (q *forecastQuestion) validatePayee(p *fault.Problems, corpus *tax.Corpus) {
	one := money.Yuan(1)
	f := q.paymentFacts(&expectedFacts{Date: civil.NewDate(firstForecast, time.December, 1),
		Amount: &one})
	_, err := corpus.National().DeriveItem(f)
	addInputProblems(p, err, bodyFieldNames())
	switch q.Taxpayer.Kind {
	case "individual_business", "sole_proprietorship", "partnership", "company":
		p.Add("taxpayer.kind", "has no annual settlement of comprehensive income")
	}
}

// validateExpected adds the problems of the expected payment with number i.
func (q *forecastQuestion) validateExpected(p *fault.Problems, corpus *tax.Corpus, i int) {
	x := &q.Expected[i]
	at := "expected." + strconv.Itoa(i)
	p.AddIf(!isIncomeType(x.Type), at+".type", "must be a word of a-z, 0-9 and _, as live_tip")
	p.AddIf(!isRuleName(x.Platform), at+".platform", "must be a word of a-z, 0-9, _ and -")
	p.AddIf(x.Date.IsZero() || x.Date.Year() != q.Year, at+".date", "must be a day of the tax year")
	p.AddIf(x.Amount == nil && !x.InKind.Positive(), at+".amount", "is needed")
	_, err := corpus.National().DeriveItem(q.paymentFacts(x))
	addInputProblems(p, err, map[string]string{"payment_date": at + ".date", "vat_date": "",
		"amount": at + ".amount", "in_kind": at + ".in_kind", "income.item": at + ".item",
		"payroll": at + ".payroll", "payroll.months": at + ".payroll.months",
		"payroll.rule": at + ".payroll.rule", "deductions": at + ".deductions"})
}

// largestOfYear is the greatest amount in yuan of each field, so that sums stay in the range of
// int64 fen.
const largestOfYear = 1_000_000_000

// validateAmounts adds the problems of the year's amounts and of the sum of the expected payments.
func (q *forecastQuestion) validateAmounts(p *fault.Problems) {
	amounts := map[string]*money.Amount{"special": q.Special, "additional": q.Additional,
		"other": &q.Other, "exempt": &q.Exempt, "donations": &q.Donations, "relief": &q.Relief}
	if e := q.Elsewhere; e != nil {
		amounts["elsewhere.wages"] = &e.Wages
		amounts["elsewhere.labor"] = &e.Labor
		amounts["elsewhere.author"] = &e.Author
		amounts["elsewhere.royalty"] = &e.Royalty
		amounts["elsewhere.withheld"] = &e.Withheld
	}
	for _, name := range slices.Sorted(maps.Keys(amounts)) {
		addAmountProblem(p, name, amounts[name])
	}
	// Amounts that are wrong by themselves are left out of the sum, which could overflow.
	sum := money.Amount{}
	for i := range q.Expected {
		if x := q.Expected[i].Amount; x != nil && x.Positive() && x.Cmp(money.Yuan(largestOfYear)) <= 0 {
			sum = sum.Add(*x)
		}
	}
	p.AddIf(sum.Cmp(money.Yuan(largestOfYear)) > 0, "expected",
		"must sum to at most "+money.Yuan(largestOfYear).String())
}

// addAmountProblem adds a problem when an amount is below zero or above largestOfYear.
func addAmountProblem(p *fault.Problems, field string, a *money.Amount) {
	most := money.Yuan(largestOfYear)
	p.AddIf(a != nil && (a.Negative() || a.Cmp(most) > 0), field, "must be zero to "+most.String())
}

// validate adds the problems of one row of stated income.
func (x *bookedFacts) validate(p *fault.Problems, at string) {
	p.AddIf(x.Month < 1 || x.Month > monthsOfYear, at+".month", "must be 1 to 12")
	p.AddIf(x.Months < 0 || x.Months > max(x.Month, 1), at+".months",
		"must be 1 to the number of the month")
	p.AddIf(!slices.Contains(comprehensiveItems(), x.Item), at+".item",
		"must be one of wages, labor, labor_platform, author, royalty")
	p.AddIf(!isRuleName(x.Platform), at+".platform", "must be a word of a-z, 0-9, _ and -")
	const most = largestOfYear / mostBookedRows
	for name, a := range map[string]money.Amount{"income": x.Income, "withheld": x.Withheld} {
		p.AddIf(a.Negative() || a.Cmp(money.Yuan(most)) > 0, at+"."+name,
			"must be zero to "+money.Yuan(most).String())
	}
}

// comprehensiveItems are the tax items of comprehensive income (综合所得), which the annual settlement
// adds up.
func comprehensiveItems() []string {
	return []string{tax.ItemWages, tax.ItemLabor, tax.ItemLaborPlatform, tax.ItemAuthor,
		tax.ItemRoyalty}
}

// paymentFacts returns the facts of an expected payment that the request body contains.
func (q *forecastQuestion) paymentFacts(x *expectedFacts) tax.Facts {
	p := quoteQuestion{Date: x.Date, Entity: q.Entity, Taxpayer: q.Taxpayer, LowEarner: q.LowEarner,
		Payroll: x.Payroll, Deductions: x.Deductions,
		Income: incomeFacts{Type: x.Type, Item: x.Item, Platform: x.Platform, Amount: x.Amount,
			InKind: x.InKind, VATIncluded: x.VATIncluded}}
	return p.statedFacts("")
}

// taxYear holds the facts of a forecast. The computation adds the tax rows of the expected payments
// to those that are booked.
type taxYear struct {
	corpus    *tax.Corpus
	question  *forecastQuestion
	payee     payee
	entity    map[civil.Date]tax.Entity
	rows      []tax.Row
	positions map[int][]tax.Position // by month
	day       civil.Date
	// rulesUsed are the rules that the expected payments used.
	rulesUsed []tax.RulesUsed
}

// loadTaxYear loads the facts of a forecast. The payee is described by the tax profile of the last
// day of the year, the paying entity by master data of the day of each payment.
func (a API) loadTaxYear(ctx context.Context, tenant ident.Tenant, corpus *tax.Corpus,
	q *forecastQuestion) (*taxYear, error) {
	y := &taxYear{corpus: corpus, question: q, entity: map[civil.Date]tax.Entity{},
		day: civil.NewDate(q.Year, time.December, 1).Month().Last()}
	var err error
	if y.payee, err = a.loadPayee(ctx, tenant, q.Taxpayer, "", y.day); err != nil {
		return nil, err
	}
	days := []civil.Date{y.day}
	for i := range q.Expected {
		days = append(days, q.Expected[i].Date)
	}
	for _, day := range days {
		y.entity[day], err = a.loadEntity(ctx, tenant, q.Entity, q.platformOn(day), day)
		if err != nil {
			return nil, err
		}
	}
	if y.positions, err = a.loadPositionsOfYear(ctx, tenant, q.Year); err != nil {
		return nil, err
	}
	y.rows, err = a.loadRows(ctx, tenant, q)
	return y, err
}

// loadRows returns the tax rows of the income before the forecast: the booked rows when paying
// entity and taxpayer are given by their ids, otherwise the rows that the request states.
func (a API) loadRows(ctx context.Context, tenant ident.Tenant,
	q *forecastQuestion) ([]tax.Row, error) {
	if q.Entity.ID == "" || q.Taxpayer.ID == "" {
		return q.statedRows(), nil
	}
	bookings, err := a.Rows.TaxRows(ctx, tenant, ident.Entity(q.Entity.ID),
		ident.Taxpayer(q.Taxpayer.ID), q.Year)
	if into, closed := settlement.MergedInto(bookings); closed {
		// The taxpayer was merged into another one. A person has one tax year, which the other
		// taxpayer's list holds.
		bookings, err = a.Rows.TaxRows(ctx, tenant, ident.Entity(q.Entity.ID), into, q.Year)
	}
	var rows []tax.Row
	for _, b := range settlement.BookingsOfPerson(bookings) {
		rows = append(rows, b.Rows...)
	}
	return rows, err
}

// platformOn returns the platform of the expected payment on a day. A described paying entity has
// its platform filing for this platform.
func (q *forecastQuestion) platformOn(day civil.Date) string {
	for i := range q.Expected {
		if x := &q.Expected[i]; x.Date == day && x.Platform != "" {
			return x.Platform
		}
	}
	return defaultPlatform
}

// statedRows returns the tax rows of the income that the request states as booked.
func (q *forecastQuestion) statedRows() []tax.Row {
	var rows []tax.Row
	for i := range q.Booked {
		x := &q.Booked[i]
		row := tax.Row{Kind: tax.IIT, Item: x.Item, Platform: x.Platform,
			Period: civil.NewMonth(q.Year, time.Month(x.Month)).String(), Income: x.Income,
			Withheld:   x.Withheld,
			Collection: tax.Withheld}
		if row.Platform == "" {
			row.Platform = defaultPlatform
		}
		// A row of one month has no number of months.
		if x.Months > 1 {
			row.Months = x.Months
		}
		rows = append(rows, row)
	}
	return rows
}

// settleYear computes the withholding of the expected payments and settles the year with all rows.
func (y *taxYear) settleYear() (forecastAnswer, error) {
	out := forecastAnswer{Year: y.question.Year}
	booked := len(y.rows)
	apart, err := y.withholdExpected()
	if err != nil {
		return out, err
	}
	if out.Forecast, err = y.settleThrough(monthsOfYear, y.rows); err != nil {
		return out, err
	}
	// Payments that are not comprehensive income are named, so that nobody misses them in the totals.
	out.Unknown = append(out.Unknown, apart...)
	out.Rules = y.addRulesUsed(out.Rules)
	out.ExpectedWithheld = tax.SumYearIncome(y.rows[booked:], y.question.Year).Withheld
	// Each month shows the balance that the year would have if it ended there.
	for m := 1; m <= monthsOfYear; m++ {
		x, err := y.sumMonth(m, booked)
		if err != nil {
			return out, err
		}
		out.Months = append(out.Months, x)
	}
	out.Outcome = outcomeOf(out.Balance, out.Waived)
	return out, nil
}

// addRulesUsed adds to the rules that the settlement used the local packs and tax positions that
// the expected payments used.
func (y *taxYear) addRulesUsed(all tax.RulesUsed) tax.RulesUsed {
	for _, u := range y.rulesUsed {
		for _, p := range u.Local {
			if !slices.Contains(all.Local, p) {
				all.Local = append(all.Local, p)
			}
		}
		for _, id := range u.Positions {
			if !slices.Contains(all.Positions, id) {
				all.Positions = append(all.Positions, id)
			}
		}
	}
	return all
}

// outcomeOf returns the outcome of an annual settlement by its balance; a positive balance is due.
func outcomeOf(balance money.Amount, waiver *bool) string {
	switch {
	case balance.Negative():
		return refund
	case balance.IsZero():
		return even
	case waiver != nil && *waiver:
		return waived
	}
	return debt
}

// withholdExpected computes the withholding of the expected payments in the order of their dates.
// It returns the payments that are not comprehensive income, which the annual settlement leaves
// out.
func (y *taxYear) withholdExpected() ([]tax.Unknown, error) {
	var apart []tax.Unknown
	q := y.question
	expected := slices.Clone(q.Expected)
	slices.SortStableFunc(expected, func(a, b expectedFacts) int {
		return cmp.Compare(a.Date.String(), b.Date.String())
	})
	for i := range expected {
		f := q.paymentFacts(&expected[i])
		f.Entity = y.entity[expected[i].Date]
		f.Taxpayer = y.payee.Taxpayer
		f.AgencyFiling = y.payee.consent
		f.Positions = y.positions[f.PaymentDate.Month().Number()]
		if f.Taxpayer.Kind == "employee" {
			f.Route = "payroll"
		}
		// Each payment is taxed on the rows before it, since withholding is cumulative.
		res, err := y.corpus.ComputeRows(f, y.rows)
		if err != nil {
			return nil, err
		}
		y.rows = append(y.rows, res.Rows...)
		y.rulesUsed = append(y.rulesUsed, res.Rules)
		if !slices.Contains(comprehensiveItems(), res.Item) {
			apart = append(apart,
				tax.Unknown{Rule: "iit.annual",
					Missing: bilingual.Text{ZH: expected[i].Date.String() + " 的收入（" + res.Item + "）不属于综合所得，未计入",
						EN: "the income of " + expected[i].Date.String() + " (" + res.Item +
							") is not comprehensive income and is left out"}})
		}
	}
	return apart, nil
}

// settleThrough computes the annual settlement on the rows of January to the given month.
func (y *taxYear) settleThrough(month int, rows []tax.Row) (tax.Forecast, error) {
	q := y.question
	var upTo []tax.Row
	for i := range rows {
		if m, err := civil.ParseMonth(rows[i].Period); err == nil && m.Number() <= month {
			upTo = append(upTo, rows[i])
		}
	}
	return y.corpus.National().ForecastAnnualSettlement(y.day,
		tax.ForecastFacts{Taxpayer: y.payee.Taxpayer, Rows: upTo, Elsewhere: q.Elsewhere,
			Special: q.Special, Additional: q.Additional,
			Other: q.Other, Exempt: q.Exempt, Donations: q.Donations, Relief: q.Relief,
			Positions: y.positions[monthsOfYear]})
}

// sumMonth sums up the rows of month m. The first rows, as many as booked, are booked or stated;
// the rows after them are expected.
func (y *taxYear) sumMonth(m, booked int) (forecastMonth, error) {
	x := forecastMonth{Month: m}
	for i := range y.rows {
		at, err := civil.ParseMonth(y.rows[i].Period)
		if err != nil || at.Number() != m {
			continue
		}
		one := tax.SumYearIncome(y.rows[i:i+1], y.question.Year)
		x.Income, x.Withheld = x.Income.Add(money.Sum(one.Wages, one.Labor, one.Author, one.Royalty)),
			x.Withheld.Add(one.Withheld)
		x.Expected = x.Expected || (i >= booked && y.rows[i].Kind == tax.IIT)
	}
	f, err := y.settleThrough(m, y.rows)
	x.Balance = f.Balance
	return x, err
}
