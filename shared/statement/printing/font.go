// Package printing renders documents as PDF with Chinese typography and as XLSX. It contains no
// text of the law and no figures, and the same document gives the same bytes.
package printing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/signintech/gopdf"

	"fenzhang/shared/fault"
)

// family is the name under which pages select the font.
const family = "text"

// Font is a parsed TrueType font; any number of documents may be set in it at the same time.
type Font struct {
	container gopdf.FontContainer
	face      gopdf.SubsetFontObj
}

// ParseFont parses a TrueType font and refuses a font without Chinese characters.
func ParseFont(data []byte) (*Font, error) {
	f := &Font{}
	if err := f.container.AddTTFFontDataWithOption(family, data, gopdf.TtfOption{}); err != nil {
		return nil, fmt.Errorf("printing: font: %w", err)
	}
	if err := f.face.SetTTFData(data); err != nil {
		return nil, fmt.Errorf("printing: font: %w", err)
	}
	if _, ok := f.glyphWidth('帐'); !ok {
		return nil, errors.New("printing: the font has no Chinese")
	}
	return f, nil
}

// glyphWidth returns the width of a character in thousandths of the font size; false when the font
// lacks the character.
func (f *Font) glyphWidth(r rune) (uint, bool) {
	glyph, err := f.face.CharCodeToGlyphIndex(r)
	if err != nil || glyph == 0 {
		return 0, false
	}
	return f.face.GlyphIndexToPdfWidth(glyph), true
}

// maxNamed is the largest number of missing characters that an error lists.
const maxNamed = 20

// checkGlyphs returns glyph_missing with the characters of the texts that the font lacks, nil when
// it has all of them.
func (f *Font) checkGlyphs(texts []string) error {
	seen := map[rune]bool{}
	var missing []rune
	for _, text := range texts {
		for _, r := range text {
			if seen[r] {
				continue
			}
			seen[r] = true
			if _, ok := f.glyphWidth(r); !ok {
				missing = append(missing, r)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	names := make([]string, 0, maxNamed)
	for _, r := range missing[:min(len(missing), maxNamed)] {
		names = append(names, fmt.Sprintf("U+%04X", r))
	}
	points := strings.Join(names, " ")
	return fault.MissingRule("glyph_missing", points,
		fmt.Sprintf("The font has no letters for %d characters of this document (%s), "+
			"so it was not set; "+
			"correct the text that has them (nickname, account, description), or have a font with them "+
			"put into the bucket. XLSX needs no font.", len(missing), points))
}

// printableText makes a text printable on one line: characters without a shape (controls, marks of
// direction, joiners, variation selectors) are removed, so that they can neither reverse nor break
// the line.
func printableText(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Variation_Selector):
			return -1
		}
		return r
	}, text)
}
