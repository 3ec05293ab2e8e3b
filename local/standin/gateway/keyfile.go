// Package gateway plays the outside payment parties on one machine: Douyin Pay and a bank. The
// stand-ins verify signatures, keep what they were asked to pay on disk, answer and notify as the
// real ones do, and misbehave when told to.
package gateway

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"

	"fenzhang/shared/ident"
	"fenzhang/shared/payout/gateway"
	"fenzhang/shared/payout/gateway/bank"
	"fenzhang/shared/payout/gateway/douyin"
)

// KeyFile holds both sides' keys. Secret is the part that the functions get; the rest stays with
// the stand-ins.
type KeyFile struct {
	payoutgateway.Secret
	Private PrivateKeys `json:"gateway_private_keys"`
}

// PrivateKeys are the keys with which the stand-ins sign, PEM.
type PrivateKeys struct {
	Douyin string `json:"douyin"`
	Bank   string `json:"bank"`
}

// ReadKeys reads a key file.
func ReadKeys(path string) (KeyFile, error) {
	var f KeyFile
	b, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// SecretPath names the file beside a key file that holds only what the functions get.
func SecretPath(path string) string { return path + ".secret.json" }

// EnsureKeys makes the key file and its secret part for the tenants unless they are there; an
// existing file is left as it is, because bills on disk were signed for with it.
func EnsureKeys(path string, tenants []string) error {
	f, err := ReadKeys(path)
	if os.IsNotExist(err) {
		if f, err = NewKeys(tenants); err == nil {
			err = writeJSON(path, f)
		}
	}
	if err != nil {
		return err
	}
	return writeJSON(SecretPath(path), f.Secret)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), fs.FileMode(0o600))
}

// NewKeys makes fresh keys: for each tenant one merchant account at either gateway.
func NewKeys(tenants []string) (KeyFile, error) {
	var f KeyFile
	douyinPrivate, douyinPublic, err := newPair()
	if err != nil {
		return f, err
	}
	bankPrivate, bankPublic, err := newPair()
	if err != nil {
		return f, err
	}
	f.Private = PrivateKeys{Douyin: douyinPrivate, Bank: bankPrivate}
	platform := []payoutdouyin.PlatformKey{
		{Serial: "PLATFORM" + rand.Text()[:12], PublicKey: douyinPublic}}
	for i, tenant := range tenants {
		d, err := newDouyin(ident.Tenant(tenant), 7_300_000_001+i, platform)
		if err != nil {
			return f, err
		}
		private, _, err := newPair()
		if err != nil {
			return f, err
		}
		f.Douyin = append(f.Douyin, d)
		f.Bank = append(f.Bank,
			payoutbank.Account{Tenant: ident.Tenant(tenant), Merchant: fmt.Sprintf("CORP%06d", i+1),
				PrivateKey: private, BankKey: bankPublic})
	}
	return f, nil
}

func newDouyin(tenant ident.Tenant, number int,
	platform []payoutdouyin.PlatformKey) (payoutdouyin.Account, error) {
	private, _, err := newPair()
	if err != nil {
		return payoutdouyin.Account{}, err
	}
	apiKey := make([]byte, 16)
	if _, err := rand.Read(apiKey); err != nil {
		return payoutdouyin.Account{}, err
	}
	return payoutdouyin.Account{
		Tenant: tenant, Merchant: fmt.Sprint(number), Serial: "MERCHANT" + rand.Text()[:12],
		PrivateKey: private, APIKey: hex.EncodeToString(apiKey), Platform: platform,
		AppID: string("tt-standin-" + tenant), Scene: "1005",
		Reports: []payoutdouyin.SceneReport{{Type: "岗位类型", Content: "主播"},
			{Type: "报酬说明", Content: "创作者收入结算"}},
	}, nil
}

func newPair() (private, public string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", err
	}
	p8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	pkix, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", "", err
	}
	private = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p8}))
	return private, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})), nil
}
