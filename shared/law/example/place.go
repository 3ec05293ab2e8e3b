package example

import (
	"errors"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// placeInputs are the inputs of an example of a jurisdiction.
type placeInputs struct {
	// Method is quota, invoice_issue, deemed_profit_rate or fixed_rate.
	Method     string        `json:"method"`
	Period     string        `json:"period"`
	Basis      string        `json:"basis"`
	Industry   string        `json:"industry"`
	Stall      bool          `json:"market_stall"`
	IncomeKind string        `json:"income_kind"`
	Locality   string        `json:"locality"`
	Revenue    *money.Amount `json:"revenue"`
	Exclusive  *money.Amount `json:"revenue_ex_vat"`
	Invoice    *money.Amount `json:"invoice_amount_ex_vat"`
	Cost       *money.Amount `json:"cost"`
	Partners   []struct {
		ID    string     `json:"id"`
		Share money.Rate `json:"share"`
	} `json:"partners"`

	Fee      string        `json:"fee"` // water_conservancy_fund
	Previous *money.Amount `json:"previous_year_revenue"`
	Sector   string        `json:"sector"`

	Tier  string       `json:"locality_tier"` // city_district, county_town, other
	VAT   string       `json:"vat_status"`
	Sales money.Amount `json:"month_sales_ex_vat"`
	Paid  money.Amount `json:"vat_payable"`
}

// computePlaceExample computes an example of a jurisdiction: assessed income, a local fee, or the
// surcharges of the place.
func computePlaceExample(corpus *tax.Corpus, x Example, on civil.Date) (exampleAnswer, error) {
	var in placeInputs
	if err := decodeInputs(x.Inputs, &in); err != nil {
		return exampleAnswer{}, err
	}
	place := x.Jurisdiction
	if in.Locality != "" {
		place = in.Locality
	}
	e, err := corpus.EngineAt(place)
	if err != nil {
		return exampleAnswer{}, err
	}
	switch {
	case in.Tier != "":
		return computePlaceSurcharges(e, on, x.Taxpayer, &in)
	case in.Fee != "" && in.Fee != "water_conservancy_fund":
		return exampleAnswer{}, errors.New("fee " + in.Fee + " is not known")
	}
	q, err := in.toAssessable(x.Taxpayer, on)
	if err != nil {
		return exampleAnswer{}, err
	}
	return assessedAnswer(e.Assess(q, nil))
}

// toAssessable turns the inputs into the engine's question about assessed income.
func (in *placeInputs) toAssessable(taxpayer string, on civil.Date) (tax.Assessable, error) {
	q := tax.Assessable{On: on, Kind: strings.TrimSuffix(taxpayer, "_per_time"), Way: in.Method,
		Basis: in.Basis, Period: in.Period, Industry: in.Industry,
		IncomeKind: in.IncomeKind, Stall: in.Stall}
	amount := firstAmount(in.Revenue, in.Exclusive, in.Invoice, in.Cost)
	switch {
	// the fee of a year is levied on the revenue of the year before
	case in.Fee != "":
		amount = in.Previous
		q.Way = "fee"
		q.Industry = in.Sector
		q.Period = "year"
	case in.Cost != nil && q.Basis == "":
		q.Basis = "cost"
	case q.Basis == "":
		q.Basis = "revenue"
	}
	// an invoice that a tax office issues is one receipt and has no other period
	if q.Way == "invoice_issue" && q.Period == "" {
		q.Period = "time"
	}
	for _, p := range in.Partners {
		q.Partners = append(q.Partners, tax.Partner{ID: p.ID, Share: p.Share})
	}
	if amount == nil {
		return q, errors.New(
			"inputs need revenue, revenue_ex_vat, invoice_amount_ex_vat, cost or previous_year_revenue")
	}
	q.Amount = *amount
	return q, nil
}

// firstAmount returns the first amount that is set, or nil.
func firstAmount(amounts ...*money.Amount) *money.Amount {
	for _, a := range amounts {
		if a != nil {
			return a
		}
	}
	return nil
}

// assessedAnswer returns the figures of assessed income under the names that examples use. A gap is
// an answer too, because examples may expect that no rule is known.
func assessedAnswer(got tax.Assessed, err error) (exampleAnswer, error) {
	var a exampleAnswer
	var gap *tax.Gap
	if errors.As(err, &gap) {
		a.setValue("rule_in_force", false)
		a.setValue("assessed_iit", nil)
		a.note = gap.Error()
		id, _, _ := strings.Cut(gap.Rule, "@")
		a.rules = []string{id}
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.steps, a.rules = got.Steps, []string{got.Rule}
	a.setValue("rule_in_force", true)
	a.setValue("assessed_iit", got.Tax)
	a.setValue("fee_before_reduction", got.Tax)
	a.setValue("rate", got.Rate)
	a.setValue("taxed_base", got.Base)
	a.setValue("taxable_income", got.Taxable)
	a.setValue("ordinary_iit", got.Ordinary)
	a.setValue("relief_amount", got.Relief)
	if got.Level != nil {
		a.setValue("bracket_rate", got.Level.Rate)
		a.setValue("quick_deduction", got.Level.Quick)
	}
	type partner struct {
		ID      string       `json:"id"`
		Taxable money.Amount `json:"taxable_income"`
		Tax     money.Amount `json:"assessed_iit"`
	}
	partners := make([]partner, 0, len(got.Partners))
	for _, p := range got.Partners {
		partners = append(partners, partner(p))
	}
	a.setValue("partners", partners)
	return a, nil
}

// computePlaceSurcharges computes the three surcharges of a month; small-scale payers and
// individual businesses have the half reduction.
func computePlaceSurcharges(e *tax.Engine, on civil.Date, taxpayer string,
	in *placeInputs) (exampleAnswer, error) {
	tiers := map[string]string{"city_district": "city", "county_town": "county", "county": "county",
		"town": "county", "other": "other"}
	base := tax.SurchargeBase{VAT: in.Paid, Sales: in.Sales, Period: "month", Tier: tiers[in.Tier],
		Half: in.VAT == "small_scale" || taxpayer == "individual_business"}
	var a exampleAnswer
	for kind, name := range map[string]string{tax.UMCT: "urban_maintenance_tax",
		tax.EDU: "education_surcharge", tax.LEDU: "local_education_surcharge"} {
		got, err := e.ComputeSurcharge(kind, on, base)
		if err != nil {
			return exampleAnswer{}, err
		}
		a.rules = append(a.rules, "surcharge."+strings.ToLower(kind))
		a.setValue(name, got.Payable)
	}
	// the loop over a map has no order
	slices.Sort(a.rules)
	return a, nil
}

// isSameRate reports whether a computed rate equals the expected text, whatever the number of
// decimals.
func isSameRate(got any, want any) bool {
	r, ok := got.(money.Fraction)
	s, isText := want.(string)
	if !ok || !isText {
		return false
	}
	w, err := money.ParseRate(s)
	return err == nil && r.Rate().Cmp(w) == 0
}
