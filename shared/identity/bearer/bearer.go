// Package bearer verifies the tokens that callers send: JSON Web Tokens whose keys each have one
// algorithm.
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

// maxToken bounds the text that is read, in bytes; gateways allow headers of about this size.
const maxToken = 8 << 10

// minSecret is the least length of a shared secret in bytes: that of the hash (RFC 7518, 3.2).
const minSecret = 32

// key is one verification key with its only algorithm.
type key struct {
	id, alg string
	verify  crypto.PublicKey // []byte for HS256
}

// Verifier verifies tokens of one issuer for one audience. It is safe for concurrent use.
type Verifier struct {
	keys             []key
	issuer, audience string
	now              func() time.Time
}

// keyConfig is one key as the secret store holds it; standing alone it may call its key "secret".
type keyConfig struct {
	KID    string `json:"kid"`
	Alg    string `json:"alg"`
	Key    string `json:"key"`    // HS256: the text itself; RS256, EdDSA: the public key as PEM
	Secret string `json:"secret"` // the same, by another name
}

// New reads the keys from {"keys": [{"kid", "alg", "key"}]} or {"kid", "alg", "secret"}. now is the
// real instant. It fails when a key has no algorithm of HS256, RS256 and EdDSA, does not fit it or
// is too weak, and when several keys cannot be told apart.
func New(config, issuer, audience string, now func() time.Time) (*Verifier, error) {
	var doc struct {
		keyConfig
		Keys []keyConfig `json:"keys"`
	}
	if err := json.Unmarshal([]byte(config), &doc); err != nil {
		return nil, errors.New("bearer: the keys are not JSON") // the cause might quote the secret
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

// claims is what our tokens carry.
type claims struct {
	jwt.RegisteredClaims
	Tenant  ident.Tenant    `json:"tenant"`
	Roles   []identity.Role `json:"roles"`
	Scope   string          `json:"scope"`
	Creator ident.Creator   `json:"creator"`
}

var (
	errAlgorithm = errors.New("the algorithm is not that of the key")
	// ErrUnknownKey is the cause when no key has the token's id: the keys may have been changed since
	// they were read.
	ErrUnknownKey = errors.New("no such key")
	errNoKeyID    = errors.New("several keys, and the token names none")
	errCritical   = errors.New("a critical header is not understood")
)

// Verify gives the caller that a token speaks for.
// Errors: identity.Malformed, identity.Expired, identity.BadSignature, the latter with
// ErrUnknownKey as its cause when the key is not known.
func (v *Verifier) Verify(token string) (identity.Principal, error) {
	if len(token) > maxToken {
		return identity.Principal{}, identity.TokenMalformed(errors.New("longer than is read"))
	}
	var c claims
	parser := jwt.NewParser(jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(token, &c, v.findKey); err != nil {
		return identity.Principal{}, verificationError(parser, token, err)
	}
	return v.toPrincipal(c)
}

// findKey gives the key of a token; nothing is verified before its algorithm is that of the key.
func (v *Verifier) findKey(t *jwt.Token) (any, error) {
	if t.Header["crit"] != nil {
		return nil, errCritical
	}
	id, named := t.Header["kid"].(string)
	if !named && len(v.keys) > 1 {
		return nil, errNoKeyID
	}
	for _, k := range v.keys {
		if named && k.id != id && (k.id != "" || len(v.keys) > 1) {
			continue
		}
		if t.Method.Alg() != k.alg {
			return nil, errAlgorithm
		}
		return k.verify, nil
	}
	return nil, ErrUnknownKey
}

// verificationError tells a token that cannot be read from one that does not verify.
func verificationError(parser *jwt.Parser, token string, err error) error {
	switch {
	case errors.Is(err, errNoKeyID), errors.Is(err, errCritical):
		return identity.TokenMalformed(err)
	case errors.Is(err, jwt.ErrTokenMalformed):
		signature := strings.LastIndexByte(token, '.') + 1 // broken or forged is one to us
		if _, _, unread := parser.ParseUnverified(token[:signature], &claims{}); unread != nil {
			return identity.TokenMalformed(err)
		}
	}
	return identity.SignatureWrong(err)
}

var (
	tenantPattern = regexp.MustCompile(`^[a-z0-9-]{3,32}$`)
)

// toPrincipal checks the claims of a token whose signature is right.
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

func (v *Verifier) checkClaims(c claims) error {
	switch {
	case c.Issuer != v.issuer:
		return errors.New("another issuer")
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

// isPlainText tells whether a text is short, not empty and safe in logs and keys.
func isPlainText(s string) bool {
	odd := func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, odd)
}

// TokenFromHeader takes the token out of an Authorization header.
func TokenFromHeader(header string) (string, error) {
	scheme, token, found := strings.Cut(strings.TrimSpace(header), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return "", identity.TokenMalformed(errors.New("the header is not `Bearer <token>`"))
	}
	return strings.TrimSpace(token), nil
}
