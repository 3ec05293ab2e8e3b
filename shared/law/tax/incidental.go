package tax

import "fenzhang/shared/bilingual"

// incidental is a prize or another windfall (偶然所得): a flat rate on the whole of each receipt,
// without deduction. Source: IIT Law art. 6(1)6; data in rules/national/iit/incidental.
type incidental struct {
	base
	table table // one level: the flat rate

	income, tax, due *stepSpec
}

func (r *incidental) resolve() error {
	return r.specs(map[string]**stepSpec{"iit.income": &r.income, "iit.tax": &r.tax,
		"iit.due": &r.due})
}

// Calculate taxes the receipt by itself.
func (r *incidental) Calculate(c *Calculation) error {
	now := c.laborIncome(r.income)
	level, tax := r.table.tax(fraction{now.Fen(), 1})
	c.finishIIT(&r.base, r.tax, r.due, outcome{income: now, taxable: now, level: level, tax: tax},
		false)
	return nil
}

func incidentalSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"brackets": KindBrackets},
		build:  func(b *Book, r base) resolver { return &incidental{base: r, table: b.table(r.method)} }}
}

// inKindRule is the rule by which things in kind count at their market price.
const inKindRule = "iit.in_kind"

// inKind counts what is given in kind (实物奖励): it is income at its market price, and its tax is
// taken from the money. Source: IIT Regulations art. 8; data in rules/national/iit/in_kind.yaml.
type inKind struct {
	ownQuestion
	step *stepSpec
}

func (r *inKind) resolve() error { return r.specs(map[string]**stepSpec{"iit.in_kind": &r.step}) }

// countInKind adds what the payment gives in kind to the income that income tax sees.
func (c *Calculation) countInKind(b *Book) error {
	f := c.facts
	if f.InKind.IsZero() {
		return nil
	}
	r, ok := b.find(inKindRule).(*inKind)
	if !ok {
		return &Gap{Rule: inKindRule, On: f.PaymentDate,
			Missing: bilingual.Text{ZH: "该日没有实物所得计价的规定",
				EN: "no rule on the value of things in kind is in force on that day"}}
	}
	c.inKind = f.InKind
	c.step(r.step, exact, Money(c.gross.Add(f.InKind)), Input{"cash", Money(c.gross)},
		Input{"in_kind", Money(f.InKind)})
	c.unconfirmed(r.unconfirmed...)
	return nil
}

func inKindSpec() methodSpec {
	return methodSpec{apart: true, build: func(_ *Book, r base) resolver {
		return &inKind{ownQuestion: ownQuestion{r}}
	}}
}
