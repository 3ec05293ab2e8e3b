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

// Claims says for whom a token speaks.
type Claims struct {
	Tenant  ident.Tenant
	Subject string // by default role@tenant of the first role
	Roles   []string
	Creator ident.Creator // the creator a holder of role creator is
	Scope   string        // "machine" for service tokens
	Expires time.Time
}

// Signer signs tokens with the HMAC key of a stack (HS256).
type Signer struct {
	KeyID    string
	Key      []byte
	Issuer   string
	Audience string
	// Now is the real time; tokens know no business date.
	Now func() time.Time
}

// Life is how long a token lives when the claims name no end.
const Life = time.Hour

var errNoKey = errors.New("tokens: the secret holds no HS256 key")

// secretKey is one key of the secret: as a list entry it has "key", standing alone "secret".
type secretKey struct {
	KID    string `json:"kid"`
	Alg    string `json:"alg"`
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// ParseSecret takes the first HS256 key out of a stack's JWT secret, which is either
// {"keys": [{"kid", "alg", "key"}]} or {"kid", "alg", "secret"}. The key is the text itself.
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
		if (k.Alg == "HS256" || k.Alg == "") && material != "" {
			return k.KID, []byte(material), nil
		}
	}
	return "", nil, errNoKey
}

// Sign gives the token for the claims.
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
	unsigned, err := encode(header)
	if err != nil {
		return "", err
	}
	body, err := encode(s.payload(c))
	if err != nil {
		return "", err
	}
	unsigned += "." + body
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte(unsigned))
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// payload is the registered claims and ours; empty ones are left out.
func (s Signer) payload(c Claims) map[string]any {
	now := s.Now()
	if c.Subject == "" {
		c.Subject = c.Roles[0] + "@" + string(c.Tenant)
	}
	if c.Expires.IsZero() {
		c.Expires = now.Add(Life)
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

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
