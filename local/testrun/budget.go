package main

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

// budgetFile holds the processor seconds of the packages whose tests need more than the floor.
const budgetFile = "local/testrun/budget.json"

//go:embed budget.json
var written []byte

const (
	floor   = 2.0 // seconds that every package may take
	leeway  = 1.5 // times its budget a package may take: machines differ
	slowest = 12  // packages that are listed
)

// limits gives the seconds of each package by its folder.
func limits() (map[string]float64, error) {
	var m map[string]float64
	if err := json.Unmarshal(written, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", budgetFile, err)
	}
	return m, nil
}

// checkBudget counts each package that took more than its budget as a failure, and lists the
// slowest. If anew, it writes what was measured into the file instead.
func (r *report) checkBudget(anew bool) error {
	if anew {
		return r.writeBudget()
	}
	budget, err := limits()
	if err != nil {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(r.seconds)) {
		own := max(floor, budget[folder(p)])
		if r.seconds[p] > own*leeway {
			r.failed++
			r.failures = append(r.failures, fmt.Sprintf("%s took %.1f processor seconds, more than %g "+
				"times its budget of %g: make its tests cheaper, or, if they find more for it, raise its "+
				"figure in %s",
				p, r.seconds[p], leeway, own, budgetFile))
		}
	}
	return nil
}

// writeBudget keeps the figures of packages that this run did not measure.
func (r *report) writeBudget() error {
	budget, err := limits()
	if err != nil {
		return err
	}
	for p, s := range r.seconds {
		delete(budget, folder(p))
		if s > floor {
			budget[folder(p)] = math.Ceil(s)
		}
	}
	data, err := json.MarshalIndent(budget, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(budgetFile, append(data, '\n'), 0o644)
}

// printSlowest lists the packages that took most.
func (r *report) printSlowest() {
	packages := slices.SortedFunc(maps.Keys(r.seconds), func(a, b string) int {
		return cmp.Compare(r.seconds[b], r.seconds[a])
	})
	sum := 0.0
	for _, s := range r.seconds {
		sum += s
	}
	_, _ = fmt.Fprintf(r.out,
		"\nprocessor seconds of the tests: %.0f in all; the packages that took most:\n", sum)
	for _, p := range packages[:min(slowest, len(packages))] {
		_, _ = fmt.Fprintf(r.out, "  %7.2f %s\n", r.seconds[p], p)
	}
}

func folder(pkg string) string { return strings.TrimPrefix(pkg, module) }
