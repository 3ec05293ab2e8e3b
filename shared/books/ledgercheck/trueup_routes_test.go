package ledgercheck_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/civil"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/trueup/trueupapi"
)

// The routes keep to the contract, and what is given back after the month was filed asks for an amended return that
// shows the whole month.
func TestTrueUpsOverHTTP(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	first, second := w.settle(t, settletest.Person, "live-1", "30000.00"), w.settle(t, settletest.Person, "live-2", "30000.00")
	w.to(t, string(first), "quote", "submit", "approve", "book", string(payout.Paid))
	w.to(t, string(second), "quote", "submit", "approve", "book", string(payout.Paid))
	w.to(t, string(first), string(payout.Returned), "reopen")
	w.SetDate("2026-10-20")
	w.AdvanceTime(time.Hour) // the reversal is in the return
	_, _, err := w.FilingRecorder(t).Record(context.Background(), settletest.Tenant, "finance@"+settletest.Tenant,
		filedmonth.FiledMonth{Entity: settletest.Ordinary, Month: civil.MustMonth("2026-09"), FiledOn: civil.MustDate("2026-10-15"), Reference: "return"})
	if err != nil {
		t.Fatal(err)
	}
	w.AdvanceTime(time.Second)
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	routes := trueupapi.API{TrueUps: w.TrueUps(t), Calendar: calendar, Clock: w.Clock}.Routes()
	api := httpapi.API{Routes: routes, Clock: w.Clock, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	id := "/v1/tax/true-ups/ent-mcn~tp-c-person~IIT~2026-09~labor"
	query, body := "paying_entity=ent-mcn&month=2026-09", `{"decision":"give_back","reason":"reversed"}`
	for _, c := range []struct {
		role, method, path, query, body string
		status                          int
		holds                           string
	}{
		{"auditor", "GET", "/v1/tax/true-ups", query, "", 200, `"difference":"-1360.00"`},
		{"auditor", "GET", "/v1/tax/true-ups", "month=x", "", 400, "paying_entity"},
		{"auditor", "GET", "/v1/tax/amendments", query, "", 200, `"amendments":[]`},
		{"finance", "POST", id + "/decide", "", body, 201, `"prepared"`},
		{"finance", "POST", id + "/decide", "", body, 200, `"prepared"`},
		{"finance", "POST", id + "/confirm", "", "", 403, ""},
		{"approver", "POST", id + "/confirm", "", "", 200, `"posted"`},
		{"auditor", "GET", "/v1/tax/amendments", query, "", 200, `"withheld":"3360.00"`},
		{"approver", "POST", "/v1/tax/true-ups/nothing/confirm", "", "", 404, ""},
	} {
		ev := events.APIGatewayV2HTTPRequest{RawPath: c.path, RawQueryString: c.query, Body: c.body, RequestContext: events.APIGatewayV2HTTPRequestContext{
			RequestID: "req-1", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: c.method},
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
				"tenant": settletest.Tenant, "sub": c.role + "@" + settletest.Tenant, "roles": c.role, "exp": "4102444800"}}}}
		res := api.AnswerEvent(context.Background(), ev)
		contracttest.CheckEvent(t, ev, res)
		if res.StatusCode != c.status || !strings.Contains(res.Body, c.holds) {
			t.Errorf("%s %s: %d %s", c.method, c.path, res.StatusCode, res.Body)
		}
	}
	w.explained(t, "given back over HTTP")
}
