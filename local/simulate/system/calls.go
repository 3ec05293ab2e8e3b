package system

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
)

// Caller is a person or client that calls a route. When several people of a tenant have a role,
// their Role ends with a number, as in "approver-2".
type Caller struct {
	Tenant ident.Tenant
	Role   string
}

// Subject returns the id of the caller as the token names it.
func (c Caller) Subject() string { return c.Role + "@" + string(c.Tenant) }

// claimedRole returns the role in the caller's token: Role without the number.
func (c Caller) claimedRole() string {
	role, _, _ := strings.Cut(c.Role, "-")
	return role
}

// Post posts a body to a route of the API, as API Gateway passes it on; key is the idempotency
// key, "" for none.
func (s *System) Post(ctx context.Context, c Caller, path, key,
	body string) events.APIGatewayV2HTTPResponse {
	return s.post(ctx, s.API, c, path, key, body)
}

// post posts a body to a route of one of the two sets of routes.
func (s *System) post(ctx context.Context, api *httpapi.API, c Caller, path, key string,
	body string) events.APIGatewayV2HTTPResponse {
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, Body: body, Headers: map[string]string{}}
	if key != "" {
		ev.Headers["x-idemp-key"] = key
	}
	return s.serve(ctx, api, c, "POST", ev)
}

// Get reads a route of the API; the path may have a query.
func (s *System) Get(ctx context.Context, c Caller, path string) events.APIGatewayV2HTTPResponse {
	path, query, _ := strings.Cut(path, "?")
	return s.serve(ctx, s.API, c, "GET",
		events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query})
}

// serve adds the claims of the caller's token to a request and answers it, as API Gateway and the
// function do. A caller without a tenant is a payment gateway, which has no token.
func (s *System) serve(ctx context.Context, api *httpapi.API, c Caller, method string,
	ev events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	ev.RequestContext.HTTP.Method = method
	if c.Tenant != "" {
		ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			Lambda: map[string]any{"tenant": string(c.Tenant), "sub": c.Subject(),
				"roles": c.claimedRole(), "exp": strconv.FormatInt(s.world.TrueNanos()/1e9+3600, 10)}}
	}
	if s.Bug.Request != nil {
		s.Bug.Request(s.Store, &ev)
	}
	return api.AnswerEvent(ctx, ev)
}
