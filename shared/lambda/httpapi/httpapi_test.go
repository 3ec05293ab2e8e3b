package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
)

var instant = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// authorizer is the context of a caller that nothing is wrong with.
func authorizer() map[string]any {
	return map[string]any{"tenant": "demo", "sub": "finance@demo", "roles": "finance approver", "creator": "c1", "scope": "machine", "exp": "1795312860"}
}

func call(method, path, body string, context map[string]any) events.APIGatewayV2HTTPRequest {
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, Body: body, Headers: map[string]string{}}
	ev.RequestContext.RequestID = "req-1"
	ev.RequestContext.HTTP.Method, ev.RequestContext.HTTP.SourceIP = method, "203.0.113.7"
	if context != nil {
		ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: context}
	}
	return ev
}

// wall is a limiter and a list of revocations that answer as told.
type wall struct {
	wait    time.Duration
	revoked bool
	err     error
}

func (w *wall) WaitTime(identity.Principal, string, string, time.Time) time.Duration { return w.wait }

func (w *wall) IsRevoked(context.Context, identity.Principal) (bool, error) { return w.revoked, w.err }

// server serves one route of each sort; seen is the last request that reached a handler.
type server struct {
	*httpapi.API
	wall *wall
	seen *httpapi.Request
	log  bytes.Buffer
}

func serve(answer func(*httpapi.Request) (httpapi.Response, error)) *server {
	s := &server{wall: &wall{}}
	handle := func(_ context.Context, r *httpapi.Request) (httpapi.Response, error) {
		s.seen = r
		return answer(r)
	}
	s.API = &httpapi.API{
		Routes: []httpapi.Route{
			{Method: "GET", Path: "/healthz", Open: true, Handle: handle},
			{Method: "POST", Path: "/v1/things", Roles: []identity.Role{identity.Finance}, Handle: handle},
			{Method: "GET", Path: "/v1/things/{id}/parts/{part}", Roles: []identity.Role{identity.Finance}, Handle: handle},
			{Method: "POST", Path: "/v1/safe", Roles: []identity.Role{identity.Admin}, Handle: handle},
		},
		Clock: clock.FixedAt(instant), Limits: s.wall, Revoked: s.wall,
	}
	s.Log = slog.New(slog.NewJSONHandler(&s.log, nil))
	return s
}

func fine(*httpapi.Request) (httpapi.Response, error) {
	return httpapi.OK(map[string]string{"ok": "yes"}), nil
}

// refused gives code and reason of an error body.
func refused(t *testing.T, res events.APIGatewayV2HTTPResponse) (int, string) {
	t.Helper()
	var body struct {
		Error     string `json:"error"`
		Code      int    `json:"code"`
		Reason    string `json:"reason"`
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(res.Body), &body); err != nil {
		t.Fatalf("%q: %v", res.Body, err)
	}
	if body.Code != 0 && (body.Error == "" || body.Reason == "" || body.RequestID != "req-1") {
		t.Errorf("error body without its parts: %s", res.Body)
	}
	return body.Code, body.Reason
}

// Each call has the fault under test and every later one in the order too, so a check in the wrong place shows.
func TestRefusalsComeInTheirOrder(t *testing.T) {
	var context map[string]any
	ev := call("POST", "/v1/safe", "not JSON", nil)
	ev.Headers["x-tenant-id"] = "other"
	s := serve(func(r *httpapi.Request) (httpapi.Response, error) {
		var in struct{}
		if err := r.DecodeJSON(&in); err != nil {
			return httpapi.Response{}, err
		}
		return httpapi.Response{}, fault.MissingObject("thing")
	})
	s.wall.wait, s.wall.revoked, s.wall.err = 1500*time.Millisecond, true, errors.New("away")
	for _, step := range []struct {
		name   string
		status int
		code   int
		reason string
		mend   func() // takes the fault away
	}{
		{"no context", 401, 1001, "token_invalid", func() { context = map[string]any{"refused": "1002"} }},
		{"forged", 401, 1002, "signature_invalid", func() { context = map[string]any{"refused": "1001"} }},
		{"malformed", 401, 1001, "token_invalid", func() { context = map[string]any{"sub": "x", "roles": "finance", "exp": "1795312860"} }},
		{"without tenant", 401, 1001, "token_invalid", func() { context = authorizer(); context["exp"] = "1795312800" }},
		{"expired", 401, 1001, "token_expired", func() { context = authorizer() }},
		{"revocations unknown", 503, 5003, "unavailable", func() { s.wall.err = nil }},
		{"revoked", 401, 1001, "token_revoked", func() { s.wall.revoked = false }},
		{"over the limit", 429, 4001, "too_many_requests", func() { s.wall.wait = 0 }},
		{"another tenant's header", 403, 1003, "tenant_header", func() { ev.Headers["x-tenant-id"] = "demo" }},
		{"role", 403, 1003, "forbidden", func() { context["roles"] = "admin" }},
		{"input", 400, 2001, "invalid_input", func() { ev.Body = "{}" }},
		{"object", 404, 3003, "not_found", func() {}},
	} {
		ev.RequestContext.Authorizer = nil
		if context != nil {
			ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: context}
		}
		res := s.AnswerEvent(t.Context(), ev)
		code, reason := refused(t, res)
		if res.StatusCode != step.status || code != step.code || reason != step.reason {
			t.Errorf("%s: got %d %d %s, want %d %d %s", step.name, res.StatusCode, code, reason, step.status, step.code, step.reason)
		}
		if step.code == 4001 && res.Headers["Retry-After"] != "2" {
			t.Errorf("Retry-After is %q, want whole seconds upwards", res.Headers["Retry-After"])
		}
		step.mend()
	}
}

func TestTheCallerComesFromTheAuthorizerAlone(t *testing.T) {
	s := serve(fine)
	ev := call("POST", "/v1/things", "{}", authorizer())
	ev.Headers = map[string]string{"X-Tenant-ID": "demo", "Traceparent": "00-trace", "X-Device-Id": "desk"}
	ev.RawQueryString = "tenant=other&limit=5"
	if res := s.AnswerEvent(t.Context(), ev); res.StatusCode != 200 {
		t.Fatalf("got %d %s", res.StatusCode, res.Body)
	}
	r := s.seen
	if r.Tenant != "demo" || r.Subject != "finance@demo" || !r.HasRole(identity.Approver) || r.HasRole(identity.Admin) || r.Creator != "c1" ||
		r.Scope != identity.ScopeMachine || !r.Expires.Equal(instant.Add(time.Minute)) {
		t.Errorf("caller %+v", r.Principal)
	}
	if r.Trace != "00-trace" || r.Query.Get("limit") != "5" || r.ID != "req-1" || string(r.Body) != "{}" {
		t.Errorf("request %+v", r)
	}
}

func TestAnExpiryThatCameAsANumber(t *testing.T) {
	for _, exp := range []any{float64(1795312860), json.Number("1795312860")} {
		s := serve(fine)
		context := authorizer()
		context["exp"] = exp
		if res := s.AnswerEvent(t.Context(), call("POST", "/v1/things", "{}", context)); res.StatusCode != 200 {
			t.Errorf("%T: %d %s", exp, res.StatusCode, res.Body)
		}
	}
}

func TestRoutes(t *testing.T) {
	for name, c := range map[string]struct {
		method, path string
		status       int
		params       map[string]string
	}{
		"parameters":      {"GET", "/v1/things/a-1/parts/2", 200, map[string]string{"id": "a-1", "part": "2"}},
		"escaped":         {"GET", "/v1/things/a%2Fb/parts/2", 200, map[string]string{"id": "a/b", "part": "2"}},
		"broken escape":   {"GET", "/v1/things/%zz/parts/2", 404, nil},
		"empty parameter": {"GET", "/v1/things//parts/2", 404, nil},
		"too short":       {"GET", "/v1/things/a", 404, nil},
		"too long":        {"GET", "/v1/things/a/parts/2/3", 404, nil},
		"other method":    {"DELETE", "/v1/things", 404, nil},
		"prefix only":     {"POST", "/v1/thingsandmore", 404, nil},
		"stray":           {"GET", "/", 404, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(fine)
			res := s.AnswerEvent(t.Context(), call(c.method, c.path, "", authorizer()))
			if res.StatusCode != c.status {
				t.Fatalf("got %d %s", res.StatusCode, res.Body)
			}
			if c.status == 200 && !maps.Equal(s.seen.Params, c.params) {
				t.Errorf("parameters %v", s.seen.Params)
			}
		})
	}
}

// The gateway knows families of routes; the function finds the handler and its parameters in the path, and the log names
// the route of the contract.
func TestAFamilyRouteOfTheGateway(t *testing.T) {
	for path, c := range map[string]struct {
		params map[string]string
		logged string
	}{
		"/v1/things/a%2Fb/parts/%E4%B8%AD": {map[string]string{"id": "a/b", "part": "中"}, `"route":"GET /v1/things/{id}/parts/{part}"`},
		"/v1/things/a/b":                   {nil, `"route":"ANY /v1/things/{proxy+}"`},
	} {
		s := serve(fine)
		ev := call("GET", path, "", authorizer())
		ev.RouteKey, ev.PathParameters = "ANY /v1/things/{proxy+}", map[string]string{"proxy": strings.TrimPrefix(path, "/v1/things/")}
		res := s.AnswerEvent(t.Context(), ev)
		if !strings.Contains(s.log.String(), c.logged) {
			t.Errorf("%s: the log says %s", path, s.log.String())
		}
		switch {
		case c.params == nil && res.StatusCode != 404:
			t.Errorf("%s: got %d %s", path, res.StatusCode, res.Body)
		case c.params != nil && (s.seen == nil || !maps.Equal(s.seen.Params, c.params)):
			t.Errorf("%s: got %d, parameters %v", path, res.StatusCode, s.seen)
		}
	}
}

func TestAnOpenRouteAsksNobodyIn(t *testing.T) {
	s := serve(fine)
	s.wall.wait, s.wall.revoked = time.Second, true
	if res := s.AnswerEvent(t.Context(), call("GET", "/healthz", "", nil)); res.StatusCode != 200 || s.seen.Tenant != "" {
		t.Errorf("got %d %s, tenant %q", res.StatusCode, res.Body, s.seen.Tenant)
	}
}

func TestBodies(t *testing.T) {
	echo := func(r *httpapi.Request) (httpapi.Response, error) { return httpapi.OK(len(r.Body)), nil }
	for name, c := range map[string]struct {
		body   string
		coded  bool
		status int
		answer string
	}{
		"largest":        {strings.Repeat("a", httpapi.MaxBody), false, 200, "1048576"},
		"too large":      {strings.Repeat("a", httpapi.MaxBody+1), false, 413, ""},
		"in base64":      {base64.StdEncoding.EncodeToString([]byte("four")), true, 200, "4"},
		"broken base64":  {"***", true, 400, ""},
		"large in clear": {base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("a"), httpapi.MaxBody+1)), true, 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ev := call("POST", "/v1/things", c.body, authorizer())
			ev.IsBase64Encoded = c.coded
			res := serve(echo).AnswerEvent(t.Context(), ev)
			if res.StatusCode != c.status || (c.answer != "" && res.Body != c.answer) {
				t.Errorf("got %d %.80s", res.StatusCode, res.Body)
			}
			if c.status >= 400 {
				if code, _ := refused(t, res); code != 2001 {
					t.Errorf("code %d", code)
				}
			}
		})
	}
}

func TestWhatFailsInsideStaysInside(t *testing.T) {
	s := serve(func(*httpapi.Request) (httpapi.Response, error) {
		return httpapi.Response{}, errors.New("table settlements-prod is gone")
	})
	res := s.AnswerEvent(t.Context(), call("POST", "/v1/things", "{}", authorizer()))
	if code, _ := refused(t, res); res.StatusCode != 500 || code != 5001 || strings.Contains(res.Body, "settlements-prod") {
		t.Errorf("got %d %s", res.StatusCode, res.Body)
	}
	if !strings.Contains(s.log.String(), "settlements-prod") {
		t.Error("the cause is not in the log")
	}
}

func TestARefusalCarriesAllItKnows(t *testing.T) {
	s := serve(func(*httpapi.Request) (httpapi.Response, error) {
		return httpapi.Response{}, &fault.Error{Code: fault.RuleMissing, Reason: "rule_gap", Public: "No rule.", Missing: "vat.x", Settlement: "s1", Fields: []fault.Field{{Field: "a", Problem: "b"}}}
	})
	res := s.AnswerEvent(t.Context(), call("POST", "/v1/things", "{}", authorizer()))
	want := `{"error":"No rule.","code":5002,"reason":"rule_gap","request_id":"req-1","fields":[{"field":"a","problem":"b"}],"missing":"vat.x","settlement_id":"s1"}`
	if res.Body != want || res.StatusCode != 422 {
		t.Errorf("got %d %s", res.StatusCode, res.Body)
	}
}

func TestAnAnswerThatCannotBeWrittenIsAFailure(t *testing.T) {
	s := serve(func(*httpapi.Request) (httpapi.Response, error) { return httpapi.OK(func() {}), nil })
	if res := s.AnswerEvent(t.Context(), call("POST", "/v1/things", "{}", authorizer())); res.StatusCode != 500 {
		t.Errorf("got %d %s", res.StatusCode, res.Body)
	}
}

func TestWhatWasMadeBeforeIsAnsweredAsBefore(t *testing.T) {
	first, again := httpapi.CreatedOrReplayed("x", false), httpapi.CreatedOrReplayed("x", true)
	if first.Status != 201 || first.Header != nil || again.Status != 200 || again.Header["Idempotency-Replayed"] != "true" || again.Body != "x" {
		t.Errorf("%+v, then %+v", first, again)
	}
}

func TestABodyWithNothingToSay(t *testing.T) {
	for body, ok := range map[string]bool{"": true, "{}": true, `{"a":1}`: false, "[]": false, "{} {}": false} {
		if err := (&httpapi.Request{Body: []byte(body)}).RequireNoFields(); (err == nil) != ok {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestAReplayedAnswerSaysSo(t *testing.T) {
	s := serve(func(*httpapi.Request) (httpapi.Response, error) { return httpapi.Created("x").MarkReplayed(), nil })
	res := s.AnswerEvent(t.Context(), call("POST", "/v1/things", "{}", authorizer()))
	if res.StatusCode != 201 || res.Headers["Idempotency-Replayed"] != "true" || !strings.HasPrefix(res.Headers["Content-Type"], "application/json") {
		t.Errorf("got %d %v", res.StatusCode, res.Headers)
	}
}

func TestBuckets(t *testing.T) {
	person := identity.Principal{Tenant: "demo", Subject: "a"}
	machine := identity.Principal{Tenant: "demo", Subject: "m", Scope: identity.ScopeMachine}
	b := httpapi.NewTokenBuckets(httpapi.Rate{PerSecond: 50, Burst: 200}, httpapi.Rate{PerSecond: 500, Burst: 1000})
	taken := func(p identity.Principal, device string, at time.Time) (n int) {
		for n < 5000 && b.WaitTime(p, "203.0.113.7", device, at) == 0 {
			n++
		}
		return n
	}
	if n := taken(person, "desk", instant); n != 200 {
		t.Errorf("a person's burst is %d", n)
	}
	if wait := b.WaitTime(person, "203.0.113.7", "desk", instant); wait != 20*time.Millisecond {
		t.Errorf("the next call comes after %s, want a fiftieth of a second", wait)
	}
	if n := taken(person, "desk", instant.Add(time.Second)); n != 50 {
		t.Errorf("a second later %d calls", n)
	}
	if n := taken(person, "phone", instant); n != 200 {
		t.Errorf("another device has %d", n)
	}
	if n := taken(identity.Principal{Tenant: "other", Subject: "a"}, "desk", instant); n != 200 {
		t.Errorf("another tenant's person of the same name has %d", n)
	}
	if n := taken(machine, "x", instant); n != 1000 {
		t.Errorf("a tenant's machines have %d", n)
	}
	other := machine
	other.Subject = "m2"
	if n := taken(other, "y", instant); n != 0 {
		t.Errorf("a second machine of the tenant has %d of its own", n)
	}
}

func TestBucketsOfStrangersAreForgotten(t *testing.T) {
	b := httpapi.NewTokenBuckets(httpapi.Rate{PerSecond: 1, Burst: 1}, httpapi.Rate{PerSecond: 1, Burst: 1})
	first := identity.Principal{Tenant: "demo", Subject: "first"}
	b.WaitTime(first, "", "", instant)
	if b.WaitTime(first, "", "", instant) == 0 {
		t.Fatal("the bucket is not empty")
	}
	for n := range 10_000 {
		b.WaitTime(identity.Principal{Tenant: "demo", Subject: string(rune('a'+n%26)) + strings.Repeat("x", n/26)}, "", "", instant)
	}
	if b.WaitTime(first, "", "", instant) != 0 {
		t.Error("the oldest bucket is still kept: memory is not bounded")
	}
}

// A call's work ends before its invocation, and a call whose time is over is answered with 5003 and Retry-After.
func TestACallEndsInTimeForItsAnswer(t *testing.T) {
	end := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	var until time.Time
	a := &httpapi.API{Clock: clock.Clock{Now: time.Now}, Log: slog.New(slog.DiscardHandler), Routes: []httpapi.Route{{Method: "GET", Path: "/slow", Open: true,
		Handle: func(ctx context.Context, _ *httpapi.Request) (httpapi.Response, error) {
			until, _ = ctx.Deadline()
			return httpapi.Response{}, fmt.Errorf("read the table: %w", context.DeadlineExceeded)
		}}}}
	out := a.AnswerEvent(ctx, call("GET", "/slow", "", nil))
	if out.StatusCode != 503 || out.Headers["Retry-After"] != "1" || !strings.Contains(out.Body, `"code":5003`) {
		t.Errorf("answered %d %v %s", out.StatusCode, out.Headers, out.Body)
	}
	if left := end.Sub(until); left != time.Second {
		t.Errorf("%v are left for the answer", left)
	}
}
