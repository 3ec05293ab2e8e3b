// Package contractcheck computes the worked examples of contract files and prints the differences.
package contractcheck

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fenzhang/shared/contract/contractcheck"
)

// Command returns the function that checks the examples of the named files, or of all samples when
// none is named.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	return func(_ context.Context, out io.Writer) (bool, error) {
		files := flags.Args()
		if flags.Arg(0) == "" {
			files, _ = filepath.Glob("samples/*/contracts/*.examples.yaml") // fails for bad patterns only
		}
		return checkExamples(files, out)
	}
}

var errNoFiles = errors.New(
	"no examples found; usage: make contract-check [FILE=<contract with examples, YAML>]")

// checkExamples checks every example of the files and returns whether all passed.
func checkExamples(files []string, out io.Writer) (bool, error) {
	if len(files) == 0 {
		return false, errNoFiles
	}
	passed, failed := 0, 0
	for _, name := range files {
		data, err := os.ReadFile(name) //nolint:gosec // the path is an argument of the command
		if err != nil {
			return false, err
		}
		f, err := contractcheck.ReadFile(data)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		for _, o := range contractcheck.CheckExamples(f) {
			if len(o.Differs) == 0 {
				passed++
				continue
			}
			failed++
			_, _ = fmt.Fprintf(out, "FAILED %s: %s\n", name, o.Says)
			for _, d := range o.Differs {
				_, _ = fmt.Fprintf(out, "  %s\n", d)
			}
		}
	}
	_, _ = fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	return failed == 0, nil
}
