package example

import (
	"fenzhang/shared/law/taxpack"

	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// State is how an example came out.
type State string

// The states of an example. Skipped means that its kind of tax is not built yet.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Skipped State = "skipped"
)

// Outcome is one checked example.
type Outcome struct {
	Example  Example
	State    State
	Mismatch []string         // what differs, "withheld: got [..], want [..]"
	Steps    []string         // the steps of the calculation, Chinese and English
	Told     []bilingual.Text // the same steps, each language by itself
	Rules    []string         // ids of the rules that answered, in order of their first use
}

// answer is what a calculator gives: values under the names that `expected` uses.
type answer struct {
	values map[string]any
	steps  []tax.Step
	rules  []string // of calculations that tell no steps, and of gaps
	note   string   // what an example that expects no rule is told
}

func (a *answer) set(name string, v any) {
	if a.values == nil {
		a.values = map[string]any{}
	}
	a.values[name] = v
}

// used lists the rules of the steps and those that were named apart, each once.
func (a *answer) used() []string {
	var ids []string
	add := func(id string) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range a.rules {
		add(id)
	}
	for i := range a.steps {
		add(a.steps[i].Rule())
	}
	return ids
}

// calculator computes one kind of example.
type calculator func(e *tax.Engine, on civil.Date, inputs json.RawMessage) (answer, error)

// Checker runs examples with the rules and the calendar of some packs.
type Checker struct {
	Corpus   *tax.Corpus
	Calendar *calendar.Calendar // nil = that of the packs in the binary
}

// calculators has the calculator of every kind of example that is built.
func (k Checker) calculators() map[string]calculator {
	return map[string]calculator{
		"iit_labor_withholding":   laborExample,
		"iit_platform_cumulative": platformExample,
		"iit_author_withholding":  creationExample("iit.author", tax.ItemAuthor),
		"iit_royalty_withholding": creationExample("iit.royalty", tax.ItemRoyalty),
		"iit_nonresident":         nonResidentExample,
		"iit_wage_cumulative":     wageExample,
		"iit_intern_cumulative":   internExample,
		"iit_incidental":          incidentalExample,
		"iit_annual":              annualExample,
		"iit_business":            businessExample,
		"iit_assessed":            assessedExample,
		"iit_dividend":            dividendExample,
		"vat_overseas":            overseasExample,
		"vat_small":               smallScaleExample,
		"vat_natural_person":      naturalPersonExample,
		"vat_platform":            platformVATExample,
		"surcharges":              surchargesExample,
		"vat_general":             generalVATExample,
		"vat_sales_limit":         salesLimitExample,
		"cultural_fee": func(_ *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
			return culturalFeeExample(k.Corpus, on, raw)
		},
		"stamp":         stampExample,
		"cit":           citExample,
		"cit_deduction": deductionExample,
		"late_fee":      lateFeeExample,
		"due_date": func(e *tax.Engine, _ civil.Date, raw json.RawMessage) (answer, error) {
			return dueDateExample(e, k.days, raw)
		},
		"in_force": func(_ *tax.Engine, _ civil.Date, raw json.RawMessage) (answer, error) {
			return inForceExample(k.Corpus, raw)
		},
		"working_day": func(_ *tax.Engine, _ civil.Date, raw json.RawMessage) (answer, error) {
			return workingDayExample(k.days, raw)
		},
	}
}

// days is the calendar that due days are moved by.
func (k Checker) days() (*calendar.Calendar, error) {
	if k.Calendar != nil {
		return k.Calendar, nil
	}
	return taxpack.NationalCalendar()
}

// Check runs one example with the calendar in the binary.
func Check(corpus *tax.Corpus, x Example) Outcome { return Checker{Corpus: corpus}.Check(x) }

// Check runs one example.
func (k Checker) Check(x Example) Outcome {
	corpus := k.Corpus
	o := Outcome{Example: x, State: Failed}
	calculate := k.calculators()[x.Tax]
	if calculate == nil && x.Jurisdiction == "" {
		o.State = Skipped
		return o
	}
	on, err := civil.ParseDate(x.Date)
	if err != nil {
		o.Mismatch = []string{"date " + err.Error()}
		return o
	}
	var got answer
	if x.Jurisdiction != "" {
		got, err = placeExample(corpus, x, on)
	} else {
		got, err = calculate(corpus.National(), on, x.Inputs)
	}
	if err != nil {
		o.Mismatch = problemsOf(err)
		return o
	}
	if o.Mismatch = compare(got.values, x.Expected); o.Mismatch != nil && got.note != "" {
		o.Mismatch = append(o.Mismatch, got.note)
	}
	for i := range got.steps {
		t := got.steps[i].Text()
		o.Steps = append(o.Steps, got.steps[i].Name()+": "+t.ZH+" | "+t.EN)
		o.Told = append(o.Told, t)
	}
	o.Rules = got.used()
	if o.Mismatch == nil {
		o.State = Passed
	}
	return o
}

// compare lists what differs; every expected name must be answered.
func compare(got map[string]any, expected json.RawMessage) []string {
	var want map[string]any
	if err := json.Unmarshal(expected, &want); err != nil {
		return []string{"expected: " + err.Error()}
	}
	delete(want, "note") // a comment
	names := make([]string, 0, len(want))
	for n := range want {
		names = append(names, n)
	}
	sort.Strings(names)
	var diff []string
	for _, n := range names {
		if rateEqual(got[n], want[n]) {
			continue
		}
		b, err := json.Marshal(got[n])
		if err != nil {
			return []string{n + ": " + err.Error()}
		}
		var g any
		if err := json.Unmarshal(b, &g); err != nil || !reflect.DeepEqual(g, want[n]) {
			w, _ := json.Marshal(want[n]) // came from JSON
			diff = append(diff, fmt.Sprintf("%s: got %s, want %s", n, b, w))
		}
	}
	return diff
}

// inputs reads an example's inputs strictly: an unknown key would be silently left out of the
// calculation.
func inputs(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("inputs: %w", err)
	}
	return nil
}

func laborExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Payments []money.Amount `json:"payments"`
		Same     bool           `json:"same_project_same_month"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	var a answer
	var before tax.MonthToDate
	var taxable, withheld money.Amount
	for i, p := range in.Payments {
		f := tax.Facts{PaymentDate: on, VATDate: on, Item: tax.ItemLabor, Amount: p, VATIncluded: true}
		if in.Same {
			f.ToDate.Month = before
		} else {
			f.Project = strconv.Itoa(i + 1)
		}
		res, err := e.ComputeSingleRule("iit.labor.one_off", f)
		if err != nil {
			return answer{}, err
		}
		due := res.Taxes[0].Due
		before.Income, before.Withheld = before.Income.Add(p), before.Withheld.Add(due)
		withheld = withheld.Add(due)
		if in.Same {
			taxable = res.TaxableIncome
		} else {
			taxable = taxable.Add(res.TaxableIncome)
		}
		a.steps = append(a.steps, res.Steps...)
	}
	a.set("taxable", taxable)
	a.set("withheld", withheld)
	return a, nil
}

// platformMonth is one month of an example of cumulative platform labor; all amounts are those of
// the month.
type platformMonth struct {
	Period civil.Month  `json:"period"`
	Income money.Amount `json:"income"`
	Exempt money.Amount `json:"exempt"`
	Other  money.Amount `json:"other"`
}

func platformExample(e *tax.Engine, _ civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Worker string          `json:"worker"`
		Rule   string          `json:"basic_deduction_rule"`
		Months []platformMonth `json:"platform_months"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	if in.Rule != "consecutive" && in.Rule != "prior_year_le_60000" {
		return answer{}, fmt.Errorf("basic_deduction_rule %q is not known", in.Rule)
	}
	at := func(m platformMonth) (civil.Date, money.Amount, error) {
		return m.Period.Last(), m.Income, nil
	}
	var deductions money.Amount
	return monthByMonth(in.Months, at,
		func(m platformMonth, day civil.Date, year tax.YearToDate) (tax.Result, error) {
			if year.Months == 0 { // the first of its year
				deductions = money.Amount{}
			}
			deductions = deductions.Add(m.Exempt).Add(m.Other)
			return e.ComputeSingleRule("iit.labor_platform",
				tax.Facts{PaymentDate: day, VATDate: day, Item: tax.ItemLaborPlatform,
					Platform: "example", Amount: m.Income, VATIncluded: true, Deductions: deductions,
					LowEarner: in.Rule == "prior_year_le_60000", ToDate: tax.ToDate{Year: year}})
		})
}

func creationExample(rule, item string) calculator {
	return func(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
		var in struct {
			Income money.Amount `json:"income"`
		}
		if err := inputs(raw, &in); err != nil {
			return answer{}, err
		}
		return single(e, rule, tax.Facts{PaymentDate: on, VATDate: on, Item: item, Amount: in.Income,
			VATIncluded: true}, "withheld")
	}
}

// single runs one rule on one payment; the tax stands under the name that its kind of example uses.
func single(e *tax.Engine, rule string, f tax.Facts, name string) (answer, error) {
	res, err := e.ComputeSingleRule(rule, f)
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: res.Steps}
	a.set("taxable", res.TaxableIncome)
	a.set(name, res.Taxes[0].Due)
	return a, nil
}

func nonResidentExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Kind   string       `json:"kind"`
		Income money.Amount `json:"income"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	if in.Kind == "wage" {
		in.Kind = tax.ItemWages
	}
	return single(e, "iit.nonresident."+in.Kind, tax.Facts{PaymentDate: on, VATDate: on, Item: in.Kind,
		Amount: in.Income, VATIncluded: true}, "tax")
}

var errPeriod = errors.New(`period must be like "2026-Q1" or "2026-03"`)

// lastDay is the last day of "2026-Q1" or "2026-03".
func lastDay(period string) (civil.Date, error) {
	if year, q, ok := strings.Cut(period, "-Q"); ok {
		m, err := civil.ParseMonth(year + "-01")
		n, err2 := strconv.Atoi(q)
		if err != nil || err2 != nil || n < 1 || n > 4 {
			return civil.Date{}, errPeriod
		}
		return m.Add(3*n - 1).Last(), nil
	}
	m, err := civil.ParseMonth(period)
	if err != nil {
		return civil.Date{}, errPeriod
	}
	return m.Last(), nil
}

func smallScaleExample(e *tax.Engine, _ civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Type    string `json:"period_type"`
		Periods []struct {
			Period    string        `json:"period"`
			Exclusive *money.Amount `json:"sales_ex_vat"`
			Inclusive *money.Amount `json:"sales_incl_vat"`
			Waived    money.Amount  `json:"waived_3pct_ex_vat"`
		} `json:"periods"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	vat := make([]money.Amount, 0, len(in.Periods))
	for _, p := range in.Periods {
		on, err := lastDay(p.Period)
		if err != nil {
			return answer{}, err
		}
		rule, err := e.TurnoverRule("vat.small_scale."+in.Type, on)
		if err != nil {
			return answer{}, err
		}
		s := tax.PeriodSales{Waived: p.Waived}
		switch {
		case p.Exclusive != nil:
			s.Total = *p.Exclusive
		case p.Inclusive != nil:
			s.Total = rule.ExclusiveSales(*p.Inclusive)
		default:
			return answer{}, errors.New("a period needs sales_ex_vat or sales_incl_vat")
		}
		vat = append(vat, rule.TaxOnPeriod(s))
	}
	a := answer{rules: []string{"vat.small_scale." + in.Type}}
	a.set("vat", vat)
	return a, nil
}

func naturalPersonExample(e *tax.Engine, _ civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Days []struct {
			Date     civil.Date     `json:"date"`
			Payments []money.Amount `json:"payments_ex_vat"`
		} `json:"days"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	vat := make([]money.Amount, 0, len(in.Days))
	for _, d := range in.Days {
		rule, err := e.TurnoverRule("vat.natural_person.by_day", d.Date)
		if err != nil {
			return answer{}, err
		}
		vat = append(vat, rule.TaxOnPeriod(tax.PeriodSales{Total: money.Sum(d.Payments...)}))
	}
	a := answer{rules: []string{"vat.natural_person.by_day"}}
	a.set("vat", vat)
	return a, nil
}

func platformVATExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Month     civil.Month `json:"month"`
		Platforms []struct {
			Name  string       `json:"name"`
			Sales money.Amount `json:"sales_ex_vat"`
		} `json:"platforms"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	if !in.Month.IsZero() {
		on = in.Month.Last()
	}
	rule, err := e.TurnoverRule("vat.platform_worker.agency_filed", on)
	if err != nil {
		return answer{}, err
	}
	var whole, total money.Amount
	first, final := []money.Amount{}, []money.Amount{}
	for _, p := range in.Platforms {
		whole = whole.Add(p.Sales)
		first = append(first, rule.TaxOnPeriod(tax.PeriodSales{Total: p.Sales}))
	}
	for _, p := range in.Platforms {
		own := rule.TaxOnPart(p.Sales, whole)
		final = append(final, own)
		total = total.Add(own)
	}
	a := answer{rules: []string{"vat.platform_worker.agency_filed"}}
	a.set("first_filing_vat", first)
	a.set("final_vat", final)
	a.set("total_vat", total)
	return a, nil
}

func surchargesExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		VAT    money.Amount `json:"vat_payable"`
		Rate   money.Rate   `json:"umct_rate"`
		Half   bool         `json:"half_six_taxes"`
		Period string       `json:"period_type"`
		Sales  money.Amount `json:"sales_ex_vat"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	var a answer
	var total money.Amount
	for _, s := range []struct{ kind, name string }{{tax.UMCT, "umct"}, {tax.EDU, "edu"},
		{tax.LEDU, "local_edu"}} {
		tier, err := tierOf(in.Rate)
		if err != nil {
			return answer{}, err
		}
		got, err := e.ComputeSurcharge(s.kind, on,
			tax.SurchargeBase{VAT: in.VAT, Sales: in.Sales, Period: in.Period, Tier: tier, Half: in.Half})
		if err != nil {
			return answer{}, err
		}
		a.rules = append(a.rules, "surcharge."+strings.ToLower(s.kind))
		a.set(s.name, got.Payable)
		total = total.Add(got.Payable)
	}
	a.set("total", total)
	return a, nil
}

// tierOf finds the place of a UMCT rate.
func tierOf(r money.Rate) (string, error) {
	switch {
	case r.Cmp(money.Ratio(7, 100)) == 0:
		return "city", nil
	case r.Cmp(money.Ratio(5, 100)) == 0:
		return "county", nil
	case r.Cmp(money.Ratio(1, 100)) == 0:
		return "other", nil
	}
	return "", fmt.Errorf("umct_rate %s is the rate of no place", r)
}
