package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// Hasher makes keyed hashes, by which personal data is found and compared without being decrypted.
// A plain hash would not protect it, because all ID numbers can be enumerated.
type Hasher struct{ key []byte }

// ErrLookupKey means that the key of keyed hashes is too short.
var ErrLookupKey = errors.New("vault: the key of keyed hashes is shorter than 16 bytes")

// NewHasher makes a Hasher with the key from the secret store.
func NewHasher(secret string) (Hasher, error) {
	// 16 bytes are 128 bits, the least strength of a key.
	if len(secret) < 16 {
		return Hasher{}, ErrLookupKey
	}
	return Hasher{[]byte(secret)}, nil
}

// Hash returns the HMAC-SHA256 of the parts in lower-case hexadecimal. Each part is hashed with its
// length, so that different parts never give the same text.
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
