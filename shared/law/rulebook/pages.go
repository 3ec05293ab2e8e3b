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

// definitionPage makes the page of a definition.
func (e *edition) definitionPage(k key, d *tax.Definition) *page {
	path := e.pagePath(k)
	trail := []link{{"index.html", e.bookWord("book")}}
	if k.place == "" {
		trail = append(trail, link{"index.html#" + topicOfRule(d.ID).name, e.translate(topicOfRule(d.ID).title)})
	} else {
		trail = append(trail, link{"places.html", e.bookWord("by_place")},
			link{e.placePath(k.place), e.placeName(k.place)})
	}
	p := e.newPage("definition.html", path, e.translate(d.Title), trail...)
	v := definitionView{ID: d.ID, Kind: e.kindTitle(d.Kind), Tax: e.translateTerm(d.Tax), Unit: e.translateTerm(d.Unit),
		Place: e.placeName(k.place)}
	if x := e.findEntry(k); x != nil {
		v.Status, v.Now = e.statusBadge(x.Status), e.valueOnDay(k)
		if x.Gap != nil {
			v.Now, v.Gap = "", e.translate(*x.Gap)
			if x.Status != tax.Open {
				v.Status = e.statusBadge("lapsed")
			}
		}
	} else {
		v.Now = e.bookWord("today_not")
	}
	for i := len(d.Values) - 1; i >= 0; i-- { // the newest first
		v.Values = append(v.Values, e.viewValue(k, d, &d.Values[i], p.Root))
	}
	v.Steps = e.stepViews(k, d, p.Root)
	if at, ok := e.resolveRule(k.place, d.Wording); ok {
		l := e.linkTo(at, p.Root)
		v.Wording = &l
	}
	for _, u := range e.usedBy[k] {
		v.UsedBy = append(v.UsedBy, placeLink{e.linkTo(u, p.Root), e.placeName(u.place)})
	}
	v.Examples, v.More = e.examplesOfDefinition(k, p.Root)
	p.Body = v
	return p
}

// placeholder is a figure in the wording of a step.
var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

func (e *edition) stepViews(k key, d *tax.Definition, up string) []stepView {
	var list []stepView
	names := sortedKeys(d.Steps)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(e.stepPosition(a), e.stepPosition(b)) })
	for _, name := range names {
		s := d.Steps[name]
		v := stepView{Name: name, Formula: s.Formula}
		v.Text = splitPlaceholders(e.translate(s.Text))
		for _, role := range s.Cites {
			v.Cites = append(v.Cites, e.linksOfRole(k, d, role, up)...)
		}
		list = append(list, v)
	}
	return list
}

// splitPlaceholders sets the figures of a sentence apart.
func splitPlaceholders(text string) []segment {
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

// stepPosition is the place of a step among those that examples tell; steps that none tells come last.
func (c *contents) stepPosition(step string) int {
	if n, ok := c.stepOrder[step]; ok {
		return n
	}
	return len(c.stepOrder)
}

// linksOfRole finds what a step quotes beside the rule itself.
func (e *edition) linksOfRole(k key, d *tax.Definition, role, up string) []link {
	for i := len(d.Values) - 1; i >= 0; i-- {
		if id := d.Values[i].Method.Uses[role]; id != "" {
			if used, ok := e.resolveRule(k.place, id); ok {
				return []link{e.linkTo(used, up)}
			}
		}
	}
	return nil
}

func topicOfRule(id string) topic {
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

// listRow is one definition in a list.
type listRow struct {
	Link      link
	ID, Kind  string
	Now, Gap  string
	From      string
	Status    badge
	Locality  string
	Readings  []string
	Documents string
}

func (e *edition) definitionRow(k key, d *tax.Definition, up string) listRow {
	r := listRow{Link: e.linkTo(k, up), ID: d.ID, Kind: e.kindTitle(d.Kind), Now: e.valueOnDay(k)}
	x := e.findEntry(k)
	if x == nil {
		r.From = d.Values[0].From.String()
		return r
	}
	r.From, r.Status = x.From.String(), e.statusBadge(x.Status)
	if x.Gap == nil {
		return r
	}
	r.Gap, r.Now = e.translate(*x.Gap), ""
	if x.Status != tax.Open {
		r.Status = e.statusBadge("lapsed")
	}
	for _, name := range sortedKeys(x.Readings) {
		r.Readings = append(r.Readings, e.translate(x.Readings[name]))
	}
	for _, l := range x.Law {
		r.Documents = strings.TrimPrefix(r.Documents+"；"+l.Document, "；")
	}
	return r
}

type section struct {
	Name, Title string
	Rows        []listRow
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

// indexPage is the first page: every national definition by topic.
func (e *edition) indexPage() *page {
	p := e.newPage("index.html", "index.html", e.bookWord("book"))
	id := e.source.Corpus.National().Pack()
	v := indexView{On: e.source.On.String(), Version: id.Version, SHA: id.SHA256, Intro: e.bookWord("intro"),
		Places: len(e.source.Corpus.Jurisdictions()) - 1}
	for _, t := range topics {
		s := section{Name: t.name, Title: e.translate(t.title)}
		for _, d := range e.places[""].definitions {
			if topicOfRule(d.ID).name == t.name {
				s.Rows = append(s.Rows, e.definitionRow(key{"", d.ID}, d, p.Root))
			}
		}
		if s.Rows != nil {
			v.Sections = append(v.Sections, s)
		}
	}
	for _, s := range []tax.Status{tax.Confirmed, tax.Secondary, tax.Customary, tax.Open, "lapsed"} {
		v.Statuses = append(v.Statuses, e.statusBadge(s))
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

// knownTitles lists the titles of what is known at a place: methods that have their values, and rates and
// tables that only methods of the place above use.
func (e *edition) knownTitles(code string) (titles []string, gaps int) {
	p := e.places[code]
	for i := range p.entries {
		x := &p.entries[i]
		k := key{code, x.ID}
		switch {
		case x.Gap != nil:
			gaps++
		case x.Kind == tax.KindMethod && e.methodName(k) != "none" && e.blockingGap(k) == nil,
			(x.Kind == tax.KindRate || x.Kind == tax.KindRates || x.Kind == tax.KindBands) &&
				len(e.usedBy[k]) == 0:
			titles = append(titles, e.translate(x.Title))
		}
	}
	return titles, gaps
}

// blockingGap finds the gap that keeps a method from giving a figure: a rate that is open or lapsed.
func (c *contents) blockingGap(k key) *tax.Entry {
	m := c.methodInForce(k)
	if m == nil {
		return nil
	}
	for _, role := range []string{"rate", "rates", "bands"} {
		if used, ok := c.resolveRule(k.place, m.Uses[role]); ok {
			if x := c.findEntry(used); x != nil && x.Gap != nil {
				return x
			}
		}
	}
	return nil
}

// methodInForce is the method of a definition on the day; nil where it has none.
func (c *contents) methodInForce(k key) *tax.Method {
	d := c.findDefinition(k)
	for i := range d.Values {
		v := &d.Values[i]
		if v.Method.Name != "" && !c.source.On.Before(v.From) &&
			(v.To.IsZero() || !c.source.On.After(v.To)) {
			return &v.Method
		}
	}
	return nil
}

// methodName is the name of the method of a definition on the day.
func (c *contents) methodName(k key) string {
	if m := c.methodInForce(k); m != nil {
		return m.Name
	}
	return ""
}

// placesPage is the table of all places.
func (e *edition) placesPage() *page {
	p := e.newPage("places.html", "places.html", e.bookWord("by_place"), link{"index.html", e.bookWord("book")})
	var rows []jurisdictionRow
	for _, j := range e.source.Corpus.Jurisdictions()[1:] {
		at := e.places[j.Code]
		r := jurisdictionRow{Code: j.Code, ISO: j.ISO, Kind: e.translateTerm(j.Kind),
			Link:       link{p.Root + e.placePath(j.Code), e.translate(j.Title)},
			Confidence: badge{Class: j.Confidence, Word: e.translateTerm(j.Confidence)},
			Localities: len(at.localities), Definitions: len(at.definitions)}
		r.Known, r.Gaps = e.knownTitles(j.Code)
		for _, l := range at.localities {
			more, gaps := e.knownTitles(l)
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
	Known, Gaps []listRow
}

type jurisdictionView struct {
	Code, ISO, Kind, Version, SHA string
	Confidence                    badge
	Own                           localityView
	Localities                    []localityView
	Examples                      link
	Count                         int
}

// placePage is the page of one place with its localities.
func (e *edition) placePage(code string) *page {
	at := e.places[code]
	j := at.pack.Jurisdiction
	p := e.newPage("place.html", e.placePath(code), e.translate(j.Title), link{"index.html", e.bookWord("book")},
		link{"places.html", e.bookWord("by_place")})
	v := jurisdictionView{Code: code, ISO: j.ISO, Kind: e.translateTerm(j.Kind), Version: at.pack.ID.Version,
		SHA:        at.pack.ID.SHA256,
		Confidence: badge{Class: j.Confidence, Word: e.translateTerm(j.Confidence)}, Own: e.placeRows(code, p.Root),
		Count: len(e.byPlace[code])}
	for _, l := range at.localities {
		v.Localities = append(v.Localities, e.placeRows(l, p.Root))
	}
	v.Examples = link{p.Root + e.examplesPath(code), e.bookWord("examples")}
	p.Body = v
	return p
}

// placeRows sorts what a place says into what is known and what is not.
func (e *edition) placeRows(code, up string) localityView {
	v := localityView{Code: code}
	for _, d := range e.places[code].definitions {
		r := e.definitionRow(key{code, d.ID}, d, up)
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
	Rows  []listRow
}

// gapsPage lists everything that is open or lapsed on the day, place by place.
func (e *edition) gapsPage() *page {
	p := e.newPage("gaps.html", "gaps.html", e.bookWord("gaps"), link{"index.html", e.bookWord("book")})
	var list []gapSection
	for _, code := range e.order {
		s := gapSection{Place: link{p.Root + e.placePath(code), e.placeName(code)}, Code: cmp.Or(code, "000000"),
			Rows: e.placeRows(code, p.Root).Gaps}
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

// sourcesPage lists every document with the rules that cite it.
func (e *edition) sourcesPage() *page {
	p := e.newPage("sources.html", "sources.html", e.bookWord("sources"), link{"index.html", e.bookWord("book")})
	found := map[string]*documentView{}
	for _, code := range e.order {
		for _, d := range e.places[code].definitions {
			l := placeLink{e.linkTo(key{code, d.ID}, p.Root), e.placeName(code)}
			for i := range d.Values {
				v := &d.Values[i]
				e.addCitations(found, l, e.sourceViews(v.Law, append([]civil.Date{v.Published}, v.Also...)))
				for _, b := range v.Regime.Bans {
					e.addCitations(found, l, e.sourceViews(b.Law, nil))
				}
			}
		}
	}
	var list []*documentView
	for _, name := range sortedKeys(found) {
		list = append(list, found[name])
	}
	p.Body = list
	return p
}

// addCitations notes that a rule cites documents.
func (e *edition) addCitations(found map[string]*documentView, l placeLink, sources []sourceView) {
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

// holidaysPage shows the notices that move due days.
func (e *edition) holidaysPage() *page {
	p := e.newPage("holidays.html", "holidays.html", e.bookWord("holidays"), link{"index.html", e.bookWord("book")})
	var list []noticeView
	for _, n := range e.source.Notices {
		v := noticeView{Year: n.Year.Year, Title: e.translate(n.Title),
			Source:  e.sourceViews([]tax.Law{n.Law}, []civil.Date{n.Published})[0],
			DaysOff: dayRanges(n.Year.Holidays, e.bookWord("until"))}
		for _, d := range n.Year.WorkDays {
			v.WorkDay = append(v.WorkDay, d.String())
		}
		list = append(list, v)
	}
	p.Body = list
	return p
}

// dayRanges joins days that follow each other.
func dayRanges(days []civil.Date, until string) []string {
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
