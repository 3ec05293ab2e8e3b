// Package triggertest sends a function the sample events in its folder, one for each of its
// triggers: event.json is the sample of the main trigger; event-queue.json, event-schedule.json and
// the like are those of the others.
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

// Check compares a function's answer to a sample with what the trigger expects.
type Check func(t *testing.T, event, answer []byte)

// RunSamples sends each event*.json of the test's folder to the function and checks the answer.
// RunSamples fails for a sample without a check, and for a sample with a tenant, a creator or a
// settlement that the demo data (samples/) does not contain.
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

// ReadSample reads a sample and fails the test when the sample contains an id that the demo data
// does not.
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

// DecodeSample reads a sample and decodes it into the type of its event.
func DecodeSample[E any](t testing.TB, file string) E {
	t.Helper()
	var ev E
	if err := json.Unmarshal(ReadSample(t, file), &ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

// ExpectStatus returns a Check that expects an HTTP answer with a status, and with a body that
// conforms to the contract.
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

// ExpectNoFailures is the Check of a batch from a queue or a stream: no record may have failed. The
// list of failures must be empty and not null, because Lambda would take null for a failure of the
// whole batch.
func ExpectNoFailures(t *testing.T, _, answer []byte) {
	t.Helper()
	if string(answer) != `{"batchItemFailures":[]}` {
		t.Errorf("answered %s", answer)
	}
}

// ExpectEmptyAnswer is the Check of a schedule or a bucket event: the function returns no answer,
// and only an error is a failure.
func ExpectEmptyAnswer(t *testing.T, _, answer []byte) {
	t.Helper()
	if string(answer) != "null" {
		t.Errorf("answered %s", answer)
	}
}
