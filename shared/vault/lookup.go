package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// Hasher makes keyed hashes, by which personal data is found and compared without being read. A
// plain hash would not do: identity numbers can be enumerated.
type Hasher struct{ key []byte }

// ErrLookupKey tells that the key of keyed hashes is too short to be one.
var ErrLookupKey = errors.New("vault: the key of keyed hashes is shorter than 16 bytes")

// NewHasher uses the key of the secret store.
func NewHasher(secret string) (Hasher, error) {
	if len(secret) < 16 {
		return Hasher{}, ErrLookupKey
	}
	return Hasher{[]byte(secret)}, nil
}

// Hash gives the HMAC-SHA256 of the parts in lower-case hexadecimal; parts are told apart by their
// lengths.
func (h Hasher) Hash(parts ...string) string {
	mac := hmac.New(sha256.New, h.key)
	for _, p := range parts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		mac.Write(size[:])
		mac.Write([]byte(p))
	}
	return hex.EncodeToString(mac.Sum(nil))
}
