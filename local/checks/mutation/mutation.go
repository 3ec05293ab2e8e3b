// Package mutation measures how many bugs the tests of a package would find: it replaces each
// operator of the code by another, one at a time, and runs the tests that reach the operator. A
// mutant with which all tests pass has survived: a test is missing, or the code is needless.
//
// All mutants of a package are compiled into one test program; an environment variable selects the
// active mutant. Compiling each mutant separately, as other tools do, would take a second of
// processor time for each.
package mutation

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// leastScore is the least score of a package, in percent of its mutants.
const leastScore = 85.0

// equivalents lists the mutants that do not change what the code does, one on each line, with the
// reason.
//
//go:embed equivalent.txt
var equivalents string

// subject is a package whose tests are measured.
type subject struct {
	folder string
	// witnesses are other packages whose tests are run against the mutants too, because they use the
	// package through its API or its store.
	witnesses []string
}

// subjects returns the packages whose bugs would cost money or evidence.
func subjects() []subject {
	return []subject{
		{folder: "shared/money"},
		{folder: "shared/contract/split"},
		{folder: "shared/ledger"},
		{folder: "shared/payout"},
		{folder: "shared/audit"},
		{folder: "shared/settlement", witnesses: []string{
			"shared/settlement/settlementapi", "shared/settlement/settlementdb",
			"shared/settlement/taxapi", "shared/settlement/lawdiffapi", "shared/settlement/replay",
			"shared/books/ledgercheck",
		}},
	}
}

// Command registers the flags of the subcommand mutation and returns the function that runs it.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	only := flags.String("package", "", "one package instead of all of them, as shared/money")
	folder := flags.String("out", ".local/mutation", "folder for the lists of survivors")
	return func(ctx context.Context, out io.Writer) (bool, error) {
		list := subjects()
		if *only != "" {
			list = slices.DeleteFunc(list, func(s subject) bool { return s.folder != *only })
			if len(list) == 0 {
				return false, fmt.Errorf("%s is not among the packages that are measured", *only)
			}
		}
		return measureAll(ctx, list, *folder, out)
	}
}

// measureAll measures packages, prints a score for each, and reports whether all reach leastScore.
func measureAll(ctx context.Context, list []subject, folder string, out io.Writer) (bool, error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return false, err
	}
	var scores []string
	passed := true
	for _, s := range list {
		name := strings.ReplaceAll(s.folder, "/", "-") + ".txt"
		r, err := measureIntoFile(ctx, s, filepath.Join(folder, name), out)
		if err != nil {
			return false, err
		}
		scores = append(scores, r.summary(s.folder))
		passed = passed && r.score() >= leastScore
	}
	_, err := fmt.Fprintf(out, "\nat least %.0f%% are asked for; survivors are listed in %s\n%s\n",
		leastScore, folder, strings.Join(scores, "\n"))
	return passed, err
}

// measureIntoFile measures a package and prints each surviving mutant when it is found, and then
// the score, to out and into a file.
func measureIntoFile(ctx context.Context, s subject, name string,
	out io.Writer) (r result, err error) {
	f, err := os.Create(name) //nolint:gosec // the caller chooses the file
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	both := io.MultiWriter(out, f)
	if r, err = measurePackage(ctx, s, equivalents, both); err != nil {
		return r, err
	}
	_, err = fmt.Fprintln(both, r.summary(s.folder))
	return r, err
}

// result counts the fates of the mutants of a package.
type result struct {
	counts     [timedOut + 1]int
	equivalent int
	took       time.Duration
}

// measurePackage tries each mutant of a package and prints those that survive.
func measurePackage(
	ctx context.Context, s subject, equivalents string, out io.Writer,
) (r result, err error) {
	began := time.Now()
	work, err := os.MkdirTemp("", "mutation-*")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	l, err := newLaboratory(ctx, s, work)
	if err != nil {
		return r, err
	}
	excused, err := excusedMutants(equivalents, s.folder, l.mutants)
	if err != nil {
		return r, err
	}
	r.equivalent = len(excused)
	for i, m := range l.mutants {
		if excused[i+1] {
			continue
		}
		f, err := l.runMutant(ctx, i+1)
		if err != nil {
			return r, err
		}
		r.counts[f]++
		if f != killed {
			_, _ = fmt.Fprintf(out, "%-11s  %s/%s\n", f, s.folder, m)
		}
	}
	r.took = time.Since(began)
	return r, nil
}

// score returns the percentage of mutants that were killed; mutants that timed out are not
// counted.
func (r result) score() float64 {
	all := r.counts[killed] + r.counts[lived] + r.counts[notCovered]
	if all == 0 {
		return 100
	}
	return 100 * float64(r.counts[killed]) / float64(all)
}

// summary returns the score and the counts in one line.
func (r result) summary(pkg string) string {
	const form = "%s: %.1f%% " +
		"(%d killed, %d lived, %d not covered; %d timed out, %d equivalent) in %s"
	return fmt.Sprintf(form, pkg, r.score(), r.counts[killed], r.counts[lived],
		r.counts[notCovered], r.counts[timedOut], r.equivalent, r.took.Round(time.Second))
}
