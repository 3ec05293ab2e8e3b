package memdb

import (
	"encoding/binary"
	"iter"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// packedItem is one string that holds the attributes of an item, sorted by name: each name and each
// value, with its length before it. An engine with a million items then holds a million strings and
// not thirty times as many pointers, which the garbage collector would have to follow. Equal
// attributes always make an equal string.
type packedItem string

// packedValue is the packed form of an attribute value: a letter for its type, then its content.
type packedValue string

// Letters of kinds.
const (
	// The letters stand for the types of attribute values; true and false have a letter each.
	kindS, kindN, kindB    = 'S', 'N', 'B'
	kindTrue, kindFalse    = 'T', 'F'
	kindNull               = '0'
	kindM, kindL           = 'M', 'L'
	kindSS, kindNS, kindBS = 's', 'n', 'b'
)

// packItem packs attributes whose values canonicalValue has checked.
func packItem(it Item) packedItem {
	// the buffers on the stack save allocations for items of ordinary size
	var some [24]string
	names := some[:0]
	for name := range it {
		names = append(names, name)
	}
	slices.Sort(names)
	var room [2048]byte
	b, v := room[:0:1024], room[1024:1024]
	for _, name := range names {
		v = appendValue(v[:0], it[name])
		b = appendWithLength(appendWithLength(b, name), string(v))
	}
	return packedItem(b)
}

// appendWithLength appends a text to b with its length before it.
func appendWithLength(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendValue appends the packed form of a value to b.
func appendValue(b []byte, v types.AttributeValue) []byte {
	switch v := v.(type) {
	case *avS:
		return append(append(b, kindS), v.Value...)
	case *avN:
		return append(append(b, kindN), v.Value...)
	case *avB:
		return append(append(b, kindB), v.Value...)
	case *avBOOL:
		if v.Value {
			return append(b, kindTrue)
		}
		return append(b, kindFalse)
	case *avM:
		b = append(b, kindM)
		for _, name := range slices.Sorted(maps.Keys(v.Value)) {
			b = appendWithLength(appendWithLength(b, name), string(appendValue(nil, v.Value[name])))
		}
		return b
	case *avL:
		b = append(b, kindL)
		for _, e := range v.Value {
			b = appendWithLength(b, string(appendValue(nil, e)))
		}
		return b
	case *avSS:
		return appendAllWithLength(append(b, kindSS), v.Value)
	case *avNS:
		return appendAllWithLength(append(b, kindNS), v.Value)
	case *avBS:
		return appendAllWithLength(append(b, kindBS), setMembers(v))
	default: // NULL
		return append(b, kindNull)
	}
}

// appendAllWithLength appends each text to b with its length before it.
func appendAllWithLength(b []byte, all []string) []byte {
	for _, s := range all {
		b = appendWithLength(b, s)
	}
	return b
}

// cutFirstText returns the first text of s, which begins with its length, and what follows it.
func cutFirstText[S ~string](s S) (text string, rest S) {
	n, i := uint64(0), 0
	for shift := 0; ; i++ {
		n |= uint64(s[i]&0x7f) << shift
		if s[i] < 0x80 {
			break
		}
		shift += 7
	}
	rest = s[i+1:]
	return string(rest[:n]), rest[n:]
}

// attributes iterates over the names and packed values of an item.
func (p packedItem) attributes() iter.Seq2[string, packedValue] {
	return func(yield func(string, packedValue) bool) {
		for len(p) > 0 {
			var name, v string
			name, p = cutFirstText(p)
			v, p = cutFirstText(p)
			if !yield(name, packedValue(v)) {
				return
			}
		}
	}
}

// attribute returns the packed value of the attribute with the given name; "" when the item lacks
// it.
func (p packedItem) attribute(name string) packedValue {
	for n, v := range p.attributes() {
		if n == name {
			return v
		}
	}
	return ""
}

// unpack returns a new attribute value, which the caller may change; nil for the empty packed
// value.
func (v packedValue) unpack() types.AttributeValue {
	if v == "" {
		return nil
	}
	rest := string(v[1:])
	switch v[0] {
	case kindS:
		return &avS{Value: rest}
	case kindN:
		return &avN{Value: rest}
	case kindB:
		return &avB{Value: []byte(rest)}
	case kindTrue, kindFalse:
		return &avBOOL{Value: v[0] == kindTrue}
	case kindM:
		m := &avM{Value: Item{}}
		for name, e := range packedItem(rest).attributes() {
			m.Value[name] = e.unpack()
		}
		return m
	case kindL:
		l := &avL{Value: []types.AttributeValue{}}
		for _, e := range splitTexts(rest) {
			l.Value = append(l.Value, packedValue(e).unpack())
		}
		return l
	case kindSS:
		return &avSS{Value: splitTexts(rest)}
	case kindNS:
		return &avNS{Value: splitTexts(rest)}
	case kindBS:
		return binarySet(splitTexts(rest))
	}
	return &avNULL{Value: true}
}

// keyText returns the text of a string or of bytes, the only types of a key; "" for every other
// type.
func (v packedValue) keyText() string {
	if v == "" || v[0] != kindS && v[0] != kindB {
		return ""
	}
	return string(v[1:])
}

// splitTexts returns the texts of s, each of which has its length before it.
func splitTexts(s string) (all []string) {
	for s != "" {
		var one string
		one, s = cutFirstText(s)
		all = append(all, one)
	}
	return all
}

// billedSize returns the size of a value in bytes as the service bills it.
func (v packedValue) billedSize() int {
	switch v[0] {
	case kindS, kindB:
		return len(v) - 1
	case kindN:
		return billedSizeOfNumber(string(v[1:]))
	}
	return billedSize(v.unpack())
}
