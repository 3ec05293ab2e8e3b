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

// workedCase is a worked example with the place whose rules it uses.
type workedCase struct {
	example.Outcome
	home  string // place of the pack that has the example; "" for the nation
	place string // place whose rules answer: a locality, or home
}

// collectExamples sorts the examples by pack, and by the definitions that take part in them.
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

// learnStepOrder notes the order in which steps follow each other; a step that is known keeps its
// position.
func (c *contents) learnStepOrder(steps []string) {
	for _, s := range steps {
		name, _, _ := strings.Cut(s, ":")
		if _, known := c.stepOrder[name]; !known {
			c.stepOrder[name] = len(c.stepOrder)
		}
	}
}

// localityOfInputs returns the place that the inputs of an example name, and "" if they name none.
func localityOfInputs(inputs json.RawMessage) string {
	var in struct {
		Locality string `json:"locality"`
		Place    string `json:"place"`
	}
	if json.Unmarshal(inputs, &in) != nil { // an input that is no JSON object cannot name a place
		return ""
	}
	return cmp.Or(in.Locality, in.Place)
}

// definitionsOfExample lists the definitions that take part in an example: the rules that it used
// and everything that they use on its day.
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

// exampleView is a worked example as a page shows it.
type exampleView struct {
	ID, Date, Source, Place string
	Inputs, Result          []fact
	Arithmetic, Steps       []string
	Passed                  bool
	Note                    string
}

// fact is an input or result of an example with its name. A list of objects has one line for each.
type fact struct {
	Name  string
	Lines []string
}

// viewExample prepares a worked example for a page.
func (e *edition) viewExample(x *workedCase) exampleView {
	v := exampleView{ID: x.Example.ID, Date: x.Example.Date, Source: x.Example.Source,
		Inputs: e.factsOfObject(x.Example.Inputs), Result: e.factsOfObject(x.Example.Expected),
		Arithmetic: x.Example.Steps, Passed: x.State == example.Passed, Note: x.Example.Note}
	if x.Example.Taxpayer != "" {
		v.Inputs = append(
			[]fact{{e.figureName("taxpayer"), []string{e.translateTerm(x.Example.Taxpayer)}}},
			v.Inputs...)
	}
	if x.place != "" {
		v.Place = e.placeName(x.place)
	}
	for _, t := range x.StepTexts {
		v.Steps = append(v.Steps, e.translate(t))
	}
	return v
}

// placeName returns the name of a place; a locality is named by its jurisdiction and its code.
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

// factsOfObject lists the members of a JSON object for reading, in the order of the object.
func (e *edition) factsOfObject(raw json.RawMessage) []fact {
	var list []fact
	forEachMember(raw, func(name string, value json.RawMessage) {
		if name != "note" {
			list = append(list, fact{e.figureName(name), e.valueLines(value)})
		}
	})
	return list
}

// valueLines writes a JSON value: a list of objects line by line, everything else in one line.
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

// isObject reports whether a JSON value is an object.
func isObject(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))
}

// joinValues writes the values of a list one after another, with a separator.
func (e *edition) joinValues(list []json.RawMessage, by string) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = e.plainValue(x)
	}
	return strings.Join(parts, by)
}

// plainValue writes a JSON value without the syntax of JSON.
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
	return e.translateTerm(string(raw)) // a number, true or false
}

// figureName returns the name of an input or result of an example; a figure without a name is shown
// by its key.
func (e *edition) figureName(name string) string {
	if t, ok := figures[name]; ok {
		return e.translate(t)
	}
	return name
}

// forEachMember calls do for each member of a JSON object, in the order of the object. Other values
// have no members.
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

// shownExamples is the number of examples that the page of a definition shows in full. The others
// are links.
const shownExamples = 3

// examplesOfDefinition returns the examples of a definition, those of its own place first: some in
// full, more as links.
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

// sortRank returns 0 for the elements that come first and 1 for the others.
func sortRank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// examplesPath returns the path of the page with the examples of a pack.
func (e *edition) examplesPath(code string) string {
	if code == "" {
		return "examples.html"
	}
	return code + "/examples.html"
}

// examplesPage makes the page with all examples of a pack.
func (e *edition) examplesPage(code string) *page {
	var list []exampleView
	for _, x := range e.byPlace[code] {
		list = append(list, e.viewExample(x))
	}
	title := e.bookWord("examples") + " · " + e.placeName(code)
	trail := []link{{"index.html", e.bookWord("book")}}
	if code != "" {
		trail = append(trail, link{"places.html", e.bookWord("by_place")},
			link{e.placePath(code), e.placeName(code)})
	}
	p := e.newPage("examples.html", e.examplesPath(code), title, trail...)
	p.Body = list
	return p
}

// kindTitle returns the name of a kind of definition.
func (e *edition) kindTitle(k tax.Kind) string { return e.translate(kinds[k]) }
