// Package rulebook renders the rules as a book for people: linked static pages in Chinese and
// English that need neither scripts nor a network.
package rulebook

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"sort"
	"strings"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
)

// Source is what a book is made from.
type Source struct {
	Corpus  *tax.Corpus
	On      civil.Date       // the day for which the book shows the rules in force
	Notices []taxpack.Notice // the State Council's holiday notices
	// Examples are the checked worked examples, by the name of their pack.
	Examples map[string][]example.Outcome
}

// files has the HTML templates and the style sheet of the book.
//
//go:embed templates
var files embed.FS

// languages are the languages of the book; each has its own folder.
var languages = []string{"zh", "en"}

// Render returns every file of the book by its path below the book's folder. The same source always
// gives the same bytes.
//
// Errors: a pack that cannot be read, and an error in a template.
func Render(s Source) (map[string][]byte, error) {
	pages, err := template.ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	c, err := newContents(s)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, lang := range languages {
		e := &edition{contents: c, lang: lang}
		for _, p := range e.allPages() {
			name := lang + "/" + p.Path
			if out[name] != nil {
				return nil, fmt.Errorf("rulebook: two pages %s", name)
			}
			if out[name], err = renderPage(pages, p); err != nil {
				return nil, err
			}
		}
	}
	if out["index.html"], err = renderPage(pages, c.frontPage()); err != nil {
		return nil, err
	}
	out["style.css"], err = files.ReadFile("templates/style.css")
	return out, err
}

// renderPage writes one page with its template.
func renderPage(pages *template.Template, p *page) ([]byte, error) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, p.Form, p); err != nil {
		return nil, fmt.Errorf("rulebook: %s: %w", p.Path, err)
	}
	return b.Bytes(), nil
}

// key identifies a definition by the place that makes it and its id.
type key struct{ place, id string }

// place is one place that has its own rules: the nation, a jurisdiction, or a locality within it.
type place struct {
	code        string // "" for the nation
	pack        tax.Pack
	definitions []*tax.Definition // sorted by id
	localities  []string          // codes of the localities of a jurisdiction
	entries     []tax.Entry       // the place's own definitions on the day of the book
}

// contents is the data of the pages of both languages.
type contents struct {
	source Source
	places map[string]*place
	// place codes: the nation, then the jurisdictions, each followed by its localities
	order   []string
	usedBy  map[key][]key            // the definitions that use a definition
	worked  map[key][]*workedCase    // the examples in which a definition takes part
	byPlace map[string][]*workedCase // the examples of a pack, by the place of the pack
	// stepOrder is the order in which the examples list their steps, by the name of the step.
	stepOrder map[string]int
}

// newContents sorts the definitions and examples of the source by place.
func newContents(s Source) (*contents, error) {
	c := &contents{source: s, places: map[string]*place{}, usedBy: map[key][]key{},
		worked: map[key][]*workedCase{}, byPlace: map[string][]*workedCase{}, stepOrder: map[string]int{}}
	packs, err := s.Corpus.ReadPacks()
	if err != nil {
		return nil, err
	}
	for i, p := range packs {
		c.addPack(p, i == 0)
	}
	for _, code := range c.order {
		p := c.places[code]
		for _, d := range p.definitions {
			for _, id := range usedIDs(d) {
				if k, ok := c.resolveRule(code, id); ok {
					c.usedBy[k] = append(c.usedBy[k], key{code, d.ID})
				}
			}
		}
	}
	c.collectExamples()
	return c, nil
}

// addPack sorts the definitions of a pack into the places that make them.
func (c *contents) addPack(p tax.Pack, national bool) {
	home := p.Jurisdiction.Code
	if national {
		home = ""
	}
	codes := []string{home}
	for i := range p.Definitions {
		d := &p.Definitions[i]
		code := d.Locality
		if code == "" {
			code = home
		}
		if !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
		if c.places[code] == nil {
			c.places[code] = &place{code: code, pack: p}
		}
		at := c.places[code]
		at.definitions = append(at.definitions, d)
	}
	sort.Strings(codes[1:])
	for _, code := range codes {
		at := c.places[code]
		if at == nil { // the jurisdiction itself has no rules, only its localities have
			at = &place{code: code, pack: p}
			c.places[code] = at
		}
		sort.Slice(at.definitions, func(i, j int) bool {
			return at.definitions[i].ID < at.definitions[j].ID
		})
		at.entries = c.ownEntries(code)
		c.order = append(c.order, code)
	}
	c.places[home].localities = codes[1:]
}

// ownEntries returns the entries that a place itself has on the day of the book, without the
// inherited ones.
func (c *contents) ownEntries(code string) []tax.Entry {
	e, err := c.source.Corpus.EngineAt(code)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(e.Rulebook(c.source.On), func(x tax.Entry) bool {
		return x.Place != code
	})
}

// lookupChain lists the places in which a rule is looked up for a place: the place itself, its
// jurisdiction, the nation.
func (c *contents) lookupChain(code string) []string {
	list := []string{code}
	if p := c.places[code]; p != nil && code != "" && p.pack.Jurisdiction.Code != code {
		list = append(list, p.pack.Jurisdiction.Code)
	}
	if code != "" {
		list = append(list, "")
	}
	return list
}

// resolveRule finds the definition that an id refers to at a place.
func (c *contents) resolveRule(code, id string) (key, bool) {
	for _, at := range c.lookupChain(code) {
		if c.findDefinition(key{at, id}) != nil {
			return key{at, id}, true
		}
	}
	return key{}, false
}

// findDefinition returns a definition, and nil if there is none.
func (c *contents) findDefinition(k key) *tax.Definition {
	p := c.places[k.place]
	if p == nil {
		return nil
	}
	for _, d := range p.definitions {
		if d.ID == k.id {
			return d
		}
	}
	return nil
}

// findEntry returns the entry of a definition on the day of the book, and nil if the definition has
// not begun on that day.
func (c *contents) findEntry(k key) *tax.Entry {
	entries := c.places[k.place].entries
	for i := range entries {
		if entries[i].ID == k.id {
			return &entries[i]
		}
	}
	return nil
}

// usedIDs lists the ids of all definitions that a definition uses in any of its values and
// readings, and the one whose step texts it takes.
func usedIDs(d *tax.Definition) []string {
	var ids []string
	if d.Wording != "" {
		ids = append(ids, d.Wording)
	}
	for i := range d.Values {
		for _, id := range d.Values[i].Method.Uses {
			ids = append(ids, id)
		}
		for _, r := range d.Values[i].Readings {
			for _, id := range r.Method.Uses {
				ids = append(ids, id)
			}
		}
	}
	sort.Strings(ids)
	return slices.Compact(ids)
}

// pagePath returns the path of a definition's page below the folder of the language.
func (c *contents) pagePath(k key) string {
	if k.place == "" {
		return "rules/" + k.id + ".html"
	}
	home := c.places[k.place].pack.Jurisdiction.Code
	if home == k.place {
		return home + "/" + k.id + ".html"
	}
	return home + "/" + k.place + "/" + k.id + ".html"
}

// placePath returns the path of a place's page below the folder of the language. A locality is a
// section on the page of its jurisdiction.
func (c *contents) placePath(code string) string {
	if code == "" {
		return "index.html"
	}
	home := c.places[code].pack.Jurisdiction.Code
	if home == code {
		return home + "/index.html"
	}
	return home + "/index.html#" + code
}

// page is one page of the book; Form is the name of the template that writes the page.
type page struct {
	Form, Path, Lang, Title string
	// Root leads up to the folder of the language, Other to this page in the other language.
	Root, Other string
	Trail       []link
	Words       map[string]string
	Body        any
}

// link is a link to a page of the book.
type link struct{ Href, Text string }

// frontPage returns the page on which the reader chooses a language.
func (c *contents) frontPage() *page {
	return &page{Form: "front.html", Path: "index.html", Lang: "zh", Title: words["book"].ZH,
		Body: struct {
			On       civil.Date
			ZH, EN   string
			SayZH    string
			SayEN    string
			Packs    int
			National tax.PackID
		}{c.source.On, words["book"].ZH, words["book"].EN, words["intro"].ZH, words["intro"].EN,
			len(c.source.Corpus.PackIDs()), c.source.Corpus.National().Pack()}}
}

// edition is the book in one language.
type edition struct {
	*contents
	lang     string
	ownWords map[string]string
}

// translate returns a text in the language of the edition.
func (e *edition) translate(x bilingual.Text) string {
	if e.lang == "zh" {
		return x.ZH
	}
	return x.EN
}

// bookWord returns one of the book's own words in the language of the edition.
func (e *edition) bookWord(name string) string { return e.translate(words[name]) }

// newPage begins a page at a path; trail are the links to the pages above it.
func (e *edition) newPage(form, path, title string, trail ...link) *page {
	if e.ownWords == nil {
		e.ownWords = map[string]string{}
		for name := range words {
			e.ownWords[name] = e.bookWord(name)
		}
	}
	up := strings.Repeat("../", strings.Count(path, "/"))
	other := map[string]string{"zh": "en", "en": "zh"}[e.lang]
	for i := range trail {
		trail[i].Href = up + trail[i].Href
	}
	return &page{Form: form, Path: path, Lang: map[string]string{"zh": "zh-CN", "en": "en"}[e.lang],
		Title: title, Root: up, Other: up + "../" + other + "/" + path,
		Trail: trail, Words: e.ownWords}
}

// allPages makes every page of the edition.
func (e *edition) allPages() []*page {
	list := []*page{e.indexPage(), e.placesPage(), e.gapsPage(), e.sourcesPage(), e.holidaysPage(),
		e.examplesPage("")}
	for _, code := range e.order {
		if code != "" && len(e.lookupChain(code)) == 2 {
			// a jurisdiction; a locality has a chain of three
			list = append(list, e.placePage(code), e.examplesPage(code))
		}
		for _, d := range e.places[code].definitions {
			list = append(list, e.definitionPage(key{code, d.ID}, d))
		}
	}
	return list
}

// Part is a piece of a page with the words that its template needs. P is the page, W are the words,
// V is the piece.
type Part struct {
	P *page
	W map[string]string
	V any
}

// WithValue pairs a piece of the page with the page's words, so that a template can be called with
// both.
func (p *page) WithValue(v any) Part { return Part{p, p.Words, v} }
