package audit_test

import (
	"strings"
	"testing"
	"time"

	"fenzhang/shared/audit"
)

func TestAReportIsPrintedForPeople(t *testing.T) {
	at := time.Date(2026, time.November, 30, 12, 0, 0, 0, time.UTC)
	finding := audit.Finding{Object: "demo/000000000002.ndjson", Record: "r2", Problem: audit.Added, Detail: "it is not signed"}
	for name, c := range map[string]struct {
		report audit.Report
		want   string
		passed bool
	}{
		"nothing": {audit.Report{}, "there is nothing to check\n0 passed, 0 failed\n", false},
		"passed": {audit.Report{Passed: 3, Chains: []audit.Chain{{Tenant: "demo", Records: 4, Batches: 2, Last: audit.HeadText{Count: 4, At: at}}, {Tenant: "new"}}},
			"demo: 4 records in 2 batches, last head over 4 records, signed 2026-11-30T12:00:00Z\nnew: 0 records in 0 batches\n3 passed, 0 failed\n", true},
		"failed": {audit.Report{Passed: 1, Failed: 1, Findings: []audit.Finding{finding}}, "FAIL demo/000000000002.ndjson: record r2: added: it is not signed\n1 passed, 1 failed\n", false},
		"a head": {audit.Report{Failed: 1, Findings: []audit.Finding{{Object: "head", Problem: audit.Missing}}}, "FAIL head: missing\n0 passed, 1 failed\n", false},
	} {
		var out strings.Builder
		if passed, err := c.report.Print(&out); err != nil || passed != c.passed || out.String() != c.want {
			t.Errorf("%s: %t, %v\n%s", name, passed, err, out.String())
		}
	}
}
