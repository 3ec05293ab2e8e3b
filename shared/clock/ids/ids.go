// Package ids makes unique names that sort by time.
package ids

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewSource gives a maker of ids: 26 characters, 48 bits of milliseconds and 80 random bits. It is
// safe for concurrent use; tests inject a counter instead.
func NewSource(now func() time.Time) func() string {
	return func() string {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], uint64(now().UnixMilli())<<16)
		rand.Read(b[6:]) // never fails since Go 1.24
		return alphabet.EncodeToString(b[:])
	}
}

// ParseID gives the 16 bytes behind an id that a Source made; ok is false for every other text.
func ParseID(id string) (raw [16]byte, ok bool) {
	if len(id) != 26 {
		return raw, false
	}
	var b [17]byte // the last letter has two bits too many
	n, err := alphabet.Decode(b[:], []byte(id))
	copy(raw[:], b[:])
	return raw, err == nil && n == len(raw) && FormatID(raw) == id
}

// FormatID writes raw bytes as an id.
func FormatID(raw [16]byte) string { return alphabet.EncodeToString(raw[:]) }
