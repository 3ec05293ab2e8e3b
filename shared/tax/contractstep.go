package tax

import "fenzhang/shared/money"

// ContractStep is a step that a contract's clause decides and not the law: how a gross is shared.
func ContractStep(step, clause string, gross, share money.Amount, text Text) Step {
	return Step{Inputs: []Input{{"gross", Money(gross)}, {"clause", Word(clause)}}, Result: Money(share),
		spec: &stepSpec{name: step, rule: "contract", formula: "share of gross", status: Confirmed, wording: text, told: true}}
}
