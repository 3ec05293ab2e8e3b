package settlement

import (
	"encoding/json"
	"slices"

	"fenzhang/shared/law/tax"
)

// Encode writes figures out: their steps, which are most of it, after all else. Whose they are is
// no part of it, that is their key.
func (f Figures) Encode() ([]byte, error) {
	steps := f.Result.Steps
	f.Tenant = ""
	f.Settlement = ""
	f.Result.Steps = nil
	doc, err := json.Marshal(f)
	if err != nil || steps == nil {
		return doc, err
	}
	doc = slices.Grow(doc[:len(doc)-1], len(steps)*stepSize)
	return append(tax.AppendSteps(append(doc, `,"Steps":`...), steps), '}'), nil
}

// stepSize is about what a step comes to when it is written, in bytes.
const stepSize = 850

// DecodeFigures reads what Encode wrote.
func DecodeFigures(doc []byte) (Figures, error) {
	var d struct {
		Figures
		Steps []tax.Step
	}
	err := json.Unmarshal(doc, &d)
	d.Result.Steps = d.Steps
	return d.Figures, err
}
