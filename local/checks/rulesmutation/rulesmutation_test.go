package rulesmutation

import (
	"runtime"
	"slices"
	"strings"
	"testing"
)

const sample = `id: a.b
kind: threshold
title: {zh: "1.00 起", en: from 1.00 on}
values:
  - from: 2019-01-01
    to: 2019-12-31
    value: {amount: "100.00", edge: reach}
    status: confirmed
    note: {zh: "100.00", en: "100.00"}
    reference: {document: 甲, number: 乙2019年, article: "1.00", url: "https://example.cn/1.00", published: 2019-01-01}
`

// Each number, day and edge of the value is changed once up and once down, and nothing else in the file is.
func TestMutantsOf(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"threshold": {sample, []string{"x:5: 2019-01-01 -> 2018-12-31", "x:5: 2019-01-01 -> 2019-01-02", "x:6: 2019-12-31 -> 2019-12-30", "x:6: 2019-12-31 -> 2020-01-01",
			"x:7: 100.00 -> 100.01", "x:7: 100.00 -> 99.99", "x:7: reach -> exceed"}},
		"amount":   {"kind: amount\nvalues: [{value: \"0.00\"}]\n", []string{"x:2: 0.00 -> 1.00"}},
		"rate":     {"kind: rate\nvalues: [{value: \"0.03\"}]\n", []string{"x:2: 0.03 -> 0.04", "x:2: 0.03 -> 0.02"}},
		"small":    {"kind: rate\nvalues: [{value: \"0.005\"}]\n", []string{"x:2: 0.005 -> 0.0055", "x:2: 0.005 -> 0.0045"}},
		"whole":    {"kind: rate\nvalues: [{value: \"1\"}]\n", []string{"x:2: 1 -> 0.99"}},
		"rates":    {"kind: rates\nvalues: [{value: {other: \"0.10\", culture: open, period: \"0.20\"}}]\n", []string{"x:2: 0.10 -> 0.11", "x:2: 0.10 -> 0.09", "x:2: 0.20 -> 0.21", "x:2: 0.20 -> 0.19"}},
		"brackets": {"kind: brackets\nvalues: [{value: [{up_to: \"10.00\", rate: \"0.10\", quick: \"0.00\"}]}]\n", []string{"x:2: 10.00 -> 11.00", "x:2: 10.00 -> 9.00", "x:2: 0.10 -> 0.11", "x:2: 0.10 -> 0.09", "x:2: 0.00 -> 1.00"}},
		"bands":    {"kind: bands\nvalues: [{value: [{below: \"10.00\", rate: \"0\"}]}]\n", []string{"x:2: 10.00 -> 10.01", "x:2: 10.00 -> 9.99", "x:2: 0 -> 0.01"}},
		"days":     {"kind: threshold\nunit: days\nvalues: [{value: {amount: \"3.00\"}}]\n", []string{"x:3: 3.00 -> 4.00", "x:3: 3.00 -> 2.00"}},
		"when":     {"kind: method\nvalues: [{value: {method: levy2.00, when: \"revenue >= 90000.00\", uses: {a: b1.00}}}]\n", []string{"x:2: 90000.00 -> 90000.01"}},
		"notice":   {"holidays: [{from: 2026-01-01, to: 2026-01-03}]\nwork_days: [2026-01-04]\n", []string{"x:1: 2026-01-01 -> 2025-12-31", "x:1: 2026-01-01 -> 2026-01-02", "x:1: 2026-01-03 -> 2026-01-02", "x:1: 2026-01-03 -> 2026-01-04", "x:2: 2026-01-04 -> 2026-01-03", "x:2: 2026-01-04 -> 2026-01-05"}},
	} {
		list, err := mutantsOf("x", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range list {
			got = append(got, m.String())
			before, after := strings.Split(c.text, "\n"), strings.Split(string(m.data), "\n")
			for i := range before {
				if (before[i] != after[i]) != (i == m.line-1) {
					t.Errorf("%s: %s changes line %d: %s", name, m, i+1, after[i])
				}
			}
		}
		got = slices.DeleteFunc(got, func(s string) bool { return strings.HasSuffix(s, "-> 89999.99") })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if _, err := mutantsOf("x", []byte("a: b\n")); err == nil {
		t.Error("a file that is no rule")
	}
}

// The report names what nothing noticed, and the score is that of all files.
func TestReport(t *testing.T) {
	var out strings.Builder
	list := []*mutant{{file: "a", line: 3, was: "1", is: "2"}, {file: "a", line: 4, was: "1", is: "2"}, {file: "b", line: 1, was: "x", is: "y"}, {file: "b", line: 1, was: "x", is: "z"}}
	if score := printReport(&out, list, []bool{true, false, true, true}); score != 75 {
		t.Errorf("%v", score)
	}
	for _, want := range []string{"not noticed:\n  a:4: 1 -> 2\n", "a     2        1        1         50%", "b     2        2        0         100%"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// The national pack reaches its floor, and an example less is noticed.
func TestNational(t *testing.T) {
	var out strings.Builder
	ok, err := measurePack("national", runtime.GOMAXPROCS(0), &out)
	if err != nil || !ok {
		t.Errorf("%v\n%s", err, out.String())
	}
	l, err := newLaboratory("national")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := l.listMutants()
	if err != nil {
		t.Fatal(err)
	}
	l.examples = l.examples[:0]
	if killed := l.findKilled(list[:50], 2); !slices.Contains(killed, false) {
		t.Error("without examples everything is noticed all the same")
	}
	if _, err := newLaboratory("990000"); err == nil {
		t.Error("a pack that is not there")
	}
}
