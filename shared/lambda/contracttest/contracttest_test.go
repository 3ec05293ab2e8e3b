package contracttest_test

import (
	"net/http"
	"strings"
	"testing"

	"fenzhang/shared/lambda/contracttest"
)

func header(pairs ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestAnswersAreHeldAgainstTheContract(t *testing.T) {
	counters := `{"creator_id":"c1","date":"2026-10-08","events":1,"rewards":{"cash":"5.00","traffic":0,"shop":0},"closed":false}`
	refused := `{"error":"Too many requests.","code":4001,"reason":"too_many_requests","request_id":"r"}`
	for _, c := range []struct {
		name, method, path string
		status             int
		header             http.Header
		body               string
		good               bool
	}{
		{"as written", "GET", "/api/v1/incentive/counters/c1?date=2026-10-08", 200, header(), counters, true},
		{"money as a number", "GET", "/api/v1/incentive/counters/c1", 200, header(), strings.Replace(counters, `"5.00"`, `5.00`, 1), false},
		{"three decimals", "GET", "/api/v1/incentive/counters/c1", 200, header(), strings.Replace(counters, `5.00`, `5.000`, 1), false},
		{"an unknown field", "GET", "/api/v1/incentive/counters/c1", 200, header(), strings.Replace(counters, `{"creator_id"`, `{"x":1,"creator_id"`, 1), false},
		{"a missing field", "GET", "/api/v1/incentive/counters/c1", 200, header(), strings.Replace(counters, `,"closed":false`, ``, 1), false},
		{"an undocumented status", "GET", "/api/v1/incentive/counters/c1", 202, header(), counters, false},
		{"no content type", "GET", "/api/v1/incentive/counters/c1", 200, http.Header{}, counters, false},
		{"429 tells when", "GET", "/v1/settlements", 429, header("Retry-After", "2"), refused, true},
		{"429 without Retry-After", "GET", "/v1/settlements", 429, header(), refused, false},
		{"an unknown code", "GET", "/v1/settlements", 429, header("Retry-After", "2"), strings.Replace(refused, "4001", "4002", 1), false},
		{"the gateway's own 401", "GET", "/v1/settlements", 401, header(), `{"message":"Unauthorized"}`, true},
		{"a stray route", "GET", "/v2/none", 404, header(), `{"error":"There is no such route.","code":3003,"reason":"not_found","request_id":"r"}`, true},
		{"a stray route that answers", "GET", "/v2/none", 200, header(), `{}`, false},
		{"single event", "POST", "/api/v1/incentive/record", 201, header(), `{"event_id":"e","reward":{"kind":"cash","amount":"1.00"},"strategy":{"strategy_id":"s","version":1}}`, true},
		{"parked event", "POST", "/api/v1/incentive/record", 201, header(), `{"event_id":"e","reward":null,"strategy":null,"parked":"strategy_missing"}`, true},
		{"batch", "POST", "/api/v1/incentive/record", 200, header(), `{"results":[{"event_id":"e","status":201,"reward":null},{"event_id":null,"status":400,"error":{"error":"x","code":2001,"reason":"invalid_input","request_id":"r"}}]}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := contracttest.ValidateAnswer(c.method, c.path, c.status, c.header, []byte(c.body))
			if (err == nil) != c.good {
				t.Errorf("good = %v, got %v", c.good, err)
			}
		})
	}
}

// settlement is one as the contract shows it, before its quote stands.
const settlement = `{"settlement_id":"s1","tenant":"demo","creator_id":"c1","taxpayer_id":"t1","paying_entity":"e1","route":"mcn_pays",
"income_type":"xingtu_ad","activity_id":"stmt:xingtu_ad:2026-10","service_period":"2026-10","vat_date":"2026-11-16","payment_date":null,
"status":"PENDING_REVIEW","status_version":1,"last_updated":"2026-11-16T10:00:00.123+08:00","transition_id":"x","hold":null,"gross":"10.00",
"shares":[{"party":"c1","kind":"creator","amount":"7.00"},{"party":"mcn","kind":"mcn","amount":"3.00"}],"memo":[],"creator_share":"7.00",
"taxable_income":null,"taxes":null,"payee_obligations":null,"payer_taxes":null,"net":null,"set_offs":null,"to_pay":null,"quote":null,"rules":null,
"unconfirmed":[],"payout":null,"next":{"action":"review","owner":"finance","due":null,"overdue":false},"creator_text":{"zh":"a","en":"a"},"approvals":null,"review":null,"dates_provisional":false,"expected_arrival":null,"reopens":null,"reopened_by":null,"reason_class":null}`

func TestSettlementCarriesItsHistoryOnlyAlone(t *testing.T) {
	withHistory := strings.Replace(settlement, `"reason_class":null`, `"reason_class":null,"history":[{"from":null,"to":"PENDING_REVIEW","at":"2026-11-16T02:00:00Z","by":"x","transition_id":"x","reason":null}]`, 1)
	list := func(s string) string { return `{"settlements":[` + s + `],"next_cursor":null}` }
	for _, c := range []struct {
		name, path, body string
		good             bool
	}{
		{"alone with history", "/v1/settlements/s1", withHistory, true},
		{"alone without", "/v1/settlements/s1", settlement, false},
		{"listed with history", "/v1/settlements", list(withHistory), false},
		{"listed without", "/v1/settlements", list(settlement), true},
	} {
		if err := contracttest.ValidateAnswer("GET", c.path, 200, header(), []byte(c.body)); (err == nil) != c.good {
			t.Errorf("%s: good = %v, got %v", c.name, c.good, err)
		}
	}
}
