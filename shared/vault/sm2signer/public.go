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

// subjectPublicKeyInfo is the standard form of a public key (RFC 5280, 4.1; algorithm RFC 5480,
// curve GB/T 33560). crypto/x509 does not know the curve of SM2.
type subjectPublicKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

var (
	ecPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	sm2Curve    = asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301}
)

// marshalPublicKey returns the DER form (SubjectPublicKeyInfo) of a public key.
func marshalPublicKey(key *ecdsa.PublicKey) ([]byte, error) {
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

// parsePublicKey reads the DER form (SubjectPublicKeyInfo) of a public key on the curve of SM2.
func parsePublicKey(der []byte) (*Public, error) {
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

// PEM returns the key as PEM text (SubjectPublicKeyInfo), as other tools read it.
func (p *Public) PEM() ([]byte, error) {
	der, err := marshalPublicKey(p.key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

var errPEM = errors.New("sm2signer: not the PEM text of one SM2 public key")

// ParsePEM reads a public key from PEM text.
func ParsePEM(text []byte) (*Public, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errPEM
	}
	return parsePublicKey(block.Bytes)
}

// KeyID returns the id of a public key: the first 16 hexadecimal digits of the SM3 of its
// SubjectPublicKeyInfo.
func KeyID(key *ecdsa.PublicKey) (string, error) {
	der, err := marshalPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := sm3.Sum(der)
	return hex.EncodeToString(sum[:8]), nil
}

// Line returns the key (SubjectPublicKeyInfo) in base64 for URLs, which fits into an environment
// variable.
func (p *Public) Line() (string, error) {
	der, err := marshalPublicKey(p.key)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(der), nil
}

var errLine = errors.New("sm2signer: not one SM2 public key as base64 for URLs")

// ParseLine reads a public key in the form that Line returns.
func ParseLine(word string) (*Public, error) {
	der, err := base64.RawURLEncoding.DecodeString(word)
	if err != nil {
		return nil, errLine
	}
	p, err := parsePublicKey(der)
	if err != nil {
		return nil, errLine
	}
	return p, nil
}
