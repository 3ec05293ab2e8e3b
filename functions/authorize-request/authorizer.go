package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/identity/bearer"
	"fenzhang/shared/lambda/awsclient"
)

// retryAge bounds how often an unknown key makes us read the keys again: strangers can name any key.
const retryAge = 10 * time.Second

// keyring gives the configuration of the keys, at most age old.
type keyring func(ctx context.Context, age time.Duration) (string, error)

// authorizer verifies tokens. It lets every call through and says what it found, because only the functions
// behind it can write our errors.
type authorizer struct {
	keys             keyring
	issuer, audience string
	now              func() time.Time
	log              *slog.Logger

	mu       sync.Mutex
	config   string // what verifier was made of
	verifier *bearer.Verifier
}

func newAuthorizer(keys keyring, issuer, audience string, now func() time.Time, log *slog.Logger) *authorizer {
	return &authorizer{keys: keys, issuer: issuer, audience: audience, now: now, log: log}
}

// authorize answers one call of the gateway. An error means that the keys cannot be read; the gateway then
// refuses the call by itself.
func (a *authorizer) authorize(ctx context.Context, ev events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	p, err := a.caller(ctx, header(ev))
	out := events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true}
	switch {
	case err == nil:
		out.Context = handedOn(p)
	case fault.HasCode(err, fault.TokenInvalid), fault.HasCode(err, fault.SignatureInvalid):
		e := fault.Of(err)
		a.log.InfoContext(ctx, "token refused", "request_id", ev.RequestContext.RequestID, "code", int(e.Code), "reason", e.Reason, "source", ev.RequestContext.HTTP.SourceIP)
		out.Context = map[string]any{"refused": strconv.Itoa(int(e.Code))}
	default:
		a.log.ErrorContext(ctx, "keys cannot be read", "request_id", ev.RequestContext.RequestID, "cause", err.Error())
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, err
	}
	return out, nil
}

func header(ev events.APIGatewayV2CustomAuthorizerV2Request) string {
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

// caller verifies the token; where its key is not known the keys are read again, they may have been changed.
func (a *authorizer) caller(ctx context.Context, header string) (identity.Principal, error) {
	token, err := bearer.Token(header)
	if err != nil {
		return identity.Principal{}, err
	}
	v, err := a.current(ctx, awsclient.SecretAge)
	if err != nil {
		return identity.Principal{}, err
	}
	p, err := v.Verify(token)
	if !errors.Is(err, bearer.ErrUnknownKey) {
		return p, err
	}
	if v, err = a.current(ctx, retryAge); err != nil {
		return identity.Principal{}, err
	}
	return v.Verify(token)
}

// current gives a verifier of keys at most age old.
func (a *authorizer) current(ctx context.Context, age time.Duration) (*bearer.Verifier, error) {
	config, err := a.keys(ctx, age)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.verifier != nil && config == a.config {
		return a.verifier, nil
	}
	v, err := bearer.New(config, a.issuer, a.audience, a.now)
	if err != nil {
		return nil, err
	}
	a.config, a.verifier = config, v
	return v, nil
}

// handedOn is the context that the wrapper of every function reads; all values are texts.
func handedOn(p identity.Principal) map[string]any {
	roles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		roles[i] = string(r)
	}
	return map[string]any{
		"tenant": p.Tenant, "sub": p.Subject, "roles": strings.Join(roles, " "), "creator": p.Creator, "scope": p.Scope,
		"exp": strconv.FormatInt(p.Expires.Unix(), 10),
	}
}
