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

// translateTerm gives a word of a rule file in the edition's language, or as it stands.
func (e *edition) translateTerm(word string) string {
	if t, ok := terms[word]; ok {
		return e.translate(t)
	}
	return word
}

// translateRowTerm is term for the rows of tables.
func (e *edition) translateRowTerm(word string) string {
	if t, ok := rowTerms[word]; ok {
		return e.translate(t)
	}
	return e.translateTerm(word)
}

func (e *edition) statusBadge(s tax.Status) badge {
	t := statuses[s]
	return badge{Class: string(s), Word: e.translate(t[0]), Meaning: e.translate(t[1])}
}

// periodText tells the days of a value.
func (e *edition) periodText(from, to civil.Date) string {
	switch {
	case !to.IsZero():
		return from.String() + " " + e.bookWord("until") + " " + to.String()
	case e.lang == "zh":
		return from.String() + " 起"
	}
	return "from " + from.String()
}

// viewValue makes the view of one dated value of a definition that stands on the page at a path.
func (e *edition) viewValue(k key, d *tax.Definition, v *tax.DatedValue, up string) valueView {
	on := e.source.On
	x := valueView{Anchor: "from-" + v.From.String(), Span: e.periodText(v.From, v.To),
		Now:    !on.Before(v.From) && (v.To.IsZero() || !on.After(v.To)),
		Status: e.statusBadge(v.Status), Note: e.translate(v.Note),
		Sources: e.sourceViews(v.Law, append([]civil.Date{v.Published}, v.Also...))}
	if v.Lapsed != nil {
		x.Status = e.statusBadge("lapsed")
		x.Gap = e.translate(*v.Lapsed)
		x.GapWord = e.bookWord("lapsed")
		return x
	}
	if v.Status == tax.Open {
		e.describeGap(&x, k, v, up)
		return x
	}
	switch d.Kind {
	case tax.KindAmount, tax.KindRate, tax.KindThreshold, tax.KindChoice:
		x.Headline = e.shortValue(d, v)
	case tax.KindMethod:
		x.Method = e.viewMethod(k, &v.Method, up)
	case tax.KindRegime:
		x.Regime = e.viewRegime(&v.Regime)
	default:
		x.Table = e.valueTable(d.Kind, v)
	}
	if d.Kind == tax.KindThreshold {
		x.Explain = e.bookWord(v.Threshold.EdgeText())
	}
	return x
}

// describeGap tells what an open value lacks and what may be chosen.
func (e *edition) describeGap(x *valueView, k key, v *tax.DatedValue, up string) {
	x.Gap = e.translate(v.Note)
	x.GapWord = e.bookWord("gap")
	x.Note = ""
	if v.Discretion {
		x.GapWord = e.bookWord("discretion")
	}
	for _, name := range sortedKeys(v.Readings) {
		r := v.Readings[name]
		view := readingView{Name: name, Title: e.translate(r.Title)}
		if r.Method.Name != "" {
			view.Method = e.viewMethod(k, &r.Method, up)
		}
		x.Readings = append(x.Readings, view)
	}
	x.NoReadings = len(v.Readings) == 0
	if v.Method.When != "" {
		x.Method = e.viewMethod(k, &v.Method, up)
	}
}

func (e *edition) sourceViews(laws []tax.Law, issued []civil.Date) []sourceView {
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

// valueTable shows brackets, bands and rates row by row.
func (e *edition) valueTable(kind tax.Kind, v *tax.DatedValue) *table {
	switch kind {
	case tax.KindBrackets:
		t := &table{Head: []string{e.bookWord("level"), e.bookWord("above"), e.bookWord("up_to"), e.bookWord("rate"), e.bookWord("quick")},
			Numbers: 1}
		var low money.Amount
		for i, b := range v.Brackets {
			high := "—"
			if !b.UpTo.IsZero() {
				high = groupThousands(b.UpTo)
			}
			t.Rows = append(t.Rows,
				[]string{oneBased(i), groupThousands(low), high, formatPercent(b.Rate), groupThousands(b.Quick)})
			low = b.UpTo
		}
		return t
	case tax.KindBands:
		t := &table{Head: []string{e.bookWord("total"), e.bookWord("rate")}, Numbers: 1}
		low := ""
		for i := range v.Bands {
			b := &v.Bands[i]
			t.Rows = append(t.Rows, []string{strings.TrimSpace(low + " " + e.upperEdge(b)), formatPercent(b.Rate)})
			low = e.lowerEdge(b)
		}
		return t
	case tax.KindRates:
		t := &table{Head: []string{e.bookWord("row"), e.bookWord("id"), e.bookWord("rate")}, Numbers: 2}
		for _, r := range v.Rates {
			rate := formatPercent(r.Rate)
			if r.Open {
				rate = e.bookWord("not_read")
			}
			t.Rows = append(t.Rows, []string{e.translateRowTerm(r.Word), r.Word, rate})
		}
		return t
	}
	return nil
}

// upperEdge tells where a band ends, lower where the next one begins.
func (e *edition) upperEdge(b *tax.Band) string {
	switch {
	case b.Edge.IsZero():
		return ""
	case b.Inclusive:
		return "≤ " + groupThousands(b.Edge)
	}
	return "< " + groupThousands(b.Edge)
}

func (e *edition) lowerEdge(b *tax.Band) string {
	if b.Inclusive {
		return "> " + groupThousands(b.Edge)
	}
	return "≥ " + groupThousands(b.Edge)
}

// viewMethod tells how a method computes and from what.
func (e *edition) viewMethod(k key, m *tax.Method, up string) *methodView {
	x := &methodView{Name: m.Name, Code: m.When, Condition: e.describeCondition(m.When)}
	if m.Period != "" {
		x.Facts = append(x.Facts, [2]string{e.bookWord("period"), e.translateTerm(m.Period)})
	}
	if m.Collection != "" {
		x.Facts = append(x.Facts, [2]string{e.bookWord("collection"), e.translateTerm(m.Collection)})
	}
	for _, role := range sortedKeys(m.Uses) {
		u := useView{Role: role, Link: link{Text: m.Uses[role]}}
		if used, ok := e.resolveRule(k.place, m.Uses[role]); ok {
			u.Link = e.linkTo(used, up)
			u.Summary = e.valueOnDay(used)
		}
		x.Uses = append(x.Uses, u)
	}
	for _, t := range m.Missing {
		x.Missing = append(x.Missing, e.translate(t))
	}
	return x
}

func (e *edition) viewRegime(r *tax.Regime) *regimeView {
	x := &regimeView{Item: e.translateTerm(r.Item), Refuse: r.Refuse, Code: r.When,
		Condition: e.describeCondition(r.When), Text: splitPlaceholders(e.translate(r.Text))}
	for _, a := range r.Allows {
		x.Allows = append(x.Allows, e.translateTerm(a))
	}
	for _, b := range r.Bans {
		x.Bans = append(x.Bans,
			banView{Item: e.translateTerm(b.Item), Why: e.translate(b.Why), Sources: e.sourceViews(b.Law, nil)})
	}
	return x
}

// linkTo leads to a definition's page.
func (e *edition) linkTo(k key, up string) link {
	return link{Href: up + e.pagePath(k), Text: e.translate(e.findDefinition(k).Title)}
}

// valueOnDay is what a definition says on the day of the book, in a few words.
func (e *edition) valueOnDay(k key) string {
	x := e.findEntry(k)
	switch {
	case x == nil:
		return e.bookWord("today_not")
	case x.Gap != nil:
		return e.bookWord("gap")
	}
	if lacks := e.blockingGap(k); lacks != nil {
		return e.bookWord("gap") + e.bookWord("colon") + e.translate(lacks.Title)
	}
	d := e.findDefinition(k)
	for i := range d.Values {
		if v := &d.Values[i]; v.From == x.From {
			return e.shortValue(d, v)
		}
	}
	return ""
}

// shortValue gives a value in a few words.
func (e *edition) shortValue(d *tax.Definition, v *tax.DatedValue) string {
	switch d.Kind {
	case tax.KindAmount:
		return e.amountWithUnit(v.Amount, d.Unit)
	case tax.KindRate:
		return formatPercent(v.Rate)
	case tax.KindThreshold:
		sign := "> "
		if v.Threshold.Reach {
			sign = "≥ "
		}
		return sign + e.amountWithUnit(v.Threshold.Amount, d.Unit)
	case tax.KindBrackets:
		n := len(v.Brackets)
		return oneBased(n-1) + " " + e.bookWord("levels") + " · " + formatPercent(v.Brackets[0].Rate) + " – " +
			formatPercent(v.Brackets[n-1].Rate)
	case tax.KindBands:
		n := len(v.Bands)
		return oneBased(n-1) + " " + e.bookWord("rows") + " · " + formatPercent(v.Bands[0].Rate) + " – " +
			formatPercent(v.Bands[n-1].Rate)
	case tax.KindRates:
		return e.shortRates(v)
	case tax.KindChoice:
		return v.Choice
	case tax.KindRegime:
		if v.Regime.Refuse != "" {
			return e.bookWord("refuse") + " " + v.Regime.Refuse
		}
		return e.translateTerm(v.Regime.Item)
	case tax.KindMethod:
		return e.translate(kinds[tax.KindMethod]) + " " + v.Method.Name
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
	text := oneBased(len(v.Rates)-1) + " " + e.bookWord("rows")
	if len(rates) == 0 {
		return text
	}
	low, high := slices.MinFunc(rates, money.Fraction.Cmp), slices.MaxFunc(rates, money.Fraction.Cmp)
	if low.Cmp(high) == 0 {
		return text + " · " + formatPercent(low)
	}
	return text + " · " + formatPercent(low) + " – " + formatPercent(high)
}

// amountWithUnit writes an amount of yuan, or a count where the unit is one of days, months or persons.
func (e *edition) amountWithUnit(a money.Amount, unit string) string {
	if unit == "days" || unit == "months" || unit == "persons" {
		return strings.TrimSuffix(a.String(), ".00") + " " + e.translateTerm(unit)
	}
	return groupThousands(a)
}

// groupThousands writes an amount with thousands set apart.
func groupThousands(a money.Amount) string {
	whole, cents, _ := strings.Cut(a.Abs().String(), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if a.Negative() {
		whole = "-" + whole
	}
	return whole + "." + cents
}

// formatPercent writes a rate exactly, as a percentage.
func formatPercent(r money.Fraction) string {
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

func oneBased(i int) string { return strconv.Itoa(i + 1) }

// conditionToken finds the words and signs of a condition.
var conditionToken = regexp.MustCompile(`[a-z0-9_.]+|==|!=|<=|>=|[<>()\[\],]`)

// describeCondition puts the condition of a rule into words.
func (e *edition) describeCondition(when string) string {
	if when == "" {
		return e.bookWord("always")
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
		b.WriteString(e.translateTerm(t))
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
