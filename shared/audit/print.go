package audit

import (
	"fmt"
	"io"
	"time"
)

// Print writes a report for people: each chain, each failed check, and "N passed, N failed" as the last line. It
// tells whether nothing failed; a folder without anything to check has not passed.
func (r Report) Print(w io.Writer) bool {
	for _, c := range r.Chains {
		fmt.Fprintf(w, "%s: %d records in %d batches", c.Tenant, c.Records, c.Batches)
		if c.Last.Count > 0 {
			fmt.Fprintf(w, ", last head over %d records, signed %s", c.Last.Count, c.Last.At.Format(time.RFC3339))
		}
		fmt.Fprintln(w)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(w, "FAIL %s\n", f)
	}
	if r.Passed+r.Failed == 0 {
		fmt.Fprintln(w, "there is nothing to check")
	}
	fmt.Fprintf(w, "%d passed, %d failed\n", r.Passed, r.Failed)
	return r.Failed == 0 && r.Passed > 0
}
