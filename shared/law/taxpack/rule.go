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

// idPattern keeps ids speakable and safe in paths and headers.
var idPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`)

// ParseRule reads and checks one rule file on its own. A definition without ID could not be read at
// all.
func ParseRule(name string, data []byte) (tax.Definition, Problems) {
	p := &parser{file: name}
	n := p.root(data)
	if n == nil {
		return tax.Definition{}, p.problems
	}
	f := p.ruleFile(n)
	if p.problems != nil {
		return tax.Definition{}, p.problems // what could not be read would only be missed once more
	}
	d := tax.Definition{ID: f.id, Kind: tax.Kind(f.kind), Title: f.title, Unit: f.unit, Tax: f.tax,
		Order: f.order, Wording: f.wording, Locality: f.locality}
	if !idPattern.MatchString(f.id) {
		p.bad(1, "id %q must be words of small letters joined by dots", f.id)
		d.ID = ""
	}
	p.id = f.id
	kinds := []tax.Kind{tax.KindAmount, tax.KindRate, tax.KindThreshold, tax.KindBrackets,
		tax.KindRates, tax.KindBands, tax.KindChoice, tax.KindMethod, tax.KindRegime}
	if !slices.Contains(kinds, d.Kind) {
		p.bad(1, "kind %q is none of %v", f.kind, kinds)
		return d, p.problems
	}
	p.wanted(1, "title", f.title)
	if len(f.values) == 0 {
		p.bad(1, "no values")
	}
	for i := range f.values {
		d.Values = append(d.Values, p.dated(&f.values[i], d.Kind))
	}
	p.periods(f.values, d.Values)
	p.steps(&d, f.steps)
	return d, p.problems
}

func (p *parser) wanted(line int, key string, t bilingual.Text) {
	if t.ZH == "" || t.EN == "" {
		p.bad(line, "%s must have zh and en", key)
	}
}

func (p *parser) date(line int, key, s string) civil.Date {
	d, err := civil.ParseDate(s)
	if err != nil {
		p.bad(line, "%s %q %v", key, s, err)
	}
	return d
}

// dated reads one value with its days, status and references.
func (p *parser) dated(v *dated, kind tax.Kind) tax.DatedValue {
	d := tax.DatedValue{From: p.date(v.line, "from", v.from), Status: tax.Status(v.status),
		Note:       v.note,
		Discretion: v.discretion}
	if v.to != "" {
		d.To = p.date(v.line, "to", v.to)
		if d.To.Before(d.From) {
			p.bad(v.line, "to %s lies before from %s", v.to, v.from)
		}
	}
	if v.reference == nil {
		p.bad(v.line, "value from %s has no reference", v.from)
	} else {
		laws, issued := p.law(v.line, *v.reference, v.also)
		d.Law = laws
		d.Published = issued[0]
		d.Also = issued[1:]
	}
	if v.lapsed != nil {
		p.wanted(v.line, "lapsed", *v.lapsed)
		d.Lapsed = v.lapsed
		if v.value != nil {
			p.bad(v.line, "a lapsed value has no value")
		}
		return d
	}
	if !slices.Contains([]tax.Status{tax.Confirmed, tax.Secondary, tax.Customary, tax.Open},
		d.Status) {
		p.bad(v.line, "status %q is none of confirmed, secondary, customary, open", v.status)
	}
	p.readings(v, &d)
	p.value(v, kind, &d)
	return d
}

// law turns references into what lines and steps quote, and gives the day on which each document
// was issued.
func (p *parser) law(line int, first reference,
	also []reference) (laws []tax.Law, issued []civil.Date) {
	for _, r := range append([]reference{first}, also...) {
		if r.document == "" || r.number == "" || r.article == "" {
			p.bad(line, "reference must have document, number and article")
		}
		if !strings.HasPrefix(r.url, "https://") && !strings.HasPrefix(r.url, "http://") {
			p.bad(line, "reference to %s has no address", r.document)
		}
		issued = append(issued, p.date(line, "published", r.published))
		laws = append(laws,
			tax.Law{Document: r.number + "《" + r.document + "》", Article: r.article, URL: r.url})
	}
	return laws, issued
}

func (p *parser) readings(v *dated, d *tax.DatedValue) {
	if d.Status != tax.Open {
		if len(v.readings) > 0 {
			p.bad(v.line, "only an open value has readings")
		}
		return
	}
	p.wanted(v.line, "note of an open value", v.note)
	for _, name := range sortedKeys(v.readings) {
		p.wanted(v.line, "title of reading "+name, v.readings[name].Title)
	}
	d.Readings = v.readings
}

// value reads what the kind of the file asks for.
func (p *parser) value(v *dated, kind tax.Kind, d *tax.DatedValue) {
	line := v.lineOfValue()
	open := d.Status == tax.Open
	switch {
	case open && kind == tax.KindMethod && v.value != nil:
		p.method(v, line, d)
		return
	case open && v.value != nil:
		p.bad(line, "an open value has readings and no value")
		return
	case open:
		return
	case v.value == nil:
		p.bad(line, "value from %s has no value", v.from)
		return
	}
	var rate money.Rate
	var err error
	switch kind {
	case tax.KindAmount:
		d.Amount, err = scalar(p, v, money.Parse)
	case tax.KindRate:
		rate, err = scalar(p, v, money.ParseRate)
		d.Rate = rate.Fraction()
	case tax.KindThreshold:
		p.threshold(v, line, d)
	case tax.KindBrackets:
		p.brackets(v, line, d)
	case tax.KindBands:
		p.bands(v, line, d)
	case tax.KindRates:
		p.rates(v, line, d)
	case tax.KindChoice:
		d.Choice, err = scalar(p, v, func(s string) (string, error) { return s, nil })
	case tax.KindMethod:
		p.method(v, line, d)
	case tax.KindRegime:
		p.regime(v, line, d)
	}
	switch {
	case err != nil:
		p.bad(line, "value: %v", err)
	case kind == tax.KindAmount && !plain(d.Amount), kind == tax.KindRate && !rate.IsShare():
		p.bad(line, "an amount must lie in 0.00 to %s, a rate in 0 to 1", money.Yuan(largestYuan))
	case kind == tax.KindRate && strings.HasPrefix(p.id, levyPrefix) &&
		(rate.Cmp(leastLevy) < 0 || rate.Cmp(mostLevy) > 0):
		p.bad(line, "levy rate %s of small-scale taxpayers must lie in 0.005 to 0.03", rate)
	}
}

// levyPrefix begins the ids of levy rates of small-scale taxpayers. None was ever outside these
// bounds: a file that says so has slipped by a digit.
const levyPrefix = "vat.levy_rate"

var leastLevy, mostLevy = money.Ratio(5, 1000), money.Ratio(3, 100)

// largestYuan bounds every amount of a rule file, so that no product of the engine can leave its
// range.
const largestYuan = 1_000_000_000_000

func plain(a money.Amount) bool { return !a.Negative() && a.Cmp(money.Yuan(largestYuan)) <= 0 }

// share reads a rate in 0 to 1; ok is false for anything else.
func share(text string) (rate money.Fraction, ok bool) {
	r, err := money.ParseRate(text)
	return r.Fraction(), err == nil && r.IsShare()
}

// valueOf reads a value; ok is false when its shape is wrong, which is a problem already.
func valueOf[T any](p *parser, v *dated, read func(*yaml.Node) T) (value T, ok bool) {
	before := len(p.problems)
	value = read(v.value)
	return value, len(p.problems) == before
}

func scalar[T any](p *parser, v *dated, parse func(string) (T, error)) (T, error) {
	text, ok := valueOf(p, v, p.text)
	if !ok {
		var none T
		return none, nil
	}
	return parse(text)
}

func (p *parser) threshold(v *dated, line int, d *tax.DatedValue) {
	k, ok := valueOf(p, v, p.thresholdKeys)
	if !ok {
		return
	}
	a, err := money.Parse(k.amount)
	if err != nil || !plain(a) {
		p.bad(line, "amount %q must be yuan with two decimals in 0.00 to %s", k.amount,
			money.Yuan(largestYuan))
	}
	if k.edge != "reach" && k.edge != "exceed" {
		p.bad(line, "edge %q must be reach (the amount itself is taxed) or exceed", k.edge)
	}
	d.Threshold = tax.Threshold{Amount: a, Reach: k.edge == "reach"}
}

// bands reads a table of rates by totals and checks that the edges rise.
func (p *parser) bands(v *dated, line int, d *tax.DatedValue) {
	ks, ok := valueOf(p, v, func(n *yaml.Node) []row { return list(p, n, p.bandKeys) })
	if !ok {
		return
	}
	for i, k := range ks {
		b := tax.Band{Inclusive: k.upTo != ""}
		edge := k.below + k.upTo
		var err error
		switch last := i == len(ks)-1; {
		case k.below != "" && k.upTo != "", last != (edge == ""):
			p.bad(line, "row %d: every row but the last has either below or up_to", i+1)
		case !last:
			if b.Edge, err = money.Parse(edge); err != nil || !plain(b.Edge) ||
				(i > 0 && b.Edge.Cmp(d.Bands[i-1].Edge) <= 0) {
				p.bad(line, "row %d: the edge %q must be an amount above that of the row before", i+1, edge)
			}
		}
		if b.Rate, ok = share(k.rate); !ok {
			p.bad(line, "row %d: rate %q must be a decimal in 0 to 1", i+1, k.rate)
		}
		d.Bands = append(d.Bands, b)
	}
	if len(ks) < 2 {
		p.bad(line, "a table of bands needs rows")
	}
}

// brackets reads a table and checks that it rises and that every quick deduction continues the one
// before.
func (p *parser) brackets(v *dated, line int, d *tax.DatedValue) {
	ks, ok := valueOf(p, v, func(n *yaml.Node) []row { return list(p, n, p.bracketKeys) })
	if !ok {
		return
	}
	if len(ks) == 0 {
		p.bad(line, "a table needs levels")
	}
	for i, k := range ks {
		b, ok := p.bracket(k, i == len(ks)-1)
		if !ok {
			return
		}
		if i > 0 {
			p.follows(k.line, d.Brackets[i-1], b)
		} else if !b.Quick.IsZero() {
			p.bad(k.line, "the first quick deduction must be 0.00")
		}
		d.Brackets = append(d.Brackets, b)
	}
}

// wordPattern keeps the words of a table speakable.
var wordPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// rates reads a table of rates by word; a row that is known to exist but was not readable says
// "open".
func (p *parser) rates(v *dated, line int, d *tax.DatedValue) {
	cells, ok := valueOf(p, v, func(n *yaml.Node) map[string]cell { return table(p, n, p.cell) })
	if !ok {
		return
	}
	if len(cells) == 0 {
		p.bad(line, "a table needs rows")
	}
	for _, word := range sortedKeys(cells) {
		c := cells[word]
		if !wordPattern.MatchString(word) {
			p.bad(c.line, "word %q must be small letters, digits and underscores", word)
		}
		row := tax.RateRow{Word: word, Open: c.text == string(tax.Open)}
		if !row.Open {
			if row.Rate, ok = share(c.text); !ok {
				p.bad(c.line, "rate %q of %s must be a quoted decimal in 0 to 1, or the word open",
					c.text, word)
			}
		}
		d.Rates = append(d.Rates, row)
	}
}

func (p *parser) bracket(k row, last bool) (tax.Bracket, bool) {
	before := len(p.problems)
	var b tax.Bracket
	var ok bool
	var err error
	if b.Rate, ok = share(k.rate); !ok {
		p.bad(k.line, "rate %q must be a decimal in 0 to 1", k.rate)
	}
	if b.Quick, err = money.Parse(k.quick); err != nil || !plain(b.Quick) {
		p.bad(k.line, "quick %q must be yuan with two decimals", k.quick)
	}
	switch {
	case last && k.upTo != "":
		p.bad(k.line, "the last level has no up_to")
	case !last:
		if b.UpTo, err = money.Parse(k.upTo); err != nil || !b.UpTo.Positive() || !plain(b.UpTo) {
			p.bad(k.line, "up_to must be an amount above zero")
		}
	}
	return b, len(p.problems) == before
}

// follows checks the seam of two levels: at the edge both must give the same tax.
func (p *parser) follows(line int, low, high tax.Bracket) {
	if !high.UpTo.IsZero() && high.UpTo.Cmp(low.UpTo) <= 0 {
		p.bad(line, "up_to %s does not rise above %s", high.UpTo, low.UpTo)
	}
	if high.Rate.Cmp(low.Rate) <= 0 {
		p.bad(line, "rate %s does not rise above %s", high.Rate, low.Rate)
	}
	want := low.UpTo.Times(high.Rate, money.HalfUp).Sub(low.UpTo.Times(low.Rate, money.HalfUp)).Add(
		low.Quick)
	if high.Quick != want {
		p.bad(line, "quick deduction %s breaks the table at %s; it must be %s", high.Quick,
			low.UpTo, want)
	}
}

func (p *parser) method(v *dated, line int, d *tax.DatedValue) {
	k, ok := valueOf(p, v, p.methodKeys)
	if !ok {
		return
	}
	p.condition(line, k.When)
	d.Method = k
	if d.Status == tax.Open {
		if k.Name != "" {
			p.bad(line, "an open method says only when it applies; its readings say how")
		}
		for name, r := range d.Readings {
			p.methodParts(line, &r.Method, "reading "+name+": ")
		}
		return
	}
	p.methodParts(line, &d.Method, "")
}

func (p *parser) methodParts(line int, m *tax.Method, prefix string) {
	needed, _, ok := tax.MethodRoles(m.Name)
	if !ok {
		p.bad(line, "%sno method %q", prefix, m.Name)
		return
	}
	for _, role := range sortedKeys(needed) {
		if m.Uses[role] == "" {
			p.bad(line, "%smethod %s needs a definition in role %q", prefix, m.Name, role)
		}
	}
	if m.Name == "turnover" {
		if !slices.Contains([]string{"day", "month", "quarter"}, m.Period) {
			p.bad(line, "%speriod %q is none of day, month, quarter", prefix, m.Period)
		}
		if !slices.Contains([]string{tax.Withheld, tax.AgencyFiled, tax.SelfFiled}, m.Collection) {
			p.bad(line, "%scollection %q is none of withheld, agency_filed, self_filed", prefix,
				m.Collection)
		}
	}
}

// condition checks when a rule is meant.
func (p *parser) condition(line int, when string) {
	if err := tax.CheckExpression(when); err != nil {
		p.bad(line, "when: %v", err)
	}
}

func (p *parser) regime(v *dated, line int, d *tax.DatedValue) {
	k, ok := valueOf(p, v, p.regimeKeys)
	if !ok {
		return
	}
	p.wanted(line, "text", k.text)
	if (k.item == "") == (k.refuse == "") {
		p.bad(line, "a regime has either item or refuse")
	}
	p.condition(line, k.when)
	r := tax.Regime{When: k.when, Item: k.item, Refuse: k.refuse, Allows: k.allows, Text: k.text}
	for _, b := range k.bans {
		p.wanted(line, "why of the ban of "+b.item, b.why)
		if b.reference == nil {
			p.bad(line, "the ban of %s has no reference", b.item)
			continue
		}
		laws, _ := p.law(line, *b.reference, b.also)
		r.Bans = append(r.Bans, tax.Ban{Item: b.item, Why: b.why, Law: laws})
	}
	d.Regime = r
}

// periods checks that values follow each other without overlap and without an undeclared gap.
func (p *parser) periods(raw []dated, vs []tax.DatedValue) {
	for i := 1; i < len(vs); i++ {
		last, next := &vs[i-1], &vs[i]
		switch {
		case last.From.IsZero() || next.From.IsZero():
		case last.To.IsZero() || !next.From.After(last.To):
			p.bad(raw[i].line, "the period from %s overlaps the one from %s", next.From, last.From)
		case next.From != last.To.AddDays(1):
			p.bad(raw[i].line, "nothing is said about %s to %s; declare a lapse", last.To.AddDays(1),
				next.From.AddDays(-1))
		}
	}
}

// steps reads the wording and checks that it stands in both languages.
func (p *parser) steps(d *tax.Definition, steps map[string]tax.StepText) {
	if d.Kind != tax.KindMethod {
		if len(steps) > 0 {
			p.bad(1, "only a method has steps")
		}
		return
	}
	if d.Tax == "" {
		p.bad(1, "a method names its tax")
	}
	roles := map[string]bool{"rule": true}
	named := false // a definition without any method only lends its wording
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
	if d.Wording != "" && len(steps) > 0 {
		p.bad(1, "a method has either steps or wording")
	}
	d.Steps = map[string]tax.StepText{}
	for _, name := range sortedKeys(steps) {
		s := steps[name]
		p.wanted(1, "text of step "+name, s.Text)
		for _, c := range s.Cites {
			if named && !roles[c] {
				p.bad(1, "step %s cites %q, which is no role that the method uses", name, c)
			}
		}
		d.Steps[name] = s
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
