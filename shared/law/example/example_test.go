package example_test

import (
	"io/fs"
	"strings"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/taxpack"
)

func TestEveryExampleBesideTheRulesPasses(t *testing.T) {
	corpus, err := taxpack.LoadCorpus(rules.NationalPack(), rules.JurisdictionPacks()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range append([]fs.FS{rules.NationalPack()}, rules.JurisdictionPacks()...) {
		examples, err := example.ReadExamples(files)
		if err != nil || len(examples) == 0 {
			t.Fatalf("%d examples, %v", len(examples), err)
		}
		for _, x := range examples {
			t.Run(x.ID, func(t *testing.T) {
				if o := example.Check(corpus, x); o.State != example.Passed {
					t.Errorf("%s %v\n%s", o.State, o.Mismatch, strings.Join(o.Steps, "\n"))
				}
			})
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`[{"id":"a","tax":"vat_small","date":"2026-01-01","inputs":{},"expected":{}}]`), true)
	f.Add([]byte("- id: a\n  tax: iit\n  inputs: {a: \"1.00\"}\n  expected: {b: \"1.00\"}\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, json bool) {
		name := "x.yaml"
		if json {
			name = "x.json"
		}
		list, err := example.Parse(name, data)
		for _, x := range list {
			if err != nil || x.ID == "" {
				t.Fatalf("%v with %v", x, err)
			}
		}
	})
}

// An example of whatever kind with whatever inputs comes to an outcome that says why it failed: it never brings the
// program down.
func FuzzCheck(f *testing.F) {
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		f.Fatal(err)
	}
	seeds := map[string]int{}
	for _, files := range append([]fs.FS{rules.NationalPack()}, rules.JurisdictionPacks()...) {
		list, err := example.ReadExamples(files)
		if err != nil {
			f.Fatal(err)
		}
		for _, x := range list {
			if seeds[x.Tax]++; seeds[x.Tax] <= 5 {
				f.Add(x.Tax, x.Jurisdiction, x.Date, x.Taxpayer, []byte(x.Inputs), []byte(x.Expected))
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind, place, date, taxpayer string, inputs, expected []byte) {
		x := example.Example{ID: "x", Tax: kind, Jurisdiction: place, Date: date, Taxpayer: taxpayer, Inputs: inputs, Expected: expected}
		if o := example.Check(corpus, x); o.State == example.Failed && len(o.Mismatch) == 0 {
			t.Fatal("failed without a word")
		}
	})
}
