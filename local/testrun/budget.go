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

// budgetFile holds the processor seconds of each package whose tests need more than leastBudget.
const budgetFile = "local/testrun/budget.json"

//go:embed budget.json
var embeddedBudget []byte

const (
	leastBudget    = 2.0 // processor seconds that every package may use
	budgetFactor   = 1.5 // a package may use this many times its budget, because machines differ
	listedPackages = 12  // number of packages that printSlowest prints
)

// readBudget returns the processor seconds that budgetFile gives to each package, by the folder of
// the package.
func readBudget() (map[string]float64, error) {
	var m map[string]float64
	if err := json.Unmarshal(embeddedBudget, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", budgetFile, err)
	}
	return m, nil
}

// checkBudget counts each package that took more than its budget as a failure. If anew is set, it
// writes the measured seconds into budgetFile instead.
func (r *report) checkBudget(anew bool) error {
	if anew {
		return r.writeBudget()
	}
	budget, err := readBudget()
	if err != nil {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(r.seconds)) {
		own := max(leastBudget, budget[folderOf(p)])
		if r.seconds[p] > own*budgetFactor {
			r.failed++
			r.failures = append(r.failures, fmt.Sprintf("%s took %.1f processor seconds, more than %g "+
				"times its budget of %g: make its tests cheaper, or, if they find more for it, raise its "+
				"figure in %s",
				p, r.seconds[p], budgetFactor, own, budgetFile))
		}
	}
	return nil
}

// writeBudget writes the measured seconds into budgetFile. Packages that this run did not measure
// keep their figures.
func (r *report) writeBudget() error {
	budget, err := readBudget()
	if err != nil {
		return err
	}
	for p, s := range r.seconds {
		// a package that became cheap loses its entry
		delete(budget, folderOf(p))
		if s > leastBudget {
			budget[folderOf(p)] = math.Ceil(s)
		}
	}
	data, err := json.MarshalIndent(budget, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(budgetFile, append(data, '\n'), 0o644)
}

// printSlowest prints the packages that took the most processor time.
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
	for _, p := range packages[:min(listedPackages, len(packages))] {
		_, _ = fmt.Fprintf(r.out, "  %7.2f %s\n", r.seconds[p], p)
	}
}

// folderOf returns the folder of a package within the repository.
func folderOf(pkg string) string { return strings.TrimPrefix(pkg, module) }
