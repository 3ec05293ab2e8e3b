package awsclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"fenzhang/shared/fault/awsfault"
)

// SecretAge is how long the value of a secret is used before it is read again.
const SecretAge = 5 * time.Minute

// SecretsAPI is the call of Secrets Manager that this package needs.
type SecretsAPI interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput,
		...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// errNotText reports that a secret holds bytes; all secrets of this system are texts.
var errNotText = errors.New("awsclient: the secret is not a text")

// ReadSecret reads the current value of a secret.
//
// Errors: fault.Unavailable when Secrets Manager may answer later; fault.System otherwise.
func ReadSecret(ctx context.Context, client SecretsAPI, arn string) (string, error) {
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		return "", awsfault.Classify(fmt.Errorf("read secret: %w", err))
	}
	if out.SecretString == nil {
		return "", errNotText
	}
	return *out.SecretString, nil
}

// CachedSecret holds the value of a secret and reads it again after SecretAge. CachedSecret is safe
// for concurrent use.
type CachedSecret struct {
	client SecretsAPI
	arn    string
	now    func() time.Time

	mu    sync.Mutex
	value string
	read  time.Time
}

// NewCachedSecret returns a cache of one secret; the secret is read at the first use.
func NewCachedSecret(client SecretsAPI, arn string, now func() time.Time) *CachedSecret {
	return &CachedSecret{client: client, arn: arn, now: now}
}

// Get returns the value of the secret, at most SecretAge old.
func (c *CachedSecret) Get(ctx context.Context) (string, error) {
	return c.GetWithin(ctx, SecretAge)
}

// GetWithin returns the value of the secret, at most age old. A caller that does not find a key in
// the value asks with a small age, because the key may be new.
func (c *CachedSecret) GetWithin(ctx context.Context, age time.Duration) (string, error) {
	// the lock is held during the read, so that parallel calls cause one read
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.read.IsZero() && c.now().Sub(c.read) < age {
		return c.value, nil
	}
	value, err := ReadSecret(ctx, c.client, c.arn)
	if err != nil {
		return "", err
	}
	c.value, c.read = value, c.now()
	return value, nil
}
