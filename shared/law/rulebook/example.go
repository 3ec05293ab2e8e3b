package rulebook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/tax"
)

// workedCase is a worked case with the place it stands at.
type workedCase struct {
	example.Outcome
	home  string // the pack: "" for the nation
	place string // where it is asked: the locality, or the home
}

// collectExamples sorts the examples to the packs they stand in and to the definitions that they concern:
// the rules that answered, and what those use.
func (c *contents) collectExamples() {
	for _, code := range c.order {
		p := c.places[code]
		if code != "" && p.pack.Jurisdiction.Code != code {
			continue
		}
		for _, o := range c.source.Examples[p.pack.ID.Pack] {
			x := &workedCase{Outcome: o, home: code, place: code}
			c.learnStepOrder(o.Steps)
			if l := localityOfInputs(o.Example.Inputs); l != "" && c.places[l] != nil {
				x.place = l
			}
			c.byPlace[code] = append(c.byPlace[code], x)
			for _, k := range c.definitionsOfExample(x) {
				c.worked[k] = append(c.worked[k], x)
			}
		}
	}
}

// learnStepOrder notes in which order steps follow each other.
func (c *contents) learnStepOrder(steps []string) {
	for _, s := range steps {
		name, _, _ := strings.Cut(s, ":")
		if _, known := c.stepOrder[name]; !known {
			c.stepOrder[name] = len(c.stepOrder)
		}
	}
}

// localityOfInputs is the place that the inputs of an example name; "" where they name none.
func localityOfInputs(inputs json.RawMessage) string {
	var in struct {
		Locality string `json:"locality"`
		Place    string `json:"place"`
	}
	if json.Unmarshal(inputs, &in) != nil { // inputs of another form name no place
		return ""
	}
	return cmp.Or(in.Locality, in.Place)
}

// definitionsOfExample follows the rules that answered an example to everything they use on its day.
func (c *contents) definitionsOfExample(x *workedCase) []key {
	on, err := civil.ParseDate(x.Example.Date)
	if err != nil {
		return nil
	}
	var found []key
	var visit func(id string)
	visit = func(id string) {
		k, ok := c.resolveRule(x.place, id)
		if !ok || slices.Contains(found, k) {
			return
		}
		found = append(found, k)
		for _, v := range c.findDefinition(k).Values {
			if on.Before(v.From) || (!v.To.IsZero() && on.After(v.To)) {
				continue
			}
			for _, role := range sortedKeys(v.Method.Uses) {
				visit(v.Method.Uses[role])
			}
		}
	}
	for _, id := range x.Rules {
		visit(id)
	}
	return found
}

// exampleView is a worked case on a page.
type exampleView struct {
	ID, Date, Source, Place string
	Inputs, Result          []fact
	Arithmetic, Steps       []string
	Passed                  bool
	Note                    string
}

// fact is a named figure; a list of figures stands line by line.
type fact struct {
	Name  string
	Lines []string
}

func (e *edition) viewExample(x *workedCase) exampleView {
	v := exampleView{ID: x.Example.ID, Date: x.Example.Date, Source: x.Example.Source,
		Inputs: e.factsOfObject(x.Example.Inputs), Result: e.factsOfObject(x.Example.Expected),
		Arithmetic: x.Example.Steps, Passed: x.State == example.Passed, Note: x.Example.Note}
	if x.Example.Taxpayer != "" {
		v.Inputs = append([]fact{{e.figureName("taxpayer"), []string{e.translateTerm(x.Example.Taxpayer)}}},
			v.Inputs...)
	}
	if x.place != "" {
		v.Place = e.placeName(x.place)
	}
	for _, t := range x.Told {
		v.Steps = append(v.Steps, e.translate(t))
	}
	return v
}

// placeName is a place in words.
func (e *edition) placeName(code string) string {
	switch p := e.places[code]; {
	case code == "":
		return e.bookWord("nation")
	case p.pack.Jurisdiction.Code == code:
		return e.translate(p.pack.Jurisdiction.Title)
	default:
		return e.translate(p.pack.Jurisdiction.Title) + " " + code
	}
}

// factsOfObject lays a JSON object out for reading, in its own order.
func (e *edition) factsOfObject(raw json.RawMessage) []fact {
	var list []fact
	forEachMember(raw, func(name string, value json.RawMessage) {
		if name != "note" {
			list = append(list, fact{e.figureName(name), e.valueLines(value)})
		}
	})
	return list
}

// valueLines writes a value: lists of objects line by line, everything else in one.
func (e *edition) valueLines(raw json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return []string{e.plainValue(raw)}
	}
	if !slices.ContainsFunc(list, isObject) {
		return []string{e.joinValues(list, "; ")}
	}
	lines := make([]string, 0, len(list))
	for _, x := range list {
		lines = append(lines, e.plainValue(x))
	}
	return lines
}

func isObject(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))
}

func (e *edition) joinValues(list []json.RawMessage, by string) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = e.plainValue(x)
	}
	return strings.Join(parts, by)
}

// plainValue writes a value without the signs of JSON.
func (e *edition) plainValue(raw json.RawMessage) string {
	var s string
	var list []json.RawMessage
	switch {
	case json.Unmarshal(raw, &s) == nil && string(raw) != "null":
		return e.translateRowTerm(s)
	case json.Unmarshal(raw, &list) == nil && string(raw) != "null":
		return "[" + e.joinValues(list, ", ") + "]"
	case isObject(raw):
		var parts []string
		forEachMember(raw, func(name string, value json.RawMessage) {
			parts = append(parts, e.figureName(name)+" "+e.plainValue(value))
		})
		return strings.Join(parts, ", ")
	case string(raw) == "null":
		return "—"
	}
	return e.translateTerm(string(raw)) // a number, or yes or no
}

// figureName names an input or result of an example.
func (e *edition) figureName(name string) string {
	if t, ok := figures[name]; ok {
		return e.translate(t)
	}
	return name
}

// forEachMember walks over a JSON object in its own order; anything else has no members.
func forEachMember(raw json.RawMessage, do func(name string, value json.RawMessage)) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return
	}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return
		}
		do(name, value)
	}
}

// shownExamples is how many examples a definition's page shows in full; the others are linked.
const shownExamples = 3

// examplesOfDefinition gives the examples of a definition, those of its own place first.
func (e *edition) examplesOfDefinition(k key, up string) (full []exampleView, more []link) {
	list := slices.Clone(e.worked[k])
	slices.SortStableFunc(list, func(a, b *workedCase) int {
		return sortRank(a.place == k.place) - sortRank(b.place == k.place)
	})
	for i, x := range list {
		if i < shownExamples {
			full = append(full, e.viewExample(x))
			continue
		}
		more = append(more, link{up + e.examplesPath(x.home) + "#" + x.Example.ID, x.Example.ID})
	}
	return full, more
}

func sortRank(first bool) int {
	if first {
		return 0
	}
	return 1
}

func (e *edition) examplesPath(code string) string {
	if code == "" {
		return "examples.html"
	}
	return code + "/examples.html"
}

// examplesPage is the page of all examples of a pack.
func (e *edition) examplesPage(code string) *page {
	var list []exampleView
	for _, x := range e.byPlace[code] {
		list = append(list, e.viewExample(x))
	}
	title := e.bookWord("examples") + " · " + e.placeName(code)
	trail := []link{{"index.html", e.bookWord("book")}}
	if code != "" {
		trail = append(trail, link{"places.html", e.bookWord("by_place")}, link{e.placePath(code), e.placeName(code)})
	}
	p := e.newPage("examples.html", e.examplesPath(code), title, trail...)
	p.Body = list
	return p
}

// kindTitle is the name of a kind or status of the index.
func (e *edition) kindTitle(k tax.Kind) string { return e.translate(kinds[k]) }
