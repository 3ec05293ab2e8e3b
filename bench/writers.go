package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// writersSection reports how 64 parallel writers settle for creators of one agency, as measured by
// the test that bounds their conflicts.
func writersSection(ctx context.Context, _ *bench) ([]row, error) {
	out, err := runGoTool(ctx, "test", "-count=1", "-v", "-run", "^TestManyWritersOfOneAgency$",
		"./bench")
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, m := range regexp.MustCompile(
		`writers: (.+?) \| (.+?) \| ([0-9.]+) \| ([0-9.]+)\n`).FindAllStringSubmatch(out, -1) {
		conflicts, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			return nil, err
		}
		lag, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			return nil, err
		}
		rows = append(rows,
			row{what: "64 writers, " + m[1] + ", no settlement failed", measured: m[2]},
			row{what: "transactions that met a conflict, " + m[1], goal: "<= 1%", measured: m[3] + "%",
				met: atMost(conflicts, 1)},
			row{what: "trial balance after the last write, which adds up to zero, " + m[1], goal: "<= 10 s",
				measured: m[4] + " s", met: atMost(lag, 10)})
	}
	if rows == nil {
		return nil, fmt.Errorf("no writers were counted; is the local AWS installed (make up)?\n%s", out)
	}
	return rows, nil
}
