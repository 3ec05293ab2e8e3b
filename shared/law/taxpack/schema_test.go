package taxpack_test

import (
	"os"
	"strings"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/law/ruleschema"
)

func schema(t *testing.T) *ruleschema.Schema {
	t.Helper()
	data, err := os.ReadFile("../../../rules/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ruleschema.NewSchema(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every file of every pack keeps to rules/schema.json, which editors and other tools read: rules, manifests, holiday
// notices, examples.
func TestSchema(t *testing.T) {
	problems, files, err := schema(t).ListProblemsBelow(rules.Files)
	if err != nil || files < 400 {
		t.Fatalf("%d files, %v", files, err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

const (
	ruleHead  = "id: a.b\ntitle: {zh: 甲, en: A}\n"
	cited     = `reference: {document: 甲, number: 乙, article: 丙, url: "https://example.cn", published: 2019-01-01}`
	schemaEnd = ", status: confirmed, " + cited + "}]\n"
)

// The schema refuses what is no rule file, and says where.
func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	for name, c := range map[string]struct{ text, at string }{
		"a value without reference":     {ruleHead + "kind: amount\nvalues: [{from: 2019-01-01, value: \"1.00\", status: confirmed}]\n", "values/0: missing property 'reference'"},
		"a value without status":        {ruleHead + "kind: amount\nvalues: [{from: 2019-01-01, value: \"1.00\", " + cited + "}]\n", "values/0: missing property 'status'"},
		"an amount with three decimals": {ruleHead + "kind: amount\nvalues: [{from: 2019-01-01, value: \"1.000\"" + schemaEnd, "values/0/value: "},
		"a rate in a place of a table":  {ruleHead + "kind: brackets\nvalues: [{from: 2019-01-01, value: \"0.20\"" + schemaEnd, "values/0/value: "},
		"an unknown edge":               {ruleHead + "kind: threshold\nvalues: [{from: 2019-01-01, value: {amount: \"1.00\", edge: near}" + schemaEnd, "values/0/value/edge: "},
		"both edges in a band":          {ruleHead + "kind: bands\nvalues: [{from: 2019-01-01, value: [{below: \"1.00\", up_to: \"1.00\", rate: \"0\"}, {rate: \"0.1\"}]" + schemaEnd, "values/0/value/0: "},
		"a rate above one":              {ruleHead + "kind: rates\nvalues: [{from: 2019-01-01, value: {other: \"1.5.\"}" + schemaEnd, "values/0/value/other: "},
		"an unknown kind":               {ruleHead + "kind: guess\nvalues: [{from: 2019-01-01, value: x" + schemaEnd, "kind: "},
		"an unknown key":                {ruleHead + "kind: rate\nunti: x\nvalues: [{from: 2019-01-01, value: \"0.1\"" + schemaEnd, "file: additional properties 'unti'"},
		"steps of a rate":               {ruleHead + "kind: rate\nsteps: {a: {formula: x, text: {zh: 甲, en: A}}}\nvalues: [{from: 2019-01-01, value: \"0.1\"" + schemaEnd, "file: "},
		"a method without a tax":        {ruleHead + "kind: method\nvalues: [{from: 2019-01-01, value: {method: none}" + schemaEnd, "file: missing property 'tax'"},
		"a lapse with a value":          {ruleHead + "kind: rate\nvalues: [{from: 2019-01-01, lapsed: {zh: 甲, en: A}, value: \"0.1\", " + cited + "}]\n", "values/0: "},
		"an open value without a note":  {ruleHead + "kind: rate\nvalues: [{from: 2019-01-01, status: open, " + cited + "}]\n", "values/0: missing property 'note'"},
		"readings of what is confirmed": {ruleHead + "kind: choice\nvalues: [{from: 2019-01-01, value: x, readings: {a: {title: {zh: 甲, en: A}}}" + schemaEnd, "values/0: "},
		"a locality without six digits": {ruleHead + "kind: rate\nlocality: \"4415\"\nvalues: [{from: 2019-01-01, value: \"0.1\"" + schemaEnd, "locality: "},
		"a local manifest without kind": {"pack: \"110000\"\njurisdiction: \"110000\"\nversion: 2026.11.22\ntitle: {zh: 甲, en: A}\nparents: [national]\n", "file: missing properties 'kind', 'confidence'"},
		"a notice without days":         {"year: 2026\ntitle: {zh: 甲, en: A}\nstatus: confirmed\nholidays: []\n" + cited + "\n", "holidays: "},
		"an example of tax and place":   {"- {id: a, source: x, tax: stamp, jurisdiction: \"110000\", date: 2026-01-01, inputs: {a: b}, expected: {a: b}}\n", "0: "},
		"an example without a result":   {"- {id: a, source: x, tax: stamp, date: 2026-01-01, inputs: {a: b}}\n", "0: missing property 'expected'"},
		"no YAML":                       {"a: [b\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			problems := s.ListProblems([]byte(c.text))
			for _, p := range problems {
				if strings.HasPrefix(p, c.at) {
					return
				}
			}
			t.Errorf("want a problem %q, got %q", c.at, problems)
		})
	}
	if p := s.ListProblems([]byte(ruleHead + "kind: rate\nvalues: [{from: 2019-01-01, value: \"0.1\"" + schemaEnd)); p != nil {
		t.Errorf("a good file: %q", p)
	}
}
