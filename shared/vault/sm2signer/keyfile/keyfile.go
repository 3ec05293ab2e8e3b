// Package keyfile writes and reads SM2 private keys as PEM text. keyfile is apart from sm2signer
// because no Lambda function needs it, and the library for the PEM form would enlarge each of them.
package keyfile

import (
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"fenzhang/shared/vault/sm2signer"
)

const pemType = "PRIVATE KEY"

// Generate makes a new key and its PEM text (PKCS #8). Whoever has this text can sign.
func Generate() (key *sm2signer.Local, text []byte, err error) {
	made, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("keyfile: %w", err)
	}
	der, err := smx509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		return nil, nil, fmt.Errorf("keyfile: %w", err)
	}
	key, err = sm2signer.New(made)
	return key, pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), err
}

var errPEM = errors.New("keyfile: not the PEM text of one SM2 private key (PKCS #8)")

// Parse reads a private key from PEM text; its errors never contain any of it.
func Parse(text []byte) (*sm2signer.Local, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errPEM
	}
	parsed, err := smx509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errPEM
	}
	key, ok := parsed.(*sm2.PrivateKey)
	if !ok {
		return nil, errPEM
	}
	return sm2signer.New(key)
}
