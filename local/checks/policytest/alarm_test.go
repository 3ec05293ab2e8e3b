package policytest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// golden holds every alarm: the resource, then what it watches and when it rings. A line that changes or goes away
// changes what operators hear, so it is changed by hand. To see all lines of today, delete the file and run the test.
var golden = filepath.Join("testdata", "alarms.txt")

func TestEveryAlarmIsStillThere(t *testing.T) {
	var lines []string
	for _, a := range load(t).of("AWS::CloudWatch::Alarm") {
		lines = append(lines, alarmLine(a))
	}
	kept, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v; the alarms of today:\n%s", err, strings.Join(lines, "\n"))
	}
	want := strings.Split(strings.TrimSpace(string(kept)), "\n")
	for _, line := range want {
		if !slices.Contains(lines, line) {
			t.Errorf("gone or changed: %s", line)
		}
	}
	for _, line := range lines {
		if !slices.Contains(want, line) {
			t.Errorf("new, or changed: %s", line)
		}
	}
}

// alarmLine is one alarm in a line: id, metric, dimensions, statistic over periods, threshold, missing data, receiver.
func alarmLine(a resource) string {
	p := a.properties
	var dimensions []string
	for _, d := range list(p["Dimensions"]) {
		dimensions = append(dimensions, text(d, "Name")+"="+target(get(d, "Value")))
	}
	namespace := text(p, "Namespace")
	if own := target(p["Namespace"]); own != "" {
		namespace = own
	}
	return fmt.Sprintf("%s: %s/%s {%s} %s of %v x %v s %s %v, missing %s, to %s", a.id, namespace, text(p, "MetricName"), strings.Join(dimensions, ","),
		text(p, "Statistic"), p["EvaluationPeriods"], p["Period"], text(p, "ComparisonOperator"), p["Threshold"], text(p, "TreatMissingData"), target(list(p["AlarmActions"])[0]))
}
