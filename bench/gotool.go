package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// lifeSection reports the write units of each step of a settlement, as counted by the test that
// bounds them.
func lifeSection(ctx context.Context, _ *bench) ([]row, error) {
	out, err := runGoTool(ctx, "test", "-count=1", "-v", "-run", "^TestWriteUnitsOfALife$",
		"./shared/settlement/settlementdb")
	if err != nil {
		return nil, err
	}
	// the test prints one such line for each step
	line := regexp.MustCompile(`write units: (.+?)\s+([0-9.]+)\n`)
	var rows []row
	said := map[string]bool{} // the test runs on both stores, which count the same units
	for _, m := range line.FindAllStringSubmatch(out, -1) {
		if said[m[1]] {
			continue
		}
		said[m[1]] = true
		units, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, err
		}
		rows = append(rows, lifeRow(m[1], m[2], units))
	}
	if rows == nil {
		return nil, fmt.Errorf("no units were counted; is the local AWS installed (make up)?\n%s", out)
	}
	return rows, nil
}

// lifeRow returns the row of one step; only the whole life and the changes of status have goals.
func lifeRow(step, text string, units float64) row {
	r := row{what: step, measured: text + " write units"}
	switch {
	case step == "open to PAID":
		r.goal, r.met = "<= 40, and below the 34 before", atMost(units, 33)
	case strings.HasPrefix(step, "to IN_REVIEW"), strings.HasPrefix(step, "to APPROVED"):
		r.goal, r.met = "<= 4", atMost(units, 4)
	}
	return r
}

// taxSection runs the benchmarks of the tax engine on one core.
func taxSection(ctx context.Context, _ *bench) ([]row, error) {
	out, err := runGoTool(ctx, "test", "-run", "^$", "-bench",
		"CumulativeWithSteps|CumulativeSlice|FullQuote", "-benchmem", "-cpu", "1", "./shared/law/tax")
	if err != nil {
		return nil, err
	}
	names := map[string]struct {
		what string
		goal float64
	}{
		"CumulativeWithSteps": {"cumulative withholding, one call each, with all steps", 200_000},
		"CumulativeSlice": {"cumulative withholding over a slice of a million payees, no steps",
			8_000_000},
		"FullQuote": {"full quote (regime, IIT, VAT, surcharges) with steps", 50_000},
	}
	line := regexp.MustCompile(
		`Benchmark(\w+)\s+\d+\s+([0-9.]+) ns/op(?:\s+\S+ MB/s)?\s+(\d+) B/op\s+(\d+) allocs/op`)
	var rows []row
	for _, m := range line.FindAllStringSubmatch(out, -1) {
		ns, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, err
		}
		n := names[m[1]]
		r := row{what: n.what, measured: fmt.Sprintf("%.0f a second, %s allocations", 1e9/ns, m[4])}
		if n.goal > 0 {
			r.goal, r.met = fmt.Sprintf(">= %.0f a second", n.goal), atLeast(1e9/ns, n.goal)
		}
		rows = append(rows, r)
	}
	if rows == nil {
		return nil, fmt.Errorf("no benchmark ran\n%s", out)
	}
	return rows, nil
}

// loadSection measures reading, checking and compiling all rule packs, from their files and from
// the prepared form.
func loadSection(ctx context.Context, _ *bench) ([]row, error) {
	out, err := runGoTool(ctx, "test", "-run", "^$", "-bench", "^BenchmarkLoad", "-benchmem",
		"-benchtime", "40x", "-count", "3", "-cpu", "1", "./shared/law/taxpack")
	if err != nil {
		return nil, err
	}
	rows := []row{}
	for _, x := range []struct {
		name, what string
		goal       float64
	}{
		{"Load", "read, check and compile the national pack and those of 37 jurisdictions from their " +
			"files", 60},
		{"LoadPrepared", "the same at a cold start, from the prepared form; a jurisdiction's pack is " +
			"compiled when its place is first asked about", 5},
	} {
		line := regexp.MustCompile(`(?m)^Benchmark` + x.name + `\s+\d+\s+([0-9.]+) ns/op\s+(\d+) B/op`)
		best, bytes := 0.0, ""
		for _, m := range line.FindAllStringSubmatch(out, -1) {
			if ns, err := strconv.ParseFloat(m[1], 64); err == nil && (best == 0 || ns < best) {
				best, bytes = ns, m[2]
			}
		}
		if best == 0 {
			return nil, fmt.Errorf("no benchmark ran\n%s", out)
		}
		rows = append(rows,
			row{what: x.what, goal: fmt.Sprintf("<= %.0f ms", x.goal),
				measured: fmt.Sprintf("%.1f ms at best of three, %s bytes allocated", best/1e6, bytes),
				met:      atMost(best/1e6, x.goal)})
	}
	return rows, nil
}

// runGoTool runs the go command and returns its output.
func runGoTool(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
