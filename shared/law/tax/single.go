package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Single runs one rule by itself, without regime and without the other taxes: for worked examples
// and for what-if questions about one tax. f.Item must be set; f.ToDate stands before the payment.
//
// Errors: *Gap when the rule is not in force on the payment date.
func (e *Engine) Single(rule string, f Facts) (Result, error) {
	r, err := e.rule(rule, f.PaymentDate)
	if err != nil {
		return Result{}, err
	}
	res := Result{Item: f.Item, Rules: RulesUsed{PackID: e.id}}
	c := start(&f, &res)
	c.item = f.Item
	b, err := e.book(f.PaymentDate)
	if err != nil {
		return Result{}, err
	}
	if err := c.countInKind(b); err != nil {
		return Result{}, err
	}
	if err := r.Calculate(c); err != nil {
		return Result{}, err
	}
	c.finish()
	return res, nil
}

// rule finds a compiled rule by id; an open or lapsed one is its gap.
func (e *Engine) rule(id string, on civil.Date) (TaxRule, error) {
	b, err := e.book(on)
	if err != nil {
		return nil, err
	}
	r := b.find(id)
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

// find gives the rule of an id, for questions of their own also that of the pack above; nil when
// there is none in these days.
func (b *Book) find(id string) TaxRule {
	for above := b; above != nil; above = above.parent {
		if r := above.apart[id]; r != nil {
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

// Periodic gives the VAT of whole periods under one turnover rule.
type Periodic struct{ rule *turnover }

// Turnover finds a turnover rule in force on a day: "vat.small_scale.month",
// "vat.small_scale.quarter", "vat.natural_person.by_day", "vat.platform_worker.agency_filed".
//
// Errors: *Gap when there is none.
func (e *Engine) Turnover(rule string, on civil.Date) (Periodic, error) {
	r, err := e.rule(rule, on)
	if err != nil {
		return Periodic{}, err
	}
	t, ok := r.(*turnover)
	if !ok {
		return Periodic{},
			&Gap{Rule: rule, On: on,
				Missing: bilingual.Text{ZH: "不是按期计算增值税的规则", EN: "is no rule of VAT by period"}}
	}
	return Periodic{t}, nil
}

// VAT gives the tax on a whole period's sales, in fen, rounded half up per rate.
func (p Periodic) VAT(s Sales) money.Amount { return p.rule.assess(s) }

// Exclusive gives the VAT-exclusive sales in a VAT-inclusive price.
func (p Periodic) Exclusive(price money.Amount) money.Amount { return p.rule.exclusive(price) }

// Reached tells whether the period's sales are taxed.
func (p Periodic) Reached(sales money.Amount) bool { return p.rule.threshold.Met(sales) }

// OwnShare gives the tax on a part of a period's sales once the whole has met the threshold
// (summary filing over several platforms: each pays on its own sales).
func (p Periodic) OwnShare(part, whole money.Amount) money.Amount {
	if !p.Reached(whole) {
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

// Surcharge gives one surcharge (UMCT, EDU, LEDU) in force on a day.
//
// Errors: *Gap when no rule is in force or the place's rate is not known.
func (e *Engine) Surcharge(kind string, on civil.Date, s SurchargeBase) (Surcharged, error) {
	b, err := e.book(on)
	if err != nil {
		return Surcharged{}, err
	}
	for i, tax := range stageOrder {
		for _, r := range b.stages[i] {
			if x, ok := r.(*surcharge); ok && tax == kind {
				rate, known := x.rateAt(s.Tier)
				if !known {
					break
				}
				if gap := x.reliefGap(on); s.Half && gap != nil {
					return Surcharged{}, gap
				}
				return x.of(s.VAT, s.Sales, s.Period, rate, s.Half), nil
			}
		}
	}
	return Surcharged{},
		&Gap{Rule: kind, On: on,
			Missing: bilingual.Text{ZH: "该日或该地没有附加税费规则", EN: "no surcharge rule for that day and place"}}
}
