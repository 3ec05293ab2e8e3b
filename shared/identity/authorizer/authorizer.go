// Package authorizer answers the API Gateway's Lambda authorizer request: who is the caller?
package authorizer

import (
	"context"
	"log/slog"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/identity/bearer"
)

// Authorizer verifies the tokens of calls. Authorizer authorizes every call, also one with a
// refused token, and passes on the caller or the refusal in the context: only the function behind
// the gateway can write our error bodies.
type Authorizer struct {
	Keyring *bearer.Keyring
	Log     *slog.Logger
}

// Authorize answers one authorizer request. Authorize returns an error only when the keys cannot be
// read; the gateway then refuses the call with 500.
func (a Authorizer) Authorize(ctx context.Context,
	ev events.APIGatewayV2CustomAuthorizerV2Request) (
	events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	p, err := a.Keyring.VerifyHeader(ctx, authorizationHeader(ev))
	out := events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true}
	switch {
	case err == nil:
		out.Context = principalContext(p)
	case fault.HasCode(err, fault.TokenInvalid), fault.HasCode(err, fault.SignatureInvalid):
		e := fault.AsError(err)
		a.Log.InfoContext(ctx, "token refused", "request_id", ev.RequestContext.RequestID, "code",
			int(e.Code), "reason", e.Reason, "source", ev.RequestContext.HTTP.SourceIP)
		out.Context = map[string]any{"refused": strconv.Itoa(int(e.Code))}
	default:
		a.Log.ErrorContext(ctx, "keys cannot be read", "request_id", ev.RequestContext.RequestID, "cause",
			err.Error())
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, err
	}
	return out, nil
}

// authorizationHeader returns the Authorization header of a request; "" when there is none.
func authorizationHeader(ev events.APIGatewayV2CustomAuthorizerV2Request) string {
	if len(ev.IdentitySource) > 0 {
		return ev.IdentitySource[0]
	}
	for name, value := range ev.Headers {
		if strings.EqualFold(name, "authorization") {
			return value
		}
	}
	return ""
}

// principalContext returns the caller as the context of the gateway's event, from which package
// httpapi reads it back; all values are strings.
func principalContext(p identity.Principal) map[string]any {
	roles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		roles[i] = string(r)
	}
	return map[string]any{
		"tenant": string(p.Tenant), "sub": p.Subject, "roles": strings.Join(roles, " "),
		"creator": string(p.Creator), "scope": p.Scope,
		"exp": strconv.FormatInt(p.Expires.Unix(), 10),
	}
}
