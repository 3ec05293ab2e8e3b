package moneyapi_test

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/books/moneyapi"
	"fenzhang/shared/books/whereabouts"
	"fenzhang/shared/identity"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement/billing"
)

// TestAnswersKeepToTheContract asks over HTTP for each kind of view.
func TestAnswersKeepToTheContract(t *testing.T) {
	w := settletest.OpenIn(t, dynamotest.OpenInMemory(t))
	lines := &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: w.NextID}
	money := whereabouts.Service{Journal: ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}, Settlements: w.Store, Viewers: w.Service, Creators: w.People,
		Statements: &billing.Service{Settlements: w.Service, Buckets: lines, Log: slog.New(slog.DiscardHandler)}}
	a, _, err := w.Settle(t.Context(), settletest.CallerWith(identity.Operator), "key-live-1", settletest.SettleRequest(settletest.Person, "live-1", "10000.00"))
	if err == nil {
		err = w.Quote(t.Context(), settletest.Tenant, a.SettlementID)
	}
	if err != nil {
		t.Fatal(err)
	}
	api := &httpapi.API{Routes: moneyapi.API{Money: money}.Routes(), Clock: w.Clock, Log: slog.New(slog.DiscardHandler), Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	for query, status := range map[string]int{"": 200, "creator_id=" + settletest.Person: 200, string("settlement_id=" + a.SettlementID): 200, "creator_id=nobody": 404, "settlement_id=st-none": 404,
		"creator_id=a&settlement_id=b": 400, "cursor=" + strings.Repeat("x", 65): 400} {
		ev := events.APIGatewayV2HTTPRequest{RawPath: "/v1/money", RawQueryString: query, RequestContext: events.APIGatewayV2HTTPRequestContext{
			RequestID: "req-1", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "GET", SourceIP: "127.0.0.1"},
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
				"tenant": settletest.Tenant, "sub": "finance@x", "roles": "finance", "creator": "", "scope": "", "exp": strconv.FormatInt(w.Now().Add(time.Hour).Unix(), 10)}}}}
		out := api.AnswerEvent(t.Context(), ev)
		if out.StatusCode != status {
			t.Errorf("%q: %d %s", query, out.StatusCode, out.Body)
		}
		contracttest.CheckEvent(t, ev, out)
	}
}
