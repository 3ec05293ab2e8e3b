package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/settlement"
)

func TestSampleIsATask(t *testing.T) {
	payload, err := os.ReadFile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	var ev events.SQSEvent
	if err := json.Unmarshal(payload, &ev); err != nil {
		t.Fatal(err)
	}
	task, err := settlement.DecodeTask([]byte(ev.Records[0].Body))
	if err != nil || task.Op != settlement.OpQuote || task.Tenant == "" || ev.Records[0].Attributes["MessageGroupId"] == "" {
		t.Errorf("%+v %v", task, err)
	}
}
