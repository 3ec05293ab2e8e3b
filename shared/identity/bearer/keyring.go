package bearer

import (
	"context"
	"errors"
	"sync"
	"time"

	"fenzhang/shared/identity"
)

// retryAge is the least age of the keys at which an unknown key id makes us read them again.
// Without this bound, strangers could cause a read with every token, by writing any key id into it.
const retryAge = 10 * time.Second

// Keys returns the configuration of the verification keys, read at most age ago.
type Keys func(ctx context.Context, age time.Duration) (string, error)

// Keyring verifies tokens with keys that may be changed while it runs. Keyring is safe for
// concurrent use.
type Keyring struct {
	keys Keys
	// age is how long keys are used before they are read again.
	age              time.Duration
	issuer, audience string
	now              func() time.Time

	mu sync.Mutex
	// config is the configuration from which verifier was made.
	config   string
	verifier *Verifier
}

// NewKeyring returns a Keyring for the tokens of an issuer to an audience. NewKeyring reads the
// keys again when they are older than age.
func NewKeyring(keys Keys, age time.Duration, issuer, audience string,
	now func() time.Time) *Keyring {
	return &Keyring{keys: keys, age: age, issuer: issuer, audience: audience, now: now}
}

// VerifyHeader verifies the token in an Authorization header and returns the caller. When the
// token's key is unknown it reads the keys again, because they may have been changed.
//
// Errors: fault.TokenInvalid; fault.SignatureInvalid; any other error means that the keys cannot be
// read.
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
	// any other refusal is final, whatever the newest keys are
	if !errors.Is(err, ErrUnknownKey) {
		return p, err
	}
	// the key may have been added since the keys were read
	if v, err = k.currentVerifier(ctx, retryAge); err != nil {
		return identity.Principal{}, err
	}
	return v.Verify(token)
}

// currentVerifier returns a verifier with keys that are at most age old.
func (k *Keyring) currentVerifier(ctx context.Context, age time.Duration) (*Verifier, error) {
	config, err := k.keys(ctx, age)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// unchanged keys need not be parsed again
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
