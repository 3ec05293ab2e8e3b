package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// NewContractStep returns a step that a contract's clause decides and not the law: how a gross is
// shared. The inputs are what the clause depends on, beside the gross and the clause itself.
func NewContractStep(step, clause, formula string, gross, share money.Amount, inputs []Input,
	text bilingual.Text) Step {
	return Step{Inputs: append([]Input{{"gross", MoneyValue(gross)}, {"clause", TextValue(clause)}},
		inputs...),
		Result: MoneyValue(share),
		spec: &stepSpec{name: step, rule: "contract", formula: formula, status: Confirmed,
			wording: text, isFinalText: true}}
}
