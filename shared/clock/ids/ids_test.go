package ids

import (
	"strings"
	"testing"
	"time"
)

func TestAnIDIsSixteenBytes(t *testing.T) {
	next := NewSource(func() time.Time { return time.UnixMilli(1789437600000) })
	for range 200 {
		id := next()
		raw, ok := ParseID(id)
		if !ok || FormatID(raw) != id {
			t.Fatalf("%s becomes %x, %v", id, raw, ok)
		}
	}
	for _, other := range []string{"", "01k5a3v", strings.Repeat("0", 25) + "1", strings.Repeat("u", 26), strings.ToUpper(next()), next() + "0"} {
		if _, ok := ParseID(other); ok {
			t.Errorf("%q is no id", other)
		}
	}
}
