package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"fenzhang/local/income"
	"fenzhang/shared/ident"
)

// report is what the run tells on its way: lines with the time since the start, and what is kept
// for the end.
type report struct {
	mu      sync.Mutex
	start   time.Time
	phases  []phase
	refused []string
	noted   []string
}

type phase struct {
	name  string
	took  time.Duration
	times int
}

func newReport() *report { return &report{start: time.Now()} }

// say prints a line of progress.
func (r *report) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Printf("%7.1f s  %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(format, args...))
}

// phase does something and adds its time to the phase of that name.
func (r *report) phase(name string, do func() error) error {
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

// refuse keeps rows that were not taken, with the reason.
func (r *report) refuse(tenant ident.Tenant, rows ...income.Remark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		r.refused = append(r.refused, string(tenant+": ")+place(row)+": "+row.Reason)
	}
}

// note keeps rows that were taken but look odd.
func (r *report) note(rows ...income.Remark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		r.noted = append(r.noted, place(row)+": "+row.Reason)
	}
}

// place says where a row stands.
func place(row income.Remark) string {
	parts := []string{row.Source}
	if row.Row > 0 {
		parts = append(parts, fmt.Sprintf("row %d", row.Row))
	}
	if row.Key != "" {
		parts = append(parts, row.Key)
	}
	return strings.Join(parts, " ")
}

// print writes a heading and lines under it.
func (r *report) print(heading string, lines []string) {
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

// times are the phases with what they took.
func (r *report) times() []string {
	var lines []string
	for _, p := range r.phases {
		lines = append(lines, fmt.Sprintf("%-18s %6.1f s", p.name, p.took.Seconds()))
	}
	return append(lines, fmt.Sprintf("%-18s %6.1f s", "in all", time.Since(r.start).Seconds()))
}
