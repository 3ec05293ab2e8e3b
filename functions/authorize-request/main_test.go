package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/identity/authorizer"
	"fenzhang/shared/identity/bearer"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/trigger/triggertest"
)

// The sample's token is signed by nobody: the caller is let through to be refused by the function, which knows the body
// of a refusal.
func TestSamples(t *testing.T) {
	keys := func(context.Context, time.Duration) (string, error) {
		return `{"keys":[{"kid":"main","alg":"HS256","key":"a secret of at least thirty-two bytes"}]}`, nil
	}
	keyring := bearer.NewKeyring(keys, time.Minute, "https://issuer.example", "fenzhang", func() time.Time { return time.Unix(1_795_312_800, 0) })
	a := authorizer.Authorizer{Keyring: keyring, Log: slog.New(slog.DiscardHandler)}
	triggertest.RunSamples(t, lambda.NewHandler(a.Authorize), map[string]triggertest.Check{"event.json": func(t *testing.T, _, answer []byte) {
		if string(answer) != `{"isAuthorized":true,"context":{"refused":"1002"}}` {
			t.Errorf("answered %s", answer)
		}
	}})
}

func TestBuildNamesEveryMissingVariable(t *testing.T) {
	_, err := build(context.Background(), env.ReadFrom(func(string) string { return "" }), slog.New(slog.DiscardHandler))
	for _, name := range []string{"JWT_SECRET_ARN", "JWT_ISSUER", "JWT_AUDIENCE"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
