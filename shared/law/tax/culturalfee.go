package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// culturalFee computes the cultural construction fee (文化事业建设费) on advertising and entertainment
// services. The rule follows Caishui [2016] No. 25 and No. 60, Caishui [2025] No. 7; its data are
// in rules/national/fees.
type culturalFee struct {
	questionRule
	rates []RateRow
	// The two reductions are nil where none is in force; that of a province may be open.
	centralReduction, localReduction *DatedValue
	// ceiling is the largest reduction that a province may grant.
	ceiling *DatedValue
	exempt  [2]*DatedValue
	// payerScope is the choice whether an MCN is an advertising media unit.
	payerScope *DatedValue

	outside, small, basis, fee *stepSpec
}

// resolveSteps finds the wording of the steps of culturalFee in its rule file.
func (r *culturalFee) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"fee.outside": &r.outside, "fee.exempt": &r.small,
		"fee.base": &r.basis, "fee.due": &r.fee})
}

// advertisingRow is the service whose payers may subtract the publishing fees that they paid.
const advertisingRow = "advertising"

// The readings of the open question whether an MCN owes the fee.
const (
	scopeLiable    = "advertising_media_unit"
	scopeNotLiable = "not_a_payer"
)

// FeeReturn is one period of a payer of the cultural construction fee.
type FeeReturn struct {
	// Service is advertising or entertainment; other services are not subject to the fee.
	Service string
	// Revenue and Publishing contain VAT; Publishing is what was paid to other advertising units.
	Revenue    money.Amount
	Publishing money.Amount
	// Reduction is the share by which the fee is reduced, where the caller knows it; else the engine
	// uses that of the central government or, with Local, that of the province.
	Reduction *money.Rate
	Local     bool
	// Agency marks an MCN, of which the law leaves open whether it is a payer; any other unit is known
	// to be one.
	Agency bool
	// Small is the period of a small-scale unit, month or quarter, and "" for other units. Sales is
	// the unit's sales without VAT.
	Small     string
	Sales     money.Amount
	Positions []Position
}

// CulturalFee is the fee of a period: base, fee before reduction, reduction, and fee.
type CulturalFee struct {
	Base, Before, Relief, Fee money.Amount
	// MostReduction is the largest reduction that a province may grant on its own part; 0 where no
	// rule is known.
	MostReduction money.Fraction
	Answer
}

// ComputeCulturalFee returns the fee for the period that ends on a day.
//
// Errors: *Gap when no rule is in force, when the place's reduction is open, and for an MCN without
// a tax position; *fault.Error 2001 for figures out of range.
func (e *Engine) ComputeCulturalFee(on civil.Date, f FeeReturn) (CulturalFee, error) {
	r, c, err := beginQuestion[*culturalFee](e, "fee.cultural", on, f.Positions)
	if err != nil {
		return CulturalFee{}, err
	}
	if err := checkAmountRange([]namedAmount{{"revenue_incl_vat", f.Revenue},
		{"deductible_ad_publishing_paid", f.Publishing}, {"sales_ex_vat", f.Sales}}); err != nil {
		return CulturalFee{}, err
	}
	liable, err := r.isLiable(c, f)
	if err != nil {
		return CulturalFee{}, err
	}
	table := DatedValue{Rates: r.rates}
	row, ok := table.findRateRow(f.Service)
	if !ok || !liable {
		c.addStep(r.outside, exact, MoneyValue(money.Amount{}), Input{"service", TextValue(f.Service)})
		return CulturalFee{Answer: c.finishAnswer(&r.compiledRule)}, nil
	}
	if row.Open {
		return CulturalFee{}, row.unreadRateGap(r.method.Uses["rates"], on)
	}
	reduction, err := r.reductionRate(c, f, e.place)
	if err != nil {
		return CulturalFee{}, e.addPlaceToGap(err)
	}
	return r.computeFee(c, f, row.Rate, reduction), nil
}

// computeFee returns the fee of a payer whose rate and reduction are known.
func (r *culturalFee) computeFee(c *Calculation, f FeeReturn, rate,
	reduction money.Fraction) CulturalFee {
	var x CulturalFee
	if r.ceiling != nil {
		x.MostReduction = r.ceiling.Rate
	}
	publishing := f.Publishing
	// only advertising may subtract publishing fees
	if f.Service != advertisingRow {
		publishing = money.Amount{}
	}
	x.Base = money.Max(f.Revenue.Sub(publishing), money.Amount{})
	c.addStep(r.basis, exact, MoneyValue(x.Base), Input{"revenue", MoneyValue(f.Revenue)},
		Input{"publishing", MoneyValue(publishing)})
	if limit := r.exemptThreshold(f); limit != nil && !limit.Threshold.IsMet(f.Sales) {
		c.addStep(r.small, exact, MoneyValue(x.Fee), Input{"sales", MoneyValue(f.Sales)},
			Input{"threshold", MoneyValue(limit.Threshold.Amount)})
		x.Answer = c.finishAnswer(&r.compiledRule)
		return x
	}
	x.Before = x.Base.Times(rate, money.HalfUp)
	x.Relief = x.Before.Times(reduction, money.HalfUp)
	x.Fee = x.Before.Sub(x.Relief)
	c.addStep(r.fee, rounded, MoneyValue(x.Fee), Input{"base", MoneyValue(x.Base)},
		Input{"rate", RateValue(rate)},
		Input{"full", MoneyValue(x.Before)},
		Input{"relief_rate", RateValue(reduction)}, Input{"relief", MoneyValue(x.Relief)})
	x.Answer = c.finishAnswer(&r.compiledRule)
	return x
}

// isLiable reports whether the payer owes the fee at all; for an MCN only a tax position can decide
// it.
func (r *culturalFee) isLiable(c *Calculation, f FeeReturn) (bool, error) {
	if !f.Agency || f.Service != advertisingRow {
		return true, nil
	}
	reading, err := c.chosenReading(r.method.Uses["payer_scope"], r.payerScope, c.facts.VATDate)
	return reading == scopeLiable, err
}

// exemptThreshold returns the threshold of a small-scale unit's period; nil where there is none.
func (r *culturalFee) exemptThreshold(f FeeReturn) *DatedValue {
	switch f.Small {
	case "month":
		return r.exempt[0]
	case "quarter":
		return r.exempt[1]
	}
	return nil
}

// reductionRate returns the share by which the fee is reduced: the stated one, else the one in
// force, else for a province's own part the rate of a tax position.
func (r *culturalFee) reductionRate(c *Calculation, f FeeReturn,
	place string) (money.Fraction, error) {
	role, v := "central_reduction", r.centralReduction
	if f.Local {
		role, v = localReductionRole, r.localReduction
	}
	switch {
	case f.Reduction != nil:
		return r.checkCeiling(c, f.Reduction.Fraction(), "reduction_rate")
	case v != nil && v.Status != Open:
		return v.Rate, nil
	}
	id := r.method.Uses[role]
	if place != "" {
		id += "@" + place
	}
	if p := c.positionForRule(id); p != nil && f.Local {
		rate, err := money.ParseRate(p.Reading)
		if err != nil {
			return money.Fraction{},
				fault.Invalid(fault.Field{Field: "positions",
					Problem: "the reading of " + id + " must be a rate"})
		}
		c.recordPosition(p)
		return r.checkCeiling(c, rate.Fraction(), "positions")
	}
	if v != nil {
		return money.Fraction{}, &Gap{Rule: r.method.Uses[role], On: c.facts.PaymentDate, Missing: v.Note}
	}
	return money.Fraction{}, r.missingReductionGap(c, role)
}

// checkCeiling returns error 2001 for a reduction that is larger than the law lets a province
// grant.
func (r *culturalFee) checkCeiling(c *Calculation, rate money.Fraction,
	field string) (money.Fraction, error) {
	switch {
	case rate.IsZero():
		return rate, nil
	case r.ceiling == nil:
		return rate, r.missingReductionGap(c, "ceiling")
	case rate.Num() < 0 || rate.Cmp(r.ceiling.Rate) > 0:
		return rate, fault.Invalid(fault.Field{Field: field,
			Problem: "must be 0 to " + r.ceiling.Rate.String() + ", the most that the law allows"})
	}
	return rate, nil
}

// missingReductionGap returns the *Gap of a reduction that has no rule on the day.
func (r *culturalFee) missingReductionGap(c *Calculation, role string) *Gap {
	return &Gap{Rule: r.method.Uses[role], On: c.facts.PaymentDate,
		Missing: bilingual.Text{ZH: "该日文化事业建设费减征没有收录的规定",
			EN: "no rule is known on a reduction of the fee on that day"}}
}

// localReductionRole is the role of the reduction that each province may grant on its own part.
const localReductionRole = "local_reduction"

// culturalFeeMethodSpec describes the method of culturalFee for rule files: its roles, and how its
// rule is built.
func culturalFeeMethodSpec() methodSpec {
	return methodSpec{isQuestion: true, toleratesMissing: true,
		needed: map[string]Kind{"rates": KindRates, "payer_scope": KindChoice},
		optional: map[string]Kind{"central_reduction": KindRate, localReductionRole: KindRate,
			"ceiling": KindRate, "exempt_month": KindThreshold, "exempt_quarter": KindThreshold},
		build: func(b *Book, r compiledRule) steppedRule {
			uses := r.method.Uses
			return &culturalFee{questionRule: questionRule{r}, rates: b.rateRows(uses["rates"]),
				payerScope:       b.findValue(uses["payer_scope"]),
				centralReduction: b.findValue(uses["central_reduction"]),
				localReduction:   b.findValue(uses[localReductionRole]),
				ceiling:          b.findValue(uses["ceiling"]),
				exempt: [2]*DatedValue{b.findValue(uses["exempt_month"]),
					b.findValue(uses["exempt_quarter"])}}
		}}
}
