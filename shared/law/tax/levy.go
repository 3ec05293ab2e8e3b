package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// roleValue is a definition in a role of a rule on assessed income, which may have no value. The
// gap of a missing value is the answer only if the calculation needs the value: a turnover below
// the threshold is not taxed, whatever the rate above the threshold would be.
type roleValue struct {
	id string
	// isFilled says that the rule file names a definition for the role.
	isFilled bool
	value    *DatedValue
	gap      Gap
}

// readRole returns the value that fills a role, and the gap for the case that it has none.
func (b *Book) readRole(m *Method, role string, e *Engine) roleValue {
	p := roleValue{id: m.Uses[role], isFilled: m.Uses[role] != ""}
	if p.isFilled {
		p.value = b.findValue(p.id)
		p.gap = Gap{Rule: p.id, Missing: missingReason(e.findDefinition(p.id), b.from)}
		if p.value != nil && p.value.Status == Open {
			p.gap.Missing = p.value.openReason()
		}
	}
	return p
}

// isInForce reports whether the role is filled and has a value on the day that is not open.
func (p *roleValue) isInForce() bool { return p.value != nil && p.value.Status != Open }

// requireValue returns the *Gap where the role has no value in force, else nil.
func (p *roleValue) requireValue(on *Calculation) error {
	if p.isInForce() {
		return nil
	}
	g := p.gap
	g.On = on.facts.PaymentDate
	return &g
}

// assessedRule is the common part of all rules on assessed income.
type assessedRule struct {
	compiledRule
	// rate, rates and bands are alternatives; a rule uses one of them.
	rate  roleValue
	rates roleValue
	bands roleValue
	// stepNames are the steps that the rule writes.
	stepNames []string
}

// resolveSteps checks that the rule file has the wording of every step that the rule writes.
func (r *assessedRule) resolveSteps() error {
	for _, name := range r.stepNames {
		if _, err := r.findStep(name); err != nil {
			return err
		}
	}
	return nil
}

// addRuleStep records a step of the rule by its name.
func (r *assessedRule) addRuleStep(c *Calculation, name string, round bool, v Value, in ...Input) {
	c.addStep(r.steps[name], round, v, in...)
}

// recordUse adds the rule's articles to the answer, and lowers the answer's status to the worst of
// the rule and the values it used.
func (r *assessedRule) recordUse(c *Calculation, used ...*roleValue) {
	a := c.assessed
	a.Law = append(a.Law, r.law...)
	a.Status = r.status
	if r.status != Confirmed {
		c.addUnconfirmed(r.def.ID)
	}
	for _, p := range used {
		if !p.isInForce() {
			continue
		}
		if p.value.Status != Confirmed {
			c.addUnconfirmed(p.id)
		}
		if p.value.Status.severity() > a.Status.severity() {
			a.Status = p.value.Status
		}
	}
}

// findRate returns the rate for the period total and the industry: from the bands, from the table
// of industries, from a tax position, or the single rate.
func (r *assessedRule) findRate(c *Calculation, total money.Amount) (money.Fraction, error) {
	switch {
	case r.bands.isFilled:
		if err := r.bands.requireValue(c); err != nil {
			return money.Fraction{}, err
		}
		r.recordUse(c, &r.bands)
		for i := range r.bands.value.Bands {
			if b := &r.bands.value.Bands[i]; b.contains(total) {
				return b.Rate, nil
			}
		}
	case r.rates.isFilled:
		if err := r.rates.requireValue(c); err != nil {
			return money.Fraction{}, err
		}
		r.recordUse(c, &r.rates)
		return r.industryRate(c)
	}
	if rate, ok := r.positionRate(c); ok {
		return rate, nil
	}
	if err := r.rate.requireValue(c); err != nil {
		return money.Fraction{}, err
	}
	r.recordUse(c, &r.rate)
	return r.rate.value.Rate, nil
}

// positionRate returns the rate of a tax position on the open rate of this place; ok is false where
// there is none.
func (r *assessedRule) positionRate(c *Calculation) (money.Fraction, bool) {
	if r.rate.isInForce() {
		return money.Fraction{}, false
	}
	p := c.positionForRule(r.rate.id + "@" + c.assessed.Place)
	if p == nil {
		return money.Fraction{}, false
	}
	rate, err := money.ParseRate(p.Reading)
	if err != nil {
		return money.Fraction{}, false
	}
	c.recordPosition(p)
	return rate.Fraction(), true
}

// industryRate returns the rate in the industry's row of the table.
//
// Errors: *Gap when the table has no row for the industry, or the row was not readable.
func (r *assessedRule) industryRate(c *Calculation) (money.Fraction, error) {
	industry := c.facts.Taxpayer.Industry
	row, ok := findIndustryRow(r.rates.value, industry)
	if ok && !row.Open {
		return row.Rate, nil
	}
	note := r.rates.value.Note
	return money.Fraction{}, &Gap{Rule: r.rates.id, On: c.facts.PaymentDate, Missing: bilingual.Text{
		ZH: "行业“" + industry + "”在该表中没有可用的一行。" + note.ZH,
		EN: "the table has no readable row for industry \"" + industry + "\". " + note.EN}}
}

// recordUntaxed answers that the rule itself taxes nothing: the total does not meet the threshold.
func (r *assessedRule) recordUntaxed(c *Calculation, edge *roleValue) {
	a := c.assessed
	a.NotTaxed, a.Rated = true, true
	r.recordUse(c, edge)
	t := edge.value.Threshold
	r.addRuleStep(c, "assessed.none", exact, MoneyValue(money.Amount{}),
		Input{"total", MoneyValue(c.assessable.Amount)}, Input{"threshold", MoneyValue(t.Amount)},
		Input{"edge", TextValue(t.EdgeText())})
}

// rateRoles returns the three alternative roles in which rules on assessed income have their rate.
func rateRoles() map[string]Kind {
	return map[string]Kind{"rate": KindRate, "rates": KindRates, "bands": KindBands}
}

// addRoles adds roles of one kind of definition to a map of roles.
func addRoles(roles map[string]Kind, kind Kind, names ...string) map[string]Kind {
	for _, n := range names {
		roles[n] = kind
	}
	return roles
}

// newAssessedRule reads the roles that all rules on assessed income have.
func (b *Book) newAssessedRule(r compiledRule, told ...string) assessedRule {
	m := r.method
	return assessedRule{compiledRule: r, stepNames: told, rate: b.readRole(m, "rate", r.engine),
		rates: b.readRole(m, "rates", r.engine), bands: b.readRole(m, "bands", r.engine)}
}

// turnoverLevy taxes turnover at a local rate (核定征收率): the whole turnover, or what exceeds an
// allowance or a threshold.
type turnoverLevy struct {
	assessedRule
	// zeroBand is a threshold: no tax below it, and from there on tax on the whole turnover.
	zeroBand roleValue
	// excessOver is a threshold: no tax below it, and from there on tax on the excess only.
	excessOver roleValue
	allowance  roleValue
	// temporaryRate is a lower rate for a time, shown as a relief.
	temporaryRate roleValue
	// quotaCut is the share by which the tax is lowered for a time.
	quotaCut roleValue
}

// turnoverLevyMethodSpec describes the method of turnoverLevy for rule files: its roles, and how
// its rule is built.
func turnoverLevyMethodSpec() methodSpec {
	roles := addRoles(addRoles(addRoles(rateRoles(), KindThreshold, "zero_band", "excess_over"),
		KindAmount,
		"allowance"), KindRate, "temporary_rate", "quota_cut")
	return methodSpec{optional: roles, toleratesMissing: true,
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &turnoverLevy{assessedRule: b.newAssessedRule(r, "assessed.none", "assessed.tax",
				"assessed.relief"), zeroBand: b.readRole(m, "zero_band", r.engine),
				excessOver: b.readRole(m, "excess_over",
					r.engine),
				allowance: b.readRole(m, "allowance", r.engine), temporaryRate: b.readRole(m, "temporary_rate",
					r.engine),
				quotaCut: b.readRole(m, "quota_cut", r.engine)}
		}}
}

// Calculate taxes the turnover above threshold and allowance at the rate of the place.
func (r *turnoverLevy) Calculate(c *Calculation) error {
	total := c.assessable.Amount
	base, isTaxed, err := r.taxedBase(c)
	if err != nil || !isTaxed {
		return err
	}
	rate, err := r.findRate(c, total)
	if err != nil {
		return err
	}
	a := c.assessed
	a.Base = base
	a.Rate = rate
	a.Rated = true
	a.Ordinary = base.Times(rate, money.HalfUp)
	a.Tax = a.Ordinary
	r.addRuleStep(c, "assessed.tax", rounded, MoneyValue(a.Tax), Input{"total", MoneyValue(total)},
		Input{"base", MoneyValue(base)}, Input{"rate", RateValue(rate)})
	r.applyRelief(c)
	return nil
}

// taxedBase returns the turnover that exceeds threshold and allowance; isTaxed is false where the
// turnover does not meet a threshold, so that nothing is due.
func (r *turnoverLevy) taxedBase(c *Calculation) (base money.Amount, isTaxed bool, err error) {
	total := c.assessable.Amount
	base = total
	for _, edge := range []*roleValue{&r.zeroBand, &r.excessOver} {
		if !edge.isFilled {
			continue
		}
		if err := edge.requireValue(c); err != nil {
			return base, false, err
		}
		// below the threshold nothing is due, so a missing rate is no gap
		if !edge.value.Threshold.IsMet(total) {
			r.recordUntaxed(c, edge)
			return base, false, nil
		}
		r.recordUse(c, edge)
	}
	if r.excessOver.isFilled {
		base = base.Sub(r.excessOver.value.Threshold.Amount)
	}
	if r.allowance.isFilled {
		if err := r.allowance.requireValue(c); err != nil {
			return base, false, err
		}
		r.recordUse(c, &r.allowance)
		base = money.Max(base.Sub(r.allowance.value.Amount), money.Amount{})
	}
	return base, true, nil
}

// applyRelief lowers the tax by a temporary rate or a temporary cut, and records the difference as
// the relief.
func (r *turnoverLevy) applyRelief(c *Calculation) {
	a := c.assessed
	switch {
	case r.temporaryRate.isInForce():
		a.Rate = r.temporaryRate.value.Rate
		a.Tax = a.Base.Times(a.Rate, money.HalfUp)
		r.recordUse(c, &r.temporaryRate)
	case r.quotaCut.isInForce():
		a.Tax = a.Ordinary.Sub(a.Ordinary.Times(r.quotaCut.value.Rate, money.HalfUp))
		r.recordUse(c, &r.quotaCut)
	default:
		return
	}
	a.Relief = a.Ordinary.Sub(a.Tax)
	r.addRuleStep(c, "assessed.relief", rounded, MoneyValue(a.Tax),
		Input{"ordinary", MoneyValue(a.Ordinary)},
		Input{"relief", MoneyValue(a.Relief)})
}

// sliceLevy taxes each slice of the turnover at its own rate.
type sliceLevy struct{ assessedRule }

// slicesMethodSpec describes the method of slices for rule files: its roles, and how its rule is
// built.
func slicesMethodSpec() methodSpec {
	return methodSpec{needed: map[string]Kind{"bands": KindBands}, toleratesMissing: true,
		build: func(b *Book, r compiledRule) steppedRule {
			return &sliceLevy{b.newAssessedRule(r, "assessed.slices")}
		}}
}

// Calculate adds up the tax of all slices exactly and rounds the sum once.
func (r *sliceLevy) Calculate(c *Calculation) error {
	if err := r.bands.requireValue(c); err != nil {
		return err
	}
	r.recordUse(c, &r.bands)
	a := c.assessed
	total := c.assessable.Amount
	var below money.Amount
	sum := exactAmount{0, sliceUnit}
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
	a.Base, a.Tax = total, sum.roundedAmount()
	a.Ordinary = a.Tax
	r.addRuleStep(c, "assessed.slices", rounded, MoneyValue(a.Tax), Input{"total", MoneyValue(total)})
	return nil
}

// sliceUnit is the common denominator of the rates of slices, which have at most four decimals.
const sliceUnit = 10_000

// deemedProfit deems a share of revenue, or of costs grossed up, to be profit and taxes it by the
// brackets of business income; the profit of a partnership is split first. The rule follows Caishui
// [2000] No. 91, art. 9.
type deemedProfit struct {
	assessedRule
	zeroBand roleValue
	brackets roleValue
}

// deemedProfitMethodSpec describes the method of deemedProfit for rule files: its roles, and how
// its rule is built.
func deemedProfitMethodSpec() methodSpec {
	return methodSpec{needed: map[string]Kind{"brackets": KindBrackets},
		optional: addRoles(rateRoles(), KindThreshold, "zero_band"), toleratesMissing: true,
		build: func(b *Book, r compiledRule) steppedRule {
			return &deemedProfit{assessedRule: b.newAssessedRule(r, "assessed.none", "assessed.taxable",
				"assessed.level"), zeroBand: b.readRole(r.method, "zero_band", r.engine),
				brackets: b.readRole(r.method, "brackets", r.engine)}
		}}
}

// Calculate deems the profit and taxes it, for a partnership partner by partner.
func (r *deemedProfit) Calculate(c *Calculation) error {
	q, a := c.assessable, c.assessed
	if r.zeroBand.isFilled && q.Period == "month" {
		if err := r.zeroBand.requireValue(c); err != nil {
			return err
		}
		if !r.zeroBand.value.Threshold.IsMet(q.Amount) {
			r.recordUntaxed(c, &r.zeroBand)
			return nil
		}
	}
	rate, err := r.findRate(c, q.Amount)
	if err != nil {
		return err
	}
	if err := r.brackets.requireValue(c); err != nil {
		return err
	}
	r.recordUse(c, &r.brackets)
	profit := multiplyExact(q.Amount, rate)
	// costs are the share 1 - rate of revenue, so the profit is costs x rate / (1 - rate)
	if q.Basis == "cost" {
		profit.den = rate.Den() - rate.Num()
	}
	a.Base = q.Amount
	a.Rate = rate
	a.Rated = true
	a.Taxable = profit.roundedAmount()
	r.addRuleStep(c, "assessed.taxable", rounded, MoneyValue(a.Taxable),
		Input{"total", MoneyValue(q.Amount)},
		Input{"rate", RateValue(rate)}, Input{"basis", TextValue(q.Basis)})
	r.taxProfit(c, profit)
	return nil
}

// taxProfit taxes the deemed profit by the brackets of business income: as a whole, or for a
// partnership each partner's share by itself.
func (r *deemedProfit) taxProfit(c *Calculation, profit exactAmount) {
	q, a := c.assessable, c.assessed
	t := newBracketTable(r.brackets.value.Brackets)
	if len(q.Partners) == 0 {
		a.Level, a.Tax = t.bracketAndTax(profit)
		a.Ordinary = a.Tax
		r.addBracketStep(c, a.Taxable, a.Level, a.Tax)
		return
	}
	for _, p := range q.Partners {
		part := multiplyExact(a.Taxable, p.Share.Fraction())
		level, tax := t.bracketAndTax(part)
		a.Partners = append(a.Partners, PartnerTax{ID: p.ID, Taxable: part.roundedAmount(), Tax: tax})
		a.Tax = a.Tax.Add(tax)
		r.addBracketStep(c, part.roundedAmount(), level, tax)
	}
	a.Ordinary = a.Tax
}

// addBracketStep records the tax of one taxable amount with its bracket; without a level the rate
// is 0.
func (r *deemedProfit) addBracketStep(c *Calculation, taxable money.Amount, level *Bracket,
	tax money.Amount) {
	if level == nil {
		level = &Bracket{Rate: money.NewFraction(0, 1)}
	}
	r.addRuleStep(c, "assessed.level", rounded, MoneyValue(tax), Input{"taxable", MoneyValue(taxable)},
		Input{"rate", RateValue(level.Rate)}, Input{"quick_deduction", MoneyValue(level.Quick)})
}

// localFee is a local levy on revenue, such as the water conservancy fund.
type localFee struct{ assessedRule }

// localFeeMethodSpec describes the method of localFee for rule files: its roles, and how its rule
// is built.
func localFeeMethodSpec() methodSpec {
	return methodSpec{optional: rateRoles(), toleratesMissing: true,
		build: func(b *Book, r compiledRule) steppedRule {
			return &localFee{b.newAssessedRule(r, "assessed.tax")}
		}}
}

// Calculate levies the rate on the revenue, before any reduction for small payers.
func (r *localFee) Calculate(c *Calculation) error {
	a := c.assessed
	rate, err := r.findRate(c, c.assessable.Amount)
	if err != nil {
		return err
	}
	a.Base = c.assessable.Amount
	a.Rate = rate
	a.Rated = true
	a.Tax = a.Base.Times(rate, money.HalfUp)
	a.Ordinary = a.Tax
	r.addRuleStep(c, "assessed.tax", rounded, MoneyValue(a.Tax), Input{"total", MoneyValue(a.Base)},
		Input{"base", MoneyValue(a.Base)}, Input{"rate", RateValue(rate)})
	return nil
}
