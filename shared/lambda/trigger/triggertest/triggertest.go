// Package triggertest sends a function the samples beside its main.go, one for each of its
// triggers: event.json is the first of them, event-queue.json, event-schedule.json and the like are
// the others.
package triggertest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/lambda/contracttest"
)

// Check holds a function's answer against what the sample's trigger expects.
type Check func(t *testing.T, event, answer []byte)

// RunSamples sends each event*.json of the test's folder to the function and checks its answer. A
// sample without a check fails, and so does one that names a tenant, a creator or a settlement
// which the demo data does not hold.
func RunSamples(t *testing.T, function lambda.Handler, checks map[string]Check) {
	t.Helper()
	files, err := filepath.Glob("event*.json")
	if err != nil || len(files) != len(checks) {
		t.Fatalf("the samples are %v, and there are %d checks (%v)", files, len(checks), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			check := checks[file]
			if check == nil {
				t.Fatal("nothing checks this sample")
			}
			event := ReadSample(t, file)
			answer, err := function.Invoke(t.Context(), event)
			if err != nil {
				t.Fatal(err)
			}
			check(t, event, answer)
		})
	}
}

// ReadSample gives a sample, whose facts are those of the demo data.
func ReadSample(t testing.TB, file string) []byte {
	t.Helper()
	event, err := os.ReadFile(file) //nolint:gosec // a sample of the repository
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range unknownFacts(t, event) {
		t.Errorf("%s: %s", file, problem)
	}
	return event
}

// DecodeSample decodes a sample of one kind.
func DecodeSample[E any](t testing.TB, file string) E {
	t.Helper()
	var ev E
	if err := json.Unmarshal(ReadSample(t, file), &ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

// ExpectStatus expects an HTTP answer of a status that keeps to the contract.
func ExpectStatus(status int) Check {
	return func(t *testing.T, event, answer []byte) {
		t.Helper()
		var ev events.APIGatewayV2HTTPRequest
		var res events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(event, &ev); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(answer, &res); err != nil || res.StatusCode != status {
			t.Fatalf("answered %s %v, want status %d", answer, err, status)
		}
		contracttest.CheckEvent(t, ev, res)
	}
}

// ExpectNoFailures expects that no record of a queue's or a stream's batch has failed. A null list
// would fail the batch.
func ExpectNoFailures(t *testing.T, _, answer []byte) {
	t.Helper()
	if string(answer) != `{"batchItemFailures":[]}` {
		t.Errorf("answered %s", answer)
	}
}

// ExpectEmptyAnswer expects the empty answer of a schedule or a bucket, where only an error is a
// failure.
func ExpectEmptyAnswer(t *testing.T, _, answer []byte) {
	t.Helper()
	if string(answer) != "null" {
		t.Errorf("answered %s", answer)
	}
}
