package tax

import (
	"errors"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// assessedEstimate estimates what a payee owes on business income that its tax office assesses
// (核定征收), by the rules of the payee's registration and on this payer's payments alone. It lowers no
// payment.
type assessedEstimate struct {
	compiledRule
	step *stepSpec
}

// assessedEstimateMethodSpec describes the method of assessedEstimate for rule files: its roles,
// and how its rule is built.
func assessedEstimateMethodSpec() methodSpec {
	return methodSpec{build: func(_ *Book, r compiledRule) steppedRule {
		return &assessedEstimate{compiledRule: r}
	}}
}

// resolveSteps finds the wording of the steps of assessedEstimate in its rule file.
func (r *assessedEstimate) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.assessed": &r.step})
}

// Calculate adds the estimate as an obligation of the payee. Where the place's rule is unknown it
// adds an obligation without figure, because nothing that is withheld depends on it.
func (r *assessedEstimate) Calculate(c *Calculation) error {
	l := Line{Tax: IIT, Item: c.item, Period: c.paymentMonth(), Collection: SelfFiled,
		BorneBy: BorneByCreator, Law: r.law, Status: r.worstStatus}
	before, sales := c.periodTurnover()
	q := c.toAssessable(sales)
	got, err := c.assessAtPayeePlace(q)
	var g *Gap
	switch {
	// the profit would be deemed from costs, which no payer knows
	case c.facts.Taxpayer.Collection == "cost_rate":
		l.Status, l.Missing = Open,
			[]bilingual.Text{{ZH: "本期成本费用总额（按成本费用核定）",
				EN: "the costs of the period, from which the profit is deemed"}}
	case errors.As(err, &g):
		l.Status, l.Missing = Open,
			[]bilingual.Text{{ZH: g.Rule + "：" + g.Missing.ZH, EN: g.Rule + ": " + g.Missing.EN}}
		c.addUnconfirmed(g.Rule)
	case err != nil:
		return err
	default:
		q.Amount = before
		earlier, err := c.assessAtPayeePlace(q)
		if err != nil {
			return err
		}
		r.fillLine(c, &l, got, earlier)
	}
	c.result.PayeeObligations = append(c.result.PayeeObligations, l)
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// periodTurnover returns this payer's VAT-exclusive payments of the period: before this payment,
// and with it.
func (c *Calculation) periodTurnover() (before, with money.Amount) {
	if c.periodVAT.isAssessed {
		return c.periodVAT.before.Sales, c.periodVAT.sales
	}
	return money.Amount{}, c.facts.Amount
}

// toAssessable returns the payment as a question about assessed income, by the payee's collection
// method.
func (c *Calculation) toAssessable(sales money.Amount) Assessable {
	t := &c.facts.Taxpayer
	q := Assessable{On: c.facts.PaymentDate, Kind: t.Kind, VAT: t.VAT, Way: "quota", Basis: "revenue",
		Period: c.factText(factVATPeriod), Industry: t.Industry,
		IncomeKind: ItemBusiness, Amount: sales}
	if t.Collection != "levy_rate" {
		q.Way, q.Period = "deemed_profit_rate", "year"
	}
	return q
}

// assessAtPayeePlace answers the question by the rules of the payee's registration.
func (c *Calculation) assessAtPayeePlace(q Assessable) (Assessed, error) {
	if c.payeeEngine == nil {
		return Assessed{},
			&Gap{Rule: "iit.assessed", On: q.On,
				Missing: bilingual.Text{ZH: "收款人登记地", EN: "where the payee is registered"}}
	}
	return c.payeeEngine.Assess(q, c.facts.Positions)
}

// fillLine sets the line to the tax that this payment adds: the assessed tax with it, less the one
// without it. The half reduction of individual businesses is not included; the line's note says so.
func (r *assessedEstimate) fillLine(c *Calculation, l *Line, got, earlier Assessed) {
	l.Base = got.Base
	l.Rate = got.Rate
	l.Total = got.Tax
	l.Before = earlier.Tax
	l.Due = money.Max(got.Tax.Sub(earlier.Tax), money.Amount{})
	l.Amount = l.Due
	l.Law = append(l.Law, got.Law...)
	if got.Status.severity() > l.Status.severity() {
		l.Status = got.Status
	}
	l.Note = &bilingual.Text{
		ZH: "仅按本支付方的付款估算，未计其他收入，未计个体工商户减半等全国性减免；以主管税务机关核定为准",
		EN: "an estimate on this payer's payments alone, without other revenue and before national " +
			"reliefs such as the half reduction; what the tax office assesses decides"}
	c.addUnconfirmed(got.Uncertain...)
	c.addStep(r.step, rounded, MoneyValue(l.Due), Input{"place", TextValue(got.Place)},
		Input{"rule", TextValue(got.Rule)}, Input{"sales", MoneyValue(got.Base)},
		Input{"tax", MoneyValue(got.Tax)},
		Input{"before", MoneyValue(earlier.Tax)})
}
