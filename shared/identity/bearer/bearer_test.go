package bearer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"fenzhang/shared/fault"
)

const (
	secret   = "a secret of at least thirty-two bytes"
	issuer   = "https://issuer.example"
	audience = "fenzhang"
)

var instant = time.Unix(1_790_000_000, 0)

func config(t testing.TB, keys ...keyConfig) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func verifier(t testing.TB, config string) *Verifier {
	t.Helper()
	v, err := New(config, issuer, audience, func() time.Time { return instant })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func good() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "finance@demo", "exp": instant.Unix() + 60, "tenant": "demo",
		"roles": []string{"finance"},
	}
}

func with(name string, value any) jwt.MapClaims {
	c := maps.Clone(good())
	if value == nil {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, kid string, c jwt.Claims, key any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func publicPEM(t testing.TB, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestClaims(t *testing.T) {
	v := verifier(t, config(t, keyConfig{KID: "k1", Alg: "HS256", Key: secret}))
	for name, c := range map[string]struct {
		claims jwt.MapClaims
		reason string // "" for a token that is accepted
	}{
		"good":                  {good(), ""},
		"audience in a list":    {with("aud", []string{"other", audience}), ""},
		"no roles":              {with("roles", nil), ""},
		"begun":                 {with("nbf", instant.Unix()), ""},
		"creator":               {with("creator", "c-1"), ""},
		"expired":               {with("exp", instant.Unix()), "token_expired"},
		"no expiry":             {with("exp", nil), "token_invalid"},
		"expiry as a text":      {with("exp", "tomorrow"), "token_invalid"},
		"not begun":             {with("nbf", instant.Unix()+1), "token_invalid"},
		"other issuer":          {with("iss", "https://other.example"), "token_invalid"},
		"other audience":        {with("aud", "other"), "token_invalid"},
		"no audience":           {with("aud", nil), "token_invalid"},
		"no subject":            {with("sub", nil), "token_invalid"},
		"subject with a break":  {with("sub", "a\nb"), "token_invalid"},
		"no tenant":             {with("tenant", nil), "token_invalid"},
		"tenant with a hash":    {with("tenant", "demo#x"), "token_invalid"},
		"tenant too short":      {with("tenant", "ab"), "token_invalid"},
		"unknown role":          {with("roles", []string{"finance", "root"}), "token_invalid"},
		"roles as a text":       {with("roles", "finance"), "token_invalid"},
		"creator that is no id": {with("creator", "c#1"), "token_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := v.Verify(sign(t, jwt.SigningMethodHS256, "k1", c.claims, []byte(secret)))
			if c.reason == "" {
				if err != nil || p.Tenant != "demo" || p.Subject != "finance@demo" || !p.Expires.Equal(instant.Add(time.Minute)) {
					t.Fatalf("got %+v, %v", p, err)
				}
				return
			}
			if e := fault.AsError(err); e.Reason != c.reason || e.Code != fault.TokenInvalid {
				t.Fatalf("got %v, want %s", err, c.reason)
			}
		})
	}
}

func TestSignaturesAndAlgorithms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaPEM, edPEM := publicPEM(t, &rsaKey.PublicKey), publicPEM(t, edPublic)
	v := verifier(t, config(t, keyConfig{"hs", "HS256", secret, ""}, keyConfig{"rs", "RS256", rsaPEM, ""}, keyConfig{"ed", "EdDSA", edPEM, ""}))
	hs := sign(t, jwt.SigningMethodHS256, "hs", good(), []byte(secret))
	head, rest, _ := strings.Cut(hs, ".")
	body, mac, _ := strings.Cut(rest, ".")
	encoded := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct {
		token string
		code  fault.Code // 0 for accepted
	}{
		"HS256":                    {hs, 0},
		"RS256":                    {sign(t, jwt.SigningMethodRS256, "rs", good(), rsaKey), 0},
		"EdDSA":                    {sign(t, jwt.SigningMethodEdDSA, "ed", good(), edKey), 0},
		"wrong secret":             {sign(t, jwt.SigningMethodHS256, "hs", good(), []byte("not the secret, but as long as it is")), fault.SignatureInvalid},
		"public key as a secret":   {sign(t, jwt.SigningMethodHS256, "rs", good(), []byte(rsaPEM)), fault.SignatureInvalid},
		"none":                     {sign(t, jwt.SigningMethodNone, "hs", good(), jwt.UnsafeAllowNoneSignatureType), fault.SignatureInvalid},
		"none in other letters":    {encoded(`{"alg":"nOnE","kid":"hs"}`) + "." + body + ".", fault.SignatureInvalid},
		"HS512":                    {sign(t, jwt.SigningMethodHS512, "hs", good(), []byte(secret)), fault.SignatureInvalid},
		"no algorithm":             {encoded(`{"kid":"hs"}`) + "." + body + "." + mac, fault.SignatureInvalid},
		"unknown key":              {sign(t, jwt.SigningMethodHS256, "new", good(), []byte(secret)), fault.SignatureInvalid},
		"no key id":                {sign(t, jwt.SigningMethodHS256, "", good(), []byte(secret)), fault.TokenInvalid},
		"critical header":          {encoded(`{"alg":"HS256","kid":"hs","crit":["exp"]}`) + "." + body + "." + mac, fault.TokenInvalid},
		"last letter of signature": {hs[:len(hs)-1] + string(other(hs[len(hs)-1])), fault.SignatureInvalid},
		"signature cut off":        {head + "." + body + ".", fault.SignatureInvalid},
		"other body":               {head + "." + encoded(`{"iss":"x"}`) + "." + mac, fault.SignatureInvalid},
		"two parts":                {head + "." + body, fault.TokenInvalid},
		"four parts":               {hs + ".x", fault.TokenInvalid},
		"not base64":               {"*." + body + "." + mac, fault.TokenInvalid},
		"empty":                    {"", fault.TokenInvalid},
		"huge":                     {strings.Repeat("a", maxToken+1), fault.TokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(c.token)
			if (c.code == 0) != (err == nil) || (err != nil && fault.AsError(err).Code != c.code) {
				t.Errorf("got %v, want %d", err, c.code)
			}
		})
	}
	if _, err := v.Verify(sign(t, jwt.SigningMethodHS256, "new", good(), []byte(secret))); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("the cause of an unknown key is %v", err)
	}
}

// other gives another letter of base64 whose spare bits are not zero.
func other(letter byte) byte {
	if letter == 'B' {
		return 'C'
	}
	return 'B'
}

func TestASingleKeyNeedsNoKeyID(t *testing.T) {
	v := verifier(t, `{"alg":"HS256","secret":"`+secret+`"}`)
	for _, kid := range []string{"", "whatever"} {
		if _, err := v.Verify(sign(t, jwt.SigningMethodHS256, kid, good(), []byte(secret))); err != nil {
			t.Errorf("key id %q: %v", kid, err)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this build makes no small keys: ", err)
	}
	for name, c := range map[string]string{
		"not JSON":       `secret`,
		"no key":         `{}`,
		"no algorithm":   `{"secret":"` + secret + `"}`,
		"none":           config(t, keyConfig{"k", "none", secret, ""}),
		"short secret":   config(t, keyConfig{"k", "HS256", "short", ""}),
		"small RSA key":  config(t, keyConfig{"k", "RS256", publicPEM(t, &small.PublicKey), ""}),
		"not a PEM":      config(t, keyConfig{"k", "EdDSA", secret, ""}),
		"two of an id":   config(t, keyConfig{"k", "HS256", secret, ""}, keyConfig{"k", "HS256", secret, ""}),
		"wrong material": config(t, keyConfig{"k", "EdDSA", publicPEM(t, &small.PublicKey), ""}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c, issuer, audience, time.Now)
			if err == nil {
				t.Error("accepted")
			} else if strings.Contains(err.Error(), secret) {
				t.Error("the error tells the secret")
			}
		})
	}
	if _, err := New(config(t, keyConfig{"k", "HS256", secret, ""}), "", audience, time.Now); err == nil {
		t.Error("a verifier without issuer was made")
	}
}

func TestToken(t *testing.T) {
	for header, want := range map[string]string{"Bearer a.b.c": "a.b.c", "bearer  a.b.c ": "a.b.c", "Basic a": "", "Bearer": "", "": ""} {
		got, err := TokenFromHeader(header)
		if got != want || (want == "") != fault.HasCode(err, fault.TokenInvalid) {
			t.Errorf("%q: got %q, %v", header, got, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	v := verifier(f, config(f, keyConfig{"k1", "HS256", secret, ""}))
	f.Add(sign(f, jwt.SigningMethodHS256, "k1", good(), []byte("not the secret, but as long as it is")))
	f.Add(sign(f, jwt.SigningMethodNone, "k1", good(), jwt.UnsafeAllowNoneSignatureType))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := v.Verify(token)
		if err == nil {
			t.Fatalf("a token nobody signed speaks for %+v", p)
		}
		if e := fault.AsError(err); e.Code != fault.TokenInvalid && e.Code != fault.SignatureInvalid {
			t.Fatalf("refused with %v", err)
		}
		if p.Tenant != "" || len(p.Roles) > 0 {
			t.Fatal("a refused token still speaks for somebody")
		}
	})
}
