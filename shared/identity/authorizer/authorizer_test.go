package authorizer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/golang-jwt/jwt/v5"

	"fenzhang/shared/identity/bearer"
	"fenzhang/shared/lambda/trigger/triggertest"
)

const (
	secret   = "a secret of at least thirty-two bytes"
	issuer   = "https://issuer.example"
	audience = "fenzhang"
)

var instant = time.Unix(1_795_312_800, 0)

func sample(t *testing.T) events.APIGatewayV2CustomAuthorizerV2Request {
	t.Helper()
	return triggertest.DecodeSample[events.APIGatewayV2CustomAuthorizerV2Request](t, "../../../functions/authorize-request/event.json")
}

// ring is a secret store whose keys change; it counts reads that were not from memory.
type ring struct {
	config string
	err    error
	ages   []time.Duration
}

func (r *ring) keys(_ context.Context, age time.Duration) (string, error) {
	r.ages = append(r.ages, age)
	return r.config, r.err
}

func authorizerOf(r *ring, log *slog.Logger) Authorizer {
	return Authorizer{Keyring: bearer.NewKeyring(r.keys, time.Minute, issuer, audience, func() time.Time { return instant }), Log: log}
}

func keys(kid string) string {
	return `{"keys":[{"kid":"` + kid + `","alg":"HS256","key":"` + secret + `"}]}`
}

func token(t *testing.T, kid string) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "both@demo", "tenant": "demo", "roles": []string{"finance", "approver"},
		"exp": instant.Unix() + 60, "scope": "machine", "creator": "c1",
	})
	unsigned.Header["kid"] = kid
	s, err := unsigned.SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestACallerIsHandedOn(t *testing.T) {
	r := &ring{config: keys("main")}
	a := authorizerOf(r, slog.New(slog.DiscardHandler))
	ev := sample(t)
	ev.IdentitySource = []string{"Bearer " + token(t, "main")}
	got, err := a.Authorize(context.Background(), ev)
	if err != nil || !got.IsAuthorized {
		t.Fatalf("got %v, %v", got, err)
	}
	want := map[string]any{"tenant": "demo", "sub": "both@demo", "roles": "finance approver", "creator": "c1", "scope": "machine", "exp": "1795312860"}
	if !maps.Equal(got.Context, want) {
		t.Errorf("context %v, want %v", got.Context, want)
	}
}

func TestARefusedTokenIsLetThroughWithItsCodeAndNeverLogged(t *testing.T) {
	for header, code := range map[string]string{
		sample(t).IdentitySource[0]: "1002",
		"Bearer nonsense":           "1001",
		"Basic abc":                 "1001",
	} {
		var logged bytes.Buffer
		r := &ring{config: keys("main")}
		a := authorizerOf(r, slog.New(slog.NewJSONHandler(&logged, nil)))
		ev := sample(t)
		ev.IdentitySource = []string{header}
		got, err := a.Authorize(context.Background(), ev)
		if err != nil || !got.IsAuthorized || got.Context["refused"] != code || len(got.Context) != 1 {
			t.Errorf("%q: got %v, %v; want refused %s", header, got, err, code)
		}
		_, secretPart, _ := strings.Cut(header, " ")
		if strings.Contains(logged.String(), secretPart) || !strings.Contains(logged.String(), code) {
			t.Errorf("log: %s", logged.String())
		}
	}
}

func TestNewKeysAreFoundAtOnce(t *testing.T) {
	r := &ring{config: keys("old")}
	a := authorizerOf(r, slog.New(slog.DiscardHandler))
	ev := sample(t)
	ev.IdentitySource = []string{"Bearer " + token(t, "new")}
	if got, err := a.Authorize(context.Background(), ev); err != nil || got.Context["refused"] != "1002" {
		t.Fatalf("unknown key: %v, %v", got, err)
	}
	if len(r.ages) != 2 || r.ages[1] != 10*time.Second {
		t.Fatalf("asked for keys of ages %v", r.ages)
	}
	r.config = keys("new")
	if got, err := a.Authorize(context.Background(), ev); err != nil || got.Context["tenant"] != "demo" {
		t.Errorf("changed keys: %v, %v", got, err)
	}
}

func TestUnreadableKeysAreAnError(t *testing.T) {
	ev := sample(t)
	for _, r := range []*ring{{err: errors.New("away")}, {config: "not JSON"}} {
		a := authorizerOf(r, slog.New(slog.DiscardHandler))
		if got, err := a.Authorize(context.Background(), ev); err == nil || got.IsAuthorized {
			t.Errorf("got %v, %v", got, err)
		}
	}
}
