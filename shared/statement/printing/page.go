package printing

import (
	"fmt"
	"strings"

	"github.com/signintech/gopdf"
)

// The measures of a page, in points: A4 upright with equal margins.
const (
	pageWidth  = 595.28
	pageHeight = 841.89
	margin     = 42.0
	bottom     = pageHeight - 52
	innerWidth = pageWidth - 2*margin
)

// ink is a shade of grey, or the colour of headings.
type ink struct{ r, g, b uint8 }

var ( // colours are constants that Go has no word for
	black  = ink{28, 28, 30}
	grey   = ink{120, 120, 126}
	accent = ink{22, 72, 120}
	rule   = ink{206, 208, 214}
	pale   = ink{242, 244, 248}
)

// sheet is a document being set. The first failure stays, and later calls do nothing.
type sheet struct {
	pdf    gopdf.GoPdf
	font   *Font
	widths map[rune]float64
	y      float64
	err    error
	head   func() // draws what begins each page after the first
}

// begin opens a document in a font.
func begin(f *Font, title string) *sheet {
	s := &sheet{font: f, widths: map[rune]float64{}}
	s.pdf.Start(gopdf.Config{PageSize: *gopdf.PageSizeA4})
	s.pdf.SetInfo(gopdf.PdfInfo{Title: title, Producer: "Fenzhang"})
	s.keep(s.pdf.AddTTFFontFromFontContainer(family, &f.container))
	s.keep(s.pdf.SetFont(family, "", 9))
	s.page()
	return s
}

func (s *sheet) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// page begins a new page.
func (s *sheet) page() {
	s.pdf.AddPage()
	s.y = margin
	if s.pdf.GetNumberOfPages() > 1 && s.head != nil {
		s.head()
	}
}

// room begins a new page where less than height is left of this one.
func (s *sheet) room(height float64) {
	if s.y+height > bottom {
		s.page()
	}
}

// width is the width of a text in points.
func (s *sheet) width(text string, size float64) float64 {
	sum := 0.0
	for _, r := range text {
		w, ok := s.widths[r]
		if !ok {
			units, _ := s.font.advance(r)
			w = float64(units)
			s.widths[r] = w
		}
		sum += w
	}
	return sum * size / 1000
}

// write sets a text with its base line at y.
func (s *sheet) write(x, y, size float64, c ink, text string) {
	if text == "" || s.err != nil {
		return
	}
	s.keep(s.pdf.SetFontSize(size))
	s.pdf.SetTextColor(c.r, c.g, c.b)
	s.pdf.SetXY(x, y)
	s.keep(s.pdf.Text(text))
}

// right sets a text that ends at x.
func (s *sheet) right(x, y, size float64, c ink, text string) {
	s.write(x-s.width(text, size), y, size, c, text)
}

// line draws a thin line over the width of the text.
func (s *sheet) line(y float64, c ink) {
	s.pdf.SetLineWidth(0.5)
	s.pdf.SetStrokeColor(c.r, c.g, c.b)
	s.pdf.Line(margin, y, pageWidth-margin, y)
}

// box fills a rectangle.
func (s *sheet) box(x, y, w, h float64, c ink) {
	s.pdf.SetFillColor(c.r, c.g, c.b)
	s.pdf.RectFromUpperLeftWithStyle(x, y, w, h, "F")
}

// fit shortens a text to a width.
func (s *sheet) fit(text string, size, width float64) string {
	if s.width(text, size) <= width {
		return text
	}
	left := width - s.width("…", size)
	var b strings.Builder
	for _, r := range text {
		if left -= s.width(string(r), size); left < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// opens and closes are the marks that must not end and begin a line (标点避头尾).
const (
	closes = "，。、；：？！）》」』】〕…,.;:?!)]}%"
	opens  = "（《「『【〔([{"
)

// wrap breaks a text into lines of a width; Latin words and numbers stay whole, and no line begins
// with a closing mark or ends with an opening one.
func (s *sheet) wrap(text string, size, width float64) []string {
	var lines []string
	line, used := "", 0.0
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line = ""
		used = 0
	}
	for _, w := range words(text) {
		for _, piece := range s.pieces(w, size, width) {
			need := s.width(piece, size)
			if used+need > width && line != "" {
				flush()
				piece = strings.TrimLeft(piece, " ")
				need = s.width(piece, size)
			}
			line, used = line+piece, used+need
		}
	}
	if line != "" {
		flush()
	}
	return lines
}

// pieces cuts a word that is wider than a whole line.
func (s *sheet) pieces(word string, size, width float64) []string {
	if s.width(word, size) <= width {
		return []string{word}
	}
	var out []string
	for _, r := range word {
		out = append(out, string(r))
	}
	return out
}

// words cuts a text where lines may break.
func words(text string) []string {
	var out []string
	word := ""
	glued := false // what comes next belongs to the word
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
		case r < 0x2E80: // letters, digits and signs of Latin texts stay together
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

// paragraph sets a text over the width from x on and moves down.
func (s *sheet) paragraph(x, size, leading float64, c ink, text string) {
	for _, l := range s.wrap(text, size, pageWidth-margin-x) {
		s.room(leading)
		s.write(x, s.y+size, size, c, l)
		s.y += leading
	}
}

// heading begins a section: Chinese first, English small beside it.
func (s *sheet) heading(zh, en string, below float64) {
	s.room(30 + below)
	s.y += 14
	s.write(margin, s.y+11, 11, accent, zh)
	s.write(margin+s.width(zh, 11)+6, s.y+11, 7, grey, en)
	s.y += 18
}

// column is one column of a table.
type column struct {
	zh, en string
	width  float64
	number bool // aligned to the right, never wrapped
}

// table sets rows under a head that is repeated on each page.
type table struct {
	*sheet
	columns []column
	size    float64
}

const pad = 3.0

func (t table) header() {
	t.box(margin, t.y, innerWidth, 22, pale)
	x := margin
	for _, c := range t.columns {
		if c.number {
			t.right(x+c.width-pad, t.y+10, 7.5, black, c.zh)
			t.right(x+c.width-pad, t.y+18.5, 5.2, grey, c.en)
		} else {
			t.write(x+pad, t.y+10, 7.5, black, c.zh)
			t.write(x+pad, t.y+18.5, 5.2, grey, c.en)
		}
		x += c.width
	}
	t.y += 22
}

// row sets one row; texts take at most two lines.
func (t table) row(cells []string, c ink) {
	leading := t.size + 2.6
	lines := make([][]string, len(cells))
	height := leading
	for i, cell := range cells {
		col := t.columns[i]
		if col.number {
			lines[i] = []string{cell}
			continue
		}
		lines[i] = t.wrap(cell, t.size, col.width-2*pad)
		if len(lines[i]) > 2 {
			rest := strings.Join(lines[i][1:], "")
			lines[i] = []string{lines[i][0], t.fit(rest, t.size, col.width-2*pad)}
		}
		height = max(height, float64(len(lines[i]))*leading)
	}
	if t.y+height+4 > bottom {
		t.page()
		t.header()
	}
	x := margin
	for i, col := range t.columns {
		for n, l := range lines[i] {
			y := t.y + 2 + t.size + float64(n)*leading
			if col.number {
				t.right(x+col.width-pad, y, t.figure(l, col.width-2*pad), c, l)
			} else {
				t.write(x+pad, y, t.size, c, l)
			}
		}
		x += col.width
	}
	t.y += height + 4
	t.line(t.y, rule)
}

// figure is the size at which a figure fits its column: an amount is made smaller, never cut.
func (t table) figure(text string, width float64) float64 {
	if w := t.width(text, t.size); w > width {
		return t.size * width / w
	}
	return t.size
}

// done numbers the pages and gives the bytes.
func (s *sheet) done(left string) ([]byte, error) {
	pages := s.pdf.GetNumberOfPages()
	for n := 1; n <= pages && s.err == nil; n++ {
		s.keep(s.pdf.SetPage(n))
		s.line(pageHeight-42, rule)
		s.write(margin, pageHeight-31, 6.5, grey, left)
		s.right(pageWidth-margin, pageHeight-31, 7.5, grey,
			fmt.Sprintf("第 %d 页 / 共 %d 页　Page %d of %d", n, pages, n, pages))
	}
	if s.err != nil {
		return nil, fmt.Errorf("printing: %w", s.err)
	}
	return s.pdf.GetBytesPdfReturnErr()
}
