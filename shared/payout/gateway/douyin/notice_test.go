package payoutdouyin

import (
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/fault"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

var now = time.Date(2026, 11, 16, 4, 0, 0, 0, time.UTC)

const apiKey = "0123456789abcdef0123456789abcdef"

// platform signs as Douyin Pay does.
type platform struct{ key *rsa.PrivateKey }

func (p platform) headers(t testing.TB, body []byte) map[string]string {
	t.Helper()
	ts := strconv.FormatInt(now.Unix(), 10)
	sum := sha256.Sum256([]byte(ts + "\nnonce\n" + string(body) + "\n"))
	sig, err := rsa.SignPKCS1v15(nil, p.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"douyinpay-timestamp": ts, "douyinpay-nonce": "nonce", "douyinpay-serial": "P1",
		"douyinpay-signature": base64.StdEncoding.EncodeToString(sig),
	}
}

// envelope encrypts a content as a notice of an event.
func envelope(t testing.TB, event, algorithm string, plain []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher([]byte(apiKey))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	sealed := gcm.Seal(nil, []byte("123456789012"), plain, []byte("transfer"))
	body, err := json.Marshal(map[string]any{"event_type": event, "resource": map[string]string{
		"algorithm": algorithm, "nonce": "123456789012", "associated_data": "transfer", "ciphertext": base64.StdEncoding.EncodeToString(sealed),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func newTestGateway(t testing.TB) (*Gateway, platform) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Account{
		Merchant: "m1", Serial: "S1", APIKey: apiKey, PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p8})),
		Platform: []PlatformKey{{Serial: "P1", PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}))}},
	}, "http://127.0.0.1:1", time.Second, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return g, platform{key}
}

const goodBill = `{"mch_id":"m1","out_bill_no":"0123456789abcdef0123456789abcdef","transfer_bill_no":"G1","state":"SUCCESS","transfer_amount":"10050","openid":"o","update_time":"2026-11-16T12:00:00+08:00"}`

func TestParseNotice(t *testing.T) {
	g, p := newTestGateway(t)
	bent := func(from, to string) []byte { return []byte(strings.Replace(goodBill, from, to, 1)) }
	cases := map[string]struct {
		body  []byte
		field string // the refused field, empty for none
	}{
		"paid":                 {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, []byte(goodBill)), ""},
		"amount as a number":   {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, bent(`"10050"`, `10050`)), ""},
		"another merchant":     {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, bent("m1", "m2")), "mch_id"},
		"no number":            {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, bent("0123456789abcdef0123456789abcdef", "../x")), "out_bill_no"},
		"amount with decimals": {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, bent("10050", "100.50")), "transfer_amount"},
		"negative amount":      {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, bent("10050", "-1")), "transfer_amount"},
		"amount too large":     {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, bent("10050", "99999999999999999999")), "transfer_amount"},
		"state not known":      {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, bent("SUCCESS", "GONE")), "state"},
		"not a bill":           {envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, []byte("[]")), "resource"},
		"another event":        {envelope(t, "REFUND.SUCCESS", noticeAlgorithm, []byte(goodBill)), "event_type"},
		"another algorithm":    {envelope(t, "TRANSFER.SUCCESS", "NONE", []byte(goodBill)), "resource.algorithm"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			n, err := g.ParseNotice(context.Background(), p.headers(t, c.body), c.body)
			if c.field != "" {
				if e := fault.AsError(err); e.Code != fault.InvalidInput || e.Fields[0].Field != c.field {
					t.Errorf("%v, want field %s refused", err, c.field)
				}
				return
			}
			want := payout.Outcome{State: payout.Paid, GatewayID: "G1", Amount: money.MustParse("100.50"), At: n.At}
			if err != nil || n.Key != "0123456789abcdef0123456789abcdef" || n.Outcome != want || !n.At.Equal(now) {
				t.Errorf("%+v, %v", n, err)
			}
		})
	}
}

// What the platform signed for a merchant with another API key is not ours.
func TestNoticeUnderAnotherKey(t *testing.T) {
	g, p := newTestGateway(t)
	body := envelope(t, "TRANSFER.SUCCESS", noticeAlgorithm, []byte(goodBill))
	g.account.APIKey = strings.Repeat("x", 32)
	if _, err := g.ParseNotice(context.Background(), p.headers(t, body), body); !errors.Is(err, payout.ErrUnverified) {
		t.Errorf("%v", err)
	}
}

// Whatever the platform signs, reading it ends in a whole notice or a refusal that repeats none of it.
func FuzzReadNotice(f *testing.F) {
	g, _ := newTestGateway(f)
	f.Add(envelope(f, "TRANSFER.SUCCESS", noticeAlgorithm, []byte(goodBill)))
	f.Add([]byte(`{"resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"","ciphertext":"AA=="}}`))
	f.Add([]byte(`{"resource":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		check(t, func() (payout.Notice, error) { return g.readNotice(body) })
	})
}

// The same for what was encrypted.
func FuzzReadBill(f *testing.F) {
	g, _ := newTestGateway(f)
	f.Add([]byte(goodBill))
	f.Add([]byte(`{"mch_id":"m1","transfer_amount":"\"1\""}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		check(t, func() (payout.Notice, error) { return g.readBill(plain) })
	})
}

func check(t *testing.T, read func() (payout.Notice, error)) {
	n, err := read()
	if err != nil {
		if !errors.Is(err, payout.ErrUnverified) && !fault.HasCode(err, fault.InvalidInput) {
			t.Fatalf("refused with %v", err)
		}
		return
	}
	if !keyShape.MatchString(n.Key) || !n.Amount.Positive() || n.State == payout.Unknown || n.State == payout.NotFound || n.Tenant != "" {
		t.Fatalf("took %+v", n)
	}
}
