// Package sm2signer signs with SM2 (GB/T 32918.2), by a local key that is derived from a secret. A
// KMS key can take its place where the cloud has SM2. Signatures are DER as in GM/T 0009, over the
// message with the default ID 1234567812345678.
package sm2signer

import (
	"context"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"

	"github.com/emmansun/gmsm/sm2"
)

// Local signs with a private key in the memory of this process.
type Local struct {
	key *sm2.PrivateKey
	id  string
}

// keyInfo binds the derived key to its purpose, so that the same secret gives another key
// elsewhere. Every deployed key depends on this text; it must never change.
const keyInfo = "fenzhang audit head signing key, SM2, v1"

// minSecret is the least length of a secret: 32 characters of a generated hexadecimal secret are
// 128 bits.
const minSecret = 32

var errShort = errors.New("sm2signer: the secret is shorter than 32 characters")

// FromSecret derives the private key from a generated secret; the same secret always gives the same
// key. HKDF-SHA-256 (RFC 5869) makes 64 bits more than the order of the curve has, which are
// reduced into [1, n-2], so that the bias is negligible (FIPS 186-5, A.2.1). Blanks around the
// secret are ignored.
func FromSecret(secret string) (*Local, error) {
	secret = strings.TrimSpace(secret)
	if len(secret) < minSecret {
		return nil, errShort
	}
	order := sm2.P256().Params().N
	wide, err := hkdf.Key(sha256.New, []byte(secret), nil, keyInfo, (order.BitLen()+64)/8)
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	top := new(big.Int).Sub(order, big.NewInt(2)) // n-1 is excluded: 1+d would have no inverse
	d := new(big.Int).Mod(new(big.Int).SetBytes(wide), top)
	key, err := sm2.NewPrivateKeyFromInt(d.Add(d, big.NewInt(1)))
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	return New(key)
}

// Generate makes a new key that exists only in the memory of this process.
func Generate() (*Local, error) {
	key, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	return New(key)
}

// New returns a signer with the given key.
func New(key *sm2.PrivateKey) (*Local, error) {
	id, err := KeyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &Local{key: key, id: id}, nil
}

// Sign signs a message, which must not be empty, and returns the id of the key.
func (l *Local) Sign(_ context.Context,
	message []byte) (signature []byte, keyID string, err error) {
	if signature, err = l.key.SignWithSM2(rand.Reader, nil, message); err != nil {
		return nil, "", fmt.Errorf("sm2signer: %w", err)
	}
	return signature, l.id, nil
}

// Public returns the public key, which verifies the signatures.
func (l *Local) Public() *Public { return &Public{key: &l.key.PublicKey, id: l.id} }

// Lazy is a local signer that reads its secret at the first signature, so that a function that only
// reads evidence does not wait for the secret.
type Lazy struct {
	// Secret reads the secret from the secret store.
	Secret func(context.Context) (string, error)

	mu    sync.Mutex
	local *Local
}

// Sign signs a message, which must not be empty, and returns the id of the key.
func (z *Lazy) Sign(ctx context.Context,
	message []byte) (signature []byte, keyID string, err error) {
	local, err := z.loadSigner(ctx)
	if err != nil {
		return nil, "", err
	}
	return local.Sign(ctx, message)
}

// loadSigner derives the key at the first call and returns it; a failed read of the secret is tried
// again at the next call.
func (z *Lazy) loadSigner(ctx context.Context) (*Local, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.local != nil {
		return z.local, nil
	}
	secret, err := z.Secret(ctx)
	if err != nil {
		return nil, fmt.Errorf("sm2signer: %w", err)
	}
	z.local, err = FromSecret(secret)
	return z.local, err
}

// Public verifies signatures with a public key.
type Public struct {
	key *ecdsa.PublicKey
	id  string
}

// Verify reports whether sig is the key's signature of the message.
func (p *Public) Verify(message, sig []byte) bool {
	return sm2.VerifyASN1WithSM2(p.key, nil, message, sig)
}

// KeyID returns the id of the key.
func (p *Public) KeyID() string { return p.id }
