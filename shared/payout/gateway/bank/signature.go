package payoutbank

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
)

// The headers of every message between a corporate customer and the bank. An answer is signed with
// the nonce of its request, so that an old answer cannot be replayed for another request.
const (
	HeaderMerchant  = "Bank-Merchant"
	HeaderTimestamp = "Bank-Timestamp" // seconds since 1970
	HeaderNonce     = "Bank-Nonce"
	HeaderSignature = "Bank-Signature"
)

// Message is what a signature covers. What is "request", "answer" or "notice", so that a signature
// of one is never valid for another. Subject is method and path of a request, the status of an
// answer, and empty in a notice.
type Message struct {
	What, Subject, Merchant, Timestamp, Nonce string
	Body                                      []byte
}

// digest returns the SHA-256 of the message's parts, each on its own line, the body by its own
// SHA-256.
func (m Message) digest() []byte {
	body := sha256.Sum256(m.Body)
	lines := []string{m.What, m.Subject, m.Merchant, m.Timestamp, m.Nonce,
		hex.EncodeToString(body[:]), ""}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return sum[:]
}

// Sign returns the signature header: RSA PKCS #1 v1.5 with SHA-256 over the digest, in base64.
func (m Message) Sign(key *rsa.PrivateKey) (string, error) {
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, m.digest())
	return base64.StdEncoding.EncodeToString(sig), err
}

// Verify checks a signature header; the error gives no details.
func (m Message) Verify(key *rsa.PublicKey, signature string) error {
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, m.digest(), sig) != nil {
		return errors.New("bank signature is wrong")
	}
	return nil
}

// ParsePrivateKey reads an RSA private key (PKCS #8, PEM); its errors never contain the text.
func ParsePrivateKey(text string) (*rsa.PrivateKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if key, ok := k.(*rsa.PrivateKey); ok {
				return key, nil
			}
		}
	}
	return nil, errors.New("must be an RSA private key (PKCS #8, PEM)")
}

// ParsePublicKey reads an RSA public key (PKIX, PEM).
func ParsePublicKey(text string) (*rsa.PublicKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		if k, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			if key, ok := k.(*rsa.PublicKey); ok {
				return key, nil
			}
		}
	}
	return nil, errors.New("must be an RSA public key (PKIX, PEM)")
}
