package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// ContractStep is a step that a contract's clause decides and not the law: how a gross is shared.
// The inputs name what the clause looked at, beside the gross and the clause itself.
func ContractStep(step, clause, formula string, gross, share money.Amount, inputs []Input,
	text bilingual.Text) Step {
	return Step{Inputs: append([]Input{{"gross", Money(gross)}, {"clause", Word(clause)}}, inputs...),
		Result: Money(share),
		spec: &stepSpec{name: step, rule: "contract", formula: formula, status: Confirmed,
			wording: text, told: true}}
}
