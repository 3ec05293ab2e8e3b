package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// ComputeSingleRule runs one rule by itself, without regime and without the other taxes: for worked
// examples and for what-if questions about one tax. f.Item must be set; f.ToDate stands before the
// payment.
//
// Errors: *Gap when the rule is not in force on the payment date.
func (e *Engine) ComputeSingleRule(rule string, f Facts) (Result, error) {
	r, err := e.findRule(rule, f.PaymentDate)
	if err != nil {
		return Result{}, err
	}
	res := Result{Item: f.Item, Rules: RulesUsed{PackID: e.id}}
	c := newCalculation(&f, &res)
	c.item = f.Item
	b, err := e.bookOn(f.PaymentDate)
	if err != nil {
		return Result{}, err
	}
	if err := c.addInKindIncome(b); err != nil {
		return Result{}, err
	}
	if err := r.Calculate(c); err != nil {
		return Result{}, err
	}
	c.sumUpResult()
	return res, nil
}

// findRule finds a compiled rule by id; an open or lapsed one is its gap.
func (e *Engine) findRule(id string, on civil.Date) (TaxRule, error) {
	b, err := e.bookOn(on)
	if err != nil {
		return nil, err
	}
	r := b.findRule(id)
	if g, ok := r.(*gapRule); ok {
		gap := g.gap
		gap.On = on
		return nil, &gap
	}
	if r != nil {
		return r, nil
	}
	return nil, &Gap{Rule: id, On: on,
		Missing: bilingual.Text{ZH: "该日没有这条规则", EN: "no such rule is in force on that day"}}
}

// findRule gives the rule of an id, for questions of their own also that of the pack above; nil
// when there is none in these days.
func (b *Book) findRule(id string) TaxRule {
	for above := b; above != nil; above = above.parent {
		if r := above.questions[id]; r != nil {
			return r
		}
	}
	for _, stage := range b.stages {
		for _, r := range stage {
			if r.ID() == id {
				return r
			}
		}
	}
	return nil
}

// TurnoverVAT gives the VAT of whole periods under one turnover rule.
type TurnoverVAT struct{ rule *turnoverRule }

// TurnoverRule finds a turnover rule in force on a day: "vat.small_scale.month",
// "vat.small_scale.quarter", "vat.natural_person.by_day", "vat.platform_worker.agency_filed".
//
// Errors: *Gap when there is none.
func (e *Engine) TurnoverRule(rule string, on civil.Date) (TurnoverVAT, error) {
	r, err := e.findRule(rule, on)
	if err != nil {
		return TurnoverVAT{}, err
	}
	t, ok := r.(*turnoverRule)
	if !ok {
		return TurnoverVAT{},
			&Gap{Rule: rule, On: on,
				Missing: bilingual.Text{ZH: "不是按期计算增值税的规则", EN: "is no rule of VAT by period"}}
	}
	return TurnoverVAT{t}, nil
}

// TaxOnPeriod gives the tax on a whole period's sales, in fen, rounded half up per rate.
func (p TurnoverVAT) TaxOnPeriod(s PeriodSales) money.Amount { return p.rule.taxWithWaiver(s) }

// ExclusiveSales gives the VAT-exclusive sales in a VAT-inclusive price.
func (p TurnoverVAT) ExclusiveSales(price money.Amount) money.Amount {
	return p.rule.exclusiveSales(price)
}

// IsTaxed tells whether the period's sales are taxed.
func (p TurnoverVAT) IsTaxed(sales money.Amount) bool { return p.rule.threshold.IsMet(sales) }

// TaxOnPart gives the tax on a part of a period's sales once the whole has met the threshold
// (summary filing over several platforms: each pays on its own sales).
func (p TurnoverVAT) TaxOnPart(part, whole money.Amount) money.Amount {
	if !p.IsTaxed(whole) {
		return money.Amount{}
	}
	return part.Times(p.rule.rate, money.HalfUp)
}

// SurchargeBase is what a surcharge stands on.
type SurchargeBase struct {
	VAT    money.Amount // actually paid for the period
	Sales  money.Amount // VAT-exclusive, for the exemption of the education surcharges
	Period string       // day, month or quarter
	Tier   string       // city, county, other: for UMCT
	Half   bool         // whether the half reduction is due
}

// ComputeSurcharge gives one surcharge (UMCT, EDU, LEDU) in force on a day.
//
// Errors: *Gap when no rule is in force or the place's rate is not known.
func (e *Engine) ComputeSurcharge(kind string, on civil.Date,
	s SurchargeBase) (SurchargeAmounts, error) {
	b, err := e.bookOn(on)
	if err != nil {
		return SurchargeAmounts{}, err
	}
	for i, tax := range stageOrder {
		for _, r := range b.stages[i] {
			if x, ok := r.(*surcharge); ok && tax == kind {
				rate, known := x.rateForTier(s.Tier)
				if !known {
					break
				}
				if gap := x.missingReliefGap(on); s.Half && gap != nil {
					return SurchargeAmounts{}, gap
				}
				return x.amountsOn(s.VAT, s.Sales, s.Period, rate, s.Half), nil
			}
		}
	}
	return SurchargeAmounts{},
		&Gap{Rule: kind, On: on,
			Missing: bilingual.Text{ZH: "该日或该地没有附加税费规则", EN: "no surcharge rule for that day and place"}}
}
