package printing

import (
	"fmt"
	"strings"

	"github.com/signintech/gopdf"
)

// The measures of a page in points: A4 portrait with equal margins.
const (
	pageWidth  = 595.28
	pageHeight = 841.89
	margin     = 42.0
	bottom     = pageHeight - 52
	innerWidth = pageWidth - 2*margin
)

// ink is a colour of text, lines or backgrounds.
type ink struct{ r, g, b uint8 }

var (
	// The colours of a document; they are variables only because Go has no constants of struct type.
	black  = ink{28, 28, 30}
	grey   = ink{120, 120, 126}
	accent = ink{22, 72, 120}
	rule   = ink{206, 208, 214}
	pale   = ink{242, 244, 248}
)

// sheet is a PDF document that is being written. It keeps the first error, and later calls write
// nothing.
type sheet struct {
	pdf    gopdf.GoPdf
	font   *Font
	widths map[rune]float64
	y      float64
	err    error
	// head writes the running head of each page after the first.
	head func()
}

// newSheet begins a document in a font.
func newSheet(f *Font, title string) *sheet {
	s := &sheet{font: f, widths: map[rune]float64{}}
	s.pdf.Start(gopdf.Config{PageSize: *gopdf.PageSizeA4})
	s.pdf.SetInfo(gopdf.PdfInfo{Title: title, Producer: "Fenzhang"})
	s.keepError(s.pdf.AddTTFFontFromFontContainer(family, &f.container))
	s.keepError(s.pdf.SetFont(family, "", 9))
	s.addPage()
	return s
}

// keepError stores the first error.
func (s *sheet) keepError(err error) {
	if s.err == nil {
		s.err = err
	}
}

// addPage begins a new page.
func (s *sheet) addPage() {
	s.pdf.AddPage()
	s.y = margin
	if s.pdf.GetNumberOfPages() > 1 && s.head != nil {
		s.head()
	}
}

// ensureRoom begins a new page when less than height is left on the current page.
func (s *sheet) ensureRoom(height float64) {
	if s.y+height > bottom {
		s.addPage()
	}
}

// textWidth returns the width of a text in points.
func (s *sheet) textWidth(text string, size float64) float64 {
	sum := 0.0
	for _, r := range text {
		w, ok := s.widths[r]
		if !ok {
			units, _ := s.font.glyphWidth(r)
			w = float64(units)
			s.widths[r] = w
		}
		sum += w
	}
	return sum * size / 1000
}

// writeText writes a text whose base line is at y.
func (s *sheet) writeText(x, y, size float64, c ink, text string) {
	if text == "" || s.err != nil {
		return
	}
	s.keepError(s.pdf.SetFontSize(size))
	s.pdf.SetTextColor(c.r, c.g, c.b)
	s.pdf.SetXY(x, y)
	s.keepError(s.pdf.Text(text))
}

// writeTextRight writes a text that ends at x.
func (s *sheet) writeTextRight(x, y, size float64, c ink, text string) {
	s.writeText(x-s.textWidth(text, size), y, size, c, text)
}

// drawLine draws a thin line between the margins of the page.
func (s *sheet) drawLine(y float64, c ink) {
	s.pdf.SetLineWidth(0.5)
	s.pdf.SetStrokeColor(c.r, c.g, c.b)
	s.pdf.Line(margin, y, pageWidth-margin, y)
}

// fillBox fills a rectangle with a colour.
func (s *sheet) fillBox(x, y, w, h float64, c ink) {
	s.pdf.SetFillColor(c.r, c.g, c.b)
	s.pdf.RectFromUpperLeftWithStyle(x, y, w, h, "F")
}

// shortenToWidth cuts a text to a width and ends it with an ellipsis.
func (s *sheet) shortenToWidth(text string, size, width float64) string {
	if s.textWidth(text, size) <= width {
		return text
	}
	left := width - s.textWidth("…", size)
	var b strings.Builder
	for _, r := range text {
		if left -= s.textWidth(string(r), size); left < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

const (
	// Chinese typography (标点避头尾) forbids a line to begin with the marks in closes or to end with the
	// marks in opens.
	closes = "，。、；：？！）》」』】〕…,.;:?!)]}%"
	opens  = "（《「『【〔([{"
)

// wrapText breaks a text into lines of a width. Latin words and numbers are kept whole; no line
// begins with a closing mark or ends with an opening mark.
func (s *sheet) wrapText(text string, size, width float64) []string {
	var lines []string
	line, used := "", 0.0
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line = ""
		used = 0
	}
	for _, w := range splitAtBreaks(text) {
		for _, piece := range s.splitLongWord(w, size, width) {
			need := s.textWidth(piece, size)
			if used+need > width && line != "" {
				flush()
				piece = strings.TrimLeft(piece, " ")
				need = s.textWidth(piece, size)
			}
			line, used = line+piece, used+need
		}
	}
	if line != "" {
		flush()
	}
	return lines
}

// splitLongWord splits a word that is wider than a line into its characters.
func (s *sheet) splitLongWord(word string, size, width float64) []string {
	if s.textWidth(word, size) <= width {
		return []string{word}
	}
	var out []string
	for _, r := range word {
		out = append(out, string(r))
	}
	return out
}

// splitAtBreaks splits a text into the pieces between which a line may break.
func splitAtBreaks(text string) []string {
	var out []string
	word := ""
	// glued is true after an opening mark, which must stay with the next character.
	glued := false
	for _, r := range text {
		switch {
		case strings.ContainsRune(closes, r):
			if word == "" && len(out) > 0 {
				word, out = out[len(out)-1], out[:len(out)-1]
			}
			word += string(r)
		case strings.ContainsRune(opens, r):
			if !glued && word != "" {
				out, word = append(out, word), ""
			}
			word, glued = word+string(r), true
			continue
		case r == ' ':
			if word != "" {
				out = append(out, word)
			}
			out, word = append(out, " "), ""
		case r < 0x2E80: // characters of Latin words and numbers are kept together
			word += string(r)
			if !glued && len([]rune(word)) > 1 && []rune(word)[0] >= 0x2E80 {
				out, word = append(out, strings.TrimSuffix(word, string(r))), string(r)
			}
		default:
			if !glued && word != "" {
				out, word = append(out, word), ""
			}
			word += string(r)
		}
		glued = false
	}
	if word != "" {
		out = append(out, word)
	}
	return out
}

// writeParagraph writes a text in lines from x to the right margin and moves down.
func (s *sheet) writeParagraph(x, size, leading float64, c ink, text string) {
	for _, l := range s.wrapText(text, size, pageWidth-margin-x) {
		s.ensureRoom(leading)
		s.writeText(x, s.y+size, size, c, l)
		s.y += leading
	}
}

// writeHeading begins a section: the Chinese title, with the English one small beside it. It begins
// a new page when less than below is left under the heading.
func (s *sheet) writeHeading(zh, en string, below float64) {
	s.ensureRoom(30 + below)
	s.y += 14
	s.writeText(margin, s.y+11, 11, accent, zh)
	s.writeText(margin+s.textWidth(zh, 11)+6, s.y+11, 7, grey, en)
	s.y += 18
}

// column is one column of a table.
type column struct {
	zh, en string
	width  float64
	// number reports that the column is aligned to the right and never wrapped.
	number bool
}

// table writes rows under a header that is repeated on each page.
type table struct {
	*sheet
	columns []column
	size    float64
}

// pad is the space in points between the edge of a cell and its text.
const pad = 3.0

// writeHeader writes the header of the table.
func (t table) writeHeader() {
	t.fillBox(margin, t.y, innerWidth, 22, pale)
	x := margin
	for _, c := range t.columns {
		if c.number {
			t.writeTextRight(x+c.width-pad, t.y+10, 7.5, black, c.zh)
			t.writeTextRight(x+c.width-pad, t.y+18.5, 5.2, grey, c.en)
		} else {
			t.writeText(x+pad, t.y+10, 7.5, black, c.zh)
			t.writeText(x+pad, t.y+18.5, 5.2, grey, c.en)
		}
		x += c.width
	}
	t.y += 22
}

// writeRow writes one row; a text takes at most two lines and is shortened to them.
func (t table) writeRow(cells []string, c ink) {
	leading := t.size + 2.6
	lines := make([][]string, len(cells))
	height := leading
	for i, cell := range cells {
		lines[i] = t.wrapCell(cell, t.columns[i])
		height = max(height, float64(len(lines[i]))*leading)
	}
	// A row is never divided between two pages.
	if t.y+height+4 > bottom {
		t.addPage()
		t.writeHeader()
	}
	x := margin
	for i, col := range t.columns {
		for n, l := range lines[i] {
			y := t.y + 2 + t.size + float64(n)*leading
			if col.number {
				t.writeTextRight(x+col.width-pad, y, t.fittingSize(l, col.width-2*pad), c, l)
			} else {
				t.writeText(x+pad, y, t.size, c, l)
			}
		}
		x += col.width
	}
	t.y += height + 4
	t.drawLine(t.y, rule)
}

// wrapCell breaks the text of a cell into at most two lines; a number stays on one line.
func (t table) wrapCell(cell string, col column) []string {
	if col.number {
		return []string{cell}
	}
	lines := t.wrapText(cell, t.size, col.width-2*pad)
	if len(lines) > 2 {
		rest := strings.Join(lines[1:], "")
		lines = []string{lines[0], t.shortenToWidth(rest, t.size, col.width-2*pad)}
	}
	return lines
}

// fittingSize returns the font size at which a figure fits its column: an amount is made smaller
// and never cut.
func (t table) fittingSize(text string, width float64) float64 {
	if w := t.textWidth(text, t.size); w > width {
		return t.size * width / w
	}
	return t.size
}

// finishPDF writes the page numbers and returns the bytes of the document.
func (s *sheet) finishPDF(left string) ([]byte, error) {
	pages := s.pdf.GetNumberOfPages()
	for n := 1; n <= pages && s.err == nil; n++ {
		s.keepError(s.pdf.SetPage(n))
		s.drawLine(pageHeight-42, rule)
		s.writeText(margin, pageHeight-31, 6.5, grey, left)
		s.writeTextRight(pageWidth-margin, pageHeight-31, 7.5, grey,
			fmt.Sprintf("第 %d 页 / 共 %d 页　Page %d of %d", n, pages, n, pages))
	}
	if s.err != nil {
		return nil, fmt.Errorf("printing: %w", s.err)
	}
	return s.pdf.GetBytesPdfReturnErr()
}
