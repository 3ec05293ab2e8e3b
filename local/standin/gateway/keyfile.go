// Package gateway simulates the payment gateways on this machine: Douyin Pay and a bank. The
// simulated gateways verify signatures, store bills on disk, answer and send notices as the real
// ones do, and misbehave when a fault is injected.
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

// KeyFile holds the keys of both sides. Secret is the part that the functions get; the private
// keys of the gateways stay with the simulated gateways.
type KeyFile struct {
	payoutgateway.Secret
	Private PrivateKeys `json:"gateway_private_keys"`
}

// PrivateKeys are the keys with which the simulated gateways sign, in PEM format.
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

// SecretPath returns the path of the file with the part of a key file that the functions get.
func SecretPath(path string) string { return path + ".secret.json" }

// EnsureKeys creates the key file and the file of its secret part for some tenants. An existing
// key file is kept, because the requests of stored bills were signed with its keys.
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

// writeJSON writes a value to a file that only its owner can read.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), fs.FileMode(0o600))
}

// NewKeys creates keys: for each tenant one merchant account at each of the two gateways.
func NewKeys(tenants []string) (KeyFile, error) {
	var f KeyFile
	douyinPrivate, douyinPublic, err := newKeyPair()
	if err != nil {
		return f, err
	}
	bankPrivate, bankPublic, err := newKeyPair()
	if err != nil {
		return f, err
	}
	f.Private = PrivateKeys{Douyin: douyinPrivate, Bank: bankPrivate}
	platform := []payoutdouyin.PlatformKey{
		{Serial: "PLATFORM" + rand.Text()[:12], PublicKey: douyinPublic}}
	// each tenant signs with its own keys, the gateways with one key for all
	for i, tenant := range tenants {
		d, err := newDouyinAccount(ident.Tenant(tenant), 7_300_000_001+i, platform)
		if err != nil {
			return f, err
		}
		private, _, err := newKeyPair()
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

// newDouyinAccount creates a merchant account of Douyin Pay.
func newDouyinAccount(tenant ident.Tenant, number int,
	platform []payoutdouyin.PlatformKey) (payoutdouyin.Account, error) {
	private, _, err := newKeyPair()
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

// newKeyPair creates an RSA key pair in PEM format.
func newKeyPair() (private, public string, err error) {
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
