package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// param is a value that a rule on assessed income may need. Where it has none, the gap is the
// answer only if the calculation comes to it: a turnover below the threshold is not taxed, whatever
// the rate above it would be.
type param struct {
	id    string
	used  bool // the role is filled
	value *Dated
	gap   Gap
}

// param reads a role.
func (b *Book) param(m *Method, role string, e *Engine) param {
	p := param{id: m.Uses[role], used: m.Uses[role] != ""}
	if p.used {
		p.value = b.value(p.id)
		p.gap = Gap{Rule: p.id, Missing: missingText(e.definition(p.id), b.from)}
		if p.value != nil && p.value.Status == Open {
			p.gap.Missing = p.value.openText()
		}
	}
	return p
}

// inForce tells that the role is filled and has a value on the day.
func (p *param) inForce() bool { return p.value != nil && p.value.Status != Open }

// need gives the gap where there is no value.
func (p *param) need(on *Calculation) error {
	if p.inForce() {
		return nil
	}
	g := p.gap
	g.On = on.facts.PaymentDate
	return &g
}

// assessedBase is what all rules on assessed income share.
type assessedBase struct {
	base
	rate  param // one of rate, rates, bands is used
	rates param
	bands param
	told  []string // the steps that the rule writes
}

func (r *assessedBase) resolve() error {
	for _, name := range r.told {
		if _, err := r.spec(name); err != nil {
			return err
		}
	}
	return nil
}

// tell records a step.
func (r *assessedBase) tell(c *Calculation, name string, round bool, v Value, in ...Input) {
	c.step(r.steps[name], round, v, in...)
}

// mark notes status, articles and doubts of the rule and what it used.
func (r *assessedBase) mark(c *Calculation, used ...*param) {
	a := c.assessed
	a.Law = append(a.Law, r.law...)
	a.Status = r.status
	if r.status != Confirmed {
		c.unconfirmed(r.def.ID)
	}
	for _, p := range used {
		if !p.inForce() {
			continue
		}
		if p.value.Status != Confirmed {
			c.unconfirmed(p.id)
		}
		if p.value.Status.weight() > a.Status.weight() {
			a.Status = p.value.Status
		}
	}
}

// find gives the rate for the total and the industry.
func (r *assessedBase) find(c *Calculation, total money.Amount) (money.Fraction, error) {
	switch {
	case r.bands.used:
		if err := r.bands.need(c); err != nil {
			return money.Fraction{}, err
		}
		r.mark(c, &r.bands)
		for i := range r.bands.value.Bands {
			if b := &r.bands.value.Bands[i]; b.holds(total) {
				return b.Rate, nil
			}
		}
	case r.rates.used:
		if err := r.rates.need(c); err != nil {
			return money.Fraction{}, err
		}
		r.mark(c, &r.rates)
		return r.row(c)
	}
	if rate, ok := r.chosen(c); ok {
		return rate, nil
	}
	if err := r.rate.need(c); err != nil {
		return money.Fraction{}, err
	}
	r.mark(c, &r.rate)
	return r.rate.value.Rate, nil
}

// chosen is the rate of a tax position on the open rate of this place.
func (r *assessedBase) chosen(c *Calculation) (money.Fraction, bool) {
	if r.rate.inForce() {
		return money.Fraction{}, false
	}
	p := c.positionOn(r.rate.id + "@" + c.assessed.Place)
	if p == nil {
		return money.Fraction{}, false
	}
	rate, err := money.ParseRate(p.Reading)
	if err != nil {
		return money.Fraction{}, false
	}
	c.usePosition(p)
	return rate.Fraction(), true
}

// row finds the industry's row of the table.
func (r *assessedBase) row(c *Calculation) (money.Fraction, error) {
	industry := c.facts.Taxpayer.Industry
	row, ok := rowFor(r.rates.value, industry)
	if ok && !row.Open {
		return row.Rate, nil
	}
	note := r.rates.value.Note
	return money.Fraction{}, &Gap{Rule: r.rates.id, On: c.facts.PaymentDate, Missing: bilingual.Text{
		ZH: "行业“" + industry + "”在该表中没有可用的一行。" + note.ZH,
		EN: "the table has no readable row for industry \"" + industry + "\". " + note.EN}}
}

// untaxed answers that the rule itself taxes nothing.
func (r *assessedBase) untaxed(c *Calculation, edge *param) {
	a := c.assessed
	a.NotTaxed, a.Rated = true, true
	r.mark(c, edge)
	t := edge.value.Threshold
	r.tell(c, "assessed.none", exact, Money(money.Amount{}),
		Input{"total", Money(c.assessable.Amount)}, Input{"threshold", Money(t.Amount)},
		Input{"edge", Word(t.Edge())})
}

func rateRoles() map[string]Kind {
	return map[string]Kind{"rate": KindRate, "rates": KindRates, "bands": KindBands}
}

// with adds roles.
func with(roles map[string]Kind, kind Kind, names ...string) map[string]Kind {
	for _, n := range names {
		roles[n] = kind
	}
	return roles
}

func (b *Book) newAssessedBase(r base, told ...string) assessedBase {
	m := r.method
	return assessedBase{base: r, told: told, rate: b.param(m, "rate", r.engine),
		rates: b.param(m, "rates", r.engine), bands: b.param(m, "bands", r.engine)}
}

// levy is turnover at a local rate (核定征收率): the whole of it, or what exceeds an allowance or a
// threshold.
type levy struct {
	assessedBase
	zero      param // threshold: nothing below it, the whole from there on
	excess    param // threshold: nothing below it, only what exceeds it from there on
	allowance param
	temporary param // lower rate for a time, shown as a relief
	cut       param // share by which the tax is cut for a time
}

func levySpec() methodSpec {
	roles := with(with(with(rateRoles(), KindThreshold, "zero_band", "excess_over"), KindAmount,
		"allowance"), KindRate, "temporary_rate", "quota_cut")
	return methodSpec{optional: roles, tolerant: true, build: func(b *Book, r base) resolver {
		m := r.method
		return &levy{assessedBase: b.newAssessedBase(r, "assessed.none", "assessed.tax",
			"assessed.relief"), zero: b.param(m, "zero_band", r.engine), excess: b.param(m, "excess_over",
			r.engine),
			allowance: b.param(m, "allowance", r.engine), temporary: b.param(m, "temporary_rate", r.engine),
			cut: b.param(m, "quota_cut", r.engine)}
	}}
}

// Calculate levies the rate.
func (r *levy) Calculate(c *Calculation) error {
	total := c.assessable.Amount
	base := total
	for _, edge := range []*param{&r.zero, &r.excess} {
		if !edge.used {
			continue
		}
		if err := edge.need(c); err != nil {
			return err
		}
		if !edge.value.Threshold.Met(total) {
			r.untaxed(c, edge)
			return nil
		}
		r.mark(c, edge)
	}
	if r.excess.used {
		base = base.Sub(r.excess.value.Threshold.Amount)
	}
	if r.allowance.used {
		if err := r.allowance.need(c); err != nil {
			return err
		}
		r.mark(c, &r.allowance)
		base = money.MaxOf(base.Sub(r.allowance.value.Amount), money.Amount{})
	}
	rate, err := r.find(c, total)
	if err != nil {
		return err
	}
	a := c.assessed
	a.Base = base
	a.Rate = rate
	a.Rated = true
	a.Ordinary = base.Times(rate, money.HalfUp)
	a.Tax = a.Ordinary
	r.tell(c, "assessed.tax", rounded, Money(a.Tax), Input{"total", Money(total)},
		Input{"base", Money(base)}, Input{"rate", Fraction(rate)})
	r.relieve(c)
	return nil
}

// relieve applies what lowers the tax for a time.
func (r *levy) relieve(c *Calculation) {
	a := c.assessed
	switch {
	case r.temporary.inForce():
		a.Rate = r.temporary.value.Rate
		a.Tax = a.Base.Times(a.Rate, money.HalfUp)
		r.mark(c, &r.temporary)
	case r.cut.inForce():
		a.Tax = a.Ordinary.Sub(a.Ordinary.Times(r.cut.value.Rate, money.HalfUp))
		r.mark(c, &r.cut)
	default:
		return
	}
	a.Relief = a.Ordinary.Sub(a.Tax)
	r.tell(c, "assessed.relief", rounded, Money(a.Tax), Input{"ordinary", Money(a.Ordinary)},
		Input{"relief", Money(a.Relief)})
}

// sliced levies each slice of the turnover at its own rate.
type sliced struct{ assessedBase }

func slicesSpec() methodSpec {
	return methodSpec{needed: map[string]Kind{"bands": KindBands}, tolerant: true,
		build: func(b *Book, r base) resolver { return &sliced{b.newAssessedBase(r, "assessed.slices")} }}
}

// Calculate sums the slices; the sum is rounded once.
func (r *sliced) Calculate(c *Calculation) error {
	if err := r.bands.need(c); err != nil {
		return err
	}
	r.mark(c, &r.bands)
	a := c.assessed
	total := c.assessable.Amount
	var below money.Amount
	sum := fraction{0, sliceUnit}
	for _, b := range r.bands.value.Bands {
		top := total
		if !b.Edge.IsZero() {
			top = money.Min(total, b.Edge)
		}
		if slice := top.Sub(below); slice.Positive() {
			sum.num += slice.Fen() * b.Rate.Num() * (sliceUnit / b.Rate.Den())
		}
		below = b.Edge
		if top == total {
			break
		}
	}
	a.Base, a.Tax = total, sum.reported()
	a.Ordinary = a.Tax
	r.tell(c, "assessed.slices", rounded, Money(a.Tax), Input{"total", Money(total)})
	return nil
}

// sliceUnit is the common denominator of the rates of slices, which have at most four decimals.
const sliceUnit = 10_000

// deemedProfit takes a share of revenue, or of cost grossed up, as profit and taxes it by the
// brackets of business income; a partnership's profit is split first. Source: Caishui [2000] No.
// 91, art. 9.
type deemedProfit struct {
	assessedBase
	zero     param
	brackets param
}

func deemedProfitSpec() methodSpec {
	return methodSpec{needed: map[string]Kind{"brackets": KindBrackets},
		optional: with(rateRoles(), KindThreshold, "zero_band"), tolerant: true,
		build: func(b *Book, r base) resolver {
			return &deemedProfit{assessedBase: b.newAssessedBase(r, "assessed.none", "assessed.taxable",
				"assessed.level"), zero: b.param(r.method, "zero_band", r.engine),
				brackets: b.param(r.method, "brackets", r.engine)}
		}}
}

// Calculate deems and taxes.
func (r *deemedProfit) Calculate(c *Calculation) error {
	q, a := c.assessable, c.assessed
	if r.zero.used && q.Period == "month" {
		if err := r.zero.need(c); err != nil {
			return err
		}
		if !r.zero.value.Threshold.Met(q.Amount) {
			r.untaxed(c, &r.zero)
			return nil
		}
	}
	rate, err := r.find(c, q.Amount)
	if err != nil {
		return err
	}
	if err := r.brackets.need(c); err != nil {
		return err
	}
	r.mark(c, &r.brackets)
	profit := of(q.Amount, rate)
	if q.Basis == "cost" {
		profit.den = rate.Den() - rate.Num()
	}
	a.Base = q.Amount
	a.Rate = rate
	a.Rated = true
	a.Taxable = profit.reported()
	r.tell(c, "assessed.taxable", rounded, Money(a.Taxable), Input{"total", Money(q.Amount)},
		Input{"rate", Fraction(rate)}, Input{"basis", Word(q.Basis)})
	t := newTable(r.brackets.value.Brackets)
	if len(q.Partners) == 0 {
		a.Level, a.Tax = t.tax(profit)
		a.Ordinary = a.Tax
		r.level(c, a.Taxable, a.Level, a.Tax)
		return nil
	}
	for _, p := range q.Partners {
		part := of(a.Taxable, p.Share.Fraction())
		level, tax := t.tax(part)
		a.Partners = append(a.Partners, PartnerTax{ID: p.ID, Taxable: part.reported(), Tax: tax})
		a.Tax = a.Tax.Add(tax)
		r.level(c, part.reported(), level, tax)
	}
	a.Ordinary = a.Tax
	return nil
}

// level tells the bracket's step.
func (r *deemedProfit) level(c *Calculation, taxable money.Amount, level *Bracket,
	tax money.Amount) {
	if level == nil {
		level = &Bracket{Rate: money.NewFraction(0, 1)}
	}
	r.tell(c, "assessed.level", rounded, Money(tax), Input{"taxable", Money(taxable)},
		Input{"rate", Fraction(level.Rate)}, Input{"quick_deduction", Money(level.Quick)})
}

// fee is a local levy on revenue, such as the water conservancy fund.
type fee struct{ assessedBase }

func feeSpec() methodSpec {
	return methodSpec{optional: rateRoles(), tolerant: true, build: func(b *Book, r base) resolver {
		return &fee{b.newAssessedBase(r, "assessed.tax")}
	}}
}

// Calculate levies the rate on the revenue; before any reduction for small payers.
func (r *fee) Calculate(c *Calculation) error {
	a := c.assessed
	rate, err := r.find(c, c.assessable.Amount)
	if err != nil {
		return err
	}
	a.Base = c.assessable.Amount
	a.Rate = rate
	a.Rated = true
	a.Tax = a.Base.Times(rate, money.HalfUp)
	a.Ordinary = a.Tax
	r.tell(c, "assessed.tax", rounded, Money(a.Tax), Input{"total", Money(a.Base)},
		Input{"base", Money(a.Base)}, Input{"rate", Fraction(rate)})
	return nil
}
