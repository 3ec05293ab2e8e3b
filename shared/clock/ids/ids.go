// Package ids makes unique identifiers that sort by time.
package ids

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// alphabet is Crockford's base 32, in lower case: its letters sort as the numbers do.
var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewSource returns a function that makes ids: 26 characters with 48 bits of milliseconds and 80
// random bits. The function is safe for concurrent use; tests use a counter instead.
func NewSource(now func() time.Time) func() string {
	return func() string {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], uint64(now().UnixMilli())<<16)
		// rand.Read never fails since Go 1.24
		rand.Read(b[6:])
		return alphabet.EncodeToString(b[:])
	}
}

// ParseID returns the 16 bytes of an id that a source has made; ok is false for every other text.
func ParseID(id string) (raw [16]byte, ok bool) {
	if len(id) != 26 {
		return raw, false
	}
	// 26 letters hold two bits more than 16 bytes do
	var b [17]byte
	n, err := alphabet.Decode(b[:], []byte(id))
	copy(raw[:], b[:])
	return raw, err == nil && n == len(raw) && FormatID(raw) == id
}

// FormatID writes 16 bytes as an id.
func FormatID(raw [16]byte) string { return alphabet.EncodeToString(raw[:]) }
