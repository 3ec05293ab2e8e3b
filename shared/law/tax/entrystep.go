package tax

import "fenzhang/shared/bilingual"

// NewEntryStep returns a step of a computation that applies one rulebook entry by itself, such as a
// rate on a whole amount. The placeholders of its wording are the names of the inputs and {result};
// a result that is money was rounded half up.
func NewEntryStep(x *Entry, name, formula string, wording bilingual.Text, result Value,
	in ...Input) Step {
	return Step{spec: &stepSpec{name: name, rule: x.IDWithPlace(), formula: formula, law: x.Law,
		status: x.Status, wording: wording}, Inputs: in, Result: result, rounded: result.kind == 'a'}
}
