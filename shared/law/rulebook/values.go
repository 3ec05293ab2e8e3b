package rulebook

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// valueView is what a definition says from one day to another.
type valueView struct {
	Anchor, Span string
	Now          bool
	Status       badge
	Headline     string // the amount, rate or choice itself
	Explain      string // which side of an edge is taxed
	Table        *table
	Method       *methodView
	Regime       *regimeView
	Gap          string // why there is no value
	GapWord      string
	Readings     []readingView
	NoReadings   bool
	Note         string
	Sources      []sourceView
}

type badge struct{ Class, Word, Meaning string }

type table struct {
	Head    []string
	Rows    [][]string
	Numbers int // columns from this one on are numbers
}

type sourceView struct{ Document, Article, URL, Issued string }

type methodView struct {
	Name, Condition, Code string
	Facts                 [][2]string
	Uses                  []useView
	Missing               []string
}

type useView struct {
	Role    string
	Link    link
	Summary string
}

type readingView struct {
	Name, Title string
	Method      *methodView
}

type regimeView struct {
	Item, Refuse, Condition, Code string
	Text                          []segment
	Allows                        []string
	Bans                          []banView
}

type banView struct {
	Item, Why string
	Sources   []sourceView
}

// term gives a word of a rule file in the edition's language, or as it stands.
func (e *edition) term(word string) string {
	if t, ok := terms[word]; ok {
		return e.t(t)
	}
	return word
}

// rowTerm is term for the rows of tables.
func (e *edition) rowTerm(word string) string {
	if t, ok := rowTerms[word]; ok {
		return e.t(t)
	}
	return e.term(word)
}

func (e *edition) badge(s tax.Status) badge {
	t := statuses[s]
	return badge{Class: string(s), Word: e.t(t[0]), Meaning: e.t(t[1])}
}

// span tells the days of a value.
func (e *edition) span(from, to civil.Date) string {
	switch {
	case !to.IsZero():
		return from.String() + " " + e.w("until") + " " + to.String()
	case e.lang == "zh":
		return from.String() + " 起"
	}
	return "from " + from.String()
}

// value makes the view of one dated value of a definition that stands on the page at a path.
func (e *edition) value(k key, d *tax.Definition, v *tax.DatedValue, up string) valueView {
	on := e.source.On
	x := valueView{Anchor: "from-" + v.From.String(), Span: e.span(v.From, v.To),
		Now:    !on.Before(v.From) && (v.To.IsZero() || !on.After(v.To)),
		Status: e.badge(v.Status), Note: e.t(v.Note),
		Sources: e.cited(v.Law, append([]civil.Date{v.Published}, v.Also...))}
	if v.Lapsed != nil {
		x.Status = e.badge("lapsed")
		x.Gap = e.t(*v.Lapsed)
		x.GapWord = e.w("lapsed")
		return x
	}
	if v.Status == tax.Open {
		e.open(&x, k, v, up)
		return x
	}
	switch d.Kind {
	case tax.KindAmount, tax.KindRate, tax.KindThreshold, tax.KindChoice:
		x.Headline = e.short(d, v)
	case tax.KindMethod:
		x.Method = e.calculation(k, &v.Method, up)
	case tax.KindRegime:
		x.Regime = e.regime(&v.Regime)
	default:
		x.Table = e.table(d.Kind, v)
	}
	if d.Kind == tax.KindThreshold {
		x.Explain = e.w(v.Threshold.EdgeText())
	}
	return x
}

// open tells what an open value lacks and what may be chosen.
func (e *edition) open(x *valueView, k key, v *tax.DatedValue, up string) {
	x.Gap = e.t(v.Note)
	x.GapWord = e.w("gap")
	x.Note = ""
	if v.Discretion {
		x.GapWord = e.w("discretion")
	}
	for _, name := range sortedNames(v.Readings) {
		r := v.Readings[name]
		view := readingView{Name: name, Title: e.t(r.Title)}
		if r.Method.Name != "" {
			view.Method = e.calculation(k, &r.Method, up)
		}
		x.Readings = append(x.Readings, view)
	}
	x.NoReadings = len(v.Readings) == 0
	if v.Method.When != "" {
		x.Method = e.calculation(k, &v.Method, up)
	}
}

func (e *edition) cited(laws []tax.Law, issued []civil.Date) []sourceView {
	var list []sourceView
	for i, l := range laws {
		s := sourceView{Document: l.Document, Article: l.Article, URL: l.URL}
		if i < len(issued) {
			s.Issued = issued[i].String()
		}
		list = append(list, s)
	}
	return list
}

// table shows brackets, bands and rates row by row.
func (e *edition) table(kind tax.Kind, v *tax.DatedValue) *table {
	switch kind {
	case tax.KindBrackets:
		t := &table{Head: []string{e.w("level"), e.w("above"), e.w("up_to"), e.w("rate"), e.w("quick")},
			Numbers: 1}
		var low money.Amount
		for i, b := range v.Brackets {
			high := "—"
			if !b.UpTo.IsZero() {
				high = grouped(b.UpTo)
			}
			t.Rows = append(t.Rows,
				[]string{ordinal(i), grouped(low), high, percent(b.Rate), grouped(b.Quick)})
			low = b.UpTo
		}
		return t
	case tax.KindBands:
		t := &table{Head: []string{e.w("total"), e.w("rate")}, Numbers: 1}
		low := ""
		for i := range v.Bands {
			b := &v.Bands[i]
			t.Rows = append(t.Rows, []string{strings.TrimSpace(low + " " + e.upper(b)), percent(b.Rate)})
			low = e.lower(b)
		}
		return t
	case tax.KindRates:
		t := &table{Head: []string{e.w("row"), e.w("id"), e.w("rate")}, Numbers: 2}
		for _, r := range v.Rates {
			rate := percent(r.Rate)
			if r.Open {
				rate = e.w("not_read")
			}
			t.Rows = append(t.Rows, []string{e.rowTerm(r.Word), r.Word, rate})
		}
		return t
	}
	return nil
}

// upper tells where a band ends, lower where the next one begins.
func (e *edition) upper(b *tax.Band) string {
	switch {
	case b.Edge.IsZero():
		return ""
	case b.Inclusive:
		return "≤ " + grouped(b.Edge)
	}
	return "< " + grouped(b.Edge)
}

func (e *edition) lower(b *tax.Band) string {
	if b.Inclusive {
		return "> " + grouped(b.Edge)
	}
	return "≥ " + grouped(b.Edge)
}

// calculation tells how a method computes and from what.
func (e *edition) calculation(k key, m *tax.Method, up string) *methodView {
	x := &methodView{Name: m.Name, Code: m.When, Condition: e.condition(m.When)}
	if m.Period != "" {
		x.Facts = append(x.Facts, [2]string{e.w("period"), e.term(m.Period)})
	}
	if m.Collection != "" {
		x.Facts = append(x.Facts, [2]string{e.w("collection"), e.term(m.Collection)})
	}
	for _, role := range sortedNames(m.Uses) {
		u := useView{Role: role, Link: link{Text: m.Uses[role]}}
		if used, ok := e.resolve(k.place, m.Uses[role]); ok {
			u.Link = e.link(used, up)
			u.Summary = e.today(used)
		}
		x.Uses = append(x.Uses, u)
	}
	for _, t := range m.Missing {
		x.Missing = append(x.Missing, e.t(t))
	}
	return x
}

func (e *edition) regime(r *tax.Regime) *regimeView {
	x := &regimeView{Item: e.term(r.Item), Refuse: r.Refuse, Code: r.When,
		Condition: e.condition(r.When), Text: segments(e.t(r.Text))}
	for _, a := range r.Allows {
		x.Allows = append(x.Allows, e.term(a))
	}
	for _, b := range r.Bans {
		x.Bans = append(x.Bans,
			banView{Item: e.term(b.Item), Why: e.t(b.Why), Sources: e.cited(b.Law, nil)})
	}
	return x
}

// link leads to a definition's page.
func (e *edition) link(k key, up string) link {
	return link{Href: up + e.path(k), Text: e.t(e.definition(k).Title)}
}

// today is what a definition says on the day of the book, in a few words.
func (e *edition) today(k key) string {
	x := e.entry(k)
	switch {
	case x == nil:
		return e.w("today_not")
	case x.Gap != nil:
		return e.w("gap")
	}
	if lacks := e.blocked(k); lacks != nil {
		return e.w("gap") + e.w("colon") + e.t(lacks.Title)
	}
	d := e.definition(k)
	for i := range d.Values {
		if v := &d.Values[i]; v.From == x.From {
			return e.short(d, v)
		}
	}
	return ""
}

// short gives a value in a few words.
func (e *edition) short(d *tax.Definition, v *tax.DatedValue) string {
	switch d.Kind {
	case tax.KindAmount:
		return e.withUnit(v.Amount, d.Unit)
	case tax.KindRate:
		return percent(v.Rate)
	case tax.KindThreshold:
		sign := "> "
		if v.Threshold.Reach {
			sign = "≥ "
		}
		return sign + e.withUnit(v.Threshold.Amount, d.Unit)
	case tax.KindBrackets:
		n := len(v.Brackets)
		return ordinal(n-1) + " " + e.w("levels") + " · " + percent(v.Brackets[0].Rate) + " – " +
			percent(v.Brackets[n-1].Rate)
	case tax.KindBands:
		n := len(v.Bands)
		return ordinal(n-1) + " " + e.w("rows") + " · " + percent(v.Bands[0].Rate) + " – " +
			percent(v.Bands[n-1].Rate)
	case tax.KindRates:
		return e.shortRates(v)
	case tax.KindChoice:
		return v.Choice
	case tax.KindRegime:
		if v.Regime.Refuse != "" {
			return e.w("refuse") + " " + v.Regime.Refuse
		}
		return e.term(v.Regime.Item)
	case tax.KindMethod:
		return e.t(kinds[tax.KindMethod]) + " " + v.Method.Name
	}
	return ""
}

func (e *edition) shortRates(v *tax.DatedValue) string {
	var rates []money.Fraction
	for _, r := range v.Rates {
		if !r.Open {
			rates = append(rates, r.Rate)
		}
	}
	text := ordinal(len(v.Rates)-1) + " " + e.w("rows")
	if len(rates) == 0 {
		return text
	}
	low, high := slices.MinFunc(rates, money.Fraction.Cmp), slices.MaxFunc(rates, money.Fraction.Cmp)
	if low.Cmp(high) == 0 {
		return text + " · " + percent(low)
	}
	return text + " · " + percent(low) + " – " + percent(high)
}

// withUnit writes an amount of yuan, or a count where the unit is one of days, months or persons.
func (e *edition) withUnit(a money.Amount, unit string) string {
	if unit == "days" || unit == "months" || unit == "persons" {
		return strings.TrimSuffix(a.String(), ".00") + " " + e.term(unit)
	}
	return grouped(a)
}

// grouped writes an amount with thousands set apart.
func grouped(a money.Amount) string {
	whole, cents, _ := strings.Cut(a.Abs().String(), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if a.Negative() {
		whole = "-" + whole
	}
	return whole + "." + cents
}

// percent writes a rate exactly, as a percentage.
func percent(r money.Fraction) string {
	whole, rest, _ := strings.Cut(r.String(), ".")
	for len(rest) < 2 {
		rest += "0"
	}
	whole = strings.TrimLeft(whole+rest[:2], "0")
	if whole == "" {
		whole = "0"
	}
	if rest = strings.TrimRight(rest[2:], "0"); rest != "" {
		rest = "." + rest
	}
	return whole + rest + "%"
}

func ordinal(i int) string { return strconv.Itoa(i + 1) }

// conditionToken finds the words and signs of a condition.
var conditionToken = regexp.MustCompile(`[a-z0-9_.]+|==|!=|<=|>=|[<>()\[\],]`)

// condition puts the condition of a rule into words.
func (e *edition) condition(when string) string {
	if when == "" {
		return e.w("always")
	}
	var b strings.Builder
	tokens := conditionToken.FindAllString(when, -1)
	for i, t := range tokens {
		tight := t == "," || t == "]" || t == ")" || i == 0 || tokens[i-1] == "[" || tokens[i-1] == "("
		if e.lang == "zh" {
			tight = tight || t == "[" || tokens[i-1] == "," || tokens[i-1] == "not"
		}
		if !tight {
			b.WriteByte(' ')
		}
		b.WriteString(e.term(t))
	}
	return b.String()
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
