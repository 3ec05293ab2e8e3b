package tax

import (
	"errors"
	"slices"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// Assessable is a question about business income that the tax office assesses instead of reading
// books (核定征收), or about a local fee: the taxpayer, the way of assessment, and the period's total.
type Assessable struct {
	On civil.Date
	// Kind is individual_business, sole_proprietorship, partnership, company or natural_person.
	Kind string
	// VAT is natural_person, small_scale or general; "" where it does not matter.
	VAT string
	// Way is quota, invoice_issue, deemed_profit_rate, fixed_rate or fee.
	Way string
	// Basis is revenue or cost; "" for ways that know only revenue.
	Basis string
	// Period is month, quarter, year or time.
	Period string
	// IncomeKind is business or labor.
	IncomeKind string
	// Stall marks a stall in a market hall.
	Stall bool
	// Industry is a key of the tables of rates; of several incomes the largest decides (主营业务).
	Industry string
	// Amount is the period's revenue or cost without VAT; for fees it is that of the previous year.
	Amount money.Amount
	// Partners are those of a partnership, whose profit is split before it is taxed.
	Partners []Partner
}

// Partner is one partner's share of a partnership's profit.
type Partner struct {
	ID    string
	Share money.Rate
}

// Assessed is the answer about assessed income; its amounts are before any national relief.
type Assessed struct {
	// Rule is the id of the rule that answered.
	Rule string
	// Place is the place whose rules were applied.
	Place   string
	Taxable money.Amount
	// Base is the amount that the rate is applied to.
	Base money.Amount
	Rate money.Fraction
	// Rated says whether Rate has a meaning.
	Rated bool
	Level *Bracket
	Tax   money.Amount
	// Ordinary is the tax before a temporary relief; it equals Tax where there is none.
	Ordinary money.Amount
	Relief   money.Amount
	// NotTaxed says that the rule itself decides that nothing is due.
	NotTaxed bool
	Partners []PartnerTax
	Steps    []Step
	Law      []Law
	Status   Status
	// Uncertain lists the ids of rules that are not confirmed.
	Uncertain []string
	// Positions lists the ids of the tax positions that were used.
	Positions []string
}

// PartnerTax is one partner's taxable share of the profit and the tax on it.
type PartnerTax struct {
	ID      string
	Taxable money.Amount
	Tax     money.Amount
}

// largestAssessed is the largest assessed total in fen, 10^11 yuan; it keeps every product in
// range.
const largestAssessed = 10_000_000_000_000

// validate returns error 2001 with all problems of the question at once.
func (q *Assessable) validate() error {
	var p fault.Problems
	word := func(field, w string, k factKey, empty bool) {
		if (w != "" || !empty) && !slices.Contains(factTable[k].values, w) {
			p.Add(field, "is not one of the words that rules know")
		}
	}
	word("taxpayer", q.Kind, factKind, false)
	word("way", q.Way, factWay, false)
	word("basis", q.Basis, factBasis, true)
	word("period", q.Period, factPeriod, true)
	word("income_kind", q.IncomeKind, factIncomeKind, true)
	word("vat", q.VAT, factVAT, true)
	p.AddIf(q.On.IsZero(), "date", "must be a day")
	if q.Amount.Negative() || q.Amount.Fen() > largestAssessed {
		p.Add("amount", "must be zero to "+money.Fen(largestAssessed).String())
	}
	p.AddIf(len(q.Partners) > 0 && !sharesSumToOne(q.Partners), "partners", "the shares must sum to 1")
	return p.Err()
}

// sharesSumToOne reports whether the partners' shares, of at most four decimals, sum to one.
func sharesSumToOne(ps []Partner) bool {
	const unit = 10_000
	var sum int64
	for _, p := range ps {
		share := p.Share.Fraction()
		if share.Num() < 0 || unit%share.Den() != 0 {
			return false
		}
		sum += share.Num() * (unit / share.Den())
	}
	return sum == unit
}

// factText returns the facts that only questions on assessed income have.
func (q *Assessable) factText(k factKey) string {
	switch k {
	case factWay:
		return q.Way
	case factBasis:
		return q.Basis
	case factPeriod:
		return q.Period
	case factIncomeKind:
		return q.IncomeKind
	case factMarketStall:
		return boolText(q.Stall)
	default:
		return ""
	}
}

// Assess computes assessed income by the rules of the engine's place: those of the locality first,
// then those of its jurisdiction, then the national ones. A place whose rule is unknown returns a
// *Gap.
//
// Errors: *fault.Error 2001 with the problems of the question; *Gap, with "@place" after its rule,
// where no rule is known, the rule lapsed, or the competent tax office decides.
func (e *Engine) Assess(q Assessable, positions []Position) (Assessed, error) {
	if err := q.validate(); err != nil {
		return Assessed{}, err
	}
	b, err := e.bookOn(q.On)
	if err != nil {
		return Assessed{}, err
	}
	f := Facts{PaymentDate: q.On, VATDate: q.On, Amount: q.Amount, Positions: positions,
		Taxpayer: Taxpayer{Kind: q.Kind, VAT: q.VAT, Industry: q.Industry}}
	var res Result
	c := &Calculation{facts: &f, result: &res, inputArena: make([]Input, 0, 12), assessable: &q,
		assessed: &Assessed{Status: Confirmed}}
	for _, r := range b.assessed {
		if !r.Applies(c) {
			continue
		}
		c.assessed.Rule, c.assessed.Place = r.ID(), e.place
		if err := r.Calculate(c); err != nil {
			return Assessed{}, e.addPlaceToGap(err)
		}
		c.assessed.Steps = res.Steps
		c.assessed.Uncertain = res.Unconfirmed
		c.assessed.Positions = res.Positions
		return *c.assessed, nil
	}
	return Assessed{},
		e.addPlaceToGap(&Gap{Rule: ruleIDForWay(q.Way), On: q.On, Missing: bilingual.Text{
			ZH: "该地没有收录适用于此类纳税人与方式的核定征收规定",
			EN: "no rule is known at this place for this taxpayer and way of assessment"}})
}

// ruleIDForWay returns the rule id under which a place would have its rule for a way of assessment.
func ruleIDForWay(way string) string {
	switch way {
	case "fee":
		return "fee.water"
	case "deemed_profit_rate":
		return "iit.assessed.deemed_profit"
	}
	return "iit.assessed." + way
}

// addPlaceToGap appends the engine's place to the rule id of a *Gap, because the same rule may be
// known elsewhere; other errors are returned unchanged.
func (e *Engine) addPlaceToGap(err error) error {
	var g *Gap
	if e.place == "" || !errors.As(err, &g) {
		return err
	}
	return &Gap{Rule: g.Rule + "@" + e.place, On: g.On, Missing: g.Missing}
}

// widerIndustry returns the wider industry that local tables use for a branch of the classification
// of the national economy (GB/T 4754), or "" where there is none.
func widerIndustry(industry string) string {
	switch industry {
	case "manufacturing", "mining", "energy":
		return "industry"
	case "wholesale_retail":
		return "commerce"
	case "delivery", "transport_agency", "taxi", "loading", "passenger", "freight":
		return "transport"
	case "advertising", "consulting", "intermediary", "beauty", "storage", "business_services",
		"resident_services":
		return "services"
	case "live_streaming":
		return "culture"
	case "bank":
		return "banking"
	case "insurer":
		return "insurance"
	}
	return ""
}

// residualRow is the key of the row for every industry without a row of its own.
const residualRow = "other"

// findIndustryRow returns an industry's row of a table: its own, else that of a wider industry,
// else the row for everything else.
func findIndustryRow(d *DatedValue, industry string) (RateRow, bool) {
	for w := industry; w != ""; w = widerIndustry(w) {
		if row, ok := d.findRateRow(w); ok {
			return row, true
		}
	}
	return d.findRateRow(residualRow)
}
