package audit

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Print writes the report for people: each chain, each failed check, and "N passed, N failed" as
// the last line. Print returns true when at least one check passed and none failed.
func (r Report) Print(w io.Writer) (bool, error) {
	var text strings.Builder
	for _, c := range r.Chains {
		fmt.Fprintf(&text, "%s: %d records in %d batches", c.Tenant, c.Records, c.Batches)
		if c.Last.Count > 0 {
			fmt.Fprintf(&text, ", last head over %d records, signed %s", c.Last.Count,
				c.Last.At.Format(time.RFC3339))
		}
		text.WriteByte('\n')
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "FAIL %s\n", f)
	}
	if r.Passed+r.Failed == 0 {
		text.WriteString("there is nothing to check\n")
	}
	fmt.Fprintf(&text, "%d passed, %d failed\n", r.Passed, r.Failed)
	_, err := io.WriteString(w, text.String())
	return r.Failed == 0 && r.Passed > 0, err
}
