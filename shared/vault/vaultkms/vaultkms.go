// Package vaultkms wraps the vault's data keys with a key of AWS KMS. Tenant and purpose are the
// encryption context: KMS refuses to unwrap a key in another context, and its log shows both.
package vaultkms

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/vault"
)

// API is the part of the KMS client that is used.
type API interface {
	GenerateDataKey(context.Context, *kms.GenerateDataKeyInput,
		...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// Master wraps data keys with one KMS key; it implements vault.KeyMaster.
type Master struct {
	client API
	key    string
}

var _ vault.KeyMaster = Master{}

// New returns a Master that uses the KMS key with this ARN.
func New(client API, keyARN string) Master { return Master{client, keyARN} }

// encryptionContext binds a wrapped key to its tenant and purpose.
func encryptionContext(tenant ident.Tenant, purpose string) map[string]string {
	return map[string]string{"tenant": string(tenant), "purpose": purpose}
}

// New makes a data key of vault.KeySize bytes and returns it in clear and wrapped.
func (m Master) New(ctx context.Context, tenant ident.Tenant,
	purpose string) (clear, wrapped []byte, err error) {
	out, err := m.client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: &m.key, NumberOfBytes: aws.Int32(vault.KeySize),
		EncryptionContext: encryptionContext(tenant, purpose),
	})
	if err != nil {
		return nil, nil, awsfault.Classify(fmt.Errorf("vaultkms: new data key: %w", err))
	}
	return out.Plaintext, out.CiphertextBlob, nil
}

// Unwrap decrypts a wrapped data key.
func (m Master) Unwrap(ctx context.Context, tenant ident.Tenant, purpose string,
	wrapped []byte) ([]byte, error) {
	out, err := m.client.Decrypt(ctx, &kms.DecryptInput{
		KeyId: &m.key, CiphertextBlob: wrapped, EncryptionContext: encryptionContext(tenant, purpose),
	})
	if err != nil {
		return nil, awsfault.Classify(fmt.Errorf("vaultkms: unwrap data key: %w", err))
	}
	return out.Plaintext, nil
}
