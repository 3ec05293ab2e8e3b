package policytest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/lambda/trigger"
)

const fourteenDays = 14 * 24 * 60 * 60

// alarmed tells whether an alarm on this metric of this resource exists that rings as soon as it is above zero
// and tells somebody.
func alarmed(tpl template, namespace, metric, id string) bool {
	return slices.ContainsFunc(alarms(tpl, namespace, metric, id), func(a resource) bool { return number(a.properties, "Threshold") == 0 })
}

func alarms(tpl template, namespace, metric, id string) []resource {
	var found []resource
	for _, a := range tpl.of("AWS::CloudWatch::Alarm") {
		p := a.properties
		dimensions := list(p["Dimensions"])
		if text(p, "Namespace") == namespace && text(p, "MetricName") == metric && len(dimensions) == 1 && target(get(dimensions[0], "Value")) == id &&
			text(p, "ComparisonOperator") == "GreaterThanThreshold" && len(list(p["AlarmActions"])) == 1 && target(list(p["AlarmActions"])[0]) == "AlarmTopic" {
			found = append(found, a)
		}
	}
	return found
}

func TestEveryQueueHasDeadLettersAndAlarms(t *testing.T) {
	tpl := load(t)
	dead := map[string]bool{"MissedRunsDlq": true, "StreamDlq": true} // of schedules and streams, which have no queue
	for _, q := range tpl.of("AWS::SQS::Queue") {
		dlq := target(get(q.properties, "RedrivePolicy", "deadLetterTargetArn"))
		if dlq == "" {
			continue
		}
		dead[dlq] = true
		if q.properties["FifoQueue"] != tpl.resources[dlq].properties["FifoQueue"] {
			t.Errorf("%s and %s are not of one type", q.id, dlq)
		}
		if n := number(q.properties, "RedrivePolicy", "maxReceiveCount"); n != 5 {
			t.Errorf("%s gives up after %d deliveries, not 5", q.id, n)
		}
		if len(alarms(tpl, "AWS/SQS", "ApproximateAgeOfOldestMessage", q.id)) == 0 {
			t.Errorf("%s has no alarm on age", q.id)
		}
		if q.properties["FifoQueue"] == true && (text(q.properties, "DeduplicationScope") != "messageGroup" || text(q.properties, "FifoThroughputLimit") != "perMessageGroupId") {
			t.Errorf("%s is not in high throughput mode", q.id)
		}
	}
	for _, q := range tpl.of("AWS::SQS::Queue") {
		if q.properties["ContentBasedDeduplication"] != nil {
			t.Errorf("%s guesses duplicates from content; ids are explicit here", q.id)
		}
		if number(q.properties, "MessageRetentionPeriod") != fourteenDays {
			t.Errorf("%s does not keep messages for 14 days", q.id)
		}
		isSource := q.properties["RedrivePolicy"] != nil
		if isSource == dead[q.id] {
			t.Errorf("%s is neither a source with dead letters nor the dead letters of one", q.id)
		}
		if !isSource && !alarmed(tpl, "AWS/SQS", "ApproximateNumberOfMessagesVisible", q.id) {
			t.Errorf("%s has no alarm on its first message", q.id)
		}
	}
}

func TestQueueFunctionsHaveTimeAndAnswerForEachMessage(t *testing.T) {
	tpl := load(t)
	fed := 0
	for _, f := range tpl.of("AWS::Serverless::Function") {
		events, _ := f.properties["Events"].(object)
		for _, e := range events {
			if text(e, "Type") != "SQS" {
				continue
			}
			fed++
			queue := target(get(e, "Properties", "Queue"))
			visibility, timeout := number(elsewhere(tpl.resources[queue].properties["VisibilityTimeout"])), number(f.properties, "Timeout")
			if visibility < 6*timeout || timeout == 0 {
				t.Errorf("%s: visibility of %s is %d s, less than six times %d s", f.id, queue, visibility, timeout)
			}
			if !slices.Equal(words(get(e, "Properties", "FunctionResponseTypes")), []string{"ReportBatchItemFailures"}) {
				t.Errorf("%s does not answer for each message of %s", f.id, queue)
			}
		}
	}
	if sources := len(tpl.of("AWS::SQS::Queue")) - 7; fed != sources {
		t.Errorf("%d functions take from queues, there are %d source queues", fed, sources)
	}
}

func TestStreamFunctionsCannotBeBlockedForEver(t *testing.T) {
	tpl := load(t)
	readers := map[string]int{}
	for _, f := range tpl.of("AWS::Serverless::Function") {
		events, _ := f.properties["Events"].(object)
		for _, e := range events {
			p := get(e, "Properties")
			if text(e, "Type") != "DynamoDB" {
				continue
			}
			readers[target(get(p, "Stream"))]++
			if get(p, "BisectBatchOnFunctionError") != true || number(p, "MaximumRetryAttempts") == 0 || target(get(p, "DestinationConfig", "OnFailure", "Destination")) != "StreamDlq" {
				t.Errorf("%s: a record it cannot take stops the shard for a day", f.id)
			}
			if text(p, "StartingPosition") != "TRIM_HORIZON" {
				t.Errorf("%s can miss records", f.id)
			}
			if len(alarms(tpl, "AWS/Lambda", "IteratorAge", f.id)) == 0 {
				t.Errorf("%s has no alarm on falling behind", f.id)
			}
		}
	}
	if readers["IncentivesTable"] != 1 || readers["SettlementsTable"] != 1 || len(readers) != 2 {
		t.Errorf("readers of streams: %v", readers)
	}
}

func TestSchedulesRunInShanghaiAndAreNotLost(t *testing.T) {
	tpl := load(t)
	at := map[string]string{}
	for _, s := range tpl.of("AWS::Scheduler::Schedule") {
		var input trigger.Schedule
		if err := json.Unmarshal([]byte(text(s.properties, "Target", "Input")), &input); err != nil || input.Job == "" {
			t.Errorf("%s: the input is not a trigger.Schedule with a job", s.id)
		}
		function := target(get(s.properties, "Target", "Arn"))
		at[function] = fmt.Sprint(elsewhere(s.properties["ScheduleExpression"]))
		if text(s.properties, "ScheduleExpressionTimezone") != "Asia/Shanghai" {
			t.Errorf("%s does not run by Shanghai time", s.id)
		}
		if target(get(s.properties, "Target", "DeadLetterConfig", "Arn")) != "MissedRunsDlq" {
			t.Errorf("%s: a run that could not be started is lost", s.id)
		}
		if target(get(tpl.resources[function].properties, "DeadLetterQueue", "TargetArn")) != "MissedRunsDlq" {
			t.Errorf("%s: a run of %s that failed is lost", s.id, function)
		}
	}
	for function, want := range map[string]string{"AccrueIncentive": "cron(30 0 * * ? *)", "BuildStatements": "cron(0 2 * * ? *)", "AdvanceSettlement": "rate(5 minutes)", "PayOut": "rate(1 minute)"} {
		if at[function] != want {
			t.Errorf("%s runs at %q, not %q", function, at[function], want)
		}
	}
}

// untaggable are the kinds that take no tags; what belongs to a tagged resource is found through it.
var untaggable = []string{
	"AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route", "AWS::Lambda::Permission", "AWS::Logs::MetricFilter",
	"AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::Scheduler::Schedule",
}

func TestEverythingIsTagged(t *testing.T) {
	tpl := load(t)
	component := regexp.MustCompile(`^[a-z]+$`)
	for id, r := range tpl.resources {
		if slices.Contains(untaggable, r.kind) {
			continue
		}
		tags := object{}
		switch v := r.properties["Tags"].(type) {
		case object:
			tags = v
		case []any:
			for _, tag := range v {
				tags[text(tag, "Key")] = get(tag, "Value")
			}
		}
		if r.kind == "AWS::Serverless::Function" {
			for k, v := range tpl.globals["Tags"].(object) {
				tags[k] = v
			}
		}
		if tags["app"] != "fenzhang" || target(tags["env"]) != "Stage" || !component.MatchString(fmt.Sprint(tags["component"])) {
			t.Errorf("%s (%s) lacks a tag: %v", id, r.kind, tags)
		}
	}
}

func TestNothingIsTiedToOnePartition(t *testing.T) {
	for i, line := range strings.Split(load(t).source, "\n") {
		if strings.Contains(line, "arn:aws") {
			t.Errorf("line %d holds a literal partition: %s", i+1, strings.TrimSpace(line))
		}
	}
}
