// Package tokens signs the access tokens of a local stack, as an identity provider would in
// production.
package tokens

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/ident"
)

// Claims are the claims of a token.
type Claims struct {
	Tenant  ident.Tenant
	Subject string // by default the first role @ tenant
	Roles   []string
	Creator ident.Creator // the creator who holds the token, with role creator
	Scope   string        // "machine" for service tokens
	Expires time.Time
}

// Signer signs tokens with the HMAC key of a stack (HS256).
type Signer struct {
	KeyID    string
	Key      []byte
	Issuer   string
	Audience string
	// Now returns the real time; tokens do not use the business date.
	Now func() time.Time
}

// DefaultLifetime is how long a token is valid when the claims have no expiry.
const DefaultLifetime = time.Hour

// errNoKey is returned when there is no key to sign with.
var errNoKey = errors.New("tokens: the secret holds no HS256 key")

// secretKey is one key of the secret. In a list of keys the key material is in "key", in a single
// key in "secret".
type secretKey struct {
	KID    string `json:"kid"`
	Alg    string `json:"alg"`
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// ParseSecret returns the first HS256 key of a stack's JWT secret, which is either {"keys":
// [{"kid", "alg", "key"}]} or {"kid", "alg", "secret"}. The text itself is the key; it is not
// decoded.
func ParseSecret(secret string) (keyID string, key []byte, err error) {
	var doc struct {
		secretKey
		Keys []secretKey `json:"keys"`
	}
	if err := json.Unmarshal([]byte(secret), &doc); err != nil {
		return "", nil, fmt.Errorf("tokens: the secret is not JSON: %w", err)
	}
	for _, k := range append(doc.Keys, doc.secretKey) {
		material := k.Key + k.Secret
		// a key without an algorithm is an HS256 key
		if (k.Alg == "HS256" || k.Alg == "") && material != "" {
			return k.KID, []byte(material), nil
		}
	}
	return "", nil, errNoKey
}

// Sign returns a signed token with the claims.
func (s Signer) Sign(c Claims) (string, error) {
	if len(s.Key) == 0 {
		return "", errNoKey
	}
	if c.Tenant == "" || len(c.Roles) == 0 {
		return "", errors.New("tokens: a token needs a tenant and a role")
	}
	header := map[string]string{"alg": "HS256", "typ": "JWT"}
	if s.KeyID != "" {
		header["kid"] = s.KeyID
	}
	unsigned, err := encodeBase64JSON(header)
	if err != nil {
		return "", err
	}
	body, err := encodeBase64JSON(s.claimsPayload(c))
	if err != nil {
		return "", err
	}
	unsigned += "." + body
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte(unsigned))
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// claimsPayload returns the registered and private claims of a token; empty claims are left out.
func (s Signer) claimsPayload(c Claims) map[string]any {
	now := s.Now()
	if c.Subject == "" {
		c.Subject = c.Roles[0] + "@" + string(c.Tenant)
	}
	if c.Expires.IsZero() {
		c.Expires = now.Add(DefaultLifetime)
	}
	p := map[string]any{
		"iss": s.Issuer, "aud": s.Audience, "sub": c.Subject,
		"iat": now.Unix(), "exp": c.Expires.Unix(),
		"tenant": string(c.Tenant), "roles": c.Roles,
	}
	if c.Creator != "" {
		p["creator"] = string(c.Creator)
	}
	if c.Scope != "" {
		p["scope"] = c.Scope
	}
	return p
}

// encodeBase64JSON encodes a value as JSON in unpadded base64url, as a JWT requires.
func encodeBase64JSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
