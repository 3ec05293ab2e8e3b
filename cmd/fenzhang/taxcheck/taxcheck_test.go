package taxcheck

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	tests := []struct {
		name, file, content string
		wantOK              bool
		wantLast            string
		wantPart            string
	}{
		{"all pass", "a.yaml", `- {id: a, tax: surcharges, date: 2026-10-31, inputs: {vat_payable: "1000.00", umct_rate: "0.07", half_six_taxes: true, period_type: month, sales_ex_vat: "100000.00"}, expected: {total: "35.00"}}`, true, "1 passed, 0 failed", ""},
		{"a mismatch shows the steps", "a.json", `[{"id":"bad","tax":"iit_labor_withholding","date":"2026-06-30","inputs":{"payments":["1000.00"],"same_project_same_month":true},"expected":{"withheld":"41.00"}}]`, false, "0 passed, 1 failed", "withheld: got \"40.00\", want \"41.00\""},
		{"a kind that is not built is skipped and counted", "a.json", `[{"id":"x","tax":"window_tax","date":"2026-06-30","inputs":{"a":1},"expected":{"b":1}}]`, true, "0 passed, 0 failed", "skipped: window_tax (1)"},
		{"an input that nobody reads fails", "a.json", `[{"id":"x","tax":"iit_labor_withholding","date":"2026-06-30","inputs":{"payments":[],"colour":"red"},"expected":{"withheld":"0.00"}}]`, false, "0 passed, 1 failed", "colour"},
		{"a lapsed reduction fails and names itself", "a.json", `[{"id":"x","tax":"surcharges","date":"2028-06-30","inputs":{"vat_payable":"1000.00","umct_rate":"0.07","half_six_taxes":true,"period_type":"month","sales_ex_vat":"900000.00"},"expected":{"umct":"35.00"}}]`, false, "0 passed, 1 failed", "relief.six_taxes_two_fees"},
		{"a gap fails and names its rule", "a.json", `[{"id":"x","tax":"vat_small","date":"2028-06-30","inputs":{"period_type":"month","periods":[{"period":"2028-06","sales_ex_vat":"1.00"}]},"expected":{"vat":["0.00"]}}]`, false, "0 passed, 1 failed", "2027-12-31"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			ok, err := checkExamples(file, &out)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if ok != tt.wantOK || lines[len(lines)-1] != tt.wantLast || !strings.Contains(out.String(), tt.wantPart) {
				t.Errorf("ok %v, output\n%s", ok, out.String())
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	if _, err := checkExamples(filepath.Join(t.TempDir(), "none.json"), &bytes.Buffer{}); err == nil {
		t.Error("a missing file must be an error")
	}
	file := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(file, []byte(`{"not":"a list"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := checkExamples(file, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "a.json") {
		t.Errorf("a file that is no list: %v", err)
	}
}
