package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/settletest"
	"fenzhang/shared/contracttest"
	"fenzhang/shared/httpapi"
	"fenzhang/shared/settlementapi"
	"fenzhang/shared/trigger"
)

func TestSampleLists(t *testing.T) {
	payload, err := os.ReadFile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	w := settletest.Open(t)
	api := httpapi.API{Routes: settlementapi.API{Service: w.Service}.ManageRoutes(), Clock: w.Clock,
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	out, err := trigger.Mux{HTTP: api.Serve}.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var ev events.APIGatewayV2HTTPRequest
	var res events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(payload, &ev); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &res); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %v", out, err)
	}
	contracttest.CheckEvent(t, ev, res)
}

func TestContractIsServedAsItStands(t *testing.T) {
	res, err := contract(t.Context(), &httpapi.Request{})
	body, ok := res.Body.(json.RawMessage)
	if err != nil || !ok || !json.Valid(body) || len(body) < 10_000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
