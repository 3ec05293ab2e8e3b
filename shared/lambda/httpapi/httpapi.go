// Package httpapi serves the routes of an HTTP function. Package httpapi finds the route of a call,
// checks the caller in the order that the contract fixes (token, rate limit, tenant header, role),
// bounds and reads the body, calls the route's handler, and writes answers and errors in one form.
//
// To add a route:
//
// 1. Describe it in api/openapi.yaml: path, roles, request, every answer with its status, and an
// example.
//
// 2. Write a Handler in the subject's api package (shared/<subject>/<subject>api). The handler
// reads its input with Request.DecodeJSON, Request.Query and Request.Params, calls one method of
// the subject's service with Request.Tenant, and returns OK, Created or CreatedOrReplayed. For a
// refusal the handler returns a *fault.Error; every other error becomes code 5001, without its
// text.
//
// 3. Add a Route with its roles to the Routes method of that package, whose routes a function's
// main.go passes to assembly.Parts.NewAPI. Before a route with {name} in a position, list the one
// that has a fixed word there, because the first route that fits is taken.
//
// 4. Only a new resource, a path that no family route of the gateway covers, needs lines in
// template.yaml, under Mappings, Routes.
//
// 5. Test it: contracttest.CheckServedRoutes in the function's test fails while contract, gateway
// and function disagree, and contracttest.CheckEvent compares an answer with the contract.
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

// MaxBody is the size of the largest request body that is accepted, in bytes.
const MaxBody = 1 << 20

// Request is what a handler receives: the verified caller and the parts of the call.
type Request struct {
	identity.Principal
	// ID is the gateway's request id, which errors and logs show.
	ID string
	// Params are the values of the {name} parts of the path.
	Params map[string]string
	Query  url.Values
	// Header has the names of the headers in lower case.
	Header map[string]string
	Body   []byte
	// Trace is the W3C traceparent, which is passed on to messages and audit records.
	Trace string

	// route is the method and the path pattern of the contract, for the log. The gateway cannot supply
	// it, because its routes cover whole families of paths.
	route string
}

const (
	// A page of a list has defaultLimit entries when the client sends no limit, and at most maxLimit.
	defaultLimit = 20
	maxLimit     = 100
)

// PageLimit reads the query parameter limit, the number of entries on a page of a list: 1 to 100,
// and 20 when the caller sends none.
//
// Errors: 2001 for any other value.
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

// DecodeJSON reads the body into the value that into points to, by the strict rules of package
// strictjson.
//
// Errors: 2001 with every problem of the body.
func (r *Request) DecodeJSON(into any) error {
	if problems := strictjson.Decode(r.Body, into); len(problems) > 0 {
		return fault.Invalid(problems...)
	}
	return nil
}

// RequireNoFields checks the body of a call that takes no input: it must be empty or an object
// without fields.
//
// Errors: 2001 for every field that the body has.
func (r *Request) RequireNoFields() error {
	if len(r.Body) == 0 {
		return nil
	}
	return r.DecodeJSON(&struct{}{})
}

// Response is a handler's answer. Body is encoded as JSON; a json.RawMessage is sent as it is.
type Response struct {
	Status int
	Header map[string]string
	Body   any
}

// OK returns an answer with status 200.
func OK(body any) Response { return Response{Status: http.StatusOK, Body: body} }

// Created returns an answer with status 201.
func Created(body any) Response { return Response{Status: http.StatusCreated, Body: body} }

// MarkReplayed marks the answer as a repetition of the answer to an earlier request with the same
// idempotency key.
func (r Response) MarkReplayed() Response {
	r.Header = map[string]string{"Idempotency-Replayed": "true"}
	return r
}

// CreatedOrReplayed returns 201 with the object that the call created, or 200, marked as replayed,
// when an earlier call had created it.
func CreatedOrReplayed(body any, replayed bool) Response {
	if replayed {
		return OK(body).MarkReplayed()
	}
	return Created(body)
}

// Handler answers the calls of one route; the caller's token, limit and role are checked before.
type Handler func(ctx context.Context, r *Request) (Response, error)

// Route is one operation of the contract with the roles that may call it. An open route is called
// without a token, so it has no roles.
type Route struct {
	// Path is the contract's path, in which {name} stands for one part.
	Method, Path string
	Roles        []identity.Role
	Open         bool
	Handle       Handler
}

// Limiter limits how often a caller may call. WaitTime returns how long a caller over its limit has
// to wait, and zero for a caller within it.
type Limiter interface {
	WaitTime(p identity.Principal, source, device string, now time.Time) time.Duration
}

// Revocations knows the revoked tokens; its answer is based on a list that is at most 20 seconds
// old.
type Revocations interface {
	IsRevoked(ctx context.Context, p identity.Principal) (bool, error)
}

// API answers gateway events with a set of routes.
type API struct {
	Routes  []Route
	Clock   clock.Clock
	Log     *slog.Logger
	Limits  Limiter
	Revoked Revocations
}

// Invoke implements lambda.Handler for a function that serves HTTP only. Invoke decodes the event
// directly, without looking at its kind first, which saves a tenth of the work of a call outside
// the SDK.
func (a *API) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var call events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &call); err != nil {
		return nil, err
	}
	return json.Marshal(a.AnswerEvent(ctx, call))
}

// AnswerEvent answers one gateway event. AnswerEvent never returns an error: a failure becomes an error
// answer and a line in the log.
func (a *API) AnswerEvent(ctx context.Context,
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

// answerReserve is the time at the end of an invocation that is kept for writing the answer.
const answerReserve = time.Second

// withAnswerReserve sets the deadline of the handler's work one answerReserve before the end of the
// invocation. A call that takes too long is then answered with 5003 and Retry-After, where the
// gateway would have answered without a body.
func withAnswerReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	end, limited := ctx.Deadline()
	if !limited {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, end.Add(-answerReserve))
}

// answerRequest finds the route, checks the caller, reads the body and calls the handler.
func (a *API) answerRequest(ctx context.Context, ev events.APIGatewayV2HTTPRequest,
	r *Request) (Response, error) {
	route, params := a.findRoute(ev.RequestContext.HTTP.Method, ev.RawPath)
	if route == nil {
		return Response{}, fault.MissingObject("route")
	}
	r.route, r.Params = route.Method+" "+route.Path, params
	// the caller is checked before the body is read, so that a stranger costs little
	if !route.Open {
		if err := a.admitCaller(ctx, ev, r, route); err != nil {
			return Response{}, err
		}
	}
	if err := readBody(ev, r); err != nil {
		return Response{}, err
	}
	// a parameter that cannot be parsed is missing, and the handler reports it when it is required
	r.Query, _ = url.ParseQuery(ev.RawQueryString)
	return route.Handle(ctx, r)
}

// admitCaller checks a call against the token, its revocation, the rate limit, the tenant header
// and the roles of the route, in this order, which the contract fixes.
//
// Errors: 1001, 1002, 1003, 4001; 5003 when the revocations cannot be read.
func (a *API) admitCaller(ctx context.Context, ev events.APIGatewayV2HTTPRequest, r *Request,
	route *Route) error {
	p, err := parsePrincipal(ev.RequestContext.Authorizer)
	if err != nil {
		return err
	}
	r.Principal = p
	// from here on the tenant pays for the call, also when it is refused
	usage.AttributeTo(ctx, p.Tenant)
	now := a.Clock.Now()
	// the gateway caches the authorizer's answer, so the token may have expired since
	if !p.Expires.After(now) {
		return identity.TokenExpired()
	}
	revoked, err := a.Revoked.IsRevoked(ctx, p)
	if err != nil {
		return fault.Temporary(err)
	}
	if revoked {
		return identity.TokenRevoked()
	}
	if wait := a.Limits.WaitTime(p, ev.RequestContext.HTTP.SourceIP, r.Header["x-device-id"],
		now); wait > 0 {
		return &fault.Error{Code: fault.TooMany, Reason: "too_many_requests",
			Public: "Too many requests; send it again after the given seconds.", RetryAfter: wait}
	}
	// a client that names another tenant expects that tenant's data, and must not silently receive its
	// own
	if header := r.Header["x-tenant-id"]; header != "" && ident.Tenant(header) != p.Tenant {
		return fault.New(fault.Forbidden, "tenant_header",
			"X-Tenant-ID names another tenant; leave the header out, the token names yours.")
	}
	if !p.HasRole(route.Roles...) {
		return identity.RoleForbidden()
	}
	return nil
}

// parsePrincipal reads the caller from the authorizer's context. When the authorizer has refused
// the token, parsePrincipal returns that refusal as an error of ours, because the gateway cannot
// write our error bodies.
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

// contextText returns a value of the authorizer's context as a text; gateways pass numbers on as
// numbers or as strings.
func contextText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	// only the expiry is a number, in whole seconds, which a float64 holds exactly
	case float64:
		return strconv.FormatInt(int64(v), 10)
	default:
		return ""
	}
}

// readBody decodes the body of the event and stores it in the request.
//
// Errors: 2001 for a body that is not base64; 2001 with status 413 for one that is too large.
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
		// the status becomes 413, which clients and proxies know
		e.TooLarge = true
		return e
	}
	r.Body = body
	return nil
}

// findRoute returns the first route that fits method and path, with the values of its {name} parts;
// nil when none fits.
func (a *API) findRoute(method, path string) (*Route, map[string]string) {
	for i := range a.Routes {
		// a path that exists with another method only is answered as not found
		if a.Routes[i].Method != method {
			continue
		}
		if params, ok := matchPath(a.Routes[i].Path, path); ok {
			return &a.Routes[i], params
		}
	}
	return nil, nil
}

// matchPath compares a path with a route's pattern part by part and returns the values of the
// {name} parts; ok is false when they differ.
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

// problem is the JSON of every error answer.
type problem struct {
	Error      string           `json:"error"`
	Code       fault.Code       `json:"code"`
	Reason     string           `json:"reason"`
	RequestID  string           `json:"request_id"`
	Fields     []fault.Field    `json:"fields,omitempty"`
	Missing    string           `json:"missing,omitempty"`
	Settlement ident.Settlement `json:"settlement_id,omitempty"`
}

// ErrorBody returns the JSON body that describes a refusal. The answers to batches use it for each
// refused item.
func ErrorBody(e *fault.Error, requestID string) any {
	return problem{Error: e.Public, Code: e.Code, Reason: e.Reason, RequestID: requestID,
		Fields: e.Fields, Missing: e.Missing, Settlement: e.Settlement}
}

// errorResponse logs an error and returns its answer. Errors of ours are logged as errors, refusals
// as information.
func (a *API) errorResponse(ctx context.Context, r *Request, err error) Response {
	e := fault.AsError(err)
	level := slog.LevelInfo
	if e.Status() >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	a.Log.Log(ctx, level, "refused", "request_id", r.ID, "tenant", r.Tenant, "code", int(e.Code),
		"reason", e.Reason, "cause", causeText(e))
	res := Response{Status: e.Status(), Body: ErrorBody(e, r.ID)}
	// the header counts whole seconds, so a started second is rounded up
	if e.RetryAfter > 0 {
		res.Header = map[string]string{
			"Retry-After": strconv.Itoa(int((e.RetryAfter + time.Second - 1) / time.Second))}
	}
	return res
}

// causeText returns the private cause of an error for the log; "" when it has none.
func causeText(e *fault.Error) string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// encodeResponse turns a handler's answer into the gateway's form.
func encodeResponse(res Response) events.APIGatewayV2HTTPResponse {
	body, err := json.Marshal(res.Body)
	// a type that cannot be encoded is a programming error and must not look like an answer
	if err != nil {
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

// lowerHeaderNames returns the headers with their names in lower case, as HTTP APIs of the gateway
// send them already.
func lowerHeaderNames(headers map[string]string) map[string]string {
	for name := range headers {
		// ToLower allocates memory only for a name in mixed case
		if strings.ToLower(name) != name {
			return copyWithLowerNames(headers)
		}
	}
	return headers
}

// copyWithLowerNames returns a copy of the headers in which the names are in lower case.
func copyWithLowerNames(headers map[string]string) map[string]string {
	out := make(map[string]string, len(headers))
	for k, v := range headers {
		out[strings.ToLower(k)] = v
	}
	return out
}
