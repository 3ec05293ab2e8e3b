package bearer

import (
	"context"
	"errors"
	"sync"
	"time"

	"fenzhang/shared/identity"
)

// retryAge bounds how often an unknown key makes us read the keys again: strangers can name any
// key.
const retryAge = 10 * time.Second

// Keys returns the configuration of the keys, read at most age ago.
type Keys func(ctx context.Context, age time.Duration) (string, error)

// Keyring verifies tokens with keys that may change while it runs. It is safe for concurrent use.
type Keyring struct {
	keys             Keys
	age              time.Duration // how long keys are used before they are read again
	issuer, audience string
	now              func() time.Time

	mu       sync.Mutex
	config   string // what verifier was made of
	verifier *Verifier
}

// NewKeyring verifies tokens of an issuer for an audience, with keys that are read again when they
// are older than age.
func NewKeyring(keys Keys, age time.Duration, issuer, audience string,
	now func() time.Time) *Keyring {
	return &Keyring{keys: keys, age: age, issuer: issuer, audience: audience, now: now}
}

// VerifyHeader verifies the token of an Authorization header. Where its key is not known the keys
// are read again, because they may have been changed.
//
// Errors: fault.TokenInvalid, fault.SignatureInvalid; any other means that the keys cannot be read.
func (k *Keyring) VerifyHeader(ctx context.Context, header string) (identity.Principal, error) {
	token, err := TokenFromHeader(header)
	if err != nil {
		return identity.Principal{}, err
	}
	v, err := k.currentVerifier(ctx, k.age)
	if err != nil {
		return identity.Principal{}, err
	}
	p, err := v.Verify(token)
	if !errors.Is(err, ErrUnknownKey) {
		return p, err
	}
	if v, err = k.currentVerifier(ctx, retryAge); err != nil {
		return identity.Principal{}, err
	}
	return v.Verify(token)
}

// currentVerifier returns a verifier of keys at most age old.
func (k *Keyring) currentVerifier(ctx context.Context, age time.Duration) (*Verifier, error) {
	config, err := k.keys(ctx, age)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.verifier != nil && config == k.config {
		return k.verifier, nil
	}
	v, err := New(config, k.issuer, k.audience, k.now)
	if err != nil {
		return nil, err
	}
	k.config = config
	k.verifier = v
	return v, nil
}
