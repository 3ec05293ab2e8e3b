// Package example computes the worked examples beside the rule files and compares the results with
// what the examples expect.
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

// State is the result of running an example: passed, failed or skipped.
type State string

// The states of an example. Skipped means that no calculator exists for its kind of tax.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Skipped State = "skipped"
)

// Outcome is the result of one example that was run.
type Outcome struct {
	Example Example
	State   State
	// Mismatch lists the differences, such as "withheld: got [..], want [..]".
	Mismatch []string
	// Steps are the steps of the calculation, Chinese and English in one line.
	Steps []string
	// StepTexts are the same steps with each language by itself.
	StepTexts []bilingual.Text
	// Rules are the ids of the rules that answered, in the order of their first use.
	Rules []string
}

// exampleAnswer is what a calculator returns: values under the names that `expected` uses.
type exampleAnswer struct {
	values map[string]any
	steps  []tax.Step
	// rules are those of calculations that write no steps, and of gaps.
	rules []string
	// note is shown when the example expected that no rule is known, or the reverse.
	note string
}

// setValue sets the value that is compared with the expected value of that name.
func (a *exampleAnswer) setValue(name string, v any) {
	if a.values == nil {
		a.values = map[string]any{}
	}
	a.values[name] = v
}

// usedRuleIDs lists the rules of the steps and the other rules of the answer, each once.
func (a *exampleAnswer) usedRuleIDs() []string {
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

// calculator computes the examples of one kind of tax.
type calculator func(e *tax.Engine, on civil.Date, inputs json.RawMessage) (exampleAnswer, error)

// Checker runs examples by the rules and the calendar of some packs.
type Checker struct {
	Corpus *tax.Corpus
	// Calendar is nil for that of the packs in the binary.
	Calendar *calendar.Calendar
}

// calculators maps each kind of tax in examples to its calculator.
func (k Checker) calculators() map[string]calculator {
	return map[string]calculator{
		"iit_labor_withholding":   computeLaborExample,
		"iit_platform_cumulative": computePlatformLaborExample,
		"iit_author_withholding":  newCreationCalculator("iit.author", tax.ItemAuthor),
		"iit_royalty_withholding": newCreationCalculator("iit.royalty", tax.ItemRoyalty),
		"iit_nonresident":         computeNonResidentExample,
		"iit_wage_cumulative":     computeWageExample,
		"iit_intern_cumulative":   computeInternExample,
		"iit_incidental":          computeIncidentalExample,
		"iit_annual":              computeAnnualExample,
		"iit_business":            computeBusinessExample,
		"iit_assessed":            computeDeemedProfitExample,
		"iit_dividend":            computeDividendExample,
		"vat_overseas":            computeOverseasVATExample,
		"vat_small":               computeSmallScaleVATExample,
		"vat_natural_person":      computeNaturalPersonVATExample,
		"vat_platform":            computePlatformVATExample,
		"surcharges":              computeSurchargesExample,
		"vat_general":             computeGeneralVATExample,
		"vat_sales_limit":         checkSalesLimitExample,
		// the kinds below need a place or a calendar, which a plain calculator does not get
		"cultural_fee": func(_ *tax.Engine, on civil.Date, raw json.RawMessage) (exampleAnswer, error) {
			return computeCulturalFeeExample(k.Corpus, on, raw)
		},
		"stamp":         computeStampExample,
		"cit":           computeCITExample,
		"cit_deduction": computeDeductionExample,
		"late_fee":      computeLateFeeExample,
		"due_date": func(e *tax.Engine, _ civil.Date, raw json.RawMessage) (exampleAnswer, error) {
			return computeDueDateExample(e, k.workingCalendar, raw)
		},
		"in_force": func(_ *tax.Engine, _ civil.Date, raw json.RawMessage) (exampleAnswer, error) {
			return computeInForceExample(k.Corpus, raw)
		},
		"working_day": func(_ *tax.Engine, _ civil.Date, raw json.RawMessage) (exampleAnswer, error) {
			return computeWorkingDayExample(k.workingCalendar, raw)
		},
	}
}

// workingCalendar returns the calendar by which due days move to working days.
func (k Checker) workingCalendar() (*calendar.Calendar, error) {
	if k.Calendar != nil {
		return k.Calendar, nil
	}
	return taxpack.NationalCalendar()
}

// Check runs one example by the rules of the corpus and the calendar in the binary.
func Check(corpus *tax.Corpus, x Example) Outcome { return Checker{Corpus: corpus}.Check(x) }

// Check runs one example and compares every expected value.
func (k Checker) Check(x Example) Outcome {
	corpus := k.Corpus
	o := Outcome{Example: x, State: Failed}
	calculate := k.calculators()[x.Tax]
	// an example of a place has no kind of tax: its inputs say what to compute
	if calculate == nil && x.Jurisdiction == "" {
		o.State = Skipped
		return o
	}
	on, err := civil.ParseDate(x.Date)
	if err != nil {
		o.Mismatch = []string{"date " + err.Error()}
		return o
	}
	var got exampleAnswer
	if x.Jurisdiction != "" {
		got, err = computePlaceExample(corpus, x, on)
	} else {
		got, err = calculate(corpus.National(), on, x.Inputs)
	}
	if err != nil {
		o.Mismatch = problemTexts(err)
		return o
	}
	// without the note, a missing figure would not say that the rule is a gap
	if o.Mismatch = compareExpected(got.values, x.Expected); o.Mismatch != nil && got.note != "" {
		o.Mismatch = append(o.Mismatch, got.note)
	}
	for i := range got.steps {
		t := got.steps[i].Text()
		o.Steps = append(o.Steps, got.steps[i].Name()+": "+t.ZH+" | "+t.EN)
		o.StepTexts = append(o.StepTexts, t)
	}
	o.Rules = got.usedRuleIDs()
	if o.Mismatch == nil {
		o.State = Passed
	}
	return o
}

// compareExpected lists the differences; a value that the example expects must be in the answer.
func compareExpected(got map[string]any, expected json.RawMessage) []string {
	var want map[string]any
	if err := json.Unmarshal(expected, &want); err != nil {
		return []string{"expected: " + err.Error()}
	}
	// a note in the expected values is a comment for people
	delete(want, "note")
	names := make([]string, 0, len(want))
	for n := range want {
		names = append(names, n)
	}
	sort.Strings(names)
	var diff []string
	for _, n := range names {
		// rates are compared by value: 0.2 and 0.20 are the same rate
		if isSameRate(got[n], want[n]) {
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

// decodeInputs decodes an example's inputs and refuses unknown keys, because the calculation would
// silently ignore them.
func decodeInputs(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("inputs: %w", err)
	}
	return nil
}

// computeLaborExample withholds tax on labor remuneration by the one-off method, payment by
// payment.
func computeLaborExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Payments []money.Amount `json:"payments"`
		Same     bool           `json:"same_project_same_month"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	var a exampleAnswer
	var before tax.MonthToDate
	var taxable, withheld money.Amount
	for i, p := range in.Payments {
		f := tax.Facts{PaymentDate: on, VATDate: on, Item: tax.ItemLabor, Amount: p, VATIncluded: true}
		// payments of one project in one month are taxed as one receipt, others each by itself
		if in.Same {
			f.ToDate.Month = before
		} else {
			f.Project = strconv.Itoa(i + 1)
		}
		res, err := e.ComputeSingleRule("iit.labor.one_off", f)
		if err != nil {
			return exampleAnswer{}, err
		}
		due := res.Taxes[0].Due
		before.Income, before.Withheld = before.Income.Add(p), before.Withheld.Add(due)
		withheld = withheld.Add(due)
		// with one receipt the last taxable amount contains the earlier payments; else they add up
		if in.Same {
			taxable = res.TaxableIncome
		} else {
			taxable = taxable.Add(res.TaxableIncome)
		}
		a.steps = append(a.steps, res.Steps...)
	}
	a.setValue("taxable", taxable)
	a.setValue("withheld", withheld)
	return a, nil
}

// platformMonth is one month of an example of cumulative platform labor; all amounts are of that
// month.
type platformMonth struct {
	Period civil.Month  `json:"period"`
	Income money.Amount `json:"income"`
	Exempt money.Amount `json:"exempt"`
	Other  money.Amount `json:"other"`
}

// computePlatformLaborExample withholds cumulatively on a platform worker's labor, month by month.
func computePlatformLaborExample(e *tax.Engine, _ civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Worker string          `json:"worker"`
		Rule   string          `json:"basic_deduction_rule"`
		Months []platformMonth `json:"platform_months"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	if in.Rule != "consecutive" && in.Rule != "prior_year_le_60000" {
		return exampleAnswer{}, fmt.Errorf("basic_deduction_rule %q is not known", in.Rule)
	}
	at := func(m platformMonth) (civil.Date, money.Amount, error) {
		return m.Period.Last(), m.Income, nil
	}
	var deductions money.Amount
	return withholdMonthByMonth(in.Months, at,
		func(m platformMonth, day civil.Date, year tax.YearToDate) (tax.Result, error) {
			// deductions are totals of the year, so they start at zero in its first month
			if year.Months == 0 {
				deductions = money.Amount{}
			}
			deductions = deductions.Add(m.Exempt).Add(m.Other)
			return e.ComputeSingleRule("iit.labor_platform",
				tax.Facts{PaymentDate: day, VATDate: day, Item: tax.ItemLaborPlatform,
					Platform: "example", Amount: m.Income, VATIncluded: true, Deductions: deductions,
					LowEarner: in.Rule == "prior_year_le_60000", ToDate: tax.ToDate{Year: year}})
		})
}

// newCreationCalculator returns the calculator of author remuneration or of royalties.
func newCreationCalculator(rule, item string) calculator {
	return func(e *tax.Engine, on civil.Date, raw json.RawMessage) (exampleAnswer, error) {
		var in struct {
			Income money.Amount `json:"income"`
		}
		if err := decodeInputs(raw, &in); err != nil {
			return exampleAnswer{}, err
		}
		return computeSingleRule(e, rule,
			tax.Facts{PaymentDate: on, VATDate: on, Item: item, Amount: in.Income,
				VATIncluded: true}, "withheld")
	}
}

// computeSingleRule runs one rule on one payment; name is the name of the tax in this kind of
// example.
func computeSingleRule(e *tax.Engine, rule string, f tax.Facts,
	name string) (exampleAnswer, error) {
	res, err := e.ComputeSingleRule(rule, f)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: res.Steps}
	a.setValue("taxable", res.TaxableIncome)
	a.setValue(name, res.Taxes[0].Due)
	return a, nil
}

// computeNonResidentExample withholds tax on one income of a non-resident.
func computeNonResidentExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Kind   string       `json:"kind"`
		Income money.Amount `json:"income"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	// examples write wage where the engine has the item wages
	if in.Kind == "wage" {
		in.Kind = tax.ItemWages
	}
	return computeSingleRule(e, "iit.nonresident."+in.Kind,
		tax.Facts{PaymentDate: on, VATDate: on, Item: in.Kind,
			Amount: in.Income, VATIncluded: true}, "tax")
}

var errPeriod = errors.New(`period must be like "2026-Q1" or "2026-03"`)

// lastDayOfPeriod returns the last day of a quarter like "2026-Q1" or a month like "2026-03".
func lastDayOfPeriod(period string) (civil.Date, error) {
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

// computeSmallScaleVATExample computes the VAT of a small-scale taxpayer's months or quarters.
func computeSmallScaleVATExample(e *tax.Engine, _ civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Type    string `json:"period_type"`
		Periods []struct {
			Period    string        `json:"period"`
			Exclusive *money.Amount `json:"sales_ex_vat"`
			Inclusive *money.Amount `json:"sales_incl_vat"`
			Waived    money.Amount  `json:"waived_3pct_ex_vat"`
		} `json:"periods"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	vat := make([]money.Amount, 0, len(in.Periods))
	for _, p := range in.Periods {
		on, err := lastDayOfPeriod(p.Period)
		if err != nil {
			return exampleAnswer{}, err
		}
		// each period is taxed by the rule in force on its own last day
		rule, err := e.TurnoverRule("vat.small_scale."+in.Type, on)
		if err != nil {
			return exampleAnswer{}, err
		}
		s := tax.PeriodSales{Waived: p.Waived}
		switch {
		case p.Exclusive != nil:
			s.Total = *p.Exclusive
		case p.Inclusive != nil:
			s.Total = rule.ExclusiveSales(*p.Inclusive)
		default:
			return exampleAnswer{}, errors.New("a period needs sales_ex_vat or sales_incl_vat")
		}
		vat = append(vat, rule.TaxOnPeriod(s))
	}
	a := exampleAnswer{rules: []string{"vat.small_scale." + in.Type}}
	a.setValue("vat", vat)
	return a, nil
}

// computeNaturalPersonVATExample computes the VAT of a natural person, which has a threshold by
// day.
func computeNaturalPersonVATExample(e *tax.Engine, _ civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Days []struct {
			Date     civil.Date     `json:"date"`
			Payments []money.Amount `json:"payments_ex_vat"`
		} `json:"days"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	vat := make([]money.Amount, 0, len(in.Days))
	for _, d := range in.Days {
		rule, err := e.TurnoverRule("vat.natural_person.by_day", d.Date)
		if err != nil {
			return exampleAnswer{}, err
		}
		vat = append(vat, rule.TaxOnPeriod(tax.PeriodSales{Total: money.Sum(d.Payments...)}))
	}
	a := exampleAnswer{rules: []string{"vat.natural_person.by_day"}}
	a.setValue("vat", vat)
	return a, nil
}

// computePlatformVATExample computes the VAT of a worker on several platforms: first each platform
// by itself, then all of them by summary filing, where the total decides about the threshold.
func computePlatformVATExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Month     civil.Month `json:"month"`
		Platforms []struct {
			Name  string       `json:"name"`
			Sales money.Amount `json:"sales_ex_vat"`
		} `json:"platforms"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	if !in.Month.IsZero() {
		on = in.Month.Last()
	}
	rule, err := e.TurnoverRule("vat.platform_worker.agency_filed", on)
	if err != nil {
		return exampleAnswer{}, err
	}
	var whole, total money.Amount
	first, final := []money.Amount{}, []money.Amount{}
	// at the first filing no platform knows the sales on the others
	for _, p := range in.Platforms {
		whole = whole.Add(p.Sales)
		first = append(first, rule.TaxOnPeriod(tax.PeriodSales{Total: p.Sales}))
	}
	// at the final filing the total of all platforms decides whether each part is taxed
	for _, p := range in.Platforms {
		own := rule.TaxOnPart(p.Sales, whole)
		final = append(final, own)
		total = total.Add(own)
	}
	a := exampleAnswer{rules: []string{"vat.platform_worker.agency_filed"}}
	a.setValue("first_filing_vat", first)
	a.setValue("final_vat", final)
	a.setValue("total_vat", total)
	return a, nil
}

// computeSurchargesExample computes UMCT, EDU and LEDU on an amount of VAT.
func computeSurchargesExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		VAT    money.Amount `json:"vat_payable"`
		Rate   money.Rate   `json:"umct_rate"`
		Half   bool         `json:"half_six_taxes"`
		Period string       `json:"period_type"`
		Sales  money.Amount `json:"sales_ex_vat"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	tier, err := tierOfRate(e, on, in.Rate)
	if err != nil {
		return exampleAnswer{}, err
	}
	var a exampleAnswer
	var total money.Amount
	for _, s := range []struct{ kind, name string }{{tax.UMCT, "umct"}, {tax.EDU, "edu"},
		{tax.LEDU, "local_edu"}} {
		got, err := e.ComputeSurcharge(s.kind, on,
			tax.SurchargeBase{VAT: in.VAT, Sales: in.Sales, Period: in.Period, Tier: tier, Half: in.Half})
		if err != nil {
			return exampleAnswer{}, err
		}
		a.rules = append(a.rules, "surcharge."+strings.ToLower(s.kind))
		a.setValue(s.name, got.Payable)
		total = total.Add(got.Payable)
	}
	a.setValue("total", total)
	return a, nil
}

// tierOfRate returns the place tier (city, county, other) whose UMCT rate on the day is the given
// one.
func tierOfRate(e *tax.Engine, on civil.Date, rate money.Rate) (string, error) {
	for _, tier := range []string{"city", "county", "other"} {
		if r, ok := rateOn(e, "umct.rate."+tier, on); ok && r.Rate().Cmp(rate) == 0 {
			return tier, nil
		}
	}
	return "", fmt.Errorf("umct_rate %s is the rate of no place", rate)
}

// rateOn returns the rate that the rules have under an id on a day; ok is false where they have
// none.
func rateOn(e *tax.Engine, id string, on civil.Date) (rate money.Fraction, ok bool) {
	for _, x := range e.Rulebook(on) {
		if x.ID == id {
			rate, ok = x.Value.(money.Fraction)
			return rate, ok
		}
	}
	return money.Fraction{}, false
}
