package sm2signer

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

const privatePEM = "PRIVATE KEY"

// Generate makes a new key, for somebody who keeps it in a file.
func Generate() (*Local, error) {
	key, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	return local(key)
}

func local(key *sm2.PrivateKey) (*Local, error) {
	id, err := KeyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &Local{key: key, id: id}, nil
}

// PEM writes the private key as other tools read it (PKCS #8). Whoever has this text can sign.
func (l *Local) PEM() ([]byte, error) {
	der, err := smx509.MarshalPKCS8PrivateKey(l.key)
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: privatePEM, Bytes: der}), nil
}

var errPrivatePEM = errors.New("sm2signer: not the PEM text of one SM2 private key (PKCS #8)")

// ParsePrivatePEM reads a private key; the errors never show any of it.
func ParsePrivatePEM(text []byte) (*Local, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != privatePEM || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errPrivatePEM
	}
	parsed, err := smx509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errPrivatePEM
	}
	key, ok := parsed.(*sm2.PrivateKey)
	if !ok {
		return nil, errPrivatePEM
	}
	return local(key)
}

// Line writes a public key as one word that fits into a variable: its SubjectPublicKeyInfo in base64 for URLs.
func (p *Public) Line() (string, error) {
	der, err := smx509.MarshalPKIXPublicKey(p.key)
	if err != nil {
		return "", fmt.Errorf("sm2signer: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(der), nil
}

var errLine = errors.New("sm2signer: not one SM2 public key as base64 for URLs")

// ParseLine reads what Line wrote.
func ParseLine(word string) (*Public, error) {
	der, err := base64.RawURLEncoding.DecodeString(word)
	if err != nil {
		return nil, errLine
	}
	p, err := ParsePEM(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
	if err != nil {
		return nil, errLine
	}
	return p, nil
}
