package rulebook

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
)

// definitionView is the content of a definition's page.
type definitionView struct {
	ID, Kind, Tax, Unit, Place string
	Status                     badge
	Now                        string // the value on the day of the book, in a few words
	Gap                        string // why there is no value on that day
	Values                     []valueView
	Steps                      []stepView
	Wording                    *link
	UsedBy                     []placeLink
	Examples                   []exampleView
	More                       []link
}

// placeLink is a link with the name of the place that the page belongs to.
type placeLink struct {
	link
	Place string
}

// stepView is a step of a calculation as a page shows it.
type stepView struct {
	Name, Formula string
	Text          []segment
	Cites         []link
}

// segment is a piece of the text of a step. A variable is the name of a figure, as {base}.
type segment struct {
	Text     string
	Variable bool
}

// definitionPage makes the page of a definition.
func (e *edition) definitionPage(k key, d *tax.Definition) *page {
	p := e.newPage("definition.html", e.pagePath(k), e.translate(d.Title), e.definitionTrail(k)...)
	v := definitionView{
		ID:    d.ID,
		Kind:  e.kindTitle(d.Kind),
		Tax:   e.translateTerm(d.Tax),
		Unit:  e.translateTerm(d.Unit),
		Place: e.placeName(k.place),
	}
	e.setCurrentValue(&v, k)
	for i := len(d.Values) - 1; i >= 0; i-- { // newest first
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

// definitionTrail returns the links above the page of a definition: the book and the topic, or the
// book, the list of places and the place.
func (e *edition) definitionTrail(k key) []link {
	book := link{"index.html", e.bookWord("book")}
	if k.place == "" {
		t := topicOfRule(k.id)
		return []link{book, {"index.html#" + t.name, e.translate(t.title)}}
	}
	return []link{book, {"places.html", e.bookWord("by_place")},
		{e.placePath(k.place), e.placeName(k.place)}}
}

// setCurrentValue sets the status of a definition on the day of the book, and its value or gap.
func (e *edition) setCurrentValue(v *definitionView, k key) {
	x := e.findEntry(k)
	if x == nil {
		v.Now = e.bookWord("today_not")
		return
	}
	v.Status = e.statusBadge(x.Status)
	if x.Gap == nil {
		v.Now = e.valueOnDay(k)
		return
	}
	v.Gap = e.translate(*x.Gap)
	// A gap without an open status means that the last rule has lapsed.
	if x.Status != tax.Open {
		v.Status = e.statusBadge("lapsed")
	}
}

// placeholder matches the name of a figure in braces in the text of a step.
var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// stepViews lists the steps of a definition in the order in which examples list them.
func (e *edition) stepViews(k key, d *tax.Definition, up string) []stepView {
	var list []stepView
	names := sortedKeys(d.Steps)
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(e.stepPosition(a), e.stepPosition(b))
	})
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

// splitPlaceholders splits the text of a step into plain text and names of figures.
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

// stepPosition returns the position of a step among the steps of the examples. Steps that no
// example has come last.
func (c *contents) stepPosition(step string) int {
	if n, ok := c.stepOrder[step]; ok {
		return n
	}
	return len(c.stepOrder)
}

// linksOfRole returns the link to the definition that a step cites by its role in the method.
// linksOfRole returns none if no value of the definition uses such a role.
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

// topicOfRule returns the heading under which the index lists a rule.
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

// definitionRow makes the row of a definition in a list.
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

// section is a heading of the index with its definitions.
type section struct {
	Name, Title string
	Rows        []listRow
}

// indexView is the content of the index.
type indexView struct {
	On       string
	Version  string
	SHA      string
	Intro    string
	Sections []section
	Statuses []badge
	Places   int
}

// indexPage makes the first page: every national definition, by topic.
func (e *edition) indexPage() *page {
	p := e.newPage("index.html", "index.html", e.bookWord("book"))
	id := e.source.Corpus.National().Pack()
	v := indexView{On: e.source.On.String(), Version: id.Version, SHA: id.SHA256,
		Intro:  e.bookWord("intro"),
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

// jurisdictionRow is one place in the list of places.
type jurisdictionRow struct {
	Code, ISO, Kind   string
	Link              link
	Confidence        badge
	Known             []string
	Gaps, Definitions int
	Localities        int
}

// knownTitles lists the titles of what is known at a place, and counts its gaps. Known are methods
// whose values are known, and rates and tables that no method of the place itself uses.
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

// blockingGap returns the gap that keeps a method from computing a figure: a rate or table that is
// open or has lapsed. blockingGap returns nil if there is none.
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

// methodInForce returns the method of a definition on the day of the book, and nil if it has none.
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

// methodName returns the name of the method of a definition on the day of the book, and "" if it
// has none.
func (c *contents) methodName(k key) string {
	if m := c.methodInForce(k); m != nil {
		return m.Name
	}
	return ""
}

// placesPage makes the list of all places.
func (e *edition) placesPage() *page {
	p := e.newPage("places.html", "places.html", e.bookWord("by_place"),
		link{"index.html", e.bookWord("book")})
	var rows []jurisdictionRow
	for _, j := range e.source.Corpus.Jurisdictions()[1:] { // the first is the nation
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

// localityView is what a place has itself, sorted into known rules and gaps.
type localityView struct {
	Code        string
	Known, Gaps []listRow
}

// jurisdictionView is the content of a jurisdiction's page.
type jurisdictionView struct {
	Code, ISO, Kind, Version, SHA string
	Confidence                    badge
	Own                           localityView
	Localities                    []localityView
	Examples                      link
	Count                         int
}

// placePage makes the page of a jurisdiction with its localities.
func (e *edition) placePage(code string) *page {
	at := e.places[code]
	j := at.pack.Jurisdiction
	p := e.newPage("place.html", e.placePath(code), e.translate(j.Title),
		link{"index.html", e.bookWord("book")},
		link{"places.html", e.bookWord("by_place")})
	v := jurisdictionView{Code: code, ISO: j.ISO, Kind: e.translateTerm(j.Kind),
		Version:    at.pack.ID.Version,
		SHA:        at.pack.ID.SHA256,
		Confidence: badge{Class: j.Confidence, Word: e.translateTerm(j.Confidence)},
		Own:        e.placeRows(code, p.Root),
		Count:      len(e.byPlace[code])}
	for _, l := range at.localities {
		v.Localities = append(v.Localities, e.placeRows(l, p.Root))
	}
	v.Examples = link{p.Root + e.examplesPath(code), e.bookWord("examples")}
	p.Body = v
	return p
}

// placeRows sorts the definitions of a place into known rules and gaps.
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

// gapSection has the gaps of one place.
type gapSection struct {
	Place link
	Code  string
	Rows  []listRow
}

// gapsPage makes the list of everything that is open or has lapsed on the day of the book, place by
// place.
func (e *edition) gapsPage() *page {
	p := e.newPage("gaps.html", "gaps.html", e.bookWord("gaps"),
		link{"index.html", e.bookWord("book")})
	var list []gapSection
	for _, code := range e.order {
		s := gapSection{Place: link{p.Root + e.placePath(code), e.placeName(code)},
			Code: cmp.Or(code, "000000"),
			Rows: e.placeRows(code, p.Root).Gaps}
		if s.Rows != nil {
			list = append(list, s)
		}
	}
	p.Body = list
	return p
}

// documentView is one document with the rules that cite it.
type documentView struct {
	Document string
	Cited    []placeLink
	Articles []sourceView
}

// sourcesPage makes the list of all documents with the rules that cite them.
func (e *edition) sourcesPage() *page {
	p := e.newPage("sources.html", "sources.html", e.bookWord("sources"),
		link{"index.html", e.bookWord("book")})
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

// addCitations notes in the documents of some sources that a rule cites them.
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

// noticeView is a holiday notice as a page shows it.
type noticeView struct {
	Year             int
	Title            string
	Source           sourceView
	DaysOff, WorkDay []string
}

// holidaysPage shows the holiday notices, which move the last days of returns.
func (e *edition) holidaysPage() *page {
	p := e.newPage("holidays.html", "holidays.html", e.bookWord("holidays"),
		link{"index.html", e.bookWord("book")})
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

// dayRanges joins consecutive days into ranges.
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
