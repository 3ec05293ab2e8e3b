package policytest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/lambda/trigger"
)

// triggers are the kinds of events that the template sends to each function, by its folder.
func triggers(t *testing.T, tpl template) map[string][]trigger.Kind {
	t.Helper()
	kinds := map[string][]trigger.Kind{"authorize-request": {trigger.HTTP}}
	names := map[string]string{}
	add := func(function string, kind trigger.Kind) {
		if !slices.Contains(kinds[function], kind) {
			kinds[function] = append(kinds[function], kind)
		}
	}
	for _, f := range tpl.of("AWS::Serverless::Function") {
		names[f.id] = name(f)
		events, _ := get(f.properties, "Events").(object)
		for id, event := range events {
			kind := map[string]trigger.Kind{"SQS": trigger.Queue, "DynamoDB": trigger.Stream}[text(event, "Type")]
			if kind == "" {
				t.Errorf("%s has the event %s, of a kind that this test does not know", f.id, id)
			}
			add(name(f), kind)
		}
	}
	for _, r := range tpl.of("AWS::ApiGatewayV2::Route") {
		add(functionBehind(tpl, r), trigger.HTTP)
	}
	for _, s := range tpl.of("AWS::Scheduler::Schedule") {
		add(names[target(get(s.properties, "Target", "Arn"))], trigger.Job)
	}
	for _, b := range tpl.of("AWS::S3::Bucket") {
		for _, n := range list(get(b.properties, "NotificationConfiguration", "LambdaConfigurations")) {
			add(names[target(get(n, "Function"))], trigger.Objects)
		}
	}
	return kinds
}

// A newcomer tries a function with its samples: each trigger of the template has one, and a test sends it.
func TestEveryTriggerHasASampleAndATest(t *testing.T) {
	tpl := load(t)
	wanted := triggers(t, tpl)
	for _, f := range tpl.of("AWS::Serverless::Function") {
		folder := filepath.Join(root, "functions", name(f))
		samples, err := filepath.Glob(filepath.Join(folder, "event*.json"))
		if err != nil {
			t.Fatal(err)
		}
		var kinds []trigger.Kind
		for _, sample := range samples {
			event, err := os.ReadFile(sample)
			if err != nil {
				t.Fatal(err)
			}
			kind, err := trigger.KindOf(event)
			if err != nil {
				t.Errorf("%s: %v", sample, err)
			}
			kinds = append(kinds, kind)
		}
		if !slices.Contains(samples, filepath.Join(folder, "event.json")) {
			t.Errorf("%s has no event.json", name(f))
		}
		if len(wanted[name(f)]) == 0 {
			t.Errorf("nothing triggers %s", name(f))
		}
		for _, kind := range wanted[name(f)] {
			if !slices.Contains(kinds, kind) {
				t.Errorf("%s has no sample of its trigger %s", name(f), kind)
			}
		}
		if !sendsSamples(t, folder) {
			t.Errorf("no test sends %s its samples (triggertest.RunSamples)", name(f))
		}
	}
}

func sendsSamples(t *testing.T, folder string) bool {
	t.Helper()
	tests, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(tests, func(path string) bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(text), "triggertest.RunSamples(")
	})
}
