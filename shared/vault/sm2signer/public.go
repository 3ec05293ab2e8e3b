package sm2signer

import (
	"crypto/ecdsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// subjectPublicKeyInfo is how public keys are written (RFC 5280, 4.1; its algorithm RFC 5480, the
// curve GB/T 33560).
type subjectPublicKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

var (
	ecPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	sm2Curve    = asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301}
)

// marshal writes a SubjectPublicKeyInfo.
func marshal(key *ecdsa.PublicKey) ([]byte, error) {
	point, err := sm2.PublicKeyToECDH(key)
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	curve, err := asn1.Marshal(sm2Curve)
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	der, err := asn1.Marshal(
		subjectPublicKeyInfo{Algorithm: pkix.AlgorithmIdentifier{Algorithm: ecPublicKey,
			Parameters: asn1.RawValue{FullBytes: curve}},
			Key: asn1.BitString{Bytes: point.Bytes(), BitLength: 8 * len(point.Bytes())}})
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	return der, nil
}

// parse reads a SubjectPublicKeyInfo of a point on the curve of SM2.
func parse(der []byte) (*Public, error) {
	var info subjectPublicKeyInfo
	var curve asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 ||
		!info.Algorithm.Algorithm.Equal(ecPublicKey) {
		return nil, errPEM
	}
	if rest, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &curve); err != nil ||
		len(rest) > 0 || !curve.Equal(sm2Curve) {
		return nil, errPEM
	}
	key, err := sm2.NewPublicKey(info.Key.RightAlign())
	if err != nil {
		return nil, errPEM
	}
	id, err := KeyID(key)
	if err != nil {
		return nil, err
	}
	return &Public{key: key, id: id}, nil
}

const pemType = "PUBLIC KEY"

// PEM writes the key as other tools read it (SubjectPublicKeyInfo).
func (p *Public) PEM() ([]byte, error) {
	der, err := marshal(p.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

var errPEM = errors.New("sm2signer: not the PEM text of one SM2 public key")

// ParsePEM reads a public key.
func ParsePEM(text []byte) (*Public, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errPEM
	}
	return parse(block.Bytes)
}

// KeyID is the first 16 hexadecimal digits of the SM3 of the key's SubjectPublicKeyInfo.
func KeyID(key *ecdsa.PublicKey) (string, error) {
	der, err := marshal(key)
	if err != nil {
		return "", err
	}
	sum := sm3.Sum(der)
	return hex.EncodeToString(sum[:8]), nil
}

// Line writes a public key as one word that fits into a variable: its SubjectPublicKeyInfo in
// base64 for URLs.
func (p *Public) Line() (string, error) {
	der, err := marshal(p.key)
	if err != nil {
		return "", err
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
	p, err := parse(der)
	if err != nil {
		return nil, errLine
	}
	return p, nil
}
