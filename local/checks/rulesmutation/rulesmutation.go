// Package rulesmutation changes every number, date and boundary of a rule pack a little, one at a
// time, and checks that an example in the pack, or the loader of the pack, notices the change. It
// prints the changes that nothing noticed.
package rulesmutation

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// leastScore returns the least accepted score of a pack, in percent of its mutants. It may only be
// raised.
func leastScore(pack string) float64 {
	if pack == "national" {
		return 99
	}
	return 55 // local packs mostly record gaps of the law, in which few changes can be noticed
}

// Command registers the flags of the subcommand rules-mutation and returns the function that runs
// it.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	pack := flags.String("pack", "national", "national, or the six digits of a local pack")
	return func(_ context.Context, out io.Writer) (bool, error) {
		return measurePack(*pack, runtime.GOMAXPROCS(0), out)
	}
}

// measurePack reports whether the score of a pack reaches its least score.
func measurePack(pack string, workers int, out io.Writer) (bool, error) {
	began := time.Now()
	l, err := newLaboratory(pack)
	if err != nil {
		return false, err
	}
	mutants, excused, err := l.listMutants()
	if err != nil {
		return false, err
	}
	killed := l.findKilled(mutants, workers)
	score := printReport(out, mutants, killed)
	least := leastScore(pack)
	if excused != nil {
		_, _ = fmt.Fprintf(out, "left out, because the law stays the same:\n  %s\n\n",
			strings.Join(excused, "\n  "))
	}
	_, _ = fmt.Fprintf(out,
		"%s: %.1f%% of %d changes were noticed by %d examples and the loader, in %s; at least %.1f%% "+
			"are asked for\n",
		pack, score, len(mutants), len(l.examples), time.Since(began).Round(100*time.Millisecond), least)
	return score >= least, nil
}

// printReport prints a row for each file and a line for each change that nothing noticed, and
// returns the score in percent.
func printReport(out io.Writer, mutants []*mutant, killed []bool) float64 {
	type count struct{ all, killed int }
	files, counts := []string{}, map[string]*count{}
	var survivors []string
	total := 0
	for i, m := range mutants {
		c := counts[m.file]
		if c == nil {
			c = &count{}
			counts[m.file] = c
			files = append(files, m.file)
		}
		c.all++
		if killed[i] {
			c.killed++
			total++
			continue
		}
		survivors = append(survivors, m.String())
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "file\tchanges\tnoticed\tsurvived\tscore")
	for _, f := range files {
		c := counts[f]
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.0f%%\n", f, c.all, c.killed, c.all-c.killed,
			percent(c.killed, c.all))
	}
	_ = w.Flush() // the terminal
	if survivors != nil {
		_, _ = fmt.Fprintf(out, "\nnot noticed:\n  %s\n\n", strings.Join(survivors, "\n  "))
	}
	return percent(total, len(mutants))
}

// percent returns a part of a number in percent; the percentage of nothing is 100.
func percent(part, all int) float64 {
	if all == 0 {
		return 100
	}
	return 100 * float64(part) / float64(all)
}
