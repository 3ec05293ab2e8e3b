package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// report turns the events of `go test -json` into a line for each package, the output of failed
// tests, the reasons of skipped tests, and a last line with the totals. Several runs of go test
// may share one report.
type report struct {
	out io.Writer

	mu                      sync.Mutex
	passed, failed, skipped int
	output                  map[string][]string // output of tests and packages that have not ended
	seconds                 map[string]float64  // of the processor, by package
	skips, failures         []string
}

// event is one line of the output of `go test -json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// newReport returns a report that prints to out.
func newReport(out io.Writer) *report {
	return &report{out: out, output: map[string][]string{}, seconds: map[string]float64{}}
}

// readEvents handles the events of a stream until its end. Lines that are no events are printed as
// they are.
func (r *report) readEvents(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprint(r.out, string(line)) // a line that is no event is printed as it is
			} else {
				r.handleEvent(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// handleEvent updates the report with one event.
func (r *report) handleEvent(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := e.Package + " " + e.Test
	if text, ok := strings.CutPrefix(e.Output, secondsPrefix); ok {
		// measure has written it
		r.seconds[e.Package], _ = strconv.ParseFloat(strings.TrimSpace(text), 64)
		return
	}
	switch e.Action {
	case "output":
		r.output[id] = append(r.output[id], e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.recordPackage(e)
		} else {
			r.recordTest(e, id)
		}
		delete(r.output, id)
	}
}

// recordTest counts a test that has ended; the output of a failed test is printed.
func (r *report) recordTest(e event, id string) {
	name := e.Test + "  (" + e.Package + ")"
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		r.skips = append(r.skips, name+": "+skipReason(r.output[id]))
	case "fail":
		r.failed++
		r.failures = append(r.failures, name)
		fmt.Fprint(r.out, strings.Join(r.output[id], ""))
	}
}

// recordPackage prints the line of a package that has ended. A package that failed without a
// failed test, because it did not build, crashed or ran too long, counts as one failure.
func (r *report) recordPackage(e event) {
	word := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "-   "}[e.Action]
	if e.Action != "skip" {
		fmt.Fprintf(r.out, "%s %-44s %7.2f s %7.2f s of the processor\n", word, e.Package, e.Elapsed,
			r.seconds[e.Package])
	}
	// a package also fails when one of its tests fails; that failure is counted already
	if e.Action == "fail" && !r.hasFailedTest(e.Package) {
		r.failed++
		r.failures = append(r.failures, "the package itself  ("+e.Package+")")
		fmt.Fprint(r.out, strings.Join(r.output[e.Package+" "], ""))
		for id, lines := range r.output {
			// output of the tests that were running when the package crashed
			if strings.HasPrefix(id, e.Package+" ") && id != e.Package+" " {
				fmt.Fprint(r.out, strings.Join(lines, ""))
			}
		}
	}
}

// hasFailedTest reports whether a test of a package has failed.
func (r *report) hasFailedTest(pkg string) bool {
	for _, f := range r.failures {
		if strings.HasSuffix(f, "("+pkg+")") {
			return true
		}
	}
	return false
}

// skipReason returns the last line that a skipped test printed.
func skipReason(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" && !strings.HasPrefix(line, "--- SKIP") &&
			!strings.HasPrefix(line, "===") {
			return line
		}
	}
	return "it does not say why"
}

// printSummary prints the slowest packages, the skipped and failed tests, and the line with the
// totals that other programs read.
func (r *report) printSummary(took time.Duration) {
	r.printSlowest()
	fmt.Fprintln(r.out)
	for _, s := range r.skips {
		fmt.Fprintln(r.out, "skipped: "+s)
	}
	for _, f := range r.failures {
		fmt.Fprintln(r.out, "failed:  "+f)
	}
	fmt.Fprintf(r.out, "after %d s\n%d passed, %d failed, %d skipped\n", int(took.Seconds()), r.passed,
		r.failed, r.skipped)
}
