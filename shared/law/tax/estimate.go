package tax

import (
	"errors"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// assessedEstimate estimates what a payee owes on business income that its tax office assesses: by
// the rules of the payee's registration, on what this payer's payments of the period add. It lowers
// nothing that is paid.
type assessedEstimate struct {
	base
	step *stepSpec
}

func assessedEstimateSpec() methodSpec {
	return methodSpec{build: func(_ *Book, r base) resolver { return &assessedEstimate{base: r} }}
}

func (r *assessedEstimate) resolve() error {
	return r.specs(map[string]**stepSpec{"iit.assessed": &r.step})
}

// Calculate adds the estimate as an obligation of the payee; a place whose rule is not known makes
// it a named unknown instead, for nothing that is kept back hangs on it.
func (r *assessedEstimate) Calculate(c *Calculation) error {
	l := Line{Tax: IIT, Item: c.item, Period: c.month(), Collection: SelfFiled,
		BorneBy: BorneByCreator, Law: r.law, Status: r.worst}
	before, sales := c.turnover()
	q := c.assessableOf(sales)
	got, err := c.assess(q)
	var g *Gap
	switch {
	case c.facts.Taxpayer.Collection == "cost_rate":
		l.Status, l.Missing = Open,
			[]bilingual.Text{{ZH: "本期成本费用总额（按成本费用核定）",
				EN: "the costs of the period, from which the profit is deemed"}}
	case errors.As(err, &g):
		l.Status, l.Missing = Open,
			[]bilingual.Text{{ZH: g.Rule + "：" + g.Missing.ZH, EN: g.Rule + ": " + g.Missing.EN}}
		c.unconfirmed(g.Rule)
	case err != nil:
		return err
	default:
		q.Amount = before
		earlier, err := c.assess(q)
		if err != nil {
			return err
		}
		r.fill(c, &l, got, earlier)
	}
	c.res.PayeeObligations = append(c.res.PayeeObligations, l)
	c.unconfirmed(r.unconfirmed...)
	return nil
}

// turnover gives this payer's VAT-exclusive payments of the period, before this one and with it.
func (c *Calculation) turnover() (before, with money.Amount) {
	if c.vat.on {
		return c.vat.before.Sales, c.vat.sales
	}
	return money.Amount{}, c.facts.Amount
}

// assessableOf puts the payment as the question that the payee's collection method asks.
func (c *Calculation) assessableOf(sales money.Amount) Assessable {
	t := &c.facts.Taxpayer
	q := Assessable{On: c.facts.PaymentDate, Kind: t.Kind, VAT: t.VAT, Way: "quota", Basis: "revenue",
		Period: c.fact(factVATPeriod), Industry: t.Industry,
		IncomeKind: ItemBusiness, Amount: sales}
	if t.Collection != "levy_rate" {
		q.Way, q.Period = "deemed_profit_rate", "year"
	}
	return q
}

// assess asks the place where the payee is registered.
func (c *Calculation) assess(q Assessable) (Assessed, error) {
	if c.payee == nil {
		return Assessed{},
			&Gap{Rule: "iit.assessed", On: q.On,
				Missing: bilingual.Text{ZH: "收款人登记地", EN: "where the payee is registered"}}
	}
	return c.payee.Assess(q, c.facts.Positions)
}

// fill gives the line what the payment adds, after the half reduction of individual businesses
// where it is known.
func (r *assessedEstimate) fill(c *Calculation, l *Line, got, earlier Assessed) {
	l.Base = got.Base
	l.Rate = got.Rate
	l.Total = got.Tax
	l.Before = earlier.Tax
	l.Due = money.MaxOf(got.Tax.Sub(earlier.Tax), money.Amount{})
	l.Amount = l.Due
	l.Law = append(l.Law, got.Law...)
	if got.Status.weight() > l.Status.weight() {
		l.Status = got.Status
	}
	l.Note = &bilingual.Text{
		ZH: "仅按本支付方的付款估算，未计其他收入，未计个体工商户减半等全国性减免；以主管税务机关核定为准",
		EN: "an estimate on this payer's payments alone, without other revenue and before national " +
			"reliefs such as the half reduction; what the tax office assesses decides"}
	c.unconfirmed(got.Uncertain...)
	c.step(r.step, rounded, Money(l.Due), Input{"place", Word(got.Place)},
		Input{"rule", Word(got.Rule)}, Input{"sales", Money(got.Base)}, Input{"tax", Money(got.Tax)},
		Input{"before", Money(earlier.Tax)})
}
