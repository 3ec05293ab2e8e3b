package settlementapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementapi"
	"fenzhang/shared/settlement/settletest"
)

// site is the two functions' routes over a world, called as the gateway calls them.
type site struct {
	t *testing.T
	w *settletest.World
	*httpapi.API
}

func open(t *testing.T) *site { return over(t, settletest.Open(t)) }

// over is a site over a world.
func over(t *testing.T, w *settletest.World) *site {
	api := settlementapi.API{Service: w.Service}
	routes := append(api.SettleRoutes(), api.ManageRoutes()...)
	return &site{t, w, &httpapi.API{Routes: routes, Clock: w.Clock, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Limits: httpapi.NewTokenBuckets(httpapi.Rate{PerSecond: 1e6, Burst: 1e6}, httpapi.Rate{PerSecond: 1e6, Burst: 1e6}), Revoked: httpapi.NoRevocations{}}}
}

type caller struct {
	tenant         ident.Tenant
	subject, roles string
	creator        ident.Creator
}

func as(role identity.Role) caller {
	return caller{settletest.Tenant, string(role) + "@" + settletest.Tenant, string(role), settletest.Person}
}

// call makes a call and checks the answer against the contract.
func (s *site) call(c caller, method, path, query string, header map[string]string, body string) (int, map[string]any) {
	s.t.Helper()
	out := s.AnswerEvent(context.Background(), s.event(c, method, path, query, header, body))
	h := http.Header{}
	for k, v := range out.Headers {
		h.Set(k, v)
	}
	contracttest.CheckAnswer(s.t, method, path, out.StatusCode, h, []byte(out.Body))
	var v map[string]any
	if err := json.Unmarshal([]byte(out.Body), &v); err != nil {
		s.t.Fatalf("%s %s: %v in %q", method, path, err, out.Body)
	}
	return out.StatusCode, v
}

// event is a call as the gateway hands it on.
func (s *site) event(c caller, method, path, query string, header map[string]string, body string) events.APIGatewayV2HTTPRequest {
	return events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Headers: header, Body: body, RequestContext: events.APIGatewayV2HTTPRequestContext{
		RequestID: "req-1", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, SourceIP: "127.0.0.1"},
		Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
			"tenant": string(c.tenant), "sub": c.subject, "roles": c.roles, "creator": string(c.creator), "scope": "", "exp": strconv.FormatInt(s.w.Now().Add(time.Hour).Unix(), 10)}}}}
}

func (s *site) post(c caller, path, body string) (int, map[string]any) {
	s.t.Helper()
	return s.call(c, "POST", path, "", nil, body)
}

func (s *site) settle(key, activity, amount string) string {
	s.t.Helper()
	status, v := s.call(as(identity.Operator), "POST", "/v1/incentive/settle", "", map[string]string{"X-Idemp-Key": key}, settleBody(activity, amount))
	if status != 201 {
		s.t.Fatalf("settle: %d %v", status, v)
	}
	return v["settlement_id"].(string)
}

func settleBody(activity, amount string) string {
	return fmt.Sprintf(`{"user_id":%q,"activity_id":%q,"ts":"1787155200000","amount":%q,"income_type":"live_tip"}`, settletest.Person, activity, amount)
}

// want checks status, code and reason of a refusal.
func want(t *testing.T, name string, status int, v map[string]any, wantStatus, code int, reason string) {
	t.Helper()
	got, _ := v["code"].(float64)
	if status != wantStatus || int(got) != code || (reason != "" && v["reason"] != reason) {
		t.Errorf("%s: %d %v, want %d %d %s", name, status, v, wantStatus, code, reason)
	}
}

func TestReadShowsTheWholeLife(t *testing.T) {
	s := open(t)
	id := s.settle("life-key-1", "live-1", "10000.00")
	path := "/v1/settlements/" + id
	_, v := s.call(as(identity.Finance), "GET", path, "", nil, "")
	if v["status"] != "PENDING_REVIEW" || v["net"] != nil || v["quote"] != nil || v["taxes"] != nil {
		t.Errorf("before the quote: %v", v)
	}
	if err := s.w.Quote(context.Background(), settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
	_, v = s.call(as(identity.Finance), "GET", path, "", nil, "")
	if v["net"] != "5880.00" || v["creator_share"] != "7000.00" {
		t.Errorf("after the quote: net %v", v["net"])
	}
	status, v := s.post(as(identity.Finance), path+"/transitions", `{"to":"IN_REVIEW","status_version":1}`)
	if status != 200 || v["status"] != "IN_REVIEW" || v["status_version"] != 2.0 {
		t.Errorf("submit: %d %v", status, v)
	}
	status, v = s.post(as(identity.Approver), path+"/transitions", `{"to":"APPROVED","status_version":2,"reason":"checked"}`)
	if status != 200 || len(v["history"].([]any)) != 3 {
		t.Errorf("approve: %d %v", status, v)
	}
	status, v = s.call(as(identity.Creator), "GET", path+"/explanation", "", nil, "")
	if status != 200 || len(v["steps"].([]any)) < 4 {
		t.Errorf("explanation: %d %v", status, v)
	}
}

func TestTransitionsAreRefusedInTheContractsOrder(t *testing.T) {
	s := open(t)
	id := s.settle("order-key-1", "live-1", "10000.00")
	path := "/v1/settlements/" + id + "/transitions"
	status, v := s.post(as(identity.Auditor), path, `{"to":"APPROVED","status_version":9,"x":1}`)
	want(t, "role for the route first", status, v, 403, 1003, "forbidden")
	status, v = s.post(as(identity.Finance), path, `{"to":"APPROVED","status_version":0}`)
	want(t, "role for the target before the input", status, v, 403, 1003, "forbidden")
	status, v = s.post(as(identity.Finance), path, `{"to":"PAID","status_version":1}`)
	want(t, "PAID is the system's", status, v, 403, 1003, "forbidden")
	status, v = s.post(as(identity.Finance), "/v1/settlements/st-none/transitions", `{"to":"IN_REVIEW","status_version":0,"x":1}`)
	want(t, "input before the object", status, v, 400, 2001, "invalid_input")
	status, v = s.post(as(identity.Finance), "/v1/settlements/st-none/transitions", `{"to":"IN_REVIEW","status_version":7}`)
	want(t, "object before edge and version", status, v, 404, 3003, "not_found")
	status, v = s.post(as(identity.Approver), path, `{"to":"APPROVED","status_version":7}`)
	want(t, "edge before version", status, v, 409, 3001, "illegal_transition")
	status, v = s.post(as(identity.Finance), path, `{"to":"IN_REVIEW","status_version":7}`)
	want(t, "stale version", status, v, 409, 3002, "stale_version")
	if status, v = s.post(as(identity.Finance), path, `{"to":"IN_REVIEW","status_version":1}`); status != 200 {
		t.Fatalf("%d %v", status, v)
	}
	status, v = s.post(as(identity.Approver), path, `{"to":"APPROVED","status_version":2}`)
	want(t, "no quote yet", status, v, 409, 3001, "quote_missing")
	if status, v = s.post(as(identity.Finance), "/v1/settlements/"+id+"/hold", `{"reason":"MANUAL","status_version":2,"text":"look"}`); status != 200 {
		t.Fatalf("%d %v", status, v)
	}
	status, v = s.post(as(identity.Approver), path, `{"to":"APPROVED","status_version":2}`)
	want(t, "on hold", status, v, 409, 3001, "on_hold")
}

func TestSomebodyElsesSettlementDoesNotExist(t *testing.T) {
	s := open(t)
	id := s.settle("else-key-1", "live-1", "10000.00")
	foreign := caller{"other-mcn", "admin@other-mcn", "admin finance approver operator", ""}
	status, v := s.call(foreign, "GET", "/v1/settlements/"+id, "", nil, "")
	want(t, "another tenant", status, v, 404, 3003, "not_found")
	status, v = s.post(foreign, "/v1/settlements/"+id+"/transitions", `{"to":"IN_REVIEW","status_version":1}`)
	want(t, "another tenant moves", status, v, 404, 3003, "not_found")
	status, v = s.call(caller{settletest.Tenant, "creator@x", "creator", settletest.Worker}, "GET", "/v1/settlements/"+id, "", nil, "")
	want(t, "another creator", status, v, 404, 3003, "not_found")
	_, v = s.call(foreign, "GET", "/v1/settlements", "", nil, "")
	if n := len(v["settlements"].([]any)); n != 0 {
		t.Errorf("another tenant lists %d", n)
	}
	_, v = s.call(caller{settletest.Tenant, "creator@x", "creator", settletest.Worker}, "GET", "/v1/settlements", "creator_id="+settletest.Person, nil, "")
	if n := len(v["settlements"].([]any)); n != 0 {
		t.Errorf("another creator lists %d", n)
	}
	status, v = s.call(as(identity.Finance), "GET", "/v1/settlements", "", map[string]string{"X-Tenant-ID": "other-mcn"}, "")
	want(t, "a forged tenant header", status, v, 403, 1003, "tenant_header")
}

// TestEveryRoleAgainstEveryRoute holds the routes against the contract's table. A role with the right gets past
// it: any answer but 1003.
func TestEveryRoleAgainstEveryRoute(t *testing.T) {
	s := open(t)
	id := s.settle("role-key-1", "live-1", "10000.00")
	one := "/v1/settlements/" + id
	all, make, decide := "creator operator finance approver cashier auditor admin", "operator finance admin", "approver"
	for _, c := range []struct{ method, path, body, may string }{
		{"POST", "/v1/incentive/settle", `{}`, make},
		{"GET", "/v1/settlements", "", all},
		{"GET", one, "", all},
		{"GET", one + "/explanation", "", all},
		{"POST", one + "/transitions", `{"to":"IN_REVIEW","status_version":99}`, make},
		{"POST", one + "/transitions", `{"to":"APPROVED","status_version":99}`, decide},
		{"POST", one + "/transitions", `{"to":"FAILED","status_version":99}`, decide},
		{"POST", one + "/transitions", `{"to":"PAYING","status_version":99}`, ""},
		{"POST", one + "/transitions", `{"to":"PAID","status_version":99}`, ""},
		{"POST", "/v1/settlements/transitions", `{"to":"IN_REVIEW"}`, make},
		{"POST", "/v1/settlements/transitions", `{"to":"APPROVED"}`, decide},
		{"POST", "/v1/settlements/transitions", `{"to":"FAILED"}`, decide},
		{"POST", "/v1/settlements/transitions", `{"to":"PAYING"}`, ""},
		{"POST", "/v1/settlements/transitions", `{"to":"PAID"}`, ""},
		{"POST", one + "/hold", `{}`, make},
		{"POST", one + "/release", `{}`, make},
		{"POST", one + "/invoice", `{}`, make},
		{"POST", one + "/confirm-net", `{}`, decide},
		{"POST", one + "/cancel", `{}`, decide},
		{"POST", one + "/reopen", `{}`, decide},
	} {
		for _, role := range identity.AllRoles() {
			_, v := s.call(as(role), c.method, c.path, "", nil, c.body)
			code, _ := v["code"].(float64)
			if refused := int(code) == 1003; refused == strings.Contains(" "+c.may+" ", " "+string(role)+" ") {
				t.Errorf("%s %s %s as %s: code %v", c.method, c.path, c.body, role, code)
			}
		}
	}
}

func TestBadInputIsToldWholeAndWritesNothing(t *testing.T) {
	s := open(t)
	long := strings.Repeat("a", 65)
	for name, c := range map[string]struct {
		key, body string
		fields    []string
	}{
		"wrong JSON":        {"bad-key-01", `{"user_id":`, []string{""}},
		"unknown field":     {"bad-key-01", `{"user_id":"c","activity_id":"a","ts":1787155200000,"amount":"1.00","income_type":"live_tip","bonus":1}`, []string{"bonus"}},
		"negative":          {"bad-key-01", settleBody("a", "-1.00"), []string{"amount"}},
		"zero":              {"bad-key-01", settleBody("a", "0.00"), []string{"amount"}},
		"huge":              {"bad-key-01", settleBody("a", "999999999999.00"), []string{"amount"}},
		"three decimals":    {"bad-key-01", settleBody("a", "1.000"), []string{"amount"}},
		"exponent":          {"bad-key-01", settleBody("a", "1e3"), []string{"amount"}},
		"full-width":        {"bad-key-01", settleBody("a", "１.00"), []string{"amount"}},
		"number":            {"bad-key-01", `{"user_id":"c","activity_id":"a","ts":1787155200000,"amount":1.00,"income_type":"live_tip"}`, []string{"amount"}},
		"over-long id":      {"bad-key-01", settleBody(long, "1.00"), []string{"activity_id"}},
		"control":           {"bad-key-01", settleBody("a\u0001b", "1.00"), []string{"activity_id"}},
		"statement id":      {"bad-key-01", settleBody("stmt:live_tip:2026-08", "1.00"), []string{"activity_id"}},
		"future":            {"bad-key-01", strings.Replace(settleBody("a", "1.00"), "1787155200000", "1987155200000", 1), []string{"ts"}},
		"very old":          {"bad-key-01", strings.Replace(settleBody("a", "1.00"), "1787155200000", "1687155200000", 1), []string{"ts"}},
		"gmv disagrees":     {"bad-key-01", strings.TrimSuffix(settleBody("a", "1.00"), "}") + `,"gmv":"100.00","rate":"0.02"}`, []string{"amount"}},
		"key missing":       {"", settleBody("a", "1.00"), []string{"X-Idemp-Key"}},
		"several at once":   {"x", settleBody(long, "0.00"), []string{"X-Idemp-Key", "activity_id", "amount"}},
		"unread and else":   {"x", settleBody(long, "1.000"), []string{"amount", "X-Idemp-Key", "activity_id"}},
		"unread gmv":        {"bad-key-01", strings.TrimSuffix(settleBody(long, "1.00"), "}") + `,"gmv":"x","rate":"0.02"}`, []string{"gmv", "activity_id"}},
		"unread and no key": {"", `{"user_id":`, []string{"", "X-Idemp-Key"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := s.call(as(identity.Operator), "POST", "/v1/incentive/settle", "", map[string]string{"X-Idemp-Key": c.key}, c.body)
			want(t, name, status, v, 400, 2001, "invalid_input")
			var got []string
			for _, f := range v["fields"].([]any) {
				got = append(got, f.(map[string]any)["field"].(string))
			}
			if fmt.Sprint(got) != fmt.Sprint(c.fields) {
				t.Errorf("fields %q, want %q", got, c.fields)
			}
		})
	}
	status, v := s.call(as(identity.Operator), "POST", "/v1/incentive/settle", "", map[string]string{"X-Idemp-Key": "bad-key-01"}, `{"trace_id":"`+strings.Repeat("a", httpapi.MaxBody)+`"}`)
	want(t, "body over the limit", status, v, 413, 2001, "invalid_input")
	_, v = s.call(as(identity.Finance), "GET", "/v1/settlements", "", nil, "")
	if n := len(v["settlements"].([]any)); n != 0 {
		t.Errorf("%d settlements were written", n)
	}
}

func TestListNarrowsAndPages(t *testing.T) {
	s := open(t)
	for n := range 5 {
		s.settle(fmt.Sprintf("list-key-%d", n), fmt.Sprintf("live-%d", n), "100.00")
		s.w.AdvanceTime(time.Millisecond)
	}
	count := func(query string) int {
		t.Helper()
		status, v := s.call(as(identity.Finance), "GET", "/v1/settlements", query, nil, "")
		if status != 200 {
			t.Fatalf("%s: %d %v", query, status, v)
		}
		return len(v["settlements"].([]any))
	}
	for query, n := range map[string]int{"": 5, "limit=2": 2, "status=PENDING_REVIEW": 5, "status=PAID": 0, "creator_id=" + settletest.Worker: 0,
		"from=2026-09-15&to=2026-09-15": 5, "to=2026-09-14": 0, "hold=RULE_GAP": 0} {
		if got := count(query); got != n {
			t.Errorf("%q lists %d, want %d", query, got, n)
		}
	}
	status, v := s.call(as(identity.Finance), "GET", "/v1/settlements", "status=NONE&limit=0&from=x&cursor=y", nil, "")
	if want(t, "bad query", status, v, 400, 2001, "invalid_input"); len(v["fields"].([]any)) != 3 {
		t.Errorf("problems %v", v["fields"])
	}
}

func TestInvoiceEndsItsHold(t *testing.T) {
	s := open(t)
	c := s.w.People.Contracts[settletest.Studio]
	c.InvoiceBeforePayment = true
	s.w.People.Contracts[settletest.Studio] = c
	a, _, err := s.w.Settle(context.Background(), settletest.CallerWith(identity.Operator), "invoice-key", settletest.SettleRequest(settletest.Studio, "live-1", "10000.00"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.w.Quote(context.Background(), settletest.Tenant, a.SettlementID); err != nil {
		t.Fatal(err)
	}
	path := "/v1/settlements/" + a.SettlementID
	_, v := s.call(as(identity.Finance), "GET", string(path), "", nil, "")
	if hold, _ := v["hold"].(map[string]any); hold == nil || hold["reason"] != settlement.HoldInvoice {
		t.Fatalf("hold %v", v["hold"])
	}
	paper := `{"status_version":1,"number":"26330000000000000001","issued_on":"2026-09-14","amount":"%s","file_sha256":"` + strings.Repeat("0", 64) + `"}`
	status, v := s.post(as(identity.Finance), string(path+"/invoice"), fmt.Sprintf(paper, "1.00"))
	want(t, "another amount", status, v, 400, 2001, "invalid_input")
	status, v = s.post(as(identity.Finance), string(path+"/invoice"), fmt.Sprintf(paper, "7000.00"))
	if status != 200 || v["hold"] != nil {
		t.Errorf("%d, hold %v", status, v["hold"])
	}
}

func TestAProposedContractIsReplayed(t *testing.T) {
	s := open(t)
	s.settle("replay-key-1", "live-1", "1000.00")
	body := fmt.Sprintf(`{"from":"2026-08","to":"2026-08","contract":{"creator_id":%q,"paying_entity":"ent-mcn","from":"2026-12-01","routes":{"live_tip":"mcn_pays"},"splits":{"live_tip":{"method":"ratio","parties":[{"party":"c","kind":"creator","share":"0.8"},{"party":"m","kind":"mcn","share":"0.2"}]}},"cycle":"month","price_basis":"before_tax","revenue_basis":"net"}}`, settletest.Person)
	status, v := s.post(as(identity.Finance), "/v1/contracts/replay", body)
	if status != 200 || fmt.Sprint(v["totals"]) != "[map[difference:100.00 party:creator proposed:800.00 then:700.00] map[difference:-100.00 party:mcn proposed:200.00 then:300.00]]" {
		t.Errorf("replay: %d %v", status, v)
	}
	status, v = s.post(as(identity.Operator), "/v1/contracts/replay", body)
	want(t, "an operator", status, v, 403, 1003, "forbidden")
	status, v = s.post(as(identity.Finance), "/v1/contracts/replay", `{"x":1}`)
	want(t, "input", status, v, 400, 2001, "invalid_input")
	status, v = s.post(as(identity.Finance), "/v1/settlements/st-none/parties", `{"party":"c-1","status_version":3}`)
	want(t, "payees of nothing", status, v, 404, 3003, "not_found")
	status, v = s.post(as(identity.Approver), "/v1/settlements/st-none/parties", `{"party":"c-1","status_version":3}`)
	want(t, "an approver asks for payees", status, v, 403, 1003, "forbidden")
}
