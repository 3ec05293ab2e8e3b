// Command contractcheck runs the worked examples that stand beside contracts and says what differs.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fenzhang/shared/contract/contractcheck"
)

func main() {
	files := os.Args[1:]
	if len(files) == 0 || files[0] == "" {
		files, _ = filepath.Glob("samples/*/contracts/*.examples.yaml") // the pattern is a good one
	}
	ok, err := run(files, os.Stdout)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

var errNoFiles = errors.New("no examples found; usage: make contract-check [FILE=<contract with examples, YAML>]")

// run checks every example of the files and tells whether all passed.
func run(files []string, out io.Writer) (bool, error) {
	if len(files) == 0 {
		return false, errNoFiles
	}
	passed, failed := 0, 0
	for _, name := range files {
		data, err := os.ReadFile(name) //nolint:gosec // the file that the caller names is the purpose
		if err != nil {
			return false, err
		}
		f, err := contractcheck.Read(data)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		for _, o := range contractcheck.Run(f) {
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
