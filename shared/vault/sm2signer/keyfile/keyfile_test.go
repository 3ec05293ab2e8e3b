package keyfile_test

import (
	"context"
	"strings"
	"testing"

	"fenzhang/shared/vault/sm2signer"
	"fenzhang/shared/vault/sm2signer/keyfile"
)

func TestKeysComeBackFromTheirTexts(t *testing.T) {
	made, text, err := keyfile.Generate()
	if err != nil {
		t.Fatal(err)
	}
	read, err := keyfile.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	line, err := made.Public().Line()
	if err != nil || strings.ContainsAny(line, "=, +/\n") {
		t.Fatalf("%q %v", line, err)
	}
	public, err := sm2signer.ParseLine(line)
	if err != nil {
		t.Fatal(err)
	}
	sig, id, err := read.Sign(context.Background(), []byte("message"))
	if err != nil || id != public.KeyID() || !public.Verify([]byte("message"), sig) || public.Verify([]byte("Message"), sig) {
		t.Errorf("key %s for %s, %v", id, public.KeyID(), err)
	}
}

func TestOtherTextsAreNoKeys(t *testing.T) {
	made, private, err := keyfile.Generate()
	if err != nil {
		t.Fatal(err)
	}
	public, err := made.Public().PEM()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", string(public), string(private) + "more"} {
		if _, err := keyfile.Parse([]byte(text)); err == nil {
			t.Errorf("%q was taken for a private key", text)
		}
	}
	for _, word := range []string{"", "AAAA", "no base64!"} {
		if _, err := sm2signer.ParseLine(word); err == nil {
			t.Errorf("%q was taken for a public key", word)
		}
	}
}
