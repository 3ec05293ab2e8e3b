package settlementdb

import (
	_ "embed" // for meta.words
	"encoding/hex"
	"slices"
	"strings"

	"fenzhang/shared/clock/ids"
)

// These constants say how a text is encoded. An encoded text begins with a header number: its
// lowest three bits are one of these constants, and the bits above them hold a length or a text's
// number.
const (
	// asPlainBytes: the header holds the length, and the bytes of the text follow.
	asPlainBytes = iota
	// asVocabularyNumber: the header holds the number of a text of the vocabulary.
	asVocabularyNumber
	// asRepeat: the header holds the number of a text that came earlier in the document.
	asRepeat
	// asHexBytes: the header holds a length, and the bytes follow that the hexadecimal text stands
	// for.
	asHexBytes
	// asIDBytes: the sixteen bytes of an id of package ids follow.
	asIDBytes
	// asPrefixAndRest: the header holds the number of a text of the vocabulary that ends in one of
	// prefixEnds, and the rest of the text follows, encoded in the same way.
	asPrefixAndRest
)

// prefixEnds are the characters that end a word of the vocabulary with which other texts may begin.
const prefixEnds = "-:@"

// metaWords lists the texts that most settlements contain, one text a line. The number of a line is
// part of the stored form: a new text is added at the end, and no line is ever removed. The header
// of the first sixteen texts takes one byte, that of all others two.
//
//go:embed meta.words
var metaWords string

// vocabulary is the list of metaWords with the number of each text.
type vocabulary struct {
	words   []string
	numbers map[string]int
	// prefixes are the numbers of the texts with which other texts may begin.
	prefixes []int
}

// metaVocabulary is the vocabulary of settlements' main items.
var metaVocabulary = newVocabulary(metaWords)

// newVocabulary makes a vocabulary of a list with one text a line.
func newVocabulary(lines string) *vocabulary {
	v := &vocabulary{numbers: map[string]int{}}
	for line := range strings.Lines(lines) {
		word := strings.TrimSuffix(line, "\n")
		v.numbers[word] = len(v.words)
		if strings.ContainsRune(prefixEnds, rune(word[len(word)-1])) {
			v.prefixes = append(v.prefixes, len(v.words))
		}
		v.words = append(v.words, word)
	}
	return v
}

// longestPrefix finds the number of the longest text of the vocabulary with which s begins.
func (v *vocabulary) longestPrefix(s string) (number int, ok bool) {
	longest := 0
	for _, n := range v.prefixes {
		if w := v.words[n]; len(w) > longest && strings.HasPrefix(s, w) {
			number = n
			longest = len(w)
		}
	}
	return number, longest > 0
}

// textField encodes or decodes a text.
func textField[S ~string](c *codec, s *S) {
	if c.reading {
		*s = S(c.readText())
		return
	}
	c.writeText(string(*s))
}

// textHeader writes the header number of a text: how the text is encoded, and n, which is a length
// or the number of an earlier text.
func (c *codec) textHeader(how, n int) {
	v := uint64(n)<<3 | uint64(how)
	c.unsignedField(&v)
}

// writeText encodes a text in the shortest way and remembers the text, so that the same text later
// in the document takes only its number.
func (c *codec) writeText(s string) {
	if s == "" {
		c.textHeader(asPlainBytes, 0)
		return
	}
	// A number of the vocabulary, or of an earlier text, is shorter than any other form.
	if n, ok := metaVocabulary.numbers[s]; ok {
		c.textHeader(asVocabularyNumber, n)
		return
	}
	if n := slices.Index(c.texts, s); n >= 0 {
		c.textHeader(asRepeat, n)
		return
	}
	if n, ok := metaVocabulary.longestPrefix(s); ok {
		c.textHeader(asPrefixAndRest, n)
		c.writeText(s[len(metaVocabulary.words[n]):])
	} else if raw, ok := ids.ParseID(s); ok {
		c.textHeader(asIDBytes, 0)
		c.bytes = append(c.bytes, raw[:]...)
	} else if raw, ok := decodeHex(s); ok {
		c.textHeader(asHexBytes, len(raw))
		c.bytes = append(c.bytes, raw...)
	} else {
		c.textHeader(asPlainBytes, len(s))
		c.bytes = append(c.bytes, s...)
	}
	c.texts = append(c.texts, s)
}

// decodeHex returns the bytes of a text of lower-case hexadecimal digits. A text of fewer than
// eight digits is left as a text, because its bytes would save nothing.
func decodeHex(s string) ([]byte, bool) {
	if len(s) < 8 || len(s)%2 != 0 || strings.Trim(s, "0123456789abcdef") != "" {
		return nil, false
	}
	raw, err := hex.DecodeString(s)
	return raw, err == nil
}

// readText decodes a text that writeText encoded.
func (c *codec) readText() string {
	var v uint64
	c.unsignedField(&v)
	n := v >> 3
	var s string
	switch v & 7 {
	case asVocabularyNumber:
		return c.textByNumber(metaVocabulary.words, n)
	case asRepeat:
		return c.textByNumber(c.texts, n)
	case asPrefixAndRest:
		s = c.textByNumber(metaVocabulary.words, n) + c.readText()
	case asIDBytes:
		var raw [16]byte
		copy(raw[:], c.readBytes(uint64(len(raw))))
		s = ids.FormatID(raw)
	case asHexBytes:
		s = hex.EncodeToString(c.readBytes(n))
	case asPlainBytes:
		s = string(c.readBytes(n))
	default:
		c.markDamaged()
	}
	// The list must grow in the same order as in writeText, because repeats refer to its numbers.
	if s != "" {
		c.texts = append(c.texts, s)
	}
	return s
}

// textByNumber returns a text of a list by its number; a number outside the list marks the document
// as damaged.
func (c *codec) textByNumber(from []string, n uint64) string {
	if n >= uint64(len(from)) {
		c.markDamaged()
		return ""
	}
	return from[n]
}

// readBytes returns the next n bytes of the document.
func (c *codec) readBytes(n uint64) []byte {
	if n > uint64(len(c.bytes)) {
		c.markDamaged()
		return nil
	}
	b := c.bytes[:n]
	c.bytes = c.bytes[n:]
	return b
}
