package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// ComputeSingleRule runs one rule by its id, without regime and without the other taxes: for worked
// examples and for questions about one tax. f.Item must be set, and f.ToDate holds the periods
// before the payment.
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

// findRule returns the compiled rule of an id on a day; an open or lapsed rule is returned as its
// *Gap.
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

// findRule returns the rule of an id, or nil when there is none in the days of the book. Rules that
// answer questions are inherited from the packs above; rules of payments are merged into b already.
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

// TurnoverVAT computes the VAT of whole periods by one turnover rule.
type TurnoverVAT struct{ rule *turnoverRule }

// TurnoverRule returns the turnover rule in force on a day: "vat.small_scale.month",
// "vat.small_scale.quarter", "vat.natural_person.by_day" or "vat.platform_worker.agency_filed".
//
// Errors: *Gap when the rule is not in force, or computes no VAT by period.
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

// TaxOnPeriod returns the VAT on a whole period's sales, rounded half up for each rate.
func (p TurnoverVAT) TaxOnPeriod(s PeriodSales) money.Amount { return p.rule.taxWithWaiver(s) }

// ExclusiveSales returns the VAT-exclusive sales in a VAT-inclusive price.
func (p TurnoverVAT) ExclusiveSales(price money.Amount) money.Amount {
	return p.rule.exclusiveSales(price)
}

// IsTaxed reports whether the period's sales meet the threshold, so that they are taxed.
func (p TurnoverVAT) IsTaxed(sales money.Amount) bool { return p.rule.threshold.IsMet(sales) }

// TaxOnPart returns the VAT on a part of a period's sales once the whole period has met the
// threshold. Summary filing over several platforms needs it: each platform pays on its own part.
func (p TurnoverVAT) TaxOnPart(part, whole money.Amount) money.Amount {
	if !p.IsTaxed(whole) {
		return money.Amount{}
	}
	return part.Times(p.rule.rate, money.HalfUp)
}

// SurchargeBase is the period's VAT and sales from which a surcharge is computed.
type SurchargeBase struct {
	// VAT is the tax actually paid for the period.
	VAT money.Amount
	// Sales are without VAT; they decide the exemption of the education surcharges.
	Sales money.Amount
	// Period is day, month or quarter.
	Period string
	// Tier is city, county or other; it decides the rate of UMCT.
	Tier string
	// Half says that the taxpayer has the half reduction of the six taxes and two fees.
	Half bool
}

// ComputeSurcharge returns one surcharge (UMCT, EDU or LEDU) on a period's VAT by the rule in force
// on a day.
//
// Errors: *Gap when no rule is in force, or when the rate of the place is unknown.
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
