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

// none is a rule that says, with its article, that nothing is kept back.
type none struct {
	base
	step *stepSpec
}

func (r *none) resolve() error { return r.specs(map[string]**stepSpec{"none": &r.step}) }

// Calculate writes the reason.
func (r *none) Calculate(c *Calculation) error {
	c.step(r.step, exact, Word("0.00"), Input{"kind", Word(c.facts.Taxpayer.Kind)},
		Input{"item", Word(c.item)}, Input{"date", Day(c.facts.VATDate)})
	c.unconfirmed(r.unconfirmed...)
	return nil
}

// selfFiled is a tax that the payee declares itself and that cannot be estimated from one payer's
// payments: the line says what would have to be known, and gives no figure.
type selfFiled struct {
	base
	step *stepSpec
}

func (r *selfFiled) resolve() error {
	if len(r.method.Missing) == 0 {
		return errors.New("method self_filed must say what is missing")
	}
	return r.specs(map[string]**stepSpec{"self_filed": &r.step})
}

// Calculate adds the obligation without a figure.
func (r *selfFiled) Calculate(c *Calculation) error {
	c.step(r.step, exact, Word("unknown"), Input{"kind", Word(c.facts.Taxpayer.Kind)},
		Input{"collection", Word(c.facts.Taxpayer.Collection)})
	c.res.PayeeObligations = append(c.res.PayeeObligations,
		Line{Tax: r.def.Tax, Item: c.item, Collection: SelfFiled, BorneBy: BorneByCreator,
			Law: r.step.law, Status: r.worst, Missing: r.method.Missing})
	c.unconfirmed(r.unconfirmed...)
	return nil
}

// gapRule stands where a rule would apply but something it needs has no value in these days.
type gapRule struct {
	id        string
	tax       string
	when      expression
	selfFiled bool // the rule only estimates what the payee files itself
	gap       Gap
}

// ID gives the id of the rule it stands for.
func (r *gapRule) ID() string { return r.id }

// Validate gives the gap.
func (r *gapRule) Validate() error { return &r.gap }

// Applies tells whether the rule it stands for would apply.
func (r *gapRule) Applies(c *Calculation) bool {
	switch r.tax {
	case UMCT, EDU, LEDU:
		return c.vat.on && r.when.holds(c)
	}
	return r.when.holds(c)
}

// Calculate fails with the gap. An estimate of what the payee files itself becomes a named unknown
// instead: what is paid and kept back does not hang on it.
func (r *gapRule) Calculate(c *Calculation) error {
	if ofPayer(r.tax) {
		c.payerLine(r.tax, nil,
			[]bilingual.Text{{ZH: r.gap.Rule + "：" + r.gap.Missing.ZH,
				EN: r.gap.Rule + ": " + r.gap.Missing.EN}})
		c.unconfirmed(r.gap.Rule)
		return nil
	}
	if r.selfFiled || (c.vat.on && c.vat.collection == SelfFiled) {
		c.res.PayeeObligations = append(c.res.PayeeObligations,
			Line{Tax: r.tax, Item: c.item, Collection: SelfFiled, BorneBy: BorneByCreator, Status: Open,
				Missing: []bilingual.Text{
					{ZH: r.gap.Rule + "：" + r.gap.Missing.ZH, EN: r.gap.Rule + ": " + r.gap.Missing.EN}}})
		c.unconfirmed(r.gap.Rule)
		return nil
	}
	g := r.gap
	g.On = c.facts.PaymentDate
	if r.tax != IIT && r.tax != CIT {
		g.On = c.facts.VATDate
	}
	return &g
}

// Explain has nothing to explain.
func (r *gapRule) Explain(string) (StepText, bool) { return StepText{}, false }

// openRule is a rule whose text is unread or disputed: a gap, unless a position chooses one of its
// readings.
type openRule struct {
	base
	value    *Dated
	readings map[string]TaxRule
}

func (b *Book) compileOpen(d *Definition, v *Dated, e *Engine) (TaxRule, expression, error) {
	when, err := compileExpression(v.Method.When)
	if err != nil {
		return nil, when, err
	}
	r := &openRule{base: base{def: d, when: when, method: &v.Method, law: v.Law, status: Open,
		worst: Open}, value: v, readings: map[string]TaxRule{}}
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

// Validate tells that the rule is open.
func (r *openRule) Validate() error { return r.gap(r.value.From) }

func (r *openRule) gap(on civil.Date) error {
	return &Gap{Rule: r.def.ID, On: on, Missing: r.value.openText()}
}

// Calculate follows the position's reading, or fails with the gap.
func (r *openRule) Calculate(c *Calculation) error {
	p := c.positionOn(r.def.ID)
	if p == nil {
		return r.gap(c.facts.VATDate)
	}
	rule := r.readings[p.Reading]
	if rule == nil {
		return unknownReading(r.def.ID, p.Reading, c.facts.VATDate, r.value)
	}
	c.usePosition(p)
	c.position = p.ID
	defer func() { c.position = "" }()
	return rule.Calculate(c)
}

// unknownReading tells which readings the rule declares.
func unknownReading(rule, reading string, on civil.Date, v *Dated) error {
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
