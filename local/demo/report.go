package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"fenzhang/local/income"
	"fenzhang/shared/ident"
)

// report prints the progress of the run with the time since the start, and keeps lines for the
// summary.
type report struct {
	mu      sync.Mutex
	start   time.Time
	phases  []phase
	refused []string
	noted   []string
}

// phase is a part of the run whose time is measured.
type phase struct {
	name  string
	took  time.Duration
	times int
}

// newReport returns a report that starts now.
func newReport() *report { return &report{start: time.Now()} }

// printf prints a line of progress.
func (r *report) printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Printf("%7.1f s  %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(format, args...))
}

// runPhase calls a function and adds its duration to the phase with a name.
func (r *report) runPhase(name string, do func() error) error {
	began := time.Now()
	err := do()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.phases {
		if r.phases[i].name == name {
			r.phases[i].took += time.Since(began)
			r.phases[i].times++
			return err
		}
	}
	r.phases = append(r.phases, phase{name, time.Since(began), 1})
	return err
}

// addRefused keeps rows that the API has refused, with the reason.
func (r *report) addRefused(tenant ident.Tenant, rows ...income.Remark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		r.refused = append(r.refused, string(tenant+": ")+rowPlace(row)+": "+row.Reason)
	}
}

// addOdd keeps rows that were recorded but look wrong.
func (r *report) addOdd(rows ...income.Remark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		r.noted = append(r.noted, rowPlace(row)+": "+row.Reason)
	}
}

// rowPlace returns file, row number and key of a row.
func rowPlace(row income.Remark) string {
	parts := []string{row.Source}
	if row.Row > 0 {
		parts = append(parts, fmt.Sprintf("row %d", row.Row))
	}
	if row.Key != "" {
		parts = append(parts, row.Key)
	}
	return strings.Join(parts, " ")
}

// printSection prints a heading and lines below it.
func (r *report) printSection(heading string, lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(lines) == 0 {
		return
	}
	fmt.Printf("\n%s\n", heading)
	for _, l := range lines {
		fmt.Println("  " + l)
	}
}

// phaseTimes returns a line with the duration of each phase.
func (r *report) phaseTimes() []string {
	var lines []string
	for _, p := range r.phases {
		lines = append(lines, fmt.Sprintf("%-18s %6.1f s", p.name, p.took.Seconds()))
	}
	return append(lines, fmt.Sprintf("%-18s %6.1f s", "in all", time.Since(r.start).Seconds()))
}
