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
// books (核定征收), or about a local fee: who, by which way, and the total of the period.
type Assessable struct {
	On         civil.Date
	Kind       string // individual_business, sole_proprietorship, partnership, company, natural_person
	VAT        string // natural_person, small_scale, general; "" where it does not matter
	Way        string // quota, invoice_issue, deemed_profit_rate, fixed_rate, fee
	Basis      string // revenue, cost; "" for ways that know only revenue
	Period     string // month, quarter, year, time
	IncomeKind string // business
	Stall      bool   // a stall in a market hall
	// Industry is a word of the rates tables; of several incomes the largest decides it (主营业务).
	Industry string
	Amount   money.Amount // revenue or cost of the period without VAT; of the previous year for fees
	Partners []Partner    // of a partnership
}

// Partner is one partner's share of a partnership's profit.
type Partner struct {
	ID    string
	Share money.Rate
}

// Assessed is the answer: amounts before any national relief.
type Assessed struct {
	Rule      string // id of the rule that answered
	Place     string // the place that was asked
	Taxable   money.Amount
	Base      money.Amount // what the rate falls on
	Rate      money.Fraction
	Rated     bool // whether Rate says anything
	Level     *Bracket
	Tax       money.Amount
	Ordinary  money.Amount // before a temporary relief; equal to Tax where there is none
	Relief    money.Amount
	NotTaxed  bool // the rule itself says that nothing is due
	Partners  []PartnerTax
	Steps     []Step
	Law       []Law
	Status    Status
	Uncertain []string // ids of the rules that are not confirmed
	Positions []string // ids of the tax positions that were used
}

// PartnerTax is one partner's part.
type PartnerTax struct {
	ID      string
	Taxable money.Amount
	Tax     money.Amount
}

// largestAssessed is the most that an assessed total may be, in fen: 10^11 yuan keeps every product
// in range.
const largestAssessed = 10_000_000_000_000

// validate gives all problems of the question at once.
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

// sharesSumToOne tells whether the shares, of at most four decimals, sum to one.
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

// factText gives the words that only questions on assessed income have.
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
	}
	return ""
}

// Assess answers by the rules of the engine's place: those of the locality, then of its
// jurisdiction, then national ones. A place whose rule is not known answers with its gap.
//
// Errors: *fault.Error 2001 with the problems of the question; *Gap, its rule marked "@place",
// where no rule is known, it lapsed, or the competent office decides.
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

// ruleIDForWay is the id under which a place would answer a way of assessment.
func ruleIDForWay(way string) string {
	switch way {
	case "fee":
		return "fee.water"
	case "deemed_profit_rate":
		return "iit.assessed.deemed_profit"
	}
	return "iit.assessed." + way
}

// addPlaceToGap marks a gap with the place that was asked.
func (e *Engine) addPlaceToGap(err error) error {
	var g *Gap
	if e.place == "" || !errors.As(err, &g) {
		return err
	}
	return &Gap{Rule: g.Rule + "@" + e.place, On: g.On, Missing: g.Missing}
}

// widerIndustry leads from a branch of the classification of the national economy (GB/T 4754) to
// the wider word that local tables use; "" where there is none.
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

// residualRow is the row of a rates table for everything that has none of its own.
const residualRow = "other"

// findIndustryRow finds an industry's row of a table: its own, that of a wider word, or the
// residual one.
func findIndustryRow(d *DatedValue, industry string) (RateRow, bool) {
	for w := industry; w != ""; w = widerIndustry(w) {
		if row, ok := d.findRateRow(w); ok {
			return row, true
		}
	}
	return d.findRateRow(residualRow)
}
