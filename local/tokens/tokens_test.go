package tokens_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"fenzhang/local/tokens"
)

func TestSignedTokenIsReadByAnIndependentLibrary(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s := tokens.Signer{KeyID: "k1", Key: []byte("a local key of more than 32 bytes."), Issuer: "iss", Audience: "aud", Now: func() time.Time { return now }}
	text, err := s.Sign(tokens.Claims{Tenant: "demo-mcn", Roles: []string{"finance"}, Scope: "machine"})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.MapClaims
	parsed, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return s.Key, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer("iss"), jwt.WithAudience("aud"),
		jwt.WithTimeFunc(func() time.Time { return now.Add(59 * time.Minute) }))
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header["kid"] != "k1" || claims["sub"] != "finance@demo-mcn" || claims["tenant"] != "demo-mcn" || claims["scope"] != "machine" {
		t.Errorf("header %v claims %v", parsed.Header, claims)
	}
	if _, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return []byte("another key"), nil }); err == nil {
		t.Error("another key verified the token")
	}
}

func TestParseSecret(t *testing.T) {
	cases := []struct{ name, secret, kid, key string }{
		{"list", `{"keys":[{"kid":"r","alg":"RS256","key":"pem"},{"kid":"h","alg":"HS256","key":"abc"}]}`, "h", "abc"},
		{"single", `{"kid":"s","alg":"HS256","secret":"xyz"}`, "s", "xyz"},
		{"no usable key", `{"keys":[{"kid":"r","alg":"RS256","key":"pem"}]}`, "", ""},
		{"no JSON", `abc`, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			kid, key, err := tokens.ParseSecret(c.secret)
			if (err != nil) != (c.key == "") || kid != c.kid || string(key) != c.key {
				t.Errorf("got %q %q %v", kid, key, err)
			}
		})
	}
}

func TestSignRefusesWhatNamesNobody(t *testing.T) {
	s := tokens.Signer{Key: []byte("k"), Now: time.Now}
	for _, c := range []tokens.Claims{{Roles: []string{"admin"}}, {Tenant: "demo-mcn"}} {
		if _, err := s.Sign(c); err == nil {
			t.Errorf("signed %+v", c)
		}
	}
	if _, err := (tokens.Signer{Now: time.Now}).Sign(tokens.Claims{Tenant: "t-1", Roles: []string{"admin"}}); err == nil {
		t.Error("signed without a key")
	}
}
