package audit

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm3"
)

// Hash is an SM3 digest; as text it is lower-case hex.
type Hash [sm3.Size]byte

var errHash = errors.New("must be 64 lower-case hexadecimal digits")

// ParseHash reads a hash from its lower-case hexadecimal text.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*len(h) {
		return h, errHash
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil || h.String() != s {
		return Hash{}, errHash
	}
	return h, nil
}

// String returns the hash in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns the hash in lower-case hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads a hash from its lower-case hexadecimal text.
func (h *Hash) UnmarshalText(b []byte) error {
	v, err := ParseHash(string(b))
	if err != nil {
		return fmt.Errorf("audit: hash %w", err)
	}
	*h = v
	return nil
}

// The first byte of each hashed text says what is hashed, so that the hash of a leaf can never be
// used as that of an inner node (RFC 6962, 2.1) or of a link of the chain.
const (
	leafByte  = 0x00
	nodeByte  = 0x01
	chainByte = 0x02
)

// LeafHash returns the hash of a line exactly as it is stored, without its newline: SM3(0x00 ||
// line).
func LeafHash(line []byte) Hash {
	h := sm3.New()
	h.Write([]byte{leafByte})
	h.Write(line)
	return Hash(h.Sum(nil))
}

// ChainHash returns the hash of the chain after a leaf: SM3(0x02 || hash before || leaf). The chain
// begins with 32 zero bytes.
func ChainHash(before, leaf Hash) Hash {
	h := sm3.New()
	h.Write([]byte{chainByte})
	h.Write(before[:])
	h.Write(leaf[:])
	return Hash(h.Sum(nil))
}

// nodeHash returns the hash of an inner node of the tree: SM3(0x01 || left || right).
func nodeHash(left, right []byte) []byte {
	h := sm3.New()
	h.Write([]byte{nodeByte})
	h.Write(left)
	h.Write(right)
	return h.Sum(nil)
}
