// Package bearer verifies the bearer tokens of callers: JSON Web Tokens, signed with keys of which
// each has exactly one algorithm, so that a token cannot choose a weaker one.
package bearer

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"

	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
)

// maxToken is the length of the longest token that is read, in bytes; gateways allow headers of
// about this size.
const maxToken = 8 << 10

// minSecret is the least length of a shared secret in bytes, that of the hash (RFC 7518, 3.2).
const minSecret = 32

// key is a verification key with its only algorithm.
type key struct {
	id, alg string
	// verify is a public key; for HS256 it is the shared secret as []byte.
	verify crypto.PublicKey
}

// Verifier verifies the tokens of one issuer for one audience. Verifier is safe for concurrent use.
type Verifier struct {
	keys             []key
	issuer, audience string
	now              func() time.Time
}

// keyConfig is one key in the configuration. A configuration with a single key may call it "secret"
// instead of "key".
type keyConfig struct {
	KID string `json:"kid"`
	Alg string `json:"alg"`
	// Key is the secret itself for HS256, and the public key as PEM for RS256 and EdDSA.
	Key string `json:"key"`
	// Secret is another name for Key.
	Secret string `json:"secret"`
}

// New reads the keys from {"keys": [{"kid", "alg", "key"}]} or {"kid", "alg", "secret"}. now
// returns the real time.
//
// Errors: when a key has another algorithm than HS256, RS256 and EdDSA, does not fit its algorithm
// or is too short; when two keys have the same id; when there is no key, issuer or audience.
func New(config, issuer, audience string, now func() time.Time) (*Verifier, error) {
	var doc struct {
		keyConfig
		Keys []keyConfig `json:"keys"`
	}
	if err := json.Unmarshal([]byte(config), &doc); err != nil {
		// the cause is left out, because it might quote the secret
		return nil, errors.New("bearer: the keys are not JSON")
	}
	all := doc.Keys
	if doc.Key != "" || doc.Secret != "" {
		all = append(all, doc.keyConfig)
	}
	v := &Verifier{issuer: issuer, audience: audience, now: now}
	for _, c := range all {
		k, err := parseKey(c)
		if err != nil {
			return nil, fmt.Errorf("bearer: key %q: %w", c.KID, err)
		}
		same := func(other key) bool { return other.id == k.id }
		if slices.ContainsFunc(v.keys, same) {
			return nil, fmt.Errorf("bearer: two keys are called %q", k.id)
		}
		v.keys = append(v.keys, k)
	}
	if len(v.keys) == 0 || issuer == "" || audience == "" {
		return nil, errors.New("bearer: a verifier needs a key, an issuer and an audience")
	}
	return v, nil
}

// parseKey reads one key and checks that it fits its algorithm and is strong enough.
func parseKey(c keyConfig) (key, error) {
	material := c.Key + c.Secret
	k := key{id: c.KID, alg: c.Alg}
	var err error
	switch c.Alg {
	case jwt.SigningMethodHS256.Alg():
		if len(material) < minSecret {
			err = fmt.Errorf("is shorter than %d bytes", minSecret)
		}
		k.verify = []byte(material)
	case jwt.SigningMethodRS256.Alg():
		public, parseErr := jwt.ParseRSAPublicKeyFromPEM([]byte(material))
		if err = parseErr; err == nil && public.N.BitLen() < 2048 {
			err = errors.New("is shorter than 2048 bits")
		}
		k.verify = public
	case jwt.SigningMethodEdDSA.Alg():
		k.verify, err = jwt.ParseEdPublicKeyFromPEM([]byte(material))
	default:
		err = fmt.Errorf("has algorithm %q, not HS256, RS256 or EdDSA", c.Alg)
	}
	return k, err
}

// claims are the contents of a token.
type claims struct {
	jwt.RegisteredClaims
	Tenant  ident.Tenant    `json:"tenant"`
	Roles   []identity.Role `json:"roles"`
	Scope   string          `json:"scope"`
	Creator ident.Creator   `json:"creator"`
}

var (
	errAlgorithm = errors.New("the algorithm is not that of the key")
	// ErrUnknownKey is the cause when no key has the token's key id: the keys may have been changed
	// since they were read.
	ErrUnknownKey = errors.New("no such key")
	errNoKeyID    = errors.New("the token names no key, and there are several")
	errCritical   = errors.New("a critical header is not understood")
)

// Verify checks the signature and the claims of a token and returns the caller.
//
// Errors: identity.TokenMalformed; identity.TokenExpired; identity.SignatureWrong, with
// ErrUnknownKey as its cause when the key is unknown.
func (v *Verifier) Verify(token string) (identity.Principal, error) {
	if len(token) > maxToken {
		return identity.Principal{},
			identity.TokenMalformed(errors.New("the token is longer than allowed"))
	}
	var c claims
	// toPrincipal checks the claims, with our clock and our refusals
	parser := jwt.NewParser(jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(token, &c, v.findKey); err != nil {
		return identity.Principal{}, verificationError(parser, token, err)
	}
	return v.toPrincipal(c)
}

// findKey returns the key for a token. findKey compares the algorithm with that of the key before
// anything is verified, so that a token cannot make a public key serve as a shared secret.
func (v *Verifier) findKey(t *jwt.Token) (any, error) {
	// RFC 7515 demands to refuse critical headers that are not understood; we understand none
	if t.Header["crit"] != nil {
		return nil, errCritical
	}
	id, hasID := t.Header["kid"].(string)
	// with several keys only the key id can say which one to use
	if !hasID && len(v.keys) > 1 {
		return nil, errNoKeyID
	}
	for _, k := range v.keys {
		if hasID && k.id != id && (k.id != "" || len(v.keys) > 1) {
			continue
		}
		if t.Method.Alg() != k.alg {
			return nil, errAlgorithm
		}
		return k.verify, nil
	}
	return nil, ErrUnknownKey
}

// verificationError returns the refusal for an error of the JWT library: malformed when the token
// cannot be read, and wrong signature otherwise.
func verificationError(parser *jwt.Parser, token string, err error) error {
	switch {
	case errors.Is(err, errNoKeyID), errors.Is(err, errCritical):
		return identity.TokenMalformed(err)
	case errors.Is(err, jwt.ErrTokenMalformed):
		// a token that can be read without its signature has a broken signature, which is treated as a
		// forged one
		signature := strings.LastIndexByte(token, '.') + 1
		if _, _, unread := parser.ParseUnverified(token[:signature], &claims{}); unread != nil {
			return identity.TokenMalformed(err)
		}
	}
	return identity.SignatureWrong(err)
}

var (
	// tenantPattern is the form of a tenant's identifier.
	tenantPattern = regexp.MustCompile(`^[a-z0-9-]{3,32}$`)
)

// toPrincipal checks the claims of a token whose signature is right, and returns the caller.
func (v *Verifier) toPrincipal(c claims) (identity.Principal, error) {
	now := v.now()
	if err := v.checkClaims(c); err != nil {
		return identity.Principal{}, identity.TokenMalformed(err)
	}
	if !c.ExpiresAt.After(now) {
		return identity.Principal{}, identity.TokenExpired()
	}
	if c.NotBefore != nil && c.NotBefore.After(now) {
		return identity.Principal{}, identity.TokenMalformed(errors.New("not valid yet"))
	}
	return identity.Principal{
		Tenant: c.Tenant, Subject: c.Subject, Roles: c.Roles, Creator: c.Creator, Scope: c.Scope,
		Expires: c.ExpiresAt.Time,
	}, nil
}

// checkClaims returns the first claim that is missing or wrong; expiry is checked elsewhere.
func (v *Verifier) checkClaims(c claims) error {
	switch {
	case c.Issuer != v.issuer:
		return errors.New("another issuer")
	// a token for another service must not work here
	case !slices.Contains(c.Audience, v.audience):
		return errors.New("another audience")
	case c.ExpiresAt == nil:
		return errors.New("no expiry")
	case !tenantPattern.MatchString(string(c.Tenant)):
		return errors.New("no tenant")
	case !isPlainText(c.Subject):
		return errors.New("no subject")
	case c.Creator != "" && !ident.Valid(c.Creator):
		return errors.New("the creator is not an id")
	case c.Scope != "" && !isPlainText(c.Scope):
		return errors.New("the scope is not a plain text")
	}
	for _, r := range c.Roles {
		if !slices.Contains(identity.AllRoles(), r) {
			return errors.New("unknown role")
		}
	}
	return nil
}

// isPlainText reports whether a text has 1 to 256 bytes and only visible characters, so that it is
// safe in logs and keys.
func isPlainText(s string) bool {
	odd := func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, odd)
}

// TokenFromHeader returns the token of an Authorization header.
//
// Errors: identity.TokenMalformed when the scheme is not Bearer.
func TokenFromHeader(header string) (string, error) {
	scheme, token, found := strings.Cut(strings.TrimSpace(header), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", identity.TokenMalformed(errors.New("the header is not `Bearer <token>`"))
	}
	return strings.TrimSpace(token), nil
}
