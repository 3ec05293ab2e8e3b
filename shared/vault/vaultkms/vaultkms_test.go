package vaultkms_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"fenzhang/shared/vault/vaultkms"
)

// fakeKMS checks what it is asked and answers with fixed keys.
type fakeKMS struct {
	t       *testing.T
	context map[string]string
	err     error
}

func (f fakeKMS) GenerateDataKey(_ context.Context, in *kms.GenerateDataKeyInput, _ ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error) {
	if aws.ToString(in.KeyId) != "key-arn" || aws.ToInt32(in.NumberOfBytes) != 32 || !maps.Equal(in.EncryptionContext, f.context) {
		f.t.Errorf("asked for %+v", in)
	}
	return &kms.GenerateDataKeyOutput{Plaintext: []byte("clear"), CiphertextBlob: []byte("wrapped")}, f.err
}

func (f fakeKMS) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	if aws.ToString(in.KeyId) != "key-arn" || string(in.CiphertextBlob) != "wrapped" || !maps.Equal(in.EncryptionContext, f.context) {
		f.t.Errorf("asked for %+v", in)
	}
	return &kms.DecryptOutput{Plaintext: []byte("clear")}, f.err
}

func TestTenantAndPurposeAreBoundToTheKey(t *testing.T) {
	m := vaultkms.New(fakeKMS{t: t, context: map[string]string{"tenant": "demo", "purpose": "personal-data"}}, "key-arn")
	clear, wrapped, err := m.New(context.Background(), "demo", "personal-data")
	if err != nil || string(clear) != "clear" || string(wrapped) != "wrapped" {
		t.Errorf("got %q, %q, %v", clear, wrapped, err)
	}
	if clear, err = m.Unwrap(context.Background(), "demo", "personal-data", wrapped); err != nil || string(clear) != "clear" {
		t.Errorf("got %q, %v", clear, err)
	}
}

func TestErrorsOfKMSAreHandedOn(t *testing.T) {
	broken := errors.New("broken")
	m := vaultkms.New(fakeKMS{t: t, context: map[string]string{"tenant": "demo", "purpose": "p"}, err: broken}, "key-arn")
	if _, _, err := m.New(context.Background(), "demo", "p"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := m.Unwrap(context.Background(), "demo", "p", []byte("wrapped")); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
