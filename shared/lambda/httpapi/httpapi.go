// Package httpapi is the wrapper around every HTTP function: it finds the route, checks the caller
// in the order that the contract fixes (token, limit, role, then the handler's own checks), bounds
// and reads the body, and writes answers and errors in one shape.
package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/lambda/usage"
)

// MaxBody is the largest body that is read, in bytes.
const MaxBody = 1 << 20

// Request is what a handler gets: the verified caller and the parts of the call.
type Request struct {
	identity.Principal
	ID     string // the gateway's request id, shown in errors and logs
	Params map[string]string
	Query  url.Values
	Header map[string]string // names in lower case
	Body   []byte
	Trace  string // the W3C traceparent, carried on

	// method and path as the contract writes them; the gateway knows families of routes only
	route string
}

// The length of a page of a list, in entries.
const (
	defaultLimit = 20
	maxLimit     = 100
)

// PageLimit reads how many entries of a list the caller wants: 1 to 100, 20 where nothing is said.
func (r *Request) PageLimit() (int, error) {
	text := r.Query.Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, fault.Invalid(fault.Field{Field: "limit", Problem: "must be 1 to 100"})
	}
	return n, nil
}

// DecodeJSON reads the body strictly; the error lists every problem.
func (r *Request) DecodeJSON(into any) error {
	if problems := strictjson.Decode(r.Body, into); len(problems) > 0 {
		return fault.Invalid(problems...)
	}
	return nil
}

// RequireNoFields reads the body of a call that has nothing to say: none, or an object without
// fields.
func (r *Request) RequireNoFields() error {
	if len(r.Body) == 0 {
		return nil
	}
	return r.DecodeJSON(&struct{}{})
}

// Response is an answer; Body is written as JSON unless it is a json.RawMessage.
type Response struct {
	Status int
	Header map[string]string
	Body   any
}

// OK answers 200.
func OK(body any) Response { return Response{Status: http.StatusOK, Body: body} }

// Created answers 201.
func Created(body any) Response { return Response{Status: http.StatusCreated, Body: body} }

// MarkReplayed marks an answer as the first one, given again.
func (r Response) MarkReplayed() Response {
	r.Header = map[string]string{"Idempotency-Replayed": "true"}
	return r
}

// CreatedOrReplayed answers 201 with what a call has made, or 200 with what an earlier one had made
// already.
func CreatedOrReplayed(body any, replayed bool) Response {
	if replayed {
		return OK(body).MarkReplayed()
	}
	return Created(body)
}

// Handler answers one route.
type Handler func(ctx context.Context, r *Request) (Response, error)

// Route is one line of the contract's table. An open route has no caller and no roles.
type Route struct {
	Method, Path string // Path has {name} parts
	Roles        []identity.Role
	Open         bool
	Handle       Handler
}

// Limiter says how long a caller over its limit must wait, zero for a caller within it.
type Limiter interface {
	WaitTime(p identity.Principal, source, device string, now time.Time) time.Duration
}

// Revocations tells whether a token was revoked; its knowledge is at most 20 seconds old.
type Revocations interface {
	IsRevoked(ctx context.Context, p identity.Principal) (bool, error)
}

// API serves a set of routes.
type API struct {
	Routes  []Route
	Clock   clock.Clock
	Log     *slog.Logger
	Limits  Limiter
	Revoked Revocations
}

// Invoke implements lambda.Handler for a function that serves nothing else. Reading the event
// straight into its type, without first looking what kind of event it is, saves a tenth of a call's
// work outside the SDK.
func (a *API) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var call events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &call); err != nil {
		return nil, err
	}
	return json.Marshal(a.Serve(ctx, call))
}

// Serve answers one gateway event. It never returns an error: what fails becomes an answer and a
// log line.
func (a *API) Serve(ctx context.Context,
	ev events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	ctx, end := withAnswerReserve(ctx)
	defer end()
	began := a.Clock.Now()
	r := &Request{ID: ev.RequestContext.RequestID, Header: lowerHeaderNames(ev.Headers)}
	r.Trace = r.Header["traceparent"]
	res, err := a.answerRequest(ctx, ev, r)
	if err != nil {
		res = a.errorResponse(ctx, r, err)
	}
	out := encodeResponse(res)
	a.Log.InfoContext(ctx, "request", "request_id", r.ID, "tenant", r.Tenant, "method",
		ev.RequestContext.HTTP.Method,
		"route", cmp.Or(r.route, ev.RouteKey), "status", out.StatusCode, "ms",
		a.Clock.Now().Sub(began).Milliseconds(), "trace", r.Trace)
	return out
}

// answerReserve is kept at the end of an invocation for writing the answer.
const answerReserve = time.Second

// withAnswerReserve ends the work of a call before the invocation ends. A caller whose request
// could not be carried out in time then gets 5003 with Retry-After, where the gateway would have
// answered without a body.
func withAnswerReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	end, limited := ctx.Deadline()
	if !limited {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, end.Add(-answerReserve))
}

func (a *API) answerRequest(ctx context.Context, ev events.APIGatewayV2HTTPRequest,
	r *Request) (Response, error) {
	route, params := a.findRoute(ev.RequestContext.HTTP.Method, ev.RawPath)
	if route == nil {
		return Response{}, fault.Absent("route")
	}
	r.route, r.Params = route.Method+" "+route.Path, params
	if !route.Open {
		if err := a.admitCaller(ctx, ev, r, route); err != nil {
			return Response{}, err
		}
	}
	if err := readBody(ev, r); err != nil {
		return Response{}, err
	}
	// what cannot be parsed is absent, and a needed field then says so
	r.Query, _ = url.ParseQuery(ev.RawQueryString)
	return route.Handle(ctx, r)
}

// admitCaller checks the caller: token, limit, tenant header, role.
func (a *API) admitCaller(ctx context.Context, ev events.APIGatewayV2HTTPRequest, r *Request,
	route *Route) error {
	p, err := parsePrincipal(ev.RequestContext.Authorizer)
	if err != nil {
		return err
	}
	r.Principal = p
	usage.AttributeTo(ctx, p.Tenant)
	now := a.Clock.Now()
	if !p.Expires.After(now) {
		return identity.TokenExpired()
	}
	revoked, err := a.Revoked.IsRevoked(ctx, p)
	if err != nil {
		return fault.Later(err)
	}
	if revoked {
		return identity.TokenRevoked()
	}
	if wait := a.Limits.WaitTime(p, ev.RequestContext.HTTP.SourceIP, r.Header["x-device-id"],
		now); wait > 0 {
		return &fault.Error{Code: fault.TooMany, Reason: "too_many_requests",
			Public: "Too many requests; send it again after the given seconds.", RetryAfter: wait}
	}
	if named := r.Header["x-tenant-id"]; named != "" && ident.Tenant(named) != p.Tenant {
		return fault.New(fault.Forbidden, "tenant_header",
			"X-Tenant-ID names another tenant; leave the header out, the token names yours.")
	}
	if !p.HasRole(route.Roles...) {
		return identity.RoleForbidden()
	}
	return nil
}

// parsePrincipal reads the authorizer's context; a refusal there becomes our error, which the
// gateway cannot write.
func parsePrincipal(auth *events.APIGatewayV2HTTPRequestContextAuthorizerDescription) (
	identity.Principal, error) {
	if auth == nil || auth.Lambda == nil {
		return identity.Principal{}, identity.TokenMalformed(errors.New("no authorizer context"))
	}
	get := func(name string) string { return contextText(auth.Lambda[name]) }
	switch get("refused") {
	case "":
	case strconv.Itoa(int(fault.SignatureInvalid)):
		return identity.Principal{}, identity.SignatureWrong(nil)
	default:
		return identity.Principal{}, identity.TokenMalformed(nil)
	}
	exp, err := strconv.ParseInt(get("exp"), 10, 64)
	p := identity.Principal{Tenant: ident.Tenant(get("tenant")), Subject: get("sub"),
		Creator: ident.Creator(get("creator")), Scope: get("scope"), Expires: time.Unix(exp, 0)}
	if err != nil || p.Tenant == "" || p.Subject == "" {
		return identity.Principal{},
			identity.TokenMalformed(errors.New("authorizer context without tenant, subject or expiry"))
	}
	for _, role := range strings.Fields(get("roles")) {
		p.Roles = append(p.Roles, identity.Role(role))
	}
	return p, nil
}

// contextText reads a context value; gateways hand numbers on as numbers or as strings.
func contextText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64: // an expiry only: whole seconds, exact in a float
		return strconv.FormatInt(int64(v), 10)
	default:
		return ""
	}
}

func readBody(ev events.APIGatewayV2HTTPRequest, r *Request) error {
	body := []byte(ev.Body)
	if ev.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(ev.Body); err != nil {
			return fault.Invalid(fault.Field{Field: "", Problem: "the body is not valid base64"})
		}
	}
	if len(body) > MaxBody {
		e := fault.Invalid(
			fault.Field{Field: "", Problem: "the body is larger than 1 MiB; send less at a time"})
		e.TooLarge = true
		return e
	}
	r.Body = body
	return nil
}

func (a *API) findRoute(method, path string) (*Route, map[string]string) {
	for i := range a.Routes {
		if a.Routes[i].Method != method {
			continue
		}
		if params, ok := matchPath(a.Routes[i].Path, path); ok {
			return &a.Routes[i], params
		}
	}
	return nil, nil
}

// matchPath compares a path with a pattern, part by part.
func matchPath(pattern, path string) (map[string]string, bool) {
	var params map[string]string
	for pattern != "" {
		var want, got string
		want, pattern, _ = strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
		got, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if strings.HasPrefix(want, "{") && got != "" {
			if params == nil {
				params = map[string]string{}
			}
			value, err := url.PathUnescape(got)
			if err != nil {
				return nil, false
			}
			params[want[1:len(want)-1]] = value
		} else if want != got {
			return nil, false
		}
	}
	return params, path == ""
}

// problem is the body of every refusal.
type problem struct {
	Error      string           `json:"error"`
	Code       fault.Code       `json:"code"`
	Reason     string           `json:"reason"`
	RequestID  string           `json:"request_id"`
	Fields     []fault.Field    `json:"fields,omitempty"`
	Missing    string           `json:"missing,omitempty"`
	Settlement ident.Settlement `json:"settlement_id,omitempty"`
}

// ErrorBody is the error body of one refusal, also for the items of a batch.
func ErrorBody(e *fault.Error, requestID string) any {
	return problem{Error: e.Public, Code: e.Code, Reason: e.Reason, RequestID: requestID,
		Fields: e.Fields, Missing: e.Missing, Settlement: e.Settlement}
}

func (a *API) errorResponse(ctx context.Context, r *Request, err error) Response {
	e := fault.Of(err)
	level := slog.LevelInfo
	if e.Status() >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	a.Log.Log(ctx, level, "refused", "request_id", r.ID, "tenant", r.Tenant, "code", int(e.Code),
		"reason", e.Reason, "cause", causeText(e))
	res := Response{Status: e.Status(), Body: ErrorBody(e, r.ID)}
	if e.RetryAfter > 0 {
		res.Header = map[string]string{
			"Retry-After": strconv.Itoa(int((e.RetryAfter + time.Second - 1) / time.Second))}
	}
	return res
}

func causeText(e *fault.Error) string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

func encodeResponse(res Response) events.APIGatewayV2HTTPResponse {
	body, err := json.Marshal(res.Body)
	if err != nil { // our own types always marshal; this is a bug and must not look like an answer
		res.Status, body = http.StatusInternalServerError,
			[]byte(`{"error":"Something failed on our side.","code":5001,"reason":"system","request_id":""}`)
	}
	out := events.APIGatewayV2HTTPResponse{StatusCode: res.Status, Body: string(body),
		Headers: map[string]string{"Content-Type": "application/json; charset=utf-8"}}
	for k, v := range res.Header {
		out.Headers[k] = v
	}
	return out
}

// lowerHeaderNames gives the headers with names in lower case. HTTP APIs send them so already.
func lowerHeaderNames(headers map[string]string) map[string]string {
	for name := range headers {
		if strings.ToLower(name) != name { // allocates for names in mixed case only
			return copyWithLowerNames(headers)
		}
	}
	return headers
}

func copyWithLowerNames(headers map[string]string) map[string]string {
	out := make(map[string]string, len(headers))
	for k, v := range headers {
		out[strings.ToLower(k)] = v
	}
	return out
}
