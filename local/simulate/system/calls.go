package system

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
)

// Caller is who calls. Of a role that several people have, the others have a number behind it.
type Caller struct {
	Tenant ident.Tenant
	Role   string
}

func (c Caller) Subject() string { return c.Role + "@" + string(c.Tenant) }

// claimedRole is the role that the caller's token names.
func (c Caller) claimedRole() string {
	role, _, _ := strings.Cut(c.Role, "-")
	return role
}

// Post posts a body to a route of the API as the API gateway does; key is the idempotency key, or
// empty.
func (s *System) Post(ctx context.Context, c Caller, path, key,
	body string) events.APIGatewayV2HTTPResponse {
	return s.post(ctx, s.API, c, path, key, body)
}

func (s *System) post(ctx context.Context, api *httpapi.API, c Caller, path, key string,
	body string) events.APIGatewayV2HTTPResponse {
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, Body: body, Headers: map[string]string{}}
	if key != "" {
		ev.Headers["x-idemp-key"] = key
	}
	return s.serve(ctx, api, c, "POST", ev)
}

// Get reads a route that only shows something; the path may have a query.
func (s *System) Get(ctx context.Context, c Caller, path string) events.APIGatewayV2HTTPResponse {
	path, query, _ := strings.Cut(path, "?")
	return s.serve(ctx, s.API, c, "GET",
		events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query})
}

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
	return api.Serve(ctx, ev)
}
