// Package taxcheck computes the worked examples of a file with the tax rules in the binary and
// prints the differences.
package taxcheck

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"fenzhang/shared/law/example"
	"fenzhang/shared/law/taxpack"
)

// Command returns the function that checks the examples of one file.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	return func(_ context.Context, out io.Writer) (bool, error) {
		if flags.NArg() != 1 {
			return false, errUsage
		}
		return checkExamples(flags.Arg(0), out)
	}
}

var errUsage = errors.New("usage: make tax-check FILE=<list of examples, JSON or YAML>")

// checkExamples checks every example of a file and returns whether all that could be checked
// passed.
func checkExamples(file string, out io.Writer) (bool, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the path is an argument of the command
	if err != nil {
		return false, err
	}
	examples, err := example.Parse(file, data)
	if err != nil {
		return false, err
	}
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		return false, err
	}
	passed := 0
	failed := 0
	skipped := map[string]int{}
	for _, x := range examples {
		o := example.Check(corpus, x)
		switch o.State {
		case example.Passed:
			passed++
		case example.Skipped:
			skipped[x.Tax]++
		case example.Failed:
			failed++
			printMismatch(out, o)
		}
	}
	printSummary(out, passed, failed, skipped)
	return failed == 0, nil
}

// printMismatch prints the differences of a failed example, with the steps of the computation.
func printMismatch(out io.Writer, o example.Outcome) {
	_, _ = fmt.Fprintf(out, "FAILED %s (%s)\n", o.Example.ID, o.Example.Tax+o.Example.Jurisdiction)
	for _, m := range o.Mismatch {
		_, _ = fmt.Fprintf(out, "  %s\n", m)
	}
	for _, s := range o.Steps {
		_, _ = fmt.Fprintf(out, "    %s\n", s)
	}
	if len(o.Example.Steps) > 0 {
		_, _ = fmt.Fprintf(out, "  the example says:\n    %s\n", strings.Join(o.Example.Steps, "\n    "))
	}
}

// printSummary prints the number of skipped examples for each tax, and the last line "N passed, N
// failed", which scripts read.
func printSummary(out io.Writer, passed, failed int, skipped map[string]int) {
	kinds := make([]string, 0, len(skipped))
	total := 0
	for k, n := range skipped {
		kinds = append(kinds, k)
		total += n
	}
	sort.Strings(kinds)
	for _, k := range kinds {
		_, _ = fmt.Fprintf(out, "skipped: %s (%d), this kind of tax is not built yet\n", k, skipped[k])
	}
	if total > 0 {
		_, _ = fmt.Fprintf(out, "%d skipped\n", total)
	}
	_, _ = fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
}
