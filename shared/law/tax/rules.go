package tax

import (
	"errors"
	"sort"
	"strings"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
)

var errRates = errors.New(
	"a surcharge needs a definition in role rate, or in rate_city, rate_county and rate_other")

// noTaxRule says, with its article, that nothing is withheld: a zero that the law decides.
type noTaxRule struct {
	compiledRule
	step *stepSpec
}

// resolveSteps finds the wording of the rule's only step.
func (r *noTaxRule) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"none": &r.step})
}

// Calculate records why nothing is withheld.
func (r *noTaxRule) Calculate(c *Calculation) error {
	c.addStep(r.step, exact, TextValue("0.00"), Input{"kind", TextValue(c.facts.Taxpayer.Kind)},
		Input{"item", TextValue(c.item)}, Input{"date", DayValue(c.facts.VATDate)})
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// selfFiledRule is a tax that the payee files itself and that cannot be estimated from one payer's
// payments. The obligation's line has no figure and lists the facts that an estimate would need.
type selfFiledRule struct {
	compiledRule
	step *stepSpec
}

// resolveSteps finds the wording of the rule's step and checks that the rule file names what is
// missing.
func (r *selfFiledRule) resolveSteps() error {
	if len(r.method.Missing) == 0 {
		return errors.New("method self_filed must say what is missing")
	}
	return r.fillSteps(map[string]**stepSpec{"self_filed": &r.step})
}

// Calculate adds the payee's obligation without a figure.
func (r *selfFiledRule) Calculate(c *Calculation) error {
	c.addStep(r.step, exact, TextValue("unknown"), Input{"kind", TextValue(c.facts.Taxpayer.Kind)},
		Input{"collection", TextValue(c.facts.Taxpayer.Collection)})
	c.result.PayeeObligations = append(c.result.PayeeObligations,
		Line{Tax: r.def.Tax, Item: c.item, Collection: SelfFiled, BorneBy: BorneByCreator,
			Law: r.step.law, Status: r.worstStatus, Missing: r.method.Missing})
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// gapRule replaces a rule that would apply but uses a definition without a value in these days.
type gapRule struct {
	id   string
	tax  string
	when expression
	// selfFiled says that the rule only estimates what the payee files itself.
	selfFiled bool
	gap       Gap
}

// ID returns the id of the rule that is replaced.
func (r *gapRule) ID() string { return r.id }

// Validate returns the gap, because the rule cannot compute.
func (r *gapRule) Validate() error { return &r.gap }

// Applies reports whether the replaced rule would apply.
func (r *gapRule) Applies(c *Calculation) bool {
	switch r.tax {
	// surcharges apply only where VAT was assessed
	case UMCT, EDU, LEDU:
		return c.periodVAT.isAssessed && r.when.isTrue(c)
	}
	return r.when.isTrue(c)
}

// Calculate fails with the gap. A tax of the payer, or an estimate of what the payee files itself,
// becomes a line without figures instead, because no payment and no withholding depends on it.
func (r *gapRule) Calculate(c *Calculation) error {
	if isPayerTax(r.tax) {
		c.addUnknownPayerTax(r.tax, nil,
			[]bilingual.Text{{ZH: r.gap.Rule + "：" + r.gap.Missing.ZH,
				EN: r.gap.Rule + ": " + r.gap.Missing.EN}})
		c.addUnconfirmed(r.gap.Rule)
		return nil
	}
	if r.selfFiled || (c.periodVAT.isAssessed && c.periodVAT.collection == SelfFiled) {
		c.result.PayeeObligations = append(c.result.PayeeObligations,
			Line{Tax: r.tax, Item: c.item, Collection: SelfFiled, BorneBy: BorneByCreator, Status: Open,
				Missing: []bilingual.Text{
					{ZH: r.gap.Rule + "：" + r.gap.Missing.ZH, EN: r.gap.Rule + ": " + r.gap.Missing.EN}}})
		c.addUnconfirmed(r.gap.Rule)
		return nil
	}
	g := r.gap
	g.On = c.facts.PaymentDate
	if r.tax != IIT && r.tax != CIT {
		g.On = c.facts.VATDate
	}
	return &g
}

// Explain returns no wording, because a gap writes no steps.
func (r *gapRule) Explain(string) (StepText, bool) { return StepText{}, false }

// openRule is a rule whose text was not read or is disputed: a gap, unless a tax position chooses
// one of its readings.
type openRule struct {
	compiledRule
	value    *DatedValue
	readings map[string]TaxRule
}

// compileOpenRule compiles every reading of an open rule, so that a faulty reading is found before
// a position chooses it.
func (b *Book) compileOpenRule(d *Definition, v *DatedValue,
	e *Engine) (TaxRule, expression, error) {
	when, err := compileExpression(v.Method.When)
	if err != nil {
		return nil, when, err
	}
	r := &openRule{compiledRule: compiledRule{def: d, when: when, method: &v.Method, law: v.Law,
		status:      Open,
		worstStatus: Open}, value: v, readings: map[string]TaxRule{}}
	for name, reading := range v.Readings {
		m := reading.Method
		rule, _, err := b.compileMethod(d, v, &m, Open, e)
		if err != nil {
			return nil, when, err
		}
		r.readings[name] = rule
	}
	return r, when, nil
}

// Validate returns the gap that says that the rule is open.
func (r *openRule) Validate() error { return r.openGap(r.value.From) }

// openGap returns the *Gap of the open rule on a day.
func (r *openRule) openGap(on civil.Date) error {
	return &Gap{Rule: r.def.ID, On: on, Missing: r.value.openReason()}
}

// Calculate computes by the reading that the tenant's tax position chooses, or fails with the gap.
func (r *openRule) Calculate(c *Calculation) error {
	p := c.positionForRule(r.def.ID)
	if p == nil {
		return r.openGap(c.facts.VATDate)
	}
	rule := r.readings[p.Reading]
	if rule == nil {
		return unknownReadingGap(r.def.ID, p.Reading, c.facts.VATDate, r.value)
	}
	c.recordPosition(p)
	// steps of the reading say that they rest on this position
	c.position = p.ID
	defer func() { c.position = "" }()
	return rule.Calculate(c)
}

// unknownReadingGap returns the *Gap of a position whose reading the rule does not declare; it
// lists the declared ones.
func unknownReadingGap(rule, reading string, on civil.Date, v *DatedValue) error {
	names := make([]string, 0, len(v.Readings))
	for n := range v.Readings {
		names = append(names, n)
	}
	sort.Strings(names)
	list := strings.Join(names, ", ")
	return &Gap{Rule: rule, On: on,
		Missing: bilingual.Text{ZH: "税务口径选择的“" + reading + "”不在可选口径之内：" + list,
			EN: "the position's reading \"" + reading + "\" is none of: " + list}}
}
