package taxpack

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// idPattern restricts ids to small letters, digits and dots, which are safe in paths and headers.
var idPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`)

// ParseRule reads and checks one rule file by itself. A definition without ID means that the file
// could not be read at all.
func ParseRule(name string, data []byte) (tax.Definition, Problems) {
	p := &ruleParser{file: name}
	n := p.parseDocument(data)
	if n == nil {
		return tax.Definition{}, p.problems
	}
	f := p.readRuleFile(n)
	if p.problems != nil {
		// keys that could not be read would only be reported as missing once more
		return tax.Definition{}, p.problems
	}
	d := tax.Definition{ID: f.id, Kind: tax.Kind(f.kind), Title: f.title, Unit: f.unit, Tax: f.tax,
		Order: f.order, Wording: f.wording, Locality: f.locality}
	if !idPattern.MatchString(f.id) {
		p.addProblem(1, "id %q must be words of small letters joined by dots", f.id)
		d.ID = ""
	}
	kinds := []tax.Kind{tax.KindAmount, tax.KindRate, tax.KindThreshold, tax.KindBrackets,
		tax.KindRates, tax.KindBands, tax.KindChoice, tax.KindMethod, tax.KindRegime}
	if !slices.Contains(kinds, d.Kind) {
		p.addProblem(1, "kind %q is none of %v", f.kind, kinds)
		return d, p.problems
	}
	p.requireWording(1, "title", f.title)
	if len(f.values) == 0 {
		p.addProblem(1, "no values")
	}
	p.setBounds(f.bounds, d.Kind)
	for i := range f.values {
		d.Values = append(d.Values, p.buildDatedValue(&f.values[i], d.Kind))
	}
	p.checkPeriods(f.values, d.Values)
	p.setSteps(&d, f.steps)
	return d, p.problems
}

// requireWording adds a problem when a sentence lacks Chinese or English.
func (p *ruleParser) requireWording(line int, key string, t bilingual.Text) {
	if t.ZH == "" || t.EN == "" {
		p.addProblem(line, "%s must have zh and en", key)
	}
}

// parseDate parses a day, and adds a problem when the text is no day.
func (p *ruleParser) parseDate(line int, key, s string) civil.Date {
	d, err := civil.ParseDate(s)
	if err != nil {
		p.addProblem(line, "%s %q %v", key, s, err)
	}
	return d
}

// buildDatedValue checks one dated value with its days, status and references.
func (p *ruleParser) buildDatedValue(v *datedKeys, kind tax.Kind) tax.DatedValue {
	d := tax.DatedValue{From: p.parseDate(v.line, "from", v.from), Status: tax.Status(v.status),
		Note:       v.note,
		Discretion: v.discretion}
	if v.to != "" {
		d.To = p.parseDate(v.line, "to", v.to)
		if d.To.Before(d.From) {
			p.addProblem(v.line, "to %s lies before from %s", v.to, v.from)
		}
	}
	if v.reference == nil {
		p.addProblem(v.line, "value from %s has no reference", v.from)
	} else {
		laws, issued := p.buildLaws(v.line, *v.reference, v.also)
		d.Law = laws
		d.Published = issued[0]
		d.Also = issued[1:]
	}
	// a lapse says that nothing is in force in these days, so it has neither status nor value
	if v.lapsed != nil {
		p.requireWording(v.line, "lapsed", *v.lapsed)
		d.Lapsed = v.lapsed
		if v.value != nil {
			p.addProblem(v.line, "a lapsed value has no value")
		}
		return d
	}
	if !slices.Contains([]tax.Status{tax.Confirmed, tax.Secondary, tax.Customary, tax.Open},
		d.Status) {
		p.addProblem(v.line, "status %q is none of confirmed, secondary, customary, open", v.status)
	}
	p.setReadings(v, &d)
	p.setValue(v, kind, &d)
	return d
}

// buildLaws turns references into the articles that lines and steps quote, and returns the day on
// which each document was issued.
func (p *ruleParser) buildLaws(line int, first reference,
	also []reference) (laws []tax.Law, issued []civil.Date) {
	for _, r := range append([]reference{first}, also...) {
		if r.document == "" || r.number == "" || r.article == "" {
			p.addProblem(line, "reference must have document, number and article")
		}
		if !strings.HasPrefix(r.url, "https://") && !strings.HasPrefix(r.url, "http://") {
			p.addProblem(line, "reference to %s has no address", r.document)
		}
		issued = append(issued, p.parseDate(line, "published", r.published))
		laws = append(laws,
			tax.Law{Document: r.number + "《" + r.document + "》", Article: r.article, URL: r.url})
	}
	return laws, issued
}

// setReadings checks the readings of an open value; other values must have none.
func (p *ruleParser) setReadings(v *datedKeys, d *tax.DatedValue) {
	if d.Status != tax.Open {
		if len(v.readings) > 0 {
			p.addProblem(v.line, "only an open value has readings")
		}
		return
	}
	p.requireWording(v.line, "note of an open value", v.note)
	for _, name := range sortedKeys(v.readings) {
		p.requireWording(v.line, "title of reading "+name, v.readings[name].Title)
	}
	d.Readings = v.readings
}

// setValue reads the value in the form that the kind of the file requires.
func (p *ruleParser) setValue(v *datedKeys, kind tax.Kind, d *tax.DatedValue) {
	line := v.valueLine()
	open := d.Status == tax.Open
	switch {
	case open && kind == tax.KindMethod && v.value != nil:
		p.setMethod(v, line, d)
		return
	case open && v.value != nil:
		p.addProblem(line, "an open value has readings and no value")
		return
	case open:
		return
	case v.value == nil:
		p.addProblem(line, "value from %s has no value", v.from)
		return
	}
	rate, err := p.setKindValue(v, line, kind, d)
	switch {
	case err != nil:
		p.addProblem(line, "value: %v", err)
	case kind == tax.KindAmount && !isAmountInRange(d.Amount), kind == tax.KindRate && !rate.IsShare():
		p.addProblem(line, "an amount must lie in 0.00 to %s, a rate in 0 to 1", money.Yuan(largestYuan))
	case kind == tax.KindRate && p.bounds != nil && !p.bounds.contains(rate):
		p.addProblem(line, "rate %s must lie in %s to %s, the bounds of this file", rate,
			p.bounds.least, p.bounds.most)
	}
}

// setKindValue reads the value by the kind of the file. setKindValue returns a rate as it was
// written, for the check of its bounds, and the error of a scalar value that cannot be parsed.
func (p *ruleParser) setKindValue(v *datedKeys, line int, kind tax.Kind,
	d *tax.DatedValue) (rate money.Rate, err error) {
	switch kind {
	case tax.KindAmount:
		d.Amount, err = parseScalar(p, v, money.Parse)
	case tax.KindRate:
		rate, err = parseScalar(p, v, money.ParseRate)
		d.Rate = rate.Fraction()
	case tax.KindThreshold:
		p.setThreshold(v, line, d)
	case tax.KindBrackets:
		p.setBrackets(v, line, d)
	case tax.KindBands:
		p.setBands(v, line, d)
	case tax.KindRates:
		p.setRates(v, line, d)
	case tax.KindChoice:
		d.Choice, err = parseScalar(p, v, func(s string) (string, error) { return s, nil })
	case tax.KindMethod:
		p.setMethod(v, line, d)
	case tax.KindRegime:
		p.setRegime(v, line, d)
	}
	return rate, err
}

// rateBounds are the lowest and the highest rate that a rule file declares as possible for its
// rule, so that a rate in which a digit has slipped is refused.
type rateBounds struct{ least, most money.Rate }

// contains reports whether a rate lies within the bounds, both included.
func (b *rateBounds) contains(rate money.Rate) bool {
	return rate.Cmp(b.least) >= 0 && rate.Cmp(b.most) <= 0
}

// setBounds reads the bounds of a rate's file; values that are read later must lie within them.
func (p *ruleParser) setBounds(k *boundsKeys, kind tax.Kind) {
	if k == nil {
		return
	}
	least, errLeast := money.ParseRate(k.least)
	most, errMost := money.ParseRate(k.most)
	switch {
	case kind != tax.KindRate:
		p.addProblem(k.line, "only a rate has bounds")
	case errLeast != nil || errMost != nil || !least.IsShare() || !most.IsShare() ||
		least.Cmp(most) > 0:
		p.addProblem(k.line, "bounds must be two rates in 0 to 1, least and most")
	case k.reference == nil:
		p.addProblem(k.line, "bounds have no reference")
	default:
		p.requireWording(k.line, "note of bounds", k.note)
		p.buildLaws(k.line, *k.reference, nil)
		p.bounds = &rateBounds{least: least, most: most}
	}
}

// largestYuan is the largest amount of a rule file, so that every product of the engine stays in
// range.
const largestYuan = 1_000_000_000_000

// isAmountInRange reports whether an amount lies in 0.00 to largestYuan.
func isAmountInRange(a money.Amount) bool {
	return !a.Negative() && a.Cmp(money.Yuan(largestYuan)) <= 0
}

// parseShare parses a rate from 0 to 1; ok is false for any other text.
func parseShare(text string) (rate money.Fraction, ok bool) {
	r, err := money.ParseRate(text)
	return r.Fraction(), err == nil && r.IsShare()
}

// readValue reads a value with one of the parser's functions; ok is false when the value has the
// wrong form, which has been added as a problem.
func readValue[T any](p *ruleParser, v *datedKeys, read func(*yaml.Node) T) (value T, ok bool) {
	before := len(p.problems)
	value = read(v.value)
	return value, len(p.problems) == before
}

// parseScalar reads a text and parses it, for example as an amount.
func parseScalar[T any](p *ruleParser, v *datedKeys, parse func(string) (T, error)) (T, error) {
	text, ok := readValue(p, v, p.readText)
	if !ok {
		var none T
		return none, nil
	}
	return parse(text)
}

// setThreshold reads a threshold and checks amount and edge.
func (p *ruleParser) setThreshold(v *datedKeys, line int, d *tax.DatedValue) {
	k, ok := readValue(p, v, p.readThresholdKeys)
	if !ok {
		return
	}
	a, err := money.Parse(k.amount)
	if err != nil || !isAmountInRange(a) {
		p.addProblem(line, "amount %q must be yuan with two decimals in 0.00 to %s", k.amount,
			money.Yuan(largestYuan))
	}
	if k.edge != "reach" && k.edge != "exceed" {
		p.addProblem(line, "edge %q must be reach (the amount itself is taxed) or exceed", k.edge)
	}
	d.Threshold = tax.Threshold{Amount: a, Reach: k.edge == "reach"}
}

// setBands reads a table of rates by totals and checks that its edges rise.
func (p *ruleParser) setBands(v *datedKeys, line int, d *tax.DatedValue) {
	ks, ok := readValue(p, v, func(n *yaml.Node) []tableRow { return readList(p, n, p.readBandKeys) })
	if !ok {
		return
	}
	for i, k := range ks {
		b := tax.Band{Inclusive: k.upTo != ""}
		// a row has one of the two edges, so the other text is empty
		edge := k.below + k.upTo
		var err error
		// only the last row has no edge, because it has no end
		switch last := i == len(ks)-1; {
		case k.below != "" && k.upTo != "", last != (edge == ""):
			p.addProblem(line, "row %d: every row but the last has either below or up_to", i+1)
		case !last:
			if b.Edge, err = money.Parse(edge); err != nil || !isAmountInRange(b.Edge) ||
				(i > 0 && b.Edge.Cmp(d.Bands[i-1].Edge) <= 0) {
				p.addProblem(line, "row %d: the edge %q must be an amount above that of the row before",
					i+1, edge)
			}
		}
		if b.Rate, ok = parseShare(k.rate); !ok {
			p.addProblem(line, "row %d: rate %q must be a decimal in 0 to 1", i+1, k.rate)
		}
		d.Bands = append(d.Bands, b)
	}
	if len(ks) < 2 {
		p.addProblem(line, "a table of bands needs rows")
	}
}

// setBrackets reads a progressive table and checks that its edges and rates rise, and that every
// quick deduction continues the level before it.
func (p *ruleParser) setBrackets(v *datedKeys, line int, d *tax.DatedValue) {
	ks, ok := readValue(p, v, func(n *yaml.Node) []tableRow {
		return readList(p, n, p.readBracketKeys)
	})
	if !ok {
		return
	}
	if len(ks) == 0 {
		p.addProblem(line, "a table needs levels")
	}
	for i, k := range ks {
		b, ok := p.buildBracket(k, i == len(ks)-1)
		if !ok {
			return
		}
		if i > 0 {
			p.checkBracketSeam(k.line, d.Brackets[i-1], b)
		} else if !b.Quick.IsZero() {
			p.addProblem(k.line, "the first quick deduction must be 0.00")
		}
		d.Brackets = append(d.Brackets, b)
	}
}

// wordPattern restricts the keys of a table of rates to small letters, digits and underscores.
var wordPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// setRates reads a table of rates by key. A row whose rate could not be read in the law's text says
// "open".
func (p *ruleParser) setRates(v *datedKeys, line int, d *tax.DatedValue) {
	cells, ok := readValue(p, v, func(n *yaml.Node) map[string]tableCell {
		return readMapping(p, n, p.readCell)
	})
	if !ok {
		return
	}
	if len(cells) == 0 {
		p.addProblem(line, "a table needs rows")
	}
	for _, word := range sortedKeys(cells) {
		c := cells[word]
		if !wordPattern.MatchString(word) {
			p.addProblem(c.line, "word %q must be small letters, digits and underscores", word)
		}
		row := tax.RateRow{Word: word, Open: c.text == string(tax.Open)}
		if !row.Open {
			if row.Rate, ok = parseShare(c.text); !ok {
				p.addProblem(c.line, "rate %q of %s must be a quoted decimal in 0 to 1, or the word open",
					c.text, word)
			}
		}
		d.Rates = append(d.Rates, row)
	}
}

// buildBracket reads one level; ok is false when a part of it is faulty.
func (p *ruleParser) buildBracket(k tableRow, last bool) (tax.Bracket, bool) {
	before := len(p.problems)
	var b tax.Bracket
	var ok bool
	var err error
	if b.Rate, ok = parseShare(k.rate); !ok {
		p.addProblem(k.line, "rate %q must be a decimal in 0 to 1", k.rate)
	}
	if b.Quick, err = money.Parse(k.quick); err != nil || !isAmountInRange(b.Quick) {
		p.addProblem(k.line, "quick %q must be yuan with two decimals", k.quick)
	}
	switch {
	case last && k.upTo != "":
		p.addProblem(k.line, "the last level has no up_to")
	case !last:
		if b.UpTo, err = money.Parse(k.upTo); err != nil || !b.UpTo.Positive() ||
			!isAmountInRange(b.UpTo) {
			p.addProblem(k.line, "up_to must be an amount above zero")
		}
	}
	return b, len(p.problems) == before
}

// checkBracketSeam checks two neighbouring levels: at their edge both must give the same tax.
func (p *ruleParser) checkBracketSeam(line int, low, high tax.Bracket) {
	if !high.UpTo.IsZero() && high.UpTo.Cmp(low.UpTo) <= 0 {
		p.addProblem(line, "up_to %s does not rise above %s", high.UpTo, low.UpTo)
	}
	if high.Rate.Cmp(low.Rate) <= 0 {
		p.addProblem(line, "rate %s does not rise above %s", high.Rate, low.Rate)
	}
	// at the edge the quick deduction grows by the edge times the difference of the rates
	want := low.UpTo.Times(high.Rate, money.HalfUp).Sub(low.UpTo.Times(low.Rate, money.HalfUp)).Add(
		low.Quick)
	if high.Quick != want {
		p.addProblem(line, "quick deduction %s breaks the table at %s; it must be %s", high.Quick,
			low.UpTo, want)
	}
}

// setMethod reads a method. An open method has only a condition; its readings say how to compute.
func (p *ruleParser) setMethod(v *datedKeys, line int, d *tax.DatedValue) {
	k, ok := readValue(p, v, p.readMethodKeys)
	if !ok {
		return
	}
	p.checkCondition(line, k.When)
	d.Method = k
	if d.Status == tax.Open {
		if k.Name != "" {
			p.addProblem(line, "an open method says only when it applies; its readings say how")
		}
		for name, r := range d.Readings {
			p.checkMethod(line, &r.Method, "reading "+name+": ")
		}
		return
	}
	p.checkMethod(line, &d.Method, "")
}

// checkMethod checks that a method exists, that the roles it needs are filled, and that a turnover
// method has a period and a collection.
func (p *ruleParser) checkMethod(line int, m *tax.Method, prefix string) {
	needed, _, ok := tax.MethodRoles(m.Name)
	if !ok {
		p.addProblem(line, "%sno method %q", prefix, m.Name)
		return
	}
	for _, role := range sortedKeys(needed) {
		if m.Uses[role] == "" {
			p.addProblem(line, "%smethod %s needs a definition in role %q", prefix, m.Name, role)
		}
	}
	// the turnover method computes by a period and is withheld, agency-filed or self-filed
	if m.Name == "turnover" {
		if !slices.Contains([]string{"day", "month", "quarter"}, m.Period) {
			p.addProblem(line, "%speriod %q is none of day, month, quarter", prefix, m.Period)
		}
		if !slices.Contains([]string{tax.Withheld, tax.AgencyFiled, tax.SelfFiled}, m.Collection) {
			p.addProblem(line, "%scollection %q is none of withheld, agency_filed, self_filed", prefix,
				m.Collection)
		}
	}
}

// checkCondition adds a problem when a condition cannot be parsed or uses unknown facts.
func (p *ruleParser) checkCondition(line int, when string) {
	if err := tax.CheckExpression(when); err != nil {
		p.addProblem(line, "when: %v", err)
	}
}

// setRegime reads a regime: it gives either an item of income or the reason of a refusal.
func (p *ruleParser) setRegime(v *datedKeys, line int, d *tax.DatedValue) {
	k, ok := readValue(p, v, p.readRegimeKeys)
	if !ok {
		return
	}
	p.requireWording(line, "text", k.text)
	if (k.item == "") == (k.refuse == "") {
		p.addProblem(line, "a regime has either item or refuse")
	}
	p.checkCondition(line, k.when)
	r := tax.Regime{When: k.when, Item: k.item, Refuse: k.refuse, Allows: k.allows, Text: k.text}
	for _, b := range k.bans {
		p.requireWording(line, "why of the ban of "+b.item, b.why)
		if b.reference == nil {
			p.addProblem(line, "the ban of %s has no reference", b.item)
			continue
		}
		laws, _ := p.buildLaws(line, *b.reference, b.also)
		r.Bans = append(r.Bans, tax.Ban{Item: b.item, Why: b.why, Law: laws})
	}
	d.Regime = r
}

// checkPeriods checks that dated values follow each other without overlap and without an undeclared
// gap.
func (p *ruleParser) checkPeriods(raw []datedKeys, vs []tax.DatedValue) {
	for i := 1; i < len(vs); i++ {
		last, next := &vs[i-1], &vs[i]
		switch {
		case last.From.IsZero() || next.From.IsZero():
		case last.To.IsZero() || !next.From.After(last.To):
			p.addProblem(raw[i].line, "the period from %s overlaps the one from %s", next.From, last.From)
		case next.From != last.To.AddDays(1):
			p.addProblem(raw[i].line, "nothing is said about %s to %s; declare a lapse", last.To.AddDays(1),
				next.From.AddDays(-1))
		}
	}
}

// setSteps reads the wording of the steps and checks that each has both languages and cites only
// roles that the method uses.
func (p *ruleParser) setSteps(d *tax.Definition, steps map[string]tax.StepText) {
	if d.Kind != tax.KindMethod {
		if len(steps) > 0 {
			p.addProblem(1, "only a method has steps")
		}
		return
	}
	if d.Tax == "" {
		p.addProblem(1, "a method names its tax")
	}
	roles, named := rolesOfMethods(d)
	if d.Wording != "" && len(steps) > 0 {
		p.addProblem(1, "a method has either steps or wording")
	}
	d.Steps = map[string]tax.StepText{}
	for _, name := range sortedKeys(steps) {
		s := steps[name]
		p.requireWording(1, "text of step "+name, s.Text)
		for _, c := range s.Cites {
			if named && !roles[c] {
				p.addProblem(1, "step %s cites %q, which is no role that the method uses", name, c)
			}
		}
		d.Steps[name] = s
	}
}

// rolesOfMethods returns the roles that the definition's methods and readings use, which its steps
// may cite; named is false for a definition without any method.
func rolesOfMethods(d *tax.Definition) (roles map[string]bool, named bool) {
	roles = map[string]bool{"rule": true}
	// a definition without any method only lends its wording to others
	for i := range d.Values {
		named = named || d.Values[i].Method.Name != "" || len(d.Values[i].Readings) > 0
		for role := range d.Values[i].Method.Uses {
			roles[role] = true
		}
		for _, r := range d.Values[i].Readings {
			for role := range r.Method.Uses {
				roles[role] = true
			}
		}
	}
	return roles, named
}

// sortedKeys returns the keys of a map in order, so that problems are always listed in the same
// order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
