package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/runtimeapi"
)

var instant = time.Date(2026, 12, 1, 4, 0, 0, 0, time.UTC)

// filled is a sample of a function, filled in by a stack of which nothing is needed.
func filled[E any](t *testing.T, function, file string) (before, after E) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "functions", function, file))
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{now: func() time.Time { return instant }}
	payload, err := s.fillSample(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	for text, into := range map[*[]byte]any{&raw: &before, &payload: &after} {
		if err := json.Unmarshal(*text, into); err != nil {
			t.Fatal(err)
		}
	}
	return before, after
}

func TestACallIsNewAndOfNow(t *testing.T) {
	type body struct {
		UserID     string      `json:"user_id"`
		ActivityID string      `json:"activity_id"`
		TS         json.Number `json:"ts"`
		Amount     string      `json:"amount"`
	}
	before, after := filled[events.APIGatewayV2HTTPRequest](t, "settle-incentive", "event.json")
	var was, is body
	if err := json.Unmarshal([]byte(before.Body), &was); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(after.Body), &is); err != nil {
		t.Fatal(err)
	}
	if is.ActivityID == was.ActivityID || after.Headers["x-idemp-key"] == before.Headers["x-idemp-key"] {
		t.Errorf("it repeats the sample: %s", after.Body)
	}
	is.ActivityID = was.ActivityID
	if is != was {
		t.Errorf("facts changed from %+v to %+v", was, is)
	}
	about := after.RequestContext
	if about.TimeEpoch != instant.UnixMilli() || about.Time != "01/Dec/2026:04:00:00 +0000" || about.RequestID == before.RequestContext.RequestID {
		t.Errorf("the call is of %d, %q, id %s", about.TimeEpoch, about.Time, about.RequestID)
	}
}

func TestARecordedActionHappensNow(t *testing.T) {
	_, after := filled[events.APIGatewayV2HTTPRequest](t, "record-incentive", "event.json")
	var is struct {
		EventID    string    `json:"event_id"`
		OccurredAt time.Time `json:"occurred_at"`
	}
	if err := json.Unmarshal([]byte(after.Body), &is); err != nil || !is.OccurredAt.Equal(instant) || is.EventID == "ev-20260803-000001" {
		t.Errorf("%s %v", after.Body, err)
	}
}

func TestAMessageIsNewAndItsBodyStays(t *testing.T) {
	before, after := filled[events.SQSEvent](t, "pay-out", "event.json")
	was, is := before.Records[0], after.Records[0]
	if was.Body != is.Body || was.MessageId == is.MessageId || was.Attributes["MessageDeduplicationId"] == is.Attributes["MessageDeduplicationId"] ||
		was.Attributes["MessageGroupId"] != is.Attributes["MessageGroupId"] || is.Attributes["SentTimestamp"] != "1796097600000" {
		t.Errorf("from %+v to %+v", was, is)
	}
	if sum := md5.Sum([]byte(is.Body)); is.Md5OfBody != hex.EncodeToString(sum[:]) {
		t.Errorf("digest %s", is.Md5OfBody)
	}
}

func TestAScheduleIsOfNow(t *testing.T) {
	before, after := filled[map[string]string](t, "accrue-incentive", "event-schedule.json")
	if after["job"] != before["job"] || after["time"] != "2026-12-01T04:00:00Z" {
		t.Errorf("%v", after)
	}
}

func TestAnswersAreJudgedByTheirTrigger(t *testing.T) {
	const (
		http     = `{"requestContext":{"http":{}}}`
		queue    = `{"Records":[{"eventSource":"aws:sqs"}]}`
		stream   = `{"Records":[{"eventSource":"aws:dynamodb"}]}`
		schedule = `{"job":"sweep"}`
	)
	for _, c := range []struct {
		event, answer string
		failed, good  bool
	}{
		{http, `{"statusCode":201}`, false, true},
		{http, `{"statusCode":404}`, false, false},
		{http, `{"isAuthorized":true,"context":{"tenant":"demo-mcn"}}`, false, true},
		{http, `{"isAuthorized":true,"context":{"refused":"1001"}}`, false, false},
		{http, `{"isAuthorized":false}`, false, false},
		{queue, `{"batchItemFailures":[]}`, false, true},
		{queue, `{"batchItemFailures":[{"itemIdentifier":"m"}]}`, false, false},
		{queue, `{"batchItemFailures":null}`, false, false},
		{stream, `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, false, false},
		{schedule, `null`, false, true},
		{schedule, `{"errorMessage":"no table"}`, true, false},
	} {
		err := checkAnswer([]byte(c.event), runtimeapi.Answer{Body: []byte(c.answer), Failed: c.failed})
		if (err == nil) != c.good {
			t.Errorf("%s is answered %s: %v", c.event, c.answer, err)
		}
	}
}
