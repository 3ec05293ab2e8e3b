package example_test

import (
	"encoding/json"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/taxpack"
)

// Whatever an example's inputs hold, it is computed or refused: nothing is out of range for the arithmetic.
func FuzzCompanyExamples(f *testing.F) {
	kinds := []string{"vat_general", "vat_sales_limit", "cultural_fee", "stamp", "cit", "cit_deduction", "late_fee", "due_date"}
	examples, err := example.ReadExamples(rules.NationalPack())
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range examples {
		for i, kind := range kinds {
			if x.Tax == kind {
				f.Add(uint8(i), x.Date, []byte(x.Inputs))
			}
		}
	}
	corpus, err := taxpack.LoadCorpus(rules.NationalPack())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind uint8, day string, inputs []byte) {
		x := example.Example{ID: "x", Tax: kinds[int(kind)%len(kinds)], Date: day, Inputs: inputs, Expected: json.RawMessage(`{"nothing":"1.00"}`)}
		if o := example.Check(corpus, x); o.State != example.Failed || len(o.Mismatch) == 0 {
			t.Fatalf("%s: %+v", inputs, o)
		}
	})
}
