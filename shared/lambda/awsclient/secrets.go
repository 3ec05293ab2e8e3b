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

// SecretAge is how long a secret's value is used before it is read again.
const SecretAge = 5 * time.Minute

// SecretsAPI is the part of Secrets Manager that is called.
type SecretsAPI interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput,
		...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// errNotText tells that a secret holds bytes; all of ours are text.
var errNotText = errors.New("awsclient: the secret is not a text")

// ReadSecret reads the current value of a secret once.
func ReadSecret(ctx context.Context, client SecretsAPI, arn string) (string, error) {
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		return "", awsfault.Of(fmt.Errorf("read secret: %w", err))
	}
	if out.SecretString == nil {
		return "", errNotText
	}
	return *out.SecretString, nil
}

// CachedSecret is a secret that is read again after SecretAge. It is safe for concurrent use.
type CachedSecret struct {
	client SecretsAPI
	arn    string
	now    func() time.Time

	mu    sync.Mutex
	value string
	read  time.Time
}

// NewCachedSecret makes a cache of one secret; nothing is read yet.
func NewCachedSecret(client SecretsAPI, arn string, now func() time.Time) *CachedSecret {
	return &CachedSecret{client: client, arn: arn, now: now}
}

// Get gives the value, at most SecretAge old.
func (c *CachedSecret) Get(ctx context.Context) (string, error) {
	return c.GetWithin(ctx, SecretAge)
}

// GetWithin gives a value that is at most age old: after a key was not found, a younger one is
// asked for.
func (c *CachedSecret) GetWithin(ctx context.Context, age time.Duration) (string, error) {
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
