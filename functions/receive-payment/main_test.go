package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/standin/gateway"
	"fenzhang/shared/assembly"
	"fenzhang/shared/clock"
	"fenzhang/shared/contracttest"
	"fenzhang/shared/env"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/payouttest"
	"fenzhang/shared/payoutdouyin"
)

// event.json is a notice that was really signed and encrypted: with the private part of this key, which was
// thrown away, and with sampleAPIKey.
const (
	sampleKey = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1LV7LXsrR3qq1hecJhvU
3upbSNJ+3pIvjuyOMwfzfO3ObybukBxpqsnN2fjiDS1WiRzfVh8nAt0GW+RN185C
B0TMPaGudZ+dzd88z2iQM/ovP8L0GzOkSMkyoKCNFOBxu6UQPPwmjXrziLOWJZVJ
aZt1ESCZcn00w6NoUIcLhRbkW1zXoT2gsAqHcvpGdOMEAbu4sSwAKnTIf7v0hv3b
mXmlxOubUB7+ZsRvrhWGJenPow4c5NI0uoC45jvfErCfFNvwSC2Nb46lcwop/F5B
oADuQC6HN6RfJGMfCREjHs+J/m2XsSoXKEv3yihKOHwnf3w0iHor0Yee10Q5EDZl
JwIDAQAB
-----END PUBLIC KEY-----`
	sampleAPIKey = "d8bb6ff9ecef7c8f95d7b76c16185138"
	settlementID = "9f2d6c0a41b74d0e8d3c5a7b1e6f2a90-1"
)

var sampleTime = time.Date(2026, 11, 16, 4, 0, 0, 0, time.UTC)

// invoke gives the sample, changed, to the function that knows one accepted payout.
func invoke(t *testing.T, change func(*events.APIGatewayV2HTTPRequest)) (events.APIGatewayV2HTTPResponse, payout.State) {
	t.Helper()
	k, err := gateway.NewKeys([]string{"demo-mcn"})
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return sampleTime }
	a := k.Douyin[0]
	a.APIKey, a.Platform = sampleAPIKey, []payoutdouyin.PlatformKey{{Serial: "PLATFORMSAMPLE01", PublicKey: sampleKey}}
	g, err := payoutdouyin.New(a, "http://127.0.0.1:1", time.Second, now)
	if err != nil {
		t.Fatal(err)
	}
	m := payouttest.NewMemory(payout.Payable{
		Tenant: "demo-mcn", SettlementID: settlementID, Key: payout.KeyFor("demo-mcn", settlementID), State: payout.Accepted, Status: payout.Paying,
		ToPay: money.MustParse("1234.50"), Method: payout.Douyin,
	})
	s := &payout.Service{
		Payables: m, Clock: clock.Clock{Now: now}, Log: slog.New(slog.DiscardHandler), NewID: func() string { return "t1" },
		Merchants: payout.Gateways{{Tenant: a.Tenant, Merchant: a.Merchant, Method: payout.Douyin, Gateway: g}},
	}
	sample, err := os.ReadFile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	var ev events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(sample, &ev); err != nil {
		t.Fatal(err)
	}
	change(&ev)
	payload, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	out, err := triggers(s, s.Log).Invoke(context.Background(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var res events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &res); err != nil {
		t.Fatal(err)
	}
	contracttest.CheckEvent(t, ev, res)
	return res, m.Get("demo-mcn", settlementID).State
}

func TestSampleEventIsPaid(t *testing.T) {
	res, state := invoke(t, func(*events.APIGatewayV2HTTPRequest) {})
	if res.StatusCode != http.StatusOK || res.Body != `{"code":"SUCCESS","message":"ok"}` || state != payout.Paid {
		t.Errorf("%d %s, payout is %s", res.StatusCode, res.Body, state)
	}
}

func TestForgedNoticesChangeNothing(t *testing.T) {
	for name, change := range map[string]func(*events.APIGatewayV2HTTPRequest){
		"unsigned":     func(ev *events.APIGatewayV2HTTPRequest) { delete(ev.Headers, "douyinpay-signature") },
		"other body":   func(ev *events.APIGatewayV2HTTPRequest) { ev.Body = strings.Replace(ev.Body, "DE7X", "DE7Y", 1) },
		"other serial": func(ev *events.APIGatewayV2HTTPRequest) { ev.Headers["douyinpay-serial"] = "X" },
		"other time":   func(ev *events.APIGatewayV2HTTPRequest) { ev.Headers["douyinpay-timestamp"] = "1794801601" },
	} {
		t.Run(name, func(t *testing.T) {
			res, state := invoke(t, change)
			if res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Body, `"code":1002`) || state != payout.Accepted {
				t.Errorf("%d %s, payout is %s", res.StatusCode, res.Body, state)
			}
		})
	}
}

func TestUnknownGateway(t *testing.T) {
	res, _ := invoke(t, func(ev *events.APIGatewayV2HTTPRequest) { ev.RawPath = "/v1/payouts/callbacks/nobody" })
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("%d %s", res.StatusCode, res.Body)
	}
}

func TestMissingVariablesAreNamed(t *testing.T) {
	t.Setenv("AWS_REGION", "cn-north-1")
	_, err := assembly.Assemble(t.Context(), env.From(func(string) string { return "" }), slog.New(slog.DiscardHandler), build)
	for _, name := range []string{"STAGE", "TABLE_SETTLEMENTS", "TABLE_LEDGER", "TABLE_TENANCY", "TABLE_CONTROL", "GATEWAY_SECRET_ARN", "GATEWAY_DOUYIN_URL", "GATEWAY_BANK_URL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
