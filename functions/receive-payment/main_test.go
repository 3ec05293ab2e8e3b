package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/standin/gateway"
	"fenzhang/shared/assembly"
	"fenzhang/shared/clock"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/gateway/douyin"
	"fenzhang/shared/payout/payouthttp"
	"fenzhang/shared/payout/payouttest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "receive-payment", []httpapi.Route{payouthttp.CallbackRoute(nil)})
}

// event.json is a notice that was really signed and encrypted: with the private part of this key, which was
// thrown away, and with sampleAPIKey.
const (
	sampleKey = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3iLUHJ78IqVh7SBfTHW3
2yjWF8tGutfq9tXv8k45pvnQkhLGXIue+fDEdxwtCd1ITB6YIvT7pF0TvfgHF/ip
zYM1UkH2nkNz7+nOLOcqQxuHzHlPjJJYYgSI5yVOgohFQozpw9J4bfDsQoMFvU0f
2ICFU2x0R/LIjli4n5Qx9nf26+89MPdYn+la3xM59Xy4d7cpVNoNTPXVgWgn7uwA
5G2Eh/90Qgz6NFUOZuj65SfQB2fLXYScjk1FVZU2w5zllAFsA608raxxcNlyn6Xr
1mQns95LAxuA71dJIjGZEk2IY3l/BAQK6dX6FpQSikd7VDVAiMhlnaP8LwuVeV+w
oQIDAQAB
-----END PUBLIC KEY-----`
	sampleAPIKey = "fb54f858d17e76933b47234d9278366d"
	settlementID = "st-c97b00fc534925fe4e332b0ada307fc3-1"
)

var sampleTime = time.Date(2026, 9, 15, 4, 0, 0, 0, time.UTC)

// keys are made once: making them takes most of a test's time.
var keys = sync.OnceValues(func() (gateway.KeyFile, error) { return gateway.NewKeys([]string{"demo-mcn"}) })

// newService knows one accepted payout, and the key of the sample.
func newService(t *testing.T) (*payout.Service, *payouttest.Memory) {
	t.Helper()
	k, err := keys()
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
		Tenant: "demo-mcn", SettlementID: settlementID, Key: payout.SettlementKey("demo-mcn", settlementID), State: payout.Accepted, Status: payout.Paying,
		ToPay: money.MustParse("1234.50"), Method: payout.Douyin,
	})
	s := &payout.Service{
		Payables: m, Clock: clock.Clock{Now: now}, Log: slog.New(slog.DiscardHandler),
		Merchants: payout.Gateways{{Tenant: a.Tenant, Merchant: a.Merchant, Method: payout.Douyin, Gateway: g}},
	}
	return s, m
}

func TestSamples(t *testing.T) {
	s, m := newService(t)
	triggertest.RunSamples(t, triggers(s, s.Log), map[string]triggertest.Check{"event.json": func(t *testing.T, event, answer []byte) {
		triggertest.ExpectStatus(http.StatusOK)(t, event, answer)
		if !strings.Contains(string(answer), `{\"code\":\"SUCCESS\",\"message\":\"ok\"}`) {
			t.Errorf("answered %s", answer)
		}
	}})
	if got := m.Get("demo-mcn", settlementID).State; got != payout.Paid {
		t.Errorf("payout is %s", got)
	}
}

// invoke gives the sample, changed, to the function.
func invoke(t *testing.T, change func(*events.APIGatewayV2HTTPRequest)) (events.APIGatewayV2HTTPResponse, payout.State) {
	t.Helper()
	s, m := newService(t)
	ev := triggertest.DecodeSample[events.APIGatewayV2HTTPRequest](t, "event.json")
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

func TestForgedNoticesChangeNothing(t *testing.T) {
	for name, change := range map[string]func(*events.APIGatewayV2HTTPRequest){
		"unsigned":     func(ev *events.APIGatewayV2HTTPRequest) { delete(ev.Headers, "douyinpay-signature") },
		"other body":   func(ev *events.APIGatewayV2HTTPRequest) { ev.Body = strings.Replace(ev.Body, "VR65", "VR66", 1) },
		"other serial": func(ev *events.APIGatewayV2HTTPRequest) { ev.Headers["douyinpay-serial"] = "X" },
		"other time":   func(ev *events.APIGatewayV2HTTPRequest) { ev.Headers["douyinpay-timestamp"] = "1789444801" },
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
	_, err := assembly.Assemble(t.Context(), env.ReadFrom(func(string) string { return "" }), slog.New(slog.DiscardHandler), build)
	for _, name := range []string{"STAGE", "TABLE_SETTLEMENTS", "TABLE_LEDGER", "TABLE_TENANCY", "TABLE_CONTROL", "GATEWAY_SECRET_ARN", "GATEWAY_DOUYIN_URL", "GATEWAY_BANK_URL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
