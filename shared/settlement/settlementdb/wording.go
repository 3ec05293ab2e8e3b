package settlementdb

import (
	_ "embed" // the words
	"encoding/hex"
	"slices"
	"strings"

	"fenzhang/shared/clock/ids"
)

// How a text is written. Its first number is three bits of this, and above them a length or the
// number of a word.
const (
	asItIs = iota // so many bytes
	asWord        // a word of the list
	asSaid        // a text that this document has said before
	asHash        // so many bytes, in hexadecimal digits
	asID          // sixteen bytes, in the letters of package ids
	// a word of the list that ends in one of prefixEnds; the rest follows as a text of its own
	asPrefix
)

// prefixEnds end the words that other texts begin with.
const prefixEnds = "-:@"

// metaWords are what META says again and again, a text a line. The number of a line is part of the
// stored form: new words come at the end, and none ever leaves. The first sixteen take a byte, all
// others two.
//
//go:embed meta.words
var metaWords string

// vocabulary finds the words of the list.
type vocabulary struct {
	words    []string
	number   map[string]int
	prefixes []int
}

var words = newVocabulary(metaWords)

func newVocabulary(lines string) *vocabulary {
	v := &vocabulary{number: map[string]int{}}
	for line := range strings.Lines(lines) {
		word := strings.TrimSuffix(line, "\n")
		v.number[word] = len(v.words)
		if strings.ContainsRune(prefixEnds, rune(word[len(word)-1])) {
			v.prefixes = append(v.prefixes, len(v.words))
		}
		v.words = append(v.words, word)
	}
	return v
}

// prefix finds the longest word that a text begins with.
func (v *vocabulary) prefix(s string) (number int, ok bool) {
	longest := 0
	for _, n := range v.prefixes {
		if w := v.words[n]; len(w) > longest && strings.HasPrefix(s, w) {
			number, longest = n, len(w)
		}
	}
	return number, longest > 0
}

// wording walks a text.
func wording[S ~string](f *form, s *S) {
	if f.reading {
		*s = S(f.readText())
		return
	}
	f.writeText(string(*s))
}

func (f *form) head(how, n int) {
	v := uint64(n)<<3 | uint64(how)
	f.number(&v)
}

// writeText writes a text in the shortest way, and remembers it.
func (f *form) writeText(s string) {
	if s == "" {
		f.head(asItIs, 0)
		return
	}
	if n, ok := words.number[s]; ok {
		f.head(asWord, n)
		return
	}
	if n := slices.Index(f.seen, s); n >= 0 {
		f.head(asSaid, n)
		return
	}
	if n, ok := words.prefix(s); ok {
		f.head(asPrefix, n)
		f.writeText(s[len(words.words[n]):])
	} else if raw, ok := ids.Raw(s); ok {
		f.head(asID, 0)
		f.b = append(f.b, raw[:]...)
	} else if raw, ok := digest(s); ok {
		f.head(asHash, len(raw))
		f.b = append(f.b, raw...)
	} else {
		f.head(asItIs, len(s))
		f.b = append(f.b, s...)
	}
	f.seen = append(f.seen, s)
}

// digest gives the bytes of a text of lower-case hexadecimal digits.
func digest(s string) ([]byte, bool) {
	if len(s) < 8 || len(s)%2 != 0 || strings.Trim(s, "0123456789abcdef") != "" {
		return nil, false
	}
	raw, err := hex.DecodeString(s)
	return raw, err == nil
}

// readText reads what writeText wrote.
func (f *form) readText() string {
	var v uint64
	f.number(&v)
	n := v >> 3
	var s string
	switch v & 7 {
	case asWord:
		return f.pick(words.words, n)
	case asSaid:
		return f.pick(f.seen, n)
	case asPrefix:
		s = f.pick(words.words, n) + f.readText()
	case asID:
		var raw [16]byte
		copy(raw[:], f.take(uint64(len(raw))))
		s = ids.Of(raw)
	case asHash:
		s = hex.EncodeToString(f.take(n))
	case asItIs:
		s = string(f.take(n))
	default:
		f.fail()
	}
	if s != "" {
		f.seen = append(f.seen, s)
	}
	return s
}

// pick takes a text out of those that both sides know.
func (f *form) pick(from []string, n uint64) string {
	if n >= uint64(len(from)) {
		f.fail()
		return ""
	}
	return from[n]
}

// take takes so many bytes off what is left to read.
func (f *form) take(n uint64) []byte {
	if n > uint64(len(f.b)) {
		f.fail()
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}
