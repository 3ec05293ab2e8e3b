// Package authorizer answers the gateway's question who calls.
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

// Authorizer verifies tokens. It lets every call through and adds what it found, because only the
// functions behind it can write our errors.
type Authorizer struct {
	Keyring *bearer.Keyring
	Log     *slog.Logger
}

// Authorize answers one call of the gateway. An error means that the keys cannot be read; the
// gateway then refuses the call by itself.
func (a Authorizer) Authorize(ctx context.Context,
	ev events.APIGatewayV2CustomAuthorizerV2Request) (
	events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	p, err := a.Keyring.VerifyHeader(ctx, authorizationHeader(ev))
	out := events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true}
	switch {
	case err == nil:
		out.Context = principalContext(p)
	case fault.HasCode(err, fault.TokenInvalid), fault.HasCode(err, fault.SignatureInvalid):
		e := fault.Of(err)
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

// principalContext is the context that the wrapper of every function reads; all values are texts.
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
