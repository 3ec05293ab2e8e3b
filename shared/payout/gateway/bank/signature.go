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

// The headers of every message between a corporate customer and the bank. In an answer the nonce is
// the request's own, so that an old answer cannot be given again to another question.
const (
	HeaderMerchant  = "Bank-Merchant"
	HeaderTimestamp = "Bank-Timestamp" // seconds since 1970
	HeaderNonce     = "Bank-Nonce"
	HeaderSignature = "Bank-Signature"
)

// Message is what a signature stands for. What is "request", "answer" or "notice", so that one can
// never pass for another; Subject is method and path of a request, the status of an answer, empty
// in a notice.
type Message struct {
	What, Subject, Merchant, Timestamp, Nonce string
	Body                                      []byte
}

func (m Message) digest() []byte {
	body := sha256.Sum256(m.Body)
	lines := []string{m.What, m.Subject, m.Merchant, m.Timestamp, m.Nonce,
		hex.EncodeToString(body[:]), ""}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return sum[:]
}

// Sign makes the signature header: RSA PKCS #1 v1.5 with SHA-256 over the lines of the message, in
// base64.
func (m Message) Sign(key *rsa.PrivateKey) (string, error) {
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, m.digest())
	return base64.StdEncoding.EncodeToString(sig), err
}

// Verify checks a signature header; the error says no more than that it is wrong.
func (m Message) Verify(key *rsa.PublicKey, signature string) error {
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, m.digest(), sig) != nil {
		return errors.New("bank signature is wrong")
	}
	return nil
}

// ParsePrivateKey reads a PKCS #8 RSA key; its errors never repeat the text.
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

// ParsePublicKey reads an RSA public key in PKIX form.
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
