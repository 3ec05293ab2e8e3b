// Command simulate is `make simulate`: it plays months of two agencies over stores in memory, with
// the code that runs in production, and with faults: messages come twice, late or never, processes
// are killed between any two writes, answers are lost, gateways report wrong states, people click
// twice. A seed decides everything. After each run all promises are checked.
package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"fenzhang/local/simulate/people"
	"fenzhang/local/simulate/system"
)

// collectAt is the value of GOGC: the heap may grow by 800% before a garbage collection, because a
// run makes much garbage and keeps little.
const collectAt = 800

func main() {
	runs := flag.Int("runs", 1000, "how many runs")
	seed := flag.String("seed", "", "play this one seed and print what happens")
	from := flag.Uint64("from", 0, "first seed of the runs; 0 chooses one")
	quiet := flag.Bool("quiet", false, "of one seed, print only the outcome")
	flag.Parse()
	debug.SetGCPercent(collectAt)
	l, err := people.LoadLaw()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var ok bool
	if *seed != "" {
		ok = replaySeed(*seed, l, *quiet, os.Stdout)
	} else {
		if *from == 0 {
			*from = 1 + rand.Uint64N(1<<40)
		}
		ok = playSeeds(*from, *runs, l, os.Stdout)
	}
	if !ok {
		os.Exit(1)
	}
}

// replaySeed plays the run of one seed, writes every event to out unless quiet, and reports
// whether all promises held.
func replaySeed(text string, l people.Law, quiet bool, out io.Writer) bool {
	var seed uint64
	if _, err := fmt.Sscan(text, &seed); err != nil {
		_, _ = fmt.Fprintf(out, "SEED=%s is not a number\n", text)
		return false
	}
	told := out
	if quiet {
		told = nil
	}
	o, err := simulate(seed, l, system.Bug{}, told)
	if err != nil {
		_, _ = fmt.Fprintln(out, err)
		return false
	}
	sum := newTotals()
	sum.add(o)
	sum.print(out)
	return sum.printVerdict(out)
}

// playSeeds plays the runs of consecutive seeds, one on each processor at a time, prints the
// progress, and reports whether all promises held in all runs.
func playSeeds(from uint64, runs int, l people.Law, out io.Writer) bool {
	began := time.Now()
	sum := newTotals()
	_, _ = fmt.Fprintf(out, "%d runs from seed %d\n", runs, from)
	last := began
	sum.playRuns(from, runs, l, system.Bug{}, func() bool {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			_, _ = fmt.Fprintf(out, "  %6d of %d runs, %d failed, %.0f runs a minute\n",
				sum.passed+sum.failed, runs, sum.failed,
				float64(sum.passed+sum.failed)/time.Since(began).Minutes())
		}
		return sum.failed < 20
	})
	sum.print(out)
	_, _ = fmt.Fprintf(out, "%.0f runs a minute on %d processors\n",
		float64(runs)/time.Since(began).Minutes(), runtime.GOMAXPROCS(0))
	return sum.printVerdict(out)
}

// totals sums up the outcomes of many runs.
type totals struct {
	passed, failed                                      int
	settlements, deliveries, payouts, acts, months, all int
	faults, paths                                       map[string]int
	failures                                            []outcome
}

// newTotals returns totals of no run.
func newTotals() *totals { return &totals{faults: map[string]int{}, paths: map[string]int{}} }

// add adds the outcome of one run to the totals.
func (t *totals) add(o outcome) {
	t.settlements = t.settlements + o.settlements
	t.deliveries = t.deliveries + o.deliveries
	t.payouts = t.payouts + o.payouts
	t.acts, t.months = t.acts+o.acts, t.months+o.months
	for kind, n := range o.faults {
		t.faults[kind] += n
		t.all += n
	}
	for path, n := range o.paths {
		t.paths[path] += n
	}
	if len(o.broken) == 0 {
		t.passed++
		return
	}
	t.failed++
	t.failures = append(t.failures, o)
}

// playRuns plays the runs of consecutive seeds on all processors. After each run goOn decides
// whether more runs begin.
func (t *totals) playRuns(from uint64, runs int, l people.Law, bug system.Bug, goOn func() bool) {
	var mu sync.Mutex
	var all sync.WaitGroup
	next, stop := 0, false
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				done := stop || n >= runs
				mu.Unlock()
				if done {
					return
				}
				o, err := simulate(from+uint64(n), l, bug, nil)
				if err != nil {
					o = outcome{seed: from + uint64(n), broken: []string{err.Error()}}
				}
				mu.Lock()
				t.add(o)
				stop = stop || !goOn()
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// print prints how often the money of the runs met what, and the number of faults by kind.
func (t *totals) print(out io.Writer) {
	for _, path := range slices.Sorted(maps.Keys(t.paths)) {
		_, _ = fmt.Fprintf(out, "%s %d, ", path, t.paths[path])
	}
	_, _ = fmt.Fprintf(out,
		"settlements %d, deliveries %d, payouts %d, acts of people and clients %d, month ends %d, "+
			"faults %d:\n", t.settlements, t.deliveries, t.payouts, t.acts, t.months, t.all)
	for _, kind := range slices.Sorted(maps.Keys(t.faults)) {
		_, _ = fmt.Fprintf(out, "  %-15s %d\n", kind, t.faults[kind])
	}
}

// printVerdict prints the failed runs with the command that repeats each, and the last line with
// the numbers of passed and failed runs, which other programs read. It reports whether no run
// failed.
func (t *totals) printVerdict(out io.Writer) bool {
	for _, o := range t.failures[:min(len(t.failures), 10)] {
		_, _ = fmt.Fprintf(out, "FAILED: make simulate SEED=%d\n  %s\n", o.seed,
			strings.Join(o.broken, "\n  "))
	}
	_, _ = fmt.Fprintf(out, "%d passed, %d failed\n", t.passed, t.failed)
	return t.failed == 0
}
