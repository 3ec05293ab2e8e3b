package tax

import "fenzhang/shared/bilingual"

// incidentalIncome withholds IIT on a prize or another windfall (偶然所得): a flat rate on each receipt
// as a whole, without deduction. The rule follows IIT Law art. 6(1)6; its data are in
// rules/national/iit/incidental.
type incidentalIncome struct {
	compiledRule
	// table has one level with the flat rate.
	table bracketTable

	income, tax, due *stepSpec
}

// resolveSteps finds the wording of the steps of incidentalIncome in its rule file.
func (r *incidentalIncome) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.income": &r.income, "iit.tax": &r.tax,
		"iit.due": &r.due})
}

// Calculate taxes the receipt by itself, whatever was paid before.
func (r *incidentalIncome) Calculate(c *Calculation) error {
	now := c.incomeAfterVAT(r.income)
	level, tax := r.table.bracketAndTax(exactAmount{now.Fen(), 1})
	c.finishIIT(&r.compiledRule, r.tax, r.due,
		outcome{income: now, taxable: now, level: level, tax: tax},
		false)
	return nil
}

// incidentalMethodSpec describes the method of incidental for rule files: its roles, and how its
// rule is built.
func incidentalMethodSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"brackets": KindBrackets},
		build: func(b *Book, r compiledRule) steppedRule {
			return &incidentalIncome{compiledRule: r, table: b.bracketsInRole(r.method)}
		}}
}

// inKindRule is the id of the rule by which things in kind count at their market price.
const inKindRule = "iit.in_kind"

// inKindValuation counts things given in kind (实物奖励) as income at their market price; the tax on
// them is withheld from the money. The rule follows IIT Regulations art. 8; its data are in
// rules/national/iit/in_kind.yaml.
type inKindValuation struct {
	questionRule
	step *stepSpec
}

// resolveSteps finds the wording of the steps of inKindValuation in its rule file.
func (r *inKindValuation) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"iit.in_kind": &r.step})
}

// addInKindIncome adds the things that the payment gives in kind to the income that IIT sees.
//
// Errors: *Gap where no rule on their value is in force.
func (c *Calculation) addInKindIncome(b *Book) error {
	f := c.facts
	if f.InKind.IsZero() {
		return nil
	}
	r, ok := b.findRule(inKindRule).(*inKindValuation)
	if !ok {
		return &Gap{Rule: inKindRule, On: f.PaymentDate,
			Missing: bilingual.Text{ZH: "该日没有实物所得计价的规定",
				EN: "no rule on the value of things in kind is in force on that day"}}
	}
	c.inKind = f.InKind
	c.addStep(r.step, exact, MoneyValue(c.gross.Add(f.InKind)), Input{"cash", MoneyValue(c.gross)},
		Input{"in_kind", MoneyValue(f.InKind)})
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// inKindMethodSpec describes the method of inKind for rule files: its roles, and how its rule is
// built.
func inKindMethodSpec() methodSpec {
	return methodSpec{isQuestion: true, build: func(_ *Book, r compiledRule) steppedRule {
		return &inKindValuation{questionRule: questionRule{r}}
	}}
}
