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

// Rows reads what is booked.
type Rows interface {
	// TaxRows reads a year's bookings of a taxpayer at a paying entity, in order.
	TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		year int) ([]settlement.Booking, error)
}

// forecastQuestion is the body of a forecast. With the ids of entity and taxpayer the booked rows
// are read; else Booked says what stands.
type forecastQuestion struct {
	Year     int             `json:"year"`
	Entity   entityFacts     `json:"paying_entity"`
	Taxpayer payeeFacts      `json:"taxpayer"`
	Booked   []bookedFacts   `json:"booked"`
	Expected []expectedFacts `json:"expected"`
	// LowEarner tells that the whole of the last year was withheld here by the cumulative method and
	// came to at most 60,000 yuan.
	LowEarner  bool            `json:"low_earner"`
	Elsewhere  *tax.YearIncome `json:"elsewhere"`
	Special    *money.Amount   `json:"special"`
	Additional *money.Amount   `json:"additional"`
	Other      money.Amount    `json:"other"`
	Exempt     money.Amount    `json:"exempt"`
	Donations  money.Amount    `json:"donations"`
	Relief     money.Amount    `json:"relief"`
}

// bookedFacts is income of one month, or of several up to it, with what was withheld on it.
type bookedFacts struct {
	Month int `json:"month"`
	// how many months in a row, up to Month, it stands for; 1 when left out
	Months   int          `json:"months"`
	Item     string       `json:"item"`
	Platform string       `json:"platform"`
	Income   money.Amount `json:"income"`
	Withheld money.Amount `json:"withheld"`
}

// expectedFacts is a payment to come.
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

// forecastAnswer is the settlement of the year in advance.
type forecastAnswer struct {
	Year    int             `json:"year"`
	Outcome string          `json:"outcome"` // refund, debt, waived, even
	Months  []forecastMonth `json:"by_month"`
	tax.Forecast
}

// forecastMonth is one month and where the settlement would stand if nothing came after it.
type forecastMonth struct {
	Month    int          `json:"month"`
	Income   money.Amount `json:"income"`
	Withheld money.Amount `json:"withheld"`
	Expected bool         `json:"expected"` // some of it is still to come
	Balance  money.Amount `json:"balance_to_date"`
}

// The outcomes of a settlement.
const (
	refund = "refund"
	debt   = "debt"
	waived = "waived"
	even   = "even"
)

// forecast answers what the annual settlement of comprehensive income is likely to give.
func (a API) forecast(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	corpus := a.Corpus(ctx)
	var b body
	var q forecastQuestion
	if b.read(r.Body, &q) {
		q.check(&b, corpus)
	}
	if err := b.refusal(); err != nil {
		return httpapi.Response{}, err
	}
	if (q.Entity.ID != "" || q.Taxpayer.ID != "") && r.OnlyOwn() {
		return httpapi.Response{}, fault.Absent("paying entity or taxpayer")
	}
	y, err := a.taxYear(ctx, r.Tenant, corpus, &q)
	if err != nil {
		return httpapi.Response{}, err
	}
	answer, err := y.settle()
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(answer), nil
}

// The bounds of a forecast.
const (
	firstForecast  = 2019
	lastForecast   = 2100
	mostPayments   = 366
	mostBookedRows = 500
)

// check notes everything that is wrong with the question as far as it can be told without master
// data.
func (q *forecastQuestion) check(b *body, corpus *tax.Corpus) {
	b.need(q.Year >= firstForecast && q.Year <= lastForecast, "year", "must be 2019 to 2100")
	q.Entity.check(b, corpus)
	q.Taxpayer.check(b, corpus, "")
	b.need(len(q.Expected) <= mostPayments, "expected", "must be at most 366 payments")
	b.need(len(q.Booked) <= mostBookedRows, "booked", "must be at most 500 rows")
	b.need(len(q.Booked) == 0 || q.Entity.ID == "" || q.Taxpayer.ID == "", "booked",
		"is read from the books where entity and taxpayer are named by their ids")
	for i := range q.Booked {
		q.Booked[i].check(b, "booked."+strconv.Itoa(i))
	}
	q.checkPayee(b, corpus)
	for i := range q.Expected {
		q.checkExpected(b, corpus, i)
	}
	q.checkAmounts(b)
}

// checkPayee checks what all payments share, on a payment that has nothing else to be wrong about.
func (q *forecastQuestion) checkPayee(b *body, corpus *tax.Corpus) {
	one := money.Yuan(1)
	f := q.payment(&expectedFacts{Date: civil.On(firstForecast, time.December, 1), Amount: &one})
	_, err := corpus.National().DeriveItem(f)
	b.adopt(err, fieldNames())
	switch q.Taxpayer.Kind {
	case "individual_business", "sole_proprietorship", "partnership", "company":
		b.add("taxpayer.kind", "has no annual settlement of comprehensive income")
	}
}

// checkExpected checks one payment to come.
func (q *forecastQuestion) checkExpected(b *body, corpus *tax.Corpus, i int) {
	x := &q.Expected[i]
	at := "expected." + strconv.Itoa(i)
	b.need(isIncomeType(x.Type), at+".type", "must be a word of a-z, 0-9 and _, as live_tip")
	b.need(isWord(x.Platform), at+".platform", "must be a word of a-z, 0-9, _ and -")
	b.need(!x.Date.IsZero() && x.Date.Year() == q.Year, at+".date", "must be a day of the tax year")
	b.need(x.Amount != nil || x.InKind.Positive(), at+".amount", "is needed")
	_, err := corpus.National().DeriveItem(q.payment(x))
	b.adopt(err, map[string]string{"payment_date": at + ".date", "vat_date": "",
		"amount": at + ".amount", "in_kind": at + ".in_kind", "income.item": at + ".item",
		"payroll": at + ".payroll", "payroll.months": at + ".payroll.months",
		"payroll.rule": at + ".payroll.rule", "deductions": at + ".deductions"})
}

// largestOfYear bounds each amount of a year, so that their sums stay in range.
const largestOfYear = 1_000_000_000

func (q *forecastQuestion) checkAmounts(b *body) {
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
		b.amount(name, amounts[name])
	}
	sum := money.Amount{}
	for i := range q.Expected {
		if x := q.Expected[i].Amount; x != nil && x.Positive() && x.Cmp(money.Yuan(largestOfYear)) <= 0 {
			sum = sum.Add(*x)
		}
	}
	b.need(sum.Cmp(money.Yuan(largestOfYear)) <= 0, "expected",
		"must sum to at most "+money.Yuan(largestOfYear).String())
}

// amount notes an amount that is below zero or above the largest of a year.
func (b *body) amount(field string, a *money.Amount) {
	most := money.Yuan(largestOfYear)
	b.need(a == nil || (!a.Negative() && a.Cmp(most) <= 0), field, "must be zero to "+most.String())
}

func (x *bookedFacts) check(b *body, at string) {
	b.need(x.Month >= 1 && x.Month <= monthsOfYear, at+".month", "must be 1 to 12")
	b.need(x.Months >= 0 && x.Months <= max(x.Month, 1), at+".months",
		"must be 1 to the number of the month")
	b.need(slices.Contains(comprehensive(), x.Item), at+".item",
		"must be one of wages, labor, labor_platform, author, royalty")
	b.need(isWord(x.Platform), at+".platform", "must be a word of a-z, 0-9, _ and -")
	const most = largestOfYear / mostBookedRows
	for name, a := range map[string]money.Amount{"income": x.Income, "withheld": x.Withheld} {
		b.need(!a.Negative() && a.Cmp(money.Yuan(most)) <= 0, at+"."+name,
			"must be zero to "+money.Yuan(most).String())
	}
}

// comprehensive are the items of comprehensive income.
func comprehensive() []string {
	return []string{tax.ItemWages, tax.ItemLabor, tax.ItemLaborPlatform, tax.ItemAuthor,
		tax.ItemRoyalty}
}

// payment gives the engine's facts of a payment to come, as far as the body tells them.
func (q *forecastQuestion) payment(x *expectedFacts) tax.Facts {
	p := question{Date: x.Date, Entity: q.Entity, Taxpayer: q.Taxpayer, LowEarner: q.LowEarner,
		Payroll: x.Payroll, Deductions: x.Deductions,
		Income: incomeFacts{Type: x.Type, Item: x.Item, Platform: x.Platform, Amount: x.Amount,
			InKind: x.InKind, VATIncluded: x.VATIncluded}}
	return p.described("")
}

// taxYear is what a forecast works on.
type taxYear struct {
	corpus   *tax.Corpus
	question *forecastQuestion
	payee    payee
	entity   map[civil.Date]tax.Entity
	rows     []tax.Row
	decided  map[int][]tax.Position // by month
	day      civil.Date
	used     []tax.RulesUsed // by the payments to come
}

// taxYear loads what the question names. The person is taken as its profile stands on the last day
// of the year, the paying entity as it stands on the day of each payment.
func (a API) taxYear(ctx context.Context, tenant ident.Tenant, corpus *tax.Corpus,
	q *forecastQuestion) (*taxYear, error) {
	y := &taxYear{corpus: corpus, question: q, entity: map[civil.Date]tax.Entity{},
		day: civil.On(q.Year, time.December, 1).Month().Last()}
	var err error
	if y.payee, err = a.taxpayer(ctx, tenant, q.Taxpayer, "", y.day); err != nil {
		return nil, err
	}
	days := []civil.Date{y.day}
	for i := range q.Expected {
		days = append(days, q.Expected[i].Date)
	}
	for _, day := range days {
		if y.entity[day], err = a.entity(ctx, tenant, q.Entity, q.platformOn(day), day); err != nil {
			return nil, err
		}
	}
	if y.decided, err = a.yearOfPositions(ctx, tenant, q.Year); err != nil {
		return nil, err
	}
	if q.Entity.ID == "" || q.Taxpayer.ID == "" {
		y.rows = q.rows()
		return y, nil
	}
	bookings, err := a.Rows.TaxRows(ctx, tenant, ident.Entity(q.Entity.ID),
		ident.Taxpayer(q.Taxpayer.ID), q.Year)
	if into, closed := settlement.ClosedFor(bookings); closed {
		// merged into another: a person has one year
		bookings, err = a.Rows.TaxRows(ctx, tenant, ident.Entity(q.Entity.ID), into, q.Year)
	}
	for _, b := range settlement.Whole(bookings) {
		y.rows = append(y.rows, b.Rows...)
	}
	return y, err
}

// platformOn gives the platform of the payment on a day, for which a described entity is filed.
func (q *forecastQuestion) platformOn(day civil.Date) string {
	for i := range q.Expected {
		if x := &q.Expected[i]; x.Date == day && x.Platform != "" {
			return x.Platform
		}
	}
	return platform
}

// rows turns what is told to stand into rows.
func (q *forecastQuestion) rows() []tax.Row {
	var rows []tax.Row
	for i := range q.Booked {
		x := &q.Booked[i]
		row := tax.Row{Kind: tax.IIT, Item: x.Item, Platform: x.Platform,
			Period: civil.In(q.Year, time.Month(x.Month)).String(), Income: x.Income, Withheld: x.Withheld,
			Collection: tax.Withheld}
		if row.Platform == "" {
			row.Platform = platform
		}
		if x.Months > 1 {
			row.Months = x.Months
		}
		rows = append(rows, row)
	}
	return rows
}

// settle withholds on the payments to come and settles the year with them.
func (y *taxYear) settle() (forecastAnswer, error) {
	out := forecastAnswer{Year: y.question.Year}
	booked := len(y.rows)
	apart, err := y.withhold()
	if err != nil {
		return out, err
	}
	if out.Forecast, err = y.until(monthsOfYear, y.rows); err != nil {
		return out, err
	}
	out.Unknown = append(out.Unknown, apart...)
	out.Rules = y.rules(out.Rules)
	out.ExpectedWithheld = tax.SumYearIncome(y.rows[booked:], y.question.Year).Withheld
	for m := 1; m <= monthsOfYear; m++ {
		x, err := y.month(m, booked)
		if err != nil {
			return out, err
		}
		out.Months = append(out.Months, x)
	}
	out.Outcome = outcome(out.Balance, out.Waived)
	return out, nil
}

// rules adds to the rules of the settlement those of the payments to come: local packs and
// positions.
func (y *taxYear) rules(all tax.RulesUsed) tax.RulesUsed {
	for _, u := range y.used {
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

func outcome(balance money.Amount, waiver *bool) string {
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

// withhold computes the payments to come in their order, and names those that no annual settlement
// takes.
func (y *taxYear) withhold() ([]tax.Unknown, error) {
	var apart []tax.Unknown
	q := y.question
	expected := slices.Clone(q.Expected)
	slices.SortStableFunc(expected, func(a, b expectedFacts) int {
		return cmp.Compare(a.Date.String(), b.Date.String())
	})
	for i := range expected {
		f := q.payment(&expected[i])
		f.Entity = y.entity[expected[i].Date]
		f.Taxpayer = y.payee.Taxpayer
		f.AgencyFiling = y.payee.consent
		f.Positions = y.decided[f.PaymentDate.Month().Number()]
		if f.Taxpayer.Kind == "employee" {
			f.Route = "payroll"
		}
		res, err := y.corpus.ComputeRows(f, y.rows)
		if err != nil {
			return nil, err
		}
		y.rows, y.used = append(y.rows, res.Rows...), append(y.used, res.Rules)
		if !slices.Contains(comprehensive(), res.Item) {
			apart = append(apart,
				tax.Unknown{Rule: "iit.annual",
					Missing: bilingual.Text{ZH: expected[i].Date.String() + " 的收入（" + res.Item + "）不属于综合所得，未计入",
						EN: "the income of " + expected[i].Date.String() + " (" + res.Item +
							") is no comprehensive income and left out"}})
		}
	}
	return apart, nil
}

// until settles the year on the rows of its first months.
func (y *taxYear) until(month int, rows []tax.Row) (tax.Forecast, error) {
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
			Positions: y.decided[monthsOfYear]})
}

// month sums one month; rows from the number booked on are still to come.
func (y *taxYear) month(m, booked int) (forecastMonth, error) {
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
	f, err := y.until(m, y.rows)
	x.Balance = f.Balance
	return x, err
}
