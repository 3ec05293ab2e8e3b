package settletest

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/contracttest"
	"fenzhang/shared/httpapi"
	"fenzhang/shared/settlement"
	"fenzhang/shared/trigger"
)

// Call sends the event.json of a function's folder to routes over the world's clock; the answer must have the status
// and keep to the contract.
func (w *World) Call(t *testing.T, routes []httpapi.Route, status int) {
	t.Helper()
	payload := sample(t)
	api := httpapi.API{Routes: routes, Clock: w.Clock, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	out, err := trigger.Mux{HTTP: api.Serve}.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var ev events.APIGatewayV2HTTPRequest
	var res events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(payload, &ev); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &res); err != nil || res.StatusCode != status {
		t.Fatalf("%s %v", out, err)
	}
	contracttest.CheckEvent(t, ev, res)
}

// SampleTask reads the task in the event.json of a queue function's folder: it must name a tenant and its group.
func SampleTask(t *testing.T, op string) {
	t.Helper()
	var ev events.SQSEvent
	if err := json.Unmarshal(sample(t), &ev); err != nil {
		t.Fatal(err)
	}
	task, err := settlement.DecodeTask([]byte(ev.Records[0].Body))
	if err != nil || task.Op != op || task.Tenant == "" || ev.Records[0].Attributes["MessageGroupId"] == "" {
		t.Errorf("%+v %v", task, err)
	}
}

func sample(t *testing.T) []byte {
	t.Helper()
	payload, err := os.ReadFile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	return payload
}
