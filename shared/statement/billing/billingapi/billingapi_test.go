package billingapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/clock/ids"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/sqsbatch"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/statement/statementdb"
	"fenzhang/shared/tenancy"
)

// site is the function over a world in a local DynamoDB, with the queue in memory.
type site struct {
	t *testing.T
	w *settletest.World
	q *inbox
	trigger.Mux
}

// inbox keeps what was handed to the queue.
type inbox struct{ tasks []billing.Task }

func (q *inbox) SendTasks(_ context.Context, tasks []billing.Task) error {
	q.tasks = append(q.tasks, tasks...)
	return nil
}

func open(t *testing.T) *site {
	w, q, log := settletest.Open(t), &inbox{}, slog.New(slog.NewJSONHandler(io.Discard, nil))
	lines := &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: ids.NewSource(time.Now)}
	night := NightlyRun{
		Billing: &billing.Service{Settlements: w.Service, Buckets: lines, Log: log},
		Statements: &statement.Service{States: &statementdb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: ids.NewSource(time.Now)},
			Clock: w.Clock, NewID: w.NextID},
		Cohorts: q, Log: log,
	}
	a := API{Recorder: &income.Recorder{Lines: lines, Directory: w.People, Clock: w.Clock, NewID: w.NextID}, Nightly: night, Log: log}
	api := &httpapi.API{Routes: a.Routes(), Clock: w.Clock, Log: log, Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	return &site{t, w, q, trigger.Mux{HTTP: api.AnswerEvent, Queue: sqsbatch.HandleOneByOne(log, night.RunCohort), Schedule: night.FanOutTenants}}
}

// call makes a call as a role and checks the answer against the contract.
func (s *site) call(role identity.Role, method, path, query, body string) (int, map[string]any) {
	s.t.Helper()
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Body: body, RequestContext: events.APIGatewayV2HTTPRequestContext{
		RequestID: "req-1", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, SourceIP: "127.0.0.1"},
		Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
			"tenant": settletest.Tenant, "sub": string(role) + "@" + settletest.Tenant, "roles": string(role), "creator": settletest.Person,
			"exp": strconv.FormatInt(s.w.Now().Add(time.Hour).Unix(), 10)}}}}
	return s.invoke(ev)
}

func (s *site) invoke(ev events.APIGatewayV2HTTPRequest) (int, map[string]any) {
	s.t.Helper()
	res := s.HTTP(s.t.Context(), ev)
	contracttest.CheckEvent(s.t, ev, res)
	var v map[string]any
	if err := json.Unmarshal([]byte(res.Body), &v); err != nil {
		s.t.Fatalf("%v in %q", err, res.Body)
	}
	return res.StatusCode, v
}

func line(id string, creator ident.Creator, amount string) string {
	return fmt.Sprintf(`{"line_id":%q,"creator_id":%q,"income_type":"live_tip","platform":"douyin","occurred_on":"2026-08-29","service_period":"2026-08",`+
		`"gross_before_platform":%q,"platform_fee":"0.00","refund":"0.00","subsidy":"0.00","distributable":%q}`, id, creator, amount, amount)
}

func (s *site) upload(lines ...string) []any {
	s.t.Helper()
	status, v := s.call(identity.Operator, "POST", "/v1/income-lines", "", `{"lines":[`+strings.Join(lines, ",")+`]}`)
	if status != 200 {
		s.t.Fatalf("upload: %d %v", status, v)
	}
	return v["results"].([]any)
}

func TestUploadAnswersLineByLine(t *testing.T) {
	s := open(t)
	s.w.People.AddCreator("c-platform", "natural_person", settletest.Ordinary, tenancy.PlatformPaysCreator)
	xingtu := strings.Replace(line("a", settletest.Person, "1.00"), "live_tip", "xingtu_ad", 1)
	got := s.upload(line("a", settletest.Person, "10.00"), line("a", settletest.Person, "10.00"), line("a", settletest.Person, "11.00"),
		line("a", "nobody", "1.00"), line("a", "c-platform", "1.00"), xingtu, `17`, `{"line_id":"b","amount":"1.00"}`, line("c", settletest.Person, "1.5"))
	for i, want := range []struct {
		id, more string
		status   int
	}{
		{"a", `"bucket":"2026-08#live_tip"`, 201}, {"a", `"bucket":"2026-08#live_tip"`, 200}, {"a", `"reason":"line_exists"`, 422}, {"a", `"code":3003`, 404},
		{"a", `"settled_by":"platform_pays_creator"`, 201}, {"a", `"parked":"contract_missing"`, 201}, {"", `"must be an object"`, 400},
		{"b", `{"field":"amount","problem":"is not a known field"}`, 400}, {"c", `"field":"gross_before_platform"`, 400},
	} {
		r := got[i].(map[string]any)
		text, _ := json.Marshal(r)
		id, _ := r["line_id"].(string)
		if id != want.id || int(r["status"].(float64)) != want.status || !strings.Contains(string(text), want.more) {
			t.Errorf("line %d: %s", i, text)
		}
	}
}

func TestBadEnvelopesWriteNothing(t *testing.T) {
	s := open(t)
	many := make([]string, 501)
	for i := range many {
		many[i] = line(fmt.Sprint("l", i), settletest.Person, "1.00")
	}
	for name, body := range map[string]string{
		"not JSON": `{"lines":[`, "no object": `[]`, "nothing": `{}`, "no lines": `{"lines":[]}`, "no list": `{"lines":{}}`,
		"501 lines": `{"lines":[` + strings.Join(many, ",") + `]}`, "another field": `{"lines":[` + many[0] + `],"x":1}`,
		"lines twice": `{"lines":[` + many[0] + `],"lines":[]}`, "more behind": `{"lines":[` + many[0] + `]} x`,
	} {
		if status, v := s.call(identity.Admin, "POST", "/v1/income-lines", "", body); status != 400 || v["code"] != 2001.0 {
			t.Errorf("%s: %d %v", name, status, v)
		}
	}
	if _, v := s.call(identity.Admin, "GET", "/v1/statements", "creator_id="+settletest.Person, ""); len(v["statements"].([]any)) != 0 {
		t.Errorf("something was written: %v", v)
	}
}

func TestRunAndList(t *testing.T) {
	s := open(t)
	s.upload(line("a", settletest.Person, "10.00"), line("b", settletest.Worker, "20.00"))
	for body, want := range map[string]int{`{"date":"2026-09-16"}`: 400, `{"date":"x","creator_id":""}`: 400, `{"creator_id":"nobody"}`: 404, `{"day":"2026-09-15"}`: 400} {
		if status, v := s.call(identity.Finance, "POST", "/v1/statements/run", "", body); status != want {
			t.Errorf("run %s: %d %v", body, status, v)
		}
	}
	status, v := s.call(identity.Finance, "POST", "/v1/statements/run", "", `{"creator_id":"`+settletest.Worker+`"}`)
	if status != 200 || v["opened"] != 1.0 || v["date"] != "2026-09-15" {
		t.Errorf("one creator: %d %v", status, v)
	}
	if _, v = s.call(identity.Finance, "POST", "/v1/statements/run", "", `{"date":"2026-09-15"}`); v["opened"] != 1.0 || v["already"] != 1.0 || v["due"] != 2.0 {
		t.Errorf("all: %v", v)
	}
	_, v = s.call(identity.Creator, "GET", "/v1/statements", "creator_id="+settletest.Person+"&period=2026-08", "")
	shown := v["statements"].([]any)[0].(map[string]any)
	if shown["state"] != "settled" || shown["distributable"] != "10.00" || shown["lines"] != 1.0 || shown["settlement_id"] == nil {
		t.Errorf("statement %v", shown)
	}
	for query, want := range map[string]int{"creator_id=" + settletest.Worker: 404, "": 400, "creator_id=a%20b&period=2026-13": 400} {
		if status, v := s.call(identity.Creator, "GET", "/v1/statements", query, ""); status != want {
			t.Errorf("list %q: %d %v", query, status, v)
		}
	}
}

func TestRoles(t *testing.T) {
	s := open(t)
	allowed := map[string]string{"POST /v1/income-lines": "operator finance admin", "POST /v1/statements/run": "finance admin",
		"GET /v1/statements": "creator operator finance approver cashier auditor admin"}
	for route, roles := range allowed {
		method, path, _ := strings.Cut(route, " ")
		for _, role := range identity.AllRoles() {
			status, v := s.call(role, method, path, "creator_id="+settletest.Person, `{}`)
			if may := strings.Contains(roles, string(role)); may == (v["code"] == 1003.0) {
				t.Errorf("%s as %s: %d %v", route, role, status, v)
			}
		}
	}
}

func TestNightFansOutAndTheQueueOpens(t *testing.T) {
	s := open(t)
	s.upload(line("a", settletest.Person, "10.00"), line("b", settletest.Worker, "20.00"), line("c", settletest.Studio, "30.00"))
	if _, err := s.Invoke(t.Context(), []byte(`{"job":"run-statements","time":"2026-09-14T18:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	if len(s.q.tasks) != 1 { // a small tenant is one part
		t.Fatalf("%d tasks", len(s.q.tasks))
	}
	for range 3 { // a queue may deliver more than once
		for i, task := range s.q.tasks {
			body, err := json.Marshal(task)
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.Queue(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: fmt.Sprint(i), Body: string(body)}}})
			if err != nil || len(out.BatchItemFailures) != 0 {
				t.Fatalf("%v %v", out, err)
			}
		}
	}
	_, v := s.call(identity.Finance, "POST", "/v1/statements/run", "", `{}`)
	if v["already"] != 3.0 || v["opened"] != 0.0 {
		t.Errorf("after the night: %v", v)
	}
	for _, body := range []string{`x`, `{}`, `{"tenant":"demo-mcn","after":"b","upto":"a","date":"2026-09-15","by":"x"}`} {
		out, err := s.Queue(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "bad", Body: body}}})
		if err != nil || len(out.BatchItemFailures) != 1 {
			t.Errorf("message %s: %v %v", body, out, err)
		}
	}
}
