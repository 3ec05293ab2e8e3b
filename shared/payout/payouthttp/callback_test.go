package payouthttp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/payouthttp"
)

type listener struct {
	method  payout.Method
	headers map[string]string
	body    string
	err     error
}

func (l *listener) HandleNotice(_ context.Context, m payout.Method, headers map[string]string, body []byte) error {
	l.method, l.headers, l.body = m, headers, string(body)
	return l.err
}

func call(l *listener) (events.APIGatewayV2HTTPRequest, events.APIGatewayV2HTTPResponse) {
	api := &httpapi.API{Routes: []httpapi.Route{payouthttp.CallbackRoute(l)}, Clock: clock.FixedAt(time.Unix(0, 0)), Log: slog.New(slog.DiscardHandler)}
	ev := events.APIGatewayV2HTTPRequest{
		RawPath: "/v1/payouts/callbacks/douyin", Headers: map[string]string{"Douyinpay-Nonce": "n", "X-Tenant-ID": "somebody"},
		Body: base64.StdEncoding.EncodeToString([]byte(`{"a":1}`)), IsBase64Encoded: true,
	}
	ev.RequestContext.HTTP.Method = "POST"
	return ev, api.AnswerEvent(context.Background(), ev)
}

// The signature stands for the bytes: the listener gets them as they came, with header names in lower case.
func TestCallback(t *testing.T) {
	l := &listener{}
	ev, res := call(l)
	contracttest.CheckEvent(t, ev, res)
	if res.StatusCode != http.StatusOK || res.Body != `{"code":"SUCCESS","message":"ok"}` {
		t.Errorf("%d %s", res.StatusCode, res.Body)
	}
	if l.method != payout.Douyin || l.body != `{"a":1}` || l.headers["douyinpay-nonce"] != "n" {
		t.Errorf("heard %s %v %s", l.method, l.headers, l.body)
	}
}

func TestCallbackRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		code   int
	}{
		"signature":  {fault.New(fault.SignatureInvalid, "signature_wrong", "Sign it."), 401, 1002},
		"unreadable": {fault.Invalid(fault.Field{Field: "state", Problem: "is not a state"}), 400, 2001},
		"no payout":  {fault.MissingObject("payout"), 404, 3003},
		"not now":    {fault.Temporary(nil), 503, 5003},
		"our fault":  {errors.New("inner text"), 500, 5001},
	} {
		t.Run(name, func(t *testing.T) {
			ev, res := call(&listener{err: c.err})
			contracttest.CheckEvent(t, ev, res)
			var body struct {
				Code int `json:"code"`
			}
			if err := json.Unmarshal([]byte(res.Body), &body); err != nil || res.StatusCode != c.status || body.Code != c.code {
				t.Errorf("%d %s", res.StatusCode, res.Body)
			}
		})
	}
}

func TestContradictionIsNotAcknowledged(t *testing.T) {
	if _, res := call(&listener{err: payout.ErrContradiction}); res.StatusCode != http.StatusConflict {
		t.Errorf("%d %s", res.StatusCode, res.Body)
	}
}
