package e2e

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"fenzhang/local/apiclient"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
)

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// forge makes a token of the given header and claims, signed with the key by HMAC-SHA256; a nil key signs nothing.
func forge(t *testing.T, header map[string]any, claims map[string]any, key []byte) string {
	t.Helper()
	text := encode(t, header) + "." + encode(t, claims)
	if key == nil {
		return text + "."
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestForgedTokensAreRefused(t *testing.T) {
	s := use(t)
	good := func() map[string]any {
		return map[string]any{"iss": s.signer.Issuer, "aud": s.signer.Audience, "sub": "finance@" + mcn, "exp": time.Now().Add(time.Hour).Unix(), "tenant": mcn, "roles": []string{"finance"}}
	}
	with := func(name string, value any) map[string]any {
		c := good()
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	hs256 := map[string]any{"alg": "HS256", "typ": "JWT", "kid": s.signer.KeyID}
	signed := func(claims map[string]any) string { return forge(t, hs256, claims, s.signer.Key) }
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	edText := encode(t, map[string]any{"alg": "EdDSA", "kid": s.signer.KeyID}) + "." + encode(t, good())
	whole := signed(good())
	for name, c := range map[string]struct {
		token string
		code  int // 0: good
	}{
		"good":                          {whole, 0},
		"expired":                       {signed(with("exp", time.Now().Add(-time.Minute).Unix())), 1001},
		"without an end":                {signed(with("exp", nil)), 1001},
		"not yet valid":                 {signed(with("nbf", time.Now().Add(time.Hour).Unix())), 1001},
		"another issuer":                {signed(with("iss", "somebody")), 1001},
		"another audience":              {signed(with("aud", "somewhere")), 1001},
		"without a tenant":              {signed(with("tenant", nil)), 1001},
		"a tenant that is none":         {signed(with("tenant", "T#x")), 1001},
		"no token at all":               {"abc", 1001},
		"empty parts":                   {"..", 1001},
		"cut off":                       {whole[:len(whole)-20], 1002},
		"other claims, first signature": {strings.Split(whole, ".")[0] + "." + encode(t, with("tenant", "demo-small")) + "." + strings.Split(whole, ".")[2], 1002},
		"another key":                   {forge(t, hs256, good(), []byte("another key of more than 32 bytes length")), 1002},
		"alg none":                      {forge(t, map[string]any{"alg": "none", "kid": s.signer.KeyID}, good(), nil), 1002},
		"alg none, signed":              {forge(t, map[string]any{"alg": "none", "kid": s.signer.KeyID}, good(), s.signer.Key), 1002},
		"another algorithm of the key":  {forge(t, map[string]any{"alg": "HS512", "kid": s.signer.KeyID}, good(), s.signer.Key), 1002},
		"EdDSA by a stranger":           {edText + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(edText))), 1002},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(t, "Bearer "+c.token, "GET", "/v1/settlements?limit=1", nil)
			switch {
			case c.code == 0 && a.status != http.StatusOK:
				t.Errorf("%d %s", a.status, a.body)
			case c.code != 0:
				a.refused(t, "a call", http.StatusUnauthorized, c.code, "")
			}
		})
	}
	t.Run("no header", func(t *testing.T) {
		a := s.send(t, "", "GET", "/v1/settlements?limit=1", nil)
		if a.status != http.StatusUnauthorized || strings.TrimSpace(string(a.body)) != `{"message":"Unauthorized"}` {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("not Bearer", func(t *testing.T) {
		s.send(t, "Basic "+whole, "GET", "/v1/settlements?limit=1", nil).refused(t, "a call", 401, 1001, "")
	})
	t.Run("open routes need none", func(t *testing.T) {
		for _, path := range []string{"/healthz", "/v1/openapi.json"} {
			if a := s.send(t, "", "GET", path, nil); a.status != http.StatusOK {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
	t.Run("a callback without a gateway's signature", func(t *testing.T) {
		s.send(t, "", "POST", "/v1/payouts/callbacks/douyin", `{"id":"x"}`, "X-Tenant-ID", mcn).refused(t, "a forged notice", 401, 1002, "")
	})
}

// TestNobodySeesAnotherTenant: the token's tenant is the only one, whatever headers say, and what belongs to
// another tenant does not exist (P8).
func TestNobodySeesAnotherTenant(t *testing.T) {
	s := use(t)
	p := s.person(t, "private")
	id := s.open(t, p, "live-private", "100.00")
	st := s.until(t, string(id), "a quote", quoted)
	stranger := func(role identity.Role) caller {
		return caller{tenant: ident.Tenant("e2e-" + s.run), role: role, creator: p.creator}
	}

	t.Run("a forged header is refused", func(t *testing.T) {
		for _, path := range []string{string("/v1/settlements/" + id), string("/v1/creators/" + p.creator), string("/api/v1/incentive/counters/" + p.creator), string("/v1/statements?creator_id=" + p.creator), "/v1/tax/rules"} {
			s.call(t, stranger(identity.Admin), "GET", path, nil, "X-Tenant-ID", mcn).refused(t, path, 403, 1003, "tenant_header")
		}
		s.call(t, stranger(identity.Operator), "POST", "/v1/incentive/settle", settleRequest(p.creator, "live-forged", "1.00"), "X-Tenant-ID", mcn, "X-Idemp-Key", "forged-key-1").
			refused(t, "settle", 403, 1003, "tenant_header")
	})
	t.Run("one's own name is fine", func(t *testing.T) {
		s.must(t, as(identity.Finance), "GET", string("/v1/settlements/"+id), nil, nil, "X-Tenant-ID", mcn)
	})
	version := map[string]any{"status_version": st.StatusVersion}
	act := func(more map[string]any) map[string]any {
		for k, v := range version {
			more[k] = v
		}
		return more
	}
	one := "/v1/settlements/" + id
	stored, err := s.store.Load(t.Context(), mcn, id)
	if err != nil {
		t.Fatal(err)
	}
	record := "/v1/audit/records/" + stored.TransitionID
	eventually(t, "the record of the opening", func() bool { return s.call(t, as(identity.Auditor), "GET", record, nil).status == http.StatusOK }, func() string { return record })
	for _, c := range []struct {
		role         identity.Role
		method, path string
		body         any
	}{
		{identity.Auditor, "GET", string(one), nil},
		{identity.Creator, "GET", string(one), nil},
		{identity.Auditor, "GET", string(one + "/explanation"), nil},
		{identity.Finance, "POST", string(one + "/transitions"), act(map[string]any{"to": "IN_REVIEW"})},
		{identity.Approver, "POST", string(one + "/transitions"), act(map[string]any{"to": "FAILED", "reason": "x"})},
		{identity.Finance, "POST", string(one + "/hold"), act(map[string]any{"reason": "MANUAL"})},
		{identity.Finance, "POST", string(one + "/release"), version},
		{identity.Approver, "POST", string(one + "/confirm-net"), act(map[string]any{"net": *st.Net})},
		{identity.Approver, "POST", string(one + "/cancel"), act(map[string]any{"reason": "x"})},
		{identity.Approver, "POST", string(one + "/reopen"), version},
		{identity.Finance, "POST", string(one + "/invoice"), apiclient.Invoice{Number: "26331000000000000001", IssuedOn: today, Amount: "70.00", FileSHA256: strings.Repeat("ab", 32), StatusVersion: 1}},
		{identity.Admin, "GET", string("/v1/paying-entities/" + p.entity), nil},
		{identity.Admin, "GET", string("/v1/taxpayers/" + p.taxpayer), nil},
		{identity.Admin, "GET", string("/v1/creators/" + p.creator), nil},
		{identity.Admin, "GET", "/v1/contracts/" + p.contract, nil},
		{identity.Admin, "GET", string("/api/v1/incentive/counters/" + p.creator), nil},
		{identity.Finance, "POST", "/v1/statements/run", map[string]string{"creator_id": string(p.creator)}},
		{identity.Auditor, "GET", record, nil},
		{identity.Auditor, "GET", record + "/proof", nil},
	} {
		s.call(t, stranger(c.role), c.method, c.path, c.body).refused(t, c.method+" "+c.path, 404, 3003, "")
	}
	if a := s.call(t, stranger(identity.Operator), "POST", "/v1/incentive/settle", settleRequest(p.creator, "live-stranger", "1.00"), "X-Idemp-Key", "stranger-key-1"); a.code != 3003 {
		t.Errorf("settled for another's creator: %d %s", a.status, a.body)
	}
	var list struct{ Settlements []apiclient.Settlement }
	s.must(t, stranger(identity.Auditor), "GET", "/v1/settlements", nil, &list)
	if len(list.Settlements) != 0 {
		t.Errorf("a stranger lists %d settlements", len(list.Settlements))
	}
	if after := s.read(t, string(id)); after.Status != st.Status || after.LastUpdated != st.LastUpdated {
		t.Errorf("a stranger moved it: %s, %s", after.Status, after.LastUpdated)
	}
}

// TestACreatorSeesOnlyItsOwn: within a tenant the role creator reads what is its own; the rest does not exist.
func TestACreatorSeesOnlyItsOwn(t *testing.T) {
	s := use(t)
	mine, other := s.person(t, "mine"), s.person(t, "theirs")
	id := s.open(t, mine, "live-mine", "100.00")
	me, them := caller{mcn, identity.Creator, mine.creator}, caller{mcn, identity.Creator, other.creator}
	s.must(t, me, "GET", string("/v1/settlements/"+id), nil, nil)
	s.must(t, me, "GET", string("/v1/settlements/"+id+"/explanation"), nil, nil)
	s.must(t, me, "GET", string("/api/v1/incentive/counters/"+mine.creator), nil, nil)
	s.must(t, me, "GET", string("/v1/statements?creator_id="+mine.creator), nil, nil)
	for _, path := range []string{string("/v1/settlements/" + id), string("/v1/settlements/" + id + "/explanation"), string("/api/v1/incentive/counters/" + mine.creator)} {
		s.call(t, them, "GET", path, nil).refused(t, path, 404, 3003, "")
	}
	for _, path := range []string{"/v1/settlements", string("/v1/settlements?creator_id=" + mine.creator), string("/v1/statements?creator_id=" + mine.creator)} {
		if a := s.call(t, them, "GET", path, nil); strings.Contains(string(a.body), string(mine.creator)) {
			t.Errorf("%s shows another creator's: %s", path, a.body)
		}
	}
}
