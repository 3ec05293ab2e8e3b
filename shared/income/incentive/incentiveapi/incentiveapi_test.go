package incentiveapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivetest"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

var noon = time.Date(2026, 8, 3, 12, 0, 0, 0, civil.Shanghai)

// directory knows the creators whose id begins with "c", and three strategies, of which the sample meets the last.
type directory struct{}

func (directory) Creator(_ context.Context, _ ident.Tenant, creator ident.Creator) (tenancy.Creator, error) {
	if !strings.HasPrefix(string(creator), "c") {
		return tenancy.Creator{}, fault.MissingObject("creator")
	}
	return tenancy.Creator{CreatorID: creator}, nil
}

func (directory) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	from := tenancy.Version{From: civil.MustDate("2026-01-01"), Version: 2}
	return []tenancy.Strategy{
		{Version: from, StrategyID: "st-watch", ActionType: "watch_live", Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.Fen(5), PerUnit: true}},
		{Version: from, StrategyID: "st-share", ActionType: "share", Reward: tenancy.Reward{Kind: tenancy.Traffic, Points: 10}},
		{Version: from, StrategyID: "live-minutes", ActionType: "live_minutes", Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.Fen(2), PerUnit: true}},
	}, nil
}

func newAPI(m *incentivetest.Memory) *httpapi.API {
	days, c := incentivetest.Days{Memory: m}, clock.FixedAt(noon)
	return &httpapi.API{
		Routes: Routes(
			&incentive.Recorder{Clock: c, Directory: directory{}, Events: m, NewID: ids.NewSource(c.Now)},
			&incentive.Counters{Clock: c, Creators: directory{}, Chunks: days, Days: days},
		),
		Clock: c, Log: slog.New(slog.DiscardHandler), Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{},
	}
}

// sample is the event beside main.go.
func sample(t testing.TB) events.APIGatewayV2HTTPRequest {
	t.Helper()
	return triggertest.DecodeSample[events.APIGatewayV2HTTPRequest](t, "../../../../functions/record-incentive/event.json")
}

// send invokes the function as Lambda does and holds the answer against the contract.
func send(t testing.TB, g *httpapi.API, call events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	payload, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.Invoke(context.Background(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var res events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &res); err != nil {
		t.Fatal(err)
	}
	contracttest.CheckEvent(t, call, res)
	return res
}

func post(t testing.TB, g *httpapi.API, body string) events.APIGatewayV2HTTPResponse {
	t.Helper()
	call := sample(t)
	call.Body = body
	return send(t, g, call)
}

func TestSampleEventIsRecordedOnce(t *testing.T) {
	g := newAPI(incentivetest.NewMemory())
	first := send(t, g, sample(t))
	want := `{"event_id":"ev-20260803-000001","reward":{"kind":"cash","amount":"0.06"},"strategy":{"strategy_id":"live-minutes","version":2}}`
	if first.StatusCode != http.StatusCreated || first.Body != want || first.Headers["Idempotency-Replayed"] != "" {
		t.Errorf("first: %d %s %v\nwant 201 %s", first.StatusCode, first.Body, first.Headers, want)
	}
	again := send(t, g, sample(t))
	if again.StatusCode != http.StatusOK || again.Body != want || again.Headers["Idempotency-Replayed"] != "true" {
		t.Errorf("again: %d %s %v", again.StatusCode, again.Body, again.Headers)
	}
	other := post(t, g, strings.Replace(sample(t).Body, `"quantity":3`, `"quantity":4`, 1))
	if other.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(other.Body, `"code":2002,"reason":"key_reused"`) {
		t.Errorf("other content: %d %s", other.StatusCode, other.Body)
	}
}

func event(id, action, more string) string {
	return fmt.Sprintf(`{"event_id":%q,"creator_id":"c-1","action_type":%q,"occurred_at":"2026-08-03T11:00:00+08:00"%s}`, id, action, more)
}

func TestPointsAndParkedEvents(t *testing.T) {
	g := newAPI(incentivetest.NewMemory())
	if res := post(t, g, event("a", "share", "")); res.StatusCode != http.StatusCreated || !strings.Contains(res.Body, `"reward":{"kind":"traffic","amount":10}`) {
		t.Errorf("points: %d %s", res.StatusCode, res.Body)
	}
	want := `{"event_id":"b","reward":null,"strategy":null,"parked":"strategy_missing"}`
	for _, status := range []int{201, 200} {
		if res := post(t, g, event("b", "unheard_of", "")); res.StatusCode != status || res.Body != want {
			t.Errorf("parked: %d %s, want %d %s", res.StatusCode, res.Body, status, want)
		}
	}
}

func TestBatchAnswersEachEvent(t *testing.T) {
	g := newAPI(incentivetest.NewMemory())
	post(t, g, event("old", "share", ""))
	res := post(t, g, `{"events":[`+strings.Join([]string{
		event("new", "watch_live", ""), event("new", "watch_live", ""), event("new", "watch_live", `,"quantity":2`), event("old", "share", ""),
		event("bad", "share", `,"quantity":0,"extra":1`), strings.Replace(event("lost", "share", ""), "c-1", "nobody", 1),
		`[]`, `{"event_id":"x","event_id":"ctl","device":"\u0001"}`, event("park", "unheard_of", ""),
	}, ",")+`]}`)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, res.Body)
	}
	var got struct {
		Results []struct {
			EventID *string `json:"event_id"`
			Status  int
			Parked  string
			Error   *struct {
				Code   int
				Fields []fault.Field
			}
		}
	}
	if err := json.Unmarshal([]byte(res.Body), &got); err != nil {
		t.Fatal(err)
	}
	want := []string{"new 201 0", "new 200 0", "new 422 2002", "old 200 0", "bad 400 2001", "lost 404 3003", "null 400 2001", "ctl 400 2001", "park 201 0"}
	if len(got.Results) != len(want) {
		t.Fatalf("%d results", len(got.Results))
	}
	for i, r := range got.Results {
		id, code := "null", 0
		if r.EventID != nil {
			id = *r.EventID
		}
		if r.Error != nil {
			code = r.Error.Code
		}
		if line := fmt.Sprintf("%s %d %d", id, r.Status, code); line != want[i] {
			t.Errorf("result %d: %s, want %s", i, line, want[i])
		}
	}
	if fields := got.Results[4].Error.Fields; len(fields) != 2 {
		t.Errorf("problems of the bad event: %v", fields)
	}
	if got.Results[8].Parked != "strategy_missing" {
		t.Error("the parked event does not say so")
	}
}

func TestEnvelopeRefusesTheWholeBatch(t *testing.T) {
	many := make([]string, 501)
	for i := range many {
		many[i] = event(fmt.Sprintf("ev-%d", i), "share", "")
	}
	for name, c := range map[string]struct {
		body   string
		status int
		fields string
	}{
		"empty":          {`{"events":[]}`, 400, "events"},
		"501":            {`{"events":[` + strings.Join(many, ",") + `]}`, 400, "events"},
		"500":            {`{"events":[` + strings.Join(many[:500], ",") + `]}`, 200, ""},
		"no list":        {`{"events":{}}`, 400, "events"},
		"null":           {`{"events":null}`, 400, "events"},
		"unknown field":  {`{"events":[` + event("u", "share", "") + `],"dry_run":true}`, 400, "dry_run"},
		"twice":          {`{"events":[` + event("t", "share", "") + `],"events":[]}`, 400, "events"},
		"broken":         {`{"events":[` + event("t", "share", "") + `}`, 400, ""},
		"data after":     {`{"events":[` + event("t", "share", "") + `]} {}`, 400, ""},
		"a list":         {`[` + event("t", "share", "") + `]`, 400, ""},
		"nothing":        {``, 400, ""},
		"too large":      {`{"events":["` + strings.Repeat("x", httpapi.MaxBody) + `"]}`, 413, ""},
		"not an event":   {`{"utm":{"source":"events"}}`, 400, "event_id"},
		"word in a text": {event("w", "share", `,"device":"\"events\""`), 201, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := incentivetest.NewMemory()
			res := post(t, newAPI(m), c.body)
			if res.StatusCode != c.status {
				t.Fatalf("%d %.300s", res.StatusCode, res.Body)
			}
			if c.fields != "" && !strings.Contains(res.Body, `"field":"`+c.fields+`"`) {
				t.Errorf("the answer does not name %s: %s", c.fields, res.Body)
			}
			for _, id := range []string{"ev-0", "u", "t"} {
				if _, kept := m.ReadEvent("demo-mcn", id); kept && c.status >= 400 {
					t.Errorf("%s was stored from a refused batch", id)
				}
			}
		})
	}
}

func TestRolesOfTheRoutes(t *testing.T) {
	for _, role := range identity.AllRoles() {
		g := newAPI(incentivetest.NewMemory())
		may := role == identity.Operator || role == identity.Admin
		if res := send(t, g, as(sample(t), role, "c-001")); (res.StatusCode == http.StatusCreated) != may || (!may && res.StatusCode != http.StatusForbidden) {
			t.Errorf("record as %s: %d %s", role, res.StatusCode, res.Body)
		}
		if res := send(t, g, counters(as(sample(t), role, "c-001"), "c-001", "")); res.StatusCode != http.StatusOK {
			t.Errorf("counters as %s: %d %s", role, res.StatusCode, res.Body)
		}
	}
}

// as makes a call that of another role.
func as(call events.APIGatewayV2HTTPRequest, role identity.Role, creator ident.Creator) events.APIGatewayV2HTTPRequest {
	call.RequestContext.Authorizer.Lambda["roles"] = string(role)
	call.RequestContext.Authorizer.Lambda["creator"] = string(creator)
	return call
}

func counters(call events.APIGatewayV2HTTPRequest, creator ident.Creator, query string) events.APIGatewayV2HTTPRequest {
	call.RawPath, call.RawQueryString, call.Body = string("/api/v1/incentive/counters/"+creator), query, ""
	call.RouteKey, call.RequestContext.HTTP.Method = "GET /api/v1/incentive/counters/{creator_id}", "GET"
	return call
}

func TestCounters(t *testing.T) {
	m := incentivetest.NewMemory()
	cash, points := incentive.NewGrant(incentive.Cash, 150, "st-watch", 2, 0), incentive.NewGrant(incentive.Shop, 7, "st-shop", 1, 0)
	day := incentive.CreatorDay{Tenant: "demo-mcn", Creator: "c-001", Day: civil.DateOf(noon)}
	entries := []incentive.Entry{{EventID: "a", Grant: &cash}, {EventID: "b", Grant: &points}, {EventID: "c"}, {EventID: "a", Grant: &cash}}
	if err := (incentivetest.Days{Memory: m}).AddEntries(t.Context(), map[incentive.CreatorDay][]incentive.Entry{day: entries}); err != nil {
		t.Fatal(err)
	}
	g := newAPI(m)
	want := `{"creator_id":"c-001","date":"2026-08-03","events":3,"rewards":{"cash":"1.50","traffic":0,"shop":7},"closed":false}`
	for _, query := range []string{"", "date=2026-08-03"} {
		if res := send(t, g, counters(sample(t), "c-001", query)); res.StatusCode != http.StatusOK || res.Body != want {
			t.Errorf("%q: %d %s, want %s", query, res.StatusCode, res.Body, want)
		}
	}
	for name, c := range map[string]struct {
		call   events.APIGatewayV2HTTPRequest
		status int
	}{
		"a bad date":             {counters(sample(t), "c-001", "date=2026-02-30"), 400},
		"nobody":                 {counters(sample(t), "nobody", ""), 404},
		"somebody else's":        {counters(as(sample(t), identity.Creator, "c-002"), "c-001", ""), 404},
		"another tenant's":       {counters(tenanted(sample(t), "other"), "c-001", ""), 200},
		"a forged tenant header": {forged(counters(sample(t), "c-001", "")), 403},
	} {
		res := send(t, g, c.call)
		if res.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.Body)
		}
		if c.status == 200 && !strings.Contains(res.Body, `"events":0`) {
			t.Errorf("%s sees %s", name, res.Body)
		}
	}
}

func tenanted(call events.APIGatewayV2HTTPRequest, tenant ident.Tenant) events.APIGatewayV2HTTPRequest {
	call.RequestContext.Authorizer.Lambda["tenant"] = string(tenant)
	call.Headers["x-tenant-id"] = string(tenant)
	return call
}

func forged(call events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPRequest {
	call.Headers["X-Tenant-ID"] = "other"
	delete(call.Headers, "x-tenant-id")
	return call
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"events":[{"event_id":"a"},7,"x",null]}`))
	f.Add([]byte(`{"events":[],"events":[]}`))
	f.Add([]byte(`{"utm":{"source":"\"events\""}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		parts, batch, err := splitEnvelope(body)
		switch {
		case err != nil:
			if len(fault.AsError(err).Fields) == 0 {
				t.Fatal("refused without a reason")
			}
		case !batch && string(parts[0]) != string(body):
			t.Fatal("a single event was changed")
		case batch && (len(parts) < 1 || len(parts) > maxEvents):
			t.Fatalf("%d events", len(parts))
		}
	})
}
