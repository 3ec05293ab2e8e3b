package sm2signer_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
	"pgregory.net/rapid"

	"fenzhang/shared/vault/sm2signer"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAnnexA checks the example of GB/T 32918.5-2017, Annex A: what others signed, we accept.
func TestAnnexA(t *testing.T) {
	point := "04" + "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020" + "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
	key, err := sm2.NewPublicKey(unhex(t, point))
	if err != nil {
		t.Fatal(err)
	}
	der, err := smx509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := sm2signer.ParsePEM(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	sig := unhex(t, "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa")
	if !public.Verify([]byte("message digest"), sig) {
		t.Error("the standard's own signature is refused")
	}
	if public.Verify([]byte("message digesT"), sig) {
		t.Error("another message is accepted")
	}
	if public.Verify([]byte("message digest"), append(sig, 0)) {
		t.Error("a signature with a trailing byte is accepted")
	}
}

func TestSignAndVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[0-9A-F]{32,80}`).Draw(t, "secret")
		message := rapid.SliceOfN(rapid.Byte(), 1, -1).Draw(t, "message")
		signer, err := sm2signer.FromSecret(secret)
		if err != nil {
			t.Fatal(err)
		}
		sig, keyID, err := signer.Sign(context.Background(), message)
		if err != nil {
			t.Fatal(err)
		}
		again, err := sm2signer.FromSecret(" " + secret + "\n")
		if err != nil || again.Public().KeyID() != keyID {
			t.Fatalf("the same secret gave another key: %v", err)
		}
		text, err := again.Public().PEM()
		if err != nil {
			t.Fatal(err)
		}
		public, err := sm2signer.ParsePEM(text)
		if err != nil || public.KeyID() != keyID {
			t.Fatalf("the key does not survive its text: %v", err)
		}
		if !public.Verify(message, sig) {
			t.Fatal("our own signature is refused")
		}
		sig[rapid.IntRange(0, len(sig)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if public.Verify(message, sig) {
			t.Fatal("a damaged signature is accepted")
		}
	})
}

// TestDerivedKeyNeverChanges pins the derivation: another key would leave old heads without a checker.
func TestDerivedKeyNeverChanges(t *testing.T) {
	signer, err := sm2signer.FromSecret(strings.Repeat("0123456789ABCDEF", 4))
	if err != nil {
		t.Fatal(err)
	}
	const want = "4817cd4c9935a60c"
	if got := signer.Public().KeyID(); got != want {
		t.Errorf("key id %s, want %s", got, want)
	}
}

func TestShortSecretIsRefused(t *testing.T) {
	if _, err := sm2signer.FromSecret(strings.Repeat("A", 31) + " "); err == nil {
		t.Error("31 characters were taken")
	}
}

func TestLazyReadsItsSecretOnce(t *testing.T) {
	calls := 0
	lazy := &sm2signer.Lazy{Secret: func(context.Context) (string, error) {
		if calls++; calls == 1 {
			return "", errors.New("away")
		}
		return strings.Repeat("0123456789ABCDEF", 4), nil
	}}
	if _, _, err := lazy.Sign(context.Background(), []byte("m")); err == nil {
		t.Fatal("signed without a key")
	}
	for range 3 {
		if _, keyID, err := lazy.Sign(context.Background(), []byte("m")); err != nil || keyID != "4817cd4c9935a60c" {
			t.Fatalf("key %q, %v", keyID, err)
		}
	}
	if calls != 2 {
		t.Errorf("the secret was read %d times", calls)
	}
}

func FuzzParsePEM(f *testing.F) {
	signer, err := sm2signer.FromSecret(strings.Repeat("0123456789ABCDEF", 4))
	if err != nil {
		f.Fatal(err)
	}
	text, err := signer.Public().PEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		public, err := sm2signer.ParsePEM(in)
		if err != nil {
			return
		}
		out, err := public.PEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := sm2signer.ParsePEM(out)
		if err != nil || again.KeyID() != public.KeyID() {
			t.Errorf("a key that was read does not survive writing: %v", err)
		}
		if second, _ := again.PEM(); !bytes.Equal(second, out) {
			t.Error("the text is not stable")
		}
	})
}
