package rulebook

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
)

// definitionView is the page of one definition.
type definitionView struct {
	ID, Kind, Tax, Unit, Place string
	Status                     badge
	Now                        string // what it says on the day
	Gap                        string // why it says nothing
	Values                     []valueView
	Steps                      []stepView
	Wording                    *link
	UsedBy                     []placeLink
	Examples                   []exampleView
	More                       []link
}

type placeLink struct {
	link
	Place string
}

type stepView struct {
	Name, Formula string
	Text          []segment
	Cites         []link
}

// segment is a piece of a step's sentence; a variable stands for a figure.
type segment struct {
	Text     string
	Variable bool
}

// define makes the page of a definition.
func (e *edition) define(k key, d *tax.Definition) *page {
	path := e.path(k)
	trail := []link{{"index.html", e.w("book")}}
	if k.place == "" {
		trail = append(trail, link{"index.html#" + topicOf(d.ID).name, e.t(topicOf(d.ID).title)})
	} else {
		trail = append(trail, link{"places.html", e.w("by_place")},
			link{e.home(k.place), e.nameOf(k.place)})
	}
	p := e.page("definition.html", path, e.t(d.Title), trail...)
	v := definitionView{ID: d.ID, Kind: e.titleOf(d.Kind), Tax: e.term(d.Tax), Unit: e.term(d.Unit),
		Place: e.nameOf(k.place)}
	if x := e.entry(k); x != nil {
		v.Status, v.Now = e.badge(x.Status), e.today(k)
		if x.Gap != nil {
			v.Now, v.Gap = "", e.t(*x.Gap)
			if x.Status != tax.Open {
				v.Status = e.badge("lapsed")
			}
		}
	} else {
		v.Now = e.w("today_not")
	}
	for i := len(d.Values) - 1; i >= 0; i-- { // the newest first
		v.Values = append(v.Values, e.value(k, d, &d.Values[i], p.Root))
	}
	v.Steps = e.steps(k, d, p.Root)
	if at, ok := e.resolve(k.place, d.Wording); ok {
		l := e.link(at, p.Root)
		v.Wording = &l
	}
	for _, u := range e.usedBy[k] {
		v.UsedBy = append(v.UsedBy, placeLink{e.link(u, p.Root), e.nameOf(u.place)})
	}
	v.Examples, v.More = e.worksFor(k, p.Root)
	p.Body = v
	return p
}

// placeholder is a figure in the wording of a step.
var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

func (e *edition) steps(k key, d *tax.Definition, up string) []stepView {
	var list []stepView
	names := sortedNames(d.Steps)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(e.told(a), e.told(b)) })
	for _, name := range names {
		s := d.Steps[name]
		v := stepView{Name: name, Formula: s.Formula}
		v.Text = segments(e.t(s.Text))
		for _, role := range s.Cites {
			v.Cites = append(v.Cites, e.citedRole(k, d, role, up)...)
		}
		list = append(list, v)
	}
	return list
}

// segments sets the figures of a sentence apart.
func segments(text string) []segment {
	var list []segment
	for text != "" {
		at := placeholder.FindStringSubmatchIndex(text)
		if at == nil {
			return append(list, segment{Text: text})
		}
		list = append(list, segment{Text: text[:at[0]]}, segment{text[at[2]:at[3]], true})
		text = text[at[1]:]
	}
	return list
}

// told is the place of a step among those that examples tell; steps that none tells come last.
func (c *contents) told(step string) int {
	if n, ok := c.stepOrder[step]; ok {
		return n
	}
	return len(c.stepOrder)
}

// citedRole finds what a step quotes beside the rule itself.
func (e *edition) citedRole(k key, d *tax.Definition, role, up string) []link {
	for i := len(d.Values) - 1; i >= 0; i-- {
		if id := d.Values[i].Method.Uses[role]; id != "" {
			if used, ok := e.resolve(k.place, id); ok {
				return []link{e.link(used, up)}
			}
		}
	}
	return nil
}

func topicOf(id string) topic {
	best, length := topics[len(topics)-1], -1
	for _, t := range topics {
		for _, p := range t.prefixes {
			if strings.HasPrefix(id, p) && len(p) > length {
				best, length = t, len(p)
			}
		}
	}
	return best
}

// row is one definition in a list.
type row struct {
	Link      link
	ID, Kind  string
	Now, Gap  string
	From      string
	Status    badge
	Locality  string
	Readings  []string
	Documents string
}

func (e *edition) row(k key, d *tax.Definition, up string) row {
	r := row{Link: e.link(k, up), ID: d.ID, Kind: e.titleOf(d.Kind), Now: e.today(k)}
	x := e.entry(k)
	if x == nil {
		r.From = d.Values[0].From.String()
		return r
	}
	r.From, r.Status = x.From.String(), e.badge(x.Status)
	if x.Gap == nil {
		return r
	}
	r.Gap, r.Now = e.t(*x.Gap), ""
	if x.Status != tax.Open {
		r.Status = e.badge("lapsed")
	}
	for _, name := range sortedNames(x.Readings) {
		r.Readings = append(r.Readings, e.t(x.Readings[name]))
	}
	for _, l := range x.Law {
		r.Documents = strings.TrimPrefix(r.Documents+"；"+l.Document, "；")
	}
	return r
}

type section struct {
	Name, Title string
	Rows        []row
}

type indexView struct {
	On       string
	Version  string
	SHA      string
	Intro    string
	Sections []section
	Statuses []badge
	Places   int
}

// index is the first page: every national definition by topic.
func (e *edition) index() *page {
	p := e.page("index.html", "index.html", e.w("book"))
	id := e.source.Corpus.National().Pack()
	v := indexView{On: e.source.On.String(), Version: id.Version, SHA: id.SHA256, Intro: e.w("intro"),
		Places: len(e.source.Corpus.Jurisdictions()) - 1}
	for _, t := range topics {
		s := section{Name: t.name, Title: e.t(t.title)}
		for _, d := range e.places[""].definitions {
			if topicOf(d.ID).name == t.name {
				s.Rows = append(s.Rows, e.row(key{"", d.ID}, d, p.Root))
			}
		}
		if s.Rows != nil {
			v.Sections = append(v.Sections, s)
		}
	}
	for _, s := range []tax.Status{tax.Confirmed, tax.Secondary, tax.Customary, tax.Open, "lapsed"} {
		v.Statuses = append(v.Statuses, e.badge(s))
	}
	p.Body = v
	return p
}

type jurisdictionRow struct {
	Code, ISO, Kind   string
	Link              link
	Confidence        badge
	Known             []string
	Gaps, Definitions int
	Localities        int
}

// known lists the titles of what is known at a place: methods that have their values, and rates and
// tables that only methods of the place above use.
func (e *edition) known(code string) (titles []string, gaps int) {
	p := e.places[code]
	for i := range p.entries {
		x := &p.entries[i]
		k := key{code, x.ID}
		switch {
		case x.Gap != nil:
			gaps++
		case x.Kind == tax.KindMethod && e.methodOn(k) != "none" && e.blocked(k) == nil,
			(x.Kind == tax.KindRate || x.Kind == tax.KindRates || x.Kind == tax.KindBands) &&
				len(e.usedBy[k]) == 0:
			titles = append(titles, e.t(x.Title))
		}
	}
	return titles, gaps
}

// blocked finds the gap that keeps a method from giving a figure: a rate that is open or lapsed.
func (c *contents) blocked(k key) *tax.Entry {
	m := c.method(k)
	if m == nil {
		return nil
	}
	for _, role := range []string{"rate", "rates", "bands"} {
		if used, ok := c.resolve(k.place, m.Uses[role]); ok {
			if x := c.entry(used); x != nil && x.Gap != nil {
				return x
			}
		}
	}
	return nil
}

// method is the method of a definition on the day; nil where it has none.
func (c *contents) method(k key) *tax.Method {
	d := c.definition(k)
	for i := range d.Values {
		v := &d.Values[i]
		if v.Method.Name != "" && !c.source.On.Before(v.From) &&
			(v.To.IsZero() || !c.source.On.After(v.To)) {
			return &v.Method
		}
	}
	return nil
}

// methodOn is the name of the method of a definition on the day.
func (c *contents) methodOn(k key) string {
	if m := c.method(k); m != nil {
		return m.Name
	}
	return ""
}

// jurisdictions is the table of all places.
func (e *edition) jurisdictions() *page {
	p := e.page("places.html", "places.html", e.w("by_place"), link{"index.html", e.w("book")})
	var rows []jurisdictionRow
	for _, j := range e.source.Corpus.Jurisdictions()[1:] {
		at := e.places[j.Code]
		r := jurisdictionRow{Code: j.Code, ISO: j.ISO, Kind: e.term(j.Kind),
			Link:       link{p.Root + e.home(j.Code), e.t(j.Title)},
			Confidence: badge{Class: j.Confidence, Word: e.term(j.Confidence)},
			Localities: len(at.localities), Definitions: len(at.definitions)}
		r.Known, r.Gaps = e.known(j.Code)
		for _, l := range at.localities {
			more, gaps := e.known(l)
			for _, t := range more {
				r.Known = append(r.Known, l+" "+t)
			}
			r.Gaps += gaps
		}
		rows = append(rows, r)
	}
	p.Body = rows
	return p
}

type localityView struct {
	Code        string
	Known, Gaps []row
}

type jurisdictionView struct {
	Code, ISO, Kind, Version, SHA string
	Confidence                    badge
	Own                           localityView
	Localities                    []localityView
	Examples                      link
	Count                         int
}

// jurisdiction is the page of one place with its localities.
func (e *edition) jurisdiction(code string) *page {
	at := e.places[code]
	j := at.pack.Jurisdiction
	p := e.page("place.html", e.home(code), e.t(j.Title), link{"index.html", e.w("book")},
		link{"places.html", e.w("by_place")})
	v := jurisdictionView{Code: code, ISO: j.ISO, Kind: e.term(j.Kind), Version: at.pack.ID.Version,
		SHA:        at.pack.ID.SHA256,
		Confidence: badge{Class: j.Confidence, Word: e.term(j.Confidence)}, Own: e.local(code, p.Root),
		Count: len(e.byPlace[code])}
	for _, l := range at.localities {
		v.Localities = append(v.Localities, e.local(l, p.Root))
	}
	v.Examples = link{p.Root + e.examplesPath(code), e.w("examples")}
	p.Body = v
	return p
}

// local sorts what a place says into what is known and what is not.
func (e *edition) local(code, up string) localityView {
	v := localityView{Code: code}
	for _, d := range e.places[code].definitions {
		r := e.row(key{code, d.ID}, d, up)
		if r.Gap != "" {
			v.Gaps = append(v.Gaps, r)
		} else {
			v.Known = append(v.Known, r)
		}
	}
	return v
}

type gapSection struct {
	Place link
	Code  string
	Rows  []row
}

// gaps lists everything that is open or lapsed on the day, place by place.
func (e *edition) gaps() *page {
	p := e.page("gaps.html", "gaps.html", e.w("gaps"), link{"index.html", e.w("book")})
	var list []gapSection
	for _, code := range e.order {
		s := gapSection{Place: link{p.Root + e.home(code), e.nameOf(code)}, Code: cmp.Or(code, "000000"),
			Rows: e.local(code, p.Root).Gaps}
		if s.Rows != nil {
			list = append(list, s)
		}
	}
	p.Body = list
	return p
}

type documentView struct {
	Document string
	Cited    []placeLink
	Articles []sourceView
}

// sources lists every document with the rules that cite it.
func (e *edition) sources() *page {
	p := e.page("sources.html", "sources.html", e.w("sources"), link{"index.html", e.w("book")})
	found := map[string]*documentView{}
	for _, code := range e.order {
		for _, d := range e.places[code].definitions {
			l := placeLink{e.link(key{code, d.ID}, p.Root), e.nameOf(code)}
			for i := range d.Values {
				v := &d.Values[i]
				e.cite(found, l, e.cited(v.Law, append([]civil.Date{v.Published}, v.Also...)))
				for _, b := range v.Regime.Bans {
					e.cite(found, l, e.cited(b.Law, nil))
				}
			}
		}
	}
	var list []*documentView
	for _, name := range sortedNames(found) {
		list = append(list, found[name])
	}
	p.Body = list
	return p
}

// cite notes that a rule cites documents.
func (e *edition) cite(found map[string]*documentView, l placeLink, sources []sourceView) {
	for _, s := range sources {
		doc := found[s.Document]
		if doc == nil {
			doc = &documentView{Document: s.Document}
			found[s.Document] = doc
		}
		if !slices.ContainsFunc(doc.Articles, func(a sourceView) bool {
			return a.Article == s.Article && a.URL == s.URL
		}) {
			doc.Articles = append(doc.Articles, s)
		}
		if !slices.ContainsFunc(doc.Cited, func(c placeLink) bool { return c.Href == l.Href }) {
			doc.Cited = append(doc.Cited, l)
		}
	}
}

type noticeView struct {
	Year             int
	Title            string
	Source           sourceView
	DaysOff, WorkDay []string
}

// holidays shows the notices that move due days.
func (e *edition) holidays() *page {
	p := e.page("holidays.html", "holidays.html", e.w("holidays"), link{"index.html", e.w("book")})
	var list []noticeView
	for _, n := range e.source.Notices {
		v := noticeView{Year: n.Year.Year, Title: e.t(n.Title),
			Source:  e.cited([]tax.Law{n.Law}, []civil.Date{n.Published})[0],
			DaysOff: spans(n.Year.Holidays, e.w("until"))}
		for _, d := range n.Year.WorkDays {
			v.WorkDay = append(v.WorkDay, d.String())
		}
		list = append(list, v)
	}
	p.Body = list
	return p
}

// spans joins days that follow each other.
func spans(days []civil.Date, until string) []string {
	var list []string
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1] == days[j].AddDays(1) {
			j++
		}
		if i == j {
			list = append(list, days[i].String())
		} else {
			list = append(list, days[i].String()+" "+until+" "+days[j].String())
		}
		i = j + 1
	}
	return list
}
