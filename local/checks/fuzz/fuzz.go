// Package fuzz runs every fuzz target of the repository for a while, one after the other. An input
// that fails is written below testdata/fuzz of its package, and go test repeats it from then on.
package fuzz

import (
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"time"
)

// Command registers the flags of the subcommand fuzz and returns the function that runs it.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	span := flags.Duration("time", 30*time.Second, "how long each target is run")
	only := flags.String("only", "", "one target instead of all of them")
	return func(ctx context.Context, out io.Writer) (bool, error) {
		return runTargets(ctx, *span, *only, out)
	}
}

// target is one fuzz function and the folder of its package.
type target struct{ folder, name string }

// fuzzDeclaration matches the declaration of a fuzz function in a test file.
var fuzzDeclaration = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// findTargets lists every fuzz function below a tree, or only the function with a given name.
//
// Errors: an error when there is no such function.
func findTargets(tree fs.FS, only string) ([]target, error) {
	var list []target
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		for _, m := range fuzzDeclaration.FindAllSubmatch(data, -1) {
			if f := string(m[1]); only == "" || only == f {
				list = append(list, target{path.Dir(name), f})
			}
		}
		return err
	})
	if err == nil && list == nil {
		err = fmt.Errorf("there is no fuzz target %s", only)
	}
	return list, err
}

// runTargets runs each fuzz target for a time span and stops at the first that finds an input that
// fails. It reports whether no target found one.
func runTargets(ctx context.Context, span time.Duration, only string, out io.Writer) (bool, error) {
	list, err := findTargets(os.DirFS("."), only)
	if err != nil {
		return false, err
	}
	for _, t := range list {
		_, _ = fmt.Fprintf(out, "%s in %s, %s\n", t.name, t.folder, span)
		// -run ^$ skips the other tests of the package
		//nolint:gosec // the arguments are names of this repository's own tests
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime",
			span.String(), "-fuzzminimizetime", "1s", "./"+t.folder)
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		if err := cmd.Run(); err != nil {
			_, _ = fmt.Fprintf(out, "%s: %v\n", t.name, err)
			return false, nil // go test has printed the input that fails
		}
	}
	_, err = fmt.Fprintf(out, "%d targets, nothing found\n", len(list))
	return true, err
}
