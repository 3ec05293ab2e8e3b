package rulepack

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fenzhang/shared/vault/sm2signer"
)

// Signature is the publisher's signature of a manifest: SM2 with SM3 (GB/T 32918.2, GM/T 0003.2),
// DER encoded as in GM/T 0009, over the manifest without this field.
type Signature struct {
	Key   string `json:"key"`   // id of the key, from sm2signer.Public.KeyID
	Value string `json:"value"` // base64
}

// Signer signs manifests.
type Signer interface {
	// Sign returns the signature of a message and the id of the key.
	Sign(ctx context.Context, message []byte) (signature []byte, keyID string, err error)
}

// Sign returns the manifest with a signature of its content.
func (m Manifest) Sign(ctx context.Context, s Signer) (Manifest, error) {
	message, err := m.signedBytes()
	if err != nil {
		return m, err
	}
	sig, key, err := s.Sign(ctx, message)
	if err != nil {
		return m, err
	}
	m.Signature = &Signature{Key: key, Value: base64.StdEncoding.EncodeToString(sig)}
	return m, nil
}

// Trusted are the public keys whose signatures are accepted, by key id. If no key is trusted, no
// pack is accepted.
type Trusted map[string]*sm2signer.Public

// ParseTrusted reads public keys from an environment variable: lines of sm2signer.Public.Line,
// separated by commas.
func ParseTrusted(list string) (Trusted, error) {
	keys := Trusted{}
	for _, word := range strings.Split(list, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		p, err := sm2signer.ParseLine(word)
		if err != nil {
			return nil, fmt.Errorf("rulepack: trusted keys: %w", err)
		}
		keys[p.KeyID()] = p
	}
	return keys, nil
}

// errUnsigned is returned for a manifest without a signature.
var errUnsigned = errors.New("rulepack: the manifest is not signed")

// CheckSignature checks that the manifest is signed with a trusted key. The error of CheckSignature
// says why the signature is not accepted.
func (m Manifest) CheckSignature(trusted Trusted) error {
	if m.Signature == nil {
		return errUnsigned
	}
	key, ok := trusted[m.Signature.Key]
	if !ok {
		return fmt.Errorf(
			"rulepack: the manifest is signed with key %q, which is not trusted here (trusted: %v)",
			m.Signature.Key, slices.Sorted(maps.Keys(trusted)))
	}
	sig, err := base64.StdEncoding.DecodeString(m.Signature.Value)
	if err != nil {
		return fmt.Errorf("rulepack: the signature of the manifest: %w", err)
	}
	message, err := m.signedBytes()
	if err != nil {
		return err
	}
	if !key.Verify(message, sig) {
		return fmt.Errorf("rulepack: the signature is not that of key %s for this manifest",
			m.Signature.Key)
	}
	return nil
}
