package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// culturalFee is the cultural construction fee (文化事业建设费) on advertising and entertainment services.
// Source: Caishui [2016] No. 25 and No. 60, Caishui [2025] No. 7; data in rules/national/fees.
type culturalFee struct {
	ownQuestion
	rates          []RateRow
	central, local *Dated // reductions; nil where not in force, local may be open
	ceiling        *Dated // of the local reduction
	exempt         [2]*Dated
	scope          *Dated // whether an MCN is an advertising media unit

	outside, small, basis, fee *stepSpec
}

func (r *culturalFee) resolve() error {
	return r.specs(map[string]**stepSpec{"fee.outside": &r.outside, "fee.exempt": &r.small,
		"fee.base": &r.basis, "fee.due": &r.fee})
}

// The service whose payers may subtract what they paid for publishing.
const advertisingRow = "advertising"

// The readings of the open question whether an MCN owes the fee.
const (
	scopeLiable    = "advertising_media_unit"
	scopeNotLiable = "not_a_payer"
)

// FeeReturn is one period of a payer of the cultural construction fee.
type FeeReturn struct {
	Service    string       // advertising, entertainment; another service is outside the fee
	Revenue    money.Amount // VAT-inclusive
	Publishing money.Amount // VAT-inclusive publishing fees paid to other advertising units
	// Reduction is the share taken off where it is known; else it is the centre's, or with Local the
	// province's own.
	Reduction *money.Rate
	Local     bool
	// Agency asks for an MCN, of which it is open whether it is a payer; else the payer is known to be
	// one.
	Agency bool
	// Small is the period of a small-scale unit, month or quarter, "" for others; Sales is its sales
	// without VAT.
	Small     string
	Sales     money.Amount
	Positions []Position
}

// CulturalFee is what the period gives.
type CulturalFee struct {
	Base, Before, Relief, Fee money.Amount
	// the most that a province may take off its own fee; 0 where no rule is known
	MostReduction money.Fraction
	Answer
}

// CulturalFee gives the fee for the period that ends on a day.
//
// Errors: *Gap when no rule is in force, when the place's reduction is open, and for an MCN without
// a tax position; *fault.Error 2001 for figures out of range.
func (e *Engine) CulturalFee(on civil.Date, f FeeReturn) (CulturalFee, error) {
	r, c, err := ask[*culturalFee](e, "fee.cultural", on, f.Positions)
	if err != nil {
		return CulturalFee{}, err
	}
	if err := within([]named{{"revenue_incl_vat", f.Revenue},
		{"deductible_ad_publishing_paid", f.Publishing}, {"sales_ex_vat", f.Sales}}); err != nil {
		return CulturalFee{}, err
	}
	liable, err := r.liable(c, f)
	if err != nil {
		return CulturalFee{}, err
	}
	table := Dated{Rates: r.rates}
	row, ok := table.row(f.Service)
	if !ok || !liable {
		c.step(r.outside, exact, Money(money.Amount{}), Input{"service", Word(f.Service)})
		return CulturalFee{Answer: c.answer(&r.base)}, nil
	}
	if row.Open {
		return CulturalFee{}, row.gap(r.method.Uses["rates"], on)
	}
	reduction, err := r.reduction(c, f, e.place)
	if err != nil {
		return CulturalFee{}, e.named(err)
	}
	return r.calculate(c, f, row.Rate, reduction), nil
}

// calculate gives the fee of a payer whose rate and reduction are known.
func (r *culturalFee) calculate(c *Calculation, f FeeReturn, rate,
	reduction money.Fraction) CulturalFee {
	var x CulturalFee
	if r.ceiling != nil {
		x.MostReduction = r.ceiling.Rate
	}
	publishing := f.Publishing
	if f.Service != advertisingRow {
		publishing = money.Amount{}
	}
	x.Base = money.MaxOf(f.Revenue.Sub(publishing), money.Amount{})
	c.step(r.basis, exact, Money(x.Base), Input{"revenue", Money(f.Revenue)},
		Input{"publishing", Money(publishing)})
	if limit := r.exemption(f); limit != nil && !limit.Threshold.Met(f.Sales) {
		c.step(r.small, exact, Money(x.Fee), Input{"sales", Money(f.Sales)},
			Input{"threshold", Money(limit.Threshold.Amount)})
		x.Answer = c.answer(&r.base)
		return x
	}
	x.Before = x.Base.Times(rate, money.HalfUp)
	x.Relief = x.Before.Times(reduction, money.HalfUp)
	x.Fee = x.Before.Sub(x.Relief)
	c.step(r.fee, rounded, Money(x.Fee), Input{"base", Money(x.Base)}, Input{"rate", Fraction(rate)},
		Input{"full", Money(x.Before)},
		Input{"relief_rate", Fraction(reduction)}, Input{"relief", Money(x.Relief)})
	x.Answer = c.answer(&r.base)
	return x
}

// liable tells whether the payer owes the fee at all; for an MCN only a tax position can say so.
func (r *culturalFee) liable(c *Calculation, f FeeReturn) (bool, error) {
	if !f.Agency || f.Service != advertisingRow {
		return true, nil
	}
	reading, err := c.reading(r.method.Uses["payer_scope"], r.scope, c.facts.VATDate)
	return reading == scopeLiable, err
}

// exemption is the threshold of a small-scale unit's period; nil where there is none.
func (r *culturalFee) exemption(f FeeReturn) *Dated {
	switch f.Small {
	case "month":
		return r.exempt[0]
	case "quarter":
		return r.exempt[1]
	}
	return nil
}

// reduction gives the share that is taken off: what is stated, else what is in force, else for a
// province's own part the rate of a tax position.
func (r *culturalFee) reduction(c *Calculation, f FeeReturn, place string) (money.Fraction, error) {
	role, v := "central_reduction", r.central
	if f.Local {
		role, v = localReductionRole, r.local
	}
	switch {
	case f.Reduction != nil:
		return r.allowed(c, f.Reduction.Fraction(), "reduction_rate")
	case v != nil && v.Status != Open:
		return v.Rate, nil
	}
	id := r.method.Uses[role]
	if place != "" {
		id += "@" + place
	}
	if p := c.positionOn(id); p != nil && f.Local {
		rate, err := money.ParseRate(p.Reading)
		if err != nil {
			return money.Fraction{},
				fault.Invalid(fault.Field{Field: "positions",
					Problem: "the reading of " + id + " must be a rate"})
		}
		c.usePosition(p)
		return r.allowed(c, rate.Fraction(), "positions")
	}
	if v != nil {
		return money.Fraction{}, &Gap{Rule: r.method.Uses[role], On: c.facts.PaymentDate, Missing: v.Note}
	}
	return money.Fraction{}, r.unknown(c, role)
}

// allowed refuses a reduction beyond what the law lets anybody grant.
func (r *culturalFee) allowed(c *Calculation, rate money.Fraction,
	field string) (money.Fraction, error) {
	switch {
	case rate.IsZero():
		return rate, nil
	case r.ceiling == nil:
		return rate, r.unknown(c, "ceiling")
	case rate.Num() < 0 || rate.Cmp(r.ceiling.Rate) > 0:
		return rate, fault.Invalid(fault.Field{Field: field,
			Problem: "must be 0 to " + r.ceiling.Rate.String() + ", the most that the law allows"})
	}
	return rate, nil
}

// unknown is the gap of a value that has no rule on the day.
func (r *culturalFee) unknown(c *Calculation, role string) *Gap {
	return &Gap{Rule: r.method.Uses[role], On: c.facts.PaymentDate,
		Missing: bilingual.Text{ZH: "该日文化事业建设费减征没有收录的规定",
			EN: "no rule is known on a reduction of the fee on that day"}}
}

// localReductionRole is the part of the fee that each province may take off its own.
const localReductionRole = "local_reduction"

func culturalFeeSpec() methodSpec {
	return methodSpec{apart: true, tolerant: true,
		needed: map[string]Kind{"rates": KindRates, "payer_scope": KindChoice},
		optional: map[string]Kind{"central_reduction": KindRate, localReductionRole: KindRate,
			"ceiling": KindRate, "exempt_month": KindThreshold, "exempt_quarter": KindThreshold},
		build: func(b *Book, r base) resolver {
			uses := r.method.Uses
			return &culturalFee{ownQuestion: ownQuestion{r}, rates: b.rows(uses["rates"]),
				scope:   b.value(uses["payer_scope"]),
				central: b.value(uses["central_reduction"]), local: b.value(uses[localReductionRole]),
				ceiling: b.value(uses["ceiling"]),
				exempt:  [2]*Dated{b.value(uses["exempt_month"]), b.value(uses["exempt_quarter"])}}
		}}
}
