package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// errSkipped is the cause when a test printed no figures and did not fail.
var errSkipped = errors.New("the test was skipped")

// writesSection reports the write units of a recorded event, accrual included, as counted by the
// test that bounds them.
func writesSection(ctx context.Context, _ *bench) ([]row, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "^TestWriteUnitsOfADay$",
		"./shared/income/incentive/incentivestream")
	// a missed goal fails the test, and the table shows the goal as missed
	text, failed := cmd.CombinedOutput()
	out := string(text)
	var rows []row
	for _, m := range regexp.MustCompile(`write units: (.+?)\s+([0-9.]+)\n`).FindAllStringSubmatch(
		out, -1) {
		units, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, err
		}
		r := row{what: m[1], measured: m[2] + " write units an event"}
		if strings.HasSuffix(m[1], "in all") {
			r.goal, r.met = "<= 1.5", atMost(units, 1.5)
		}
		rows = append(rows, r)
	}
	if rows == nil {
		return nil, fmt.Errorf("no units were counted (%w); is the local AWS installed (make up)?\n%s",
			cmp.Or(failed, errSkipped), out)
	}
	return rows, nil
}
