package settlement

import (
	"encoding/json"
	"slices"

	"fenzhang/shared/law/tax"
)

// Encode returns the figures as JSON, the steps of the computation last because they are most of
// the text. Tenant and settlement are left out, because they are part of the key of the stored
// item.
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

// stepSize is the usual length of an encoded step in bytes; the buffer is allocated by it.
const stepSize = 850

// DecodeFigures decodes figures that Encode has encoded.
func DecodeFigures(doc []byte) (Figures, error) {
	var d struct {
		Figures
		Steps []tax.Step
	}
	err := json.Unmarshal(doc, &d)
	d.Result.Steps = d.Steps
	return d.Figures, err
}
