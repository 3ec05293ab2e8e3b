package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// splitSection measures a split by a compiled plan: eight parties with twelve bands, caps, floors
// and a guarantee, and for comparison a plain split 7:2:1.
func splitSection(ctx context.Context, _ *bench) ([]row, error) {
	out, err := runGoTool(ctx, "test", "-run", "^$", "-bench", "^BenchmarkApply", "-benchmem", "-cpu",
		"1", "./shared/contract/split")
	if err != nil {
		return nil, err
	}
	names := map[string]string{"Apply": "eight parties, bands, caps, floors, guarantee",
		"ApplyRatio": "three parties by ratio, one a memo"}
	line := regexp.MustCompile(`Benchmark(\w+)\s+\d+\s+([0-9.]+) ns/op\s+(\d+) B/op\s+(\d+) allocs/op`)
	var rows []row
	for _, m := range line.FindAllStringSubmatch(out, -1) {
		ns, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, err
		}
		met := ns <= 10_000
		rows = append(rows, row{what: names[m[1]], goal: "<= 10000 ns",
			measured: fmt.Sprintf("%.0f ns, %s allocations", ns, m[4]), met: &met})
	}
	if rows == nil {
		return nil, fmt.Errorf("no benchmark ran\n%s", out)
	}
	return rows, nil
}
