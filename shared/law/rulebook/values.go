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

// valueView is the value of a definition from one day to another, as a page shows it.
type valueView struct {
	Anchor, Span string
	Now          bool
	Status       badge
	Headline     string // the amount, rate or choice itself
	Explain      string // for a threshold: whether the amount itself is taxed
	Table        *table
	Method       *methodView
	Regime       *regimeView
	Gap          string // why there is no value in this time
	GapWord      string
	Readings     []readingView
	NoReadings   bool
	Note         string
	Sources      []sourceView
}

// badge is the label of a status or of the knowledge of a place.
type badge struct{ Class, Word, Meaning string }

// table is a table of brackets, bands or rates.
type table struct {
	Head    []string
	Rows    [][]string
	Numbers int // index of the first column with numbers
}

// sourceView is a cited article of a document.
type sourceView struct{ Document, Article, URL, Issued string }

// methodView is a method of calculation as a page shows it.
type methodView struct {
	Name, Condition, Code string
	Facts                 [][2]string
	Uses                  []useView
	Missing               []string
}

// useView is a definition that a method uses, with its role and its value in a few words.
type useView struct {
	Role    string
	Link    link
	Summary string
}

// readingView is a reading of an open rule that a tax position may choose.
type readingView struct {
	Name, Title string
	Method      *methodView
}

// regimeView is a regime as a page shows it: the item of income that it applies or the refusal, and
// what it forbids.
type regimeView struct {
	Item, Refuse, Condition, Code string
	Text                          []segment
	Allows                        []string
	Bans                          []banView
}

// banView is something that the law forbids instead of a regime.
type banView struct {
	Item, Why string
	Sources   []sourceView
}

// translateTerm returns the name of a word of a rule file, and the word itself if it has no name.
func (e *edition) translateTerm(word string) string {
	if t, ok := terms[word]; ok {
		return e.translate(t)
	}
	return word
}

// translateRowTerm is translateTerm for the rows of tables.
func (e *edition) translateRowTerm(word string) string {
	if t, ok := rowTerms[word]; ok {
		return e.translate(t)
	}
	return e.translateTerm(word)
}

// statusBadge returns the label of a status.
func (e *edition) statusBadge(s tax.Status) badge {
	t := statuses[s]
	return badge{Class: string(s), Word: e.translate(t[0]), Meaning: e.translate(t[1])}
}

// periodText writes the days on which a value applies.
func (e *edition) periodText(from, to civil.Date) string {
	switch {
	case !to.IsZero():
		return from.String() + " " + e.bookWord("until") + " " + to.String()
	case e.lang == "zh":
		return from.String() + " 起"
	}
	return "from " + from.String()
}

// viewValue prepares one dated value of a definition for its page. up leads from the page to the
// folder of the language.
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

// describeGap shows what is missing for an open value and which readings a tax position may choose.
func (e *edition) describeGap(x *valueView, k key, v *tax.DatedValue, up string) {
	x.Gap = e.translate(v.Note)
	x.GapWord = e.bookWord("gap")
	// The note of an open value says what is missing, so it is shown once, as the gap.
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

// sourceViews lists the cited articles with their days of issue.
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

// valueTable shows brackets, bands or rates row by row, and returns nil for other kinds.
func (e *edition) valueTable(kind tax.Kind, v *tax.DatedValue) *table {
	switch kind {
	case tax.KindBrackets:
		return e.bracketTable(v.Brackets)
	case tax.KindBands:
		return e.bandTable(v.Bands)
	case tax.KindRates:
		return e.rateTable(v.Rates)
	default:
		return nil
	}
}

// bracketTable shows progressive brackets with their quick deductions.
func (e *edition) bracketTable(brackets []tax.Bracket) *table {
	t := &table{Numbers: 1, Head: []string{e.bookWord("level"), e.bookWord("above"),
		e.bookWord("up_to"), e.bookWord("rate"), e.bookWord("quick")}}
	var low money.Amount
	for i, b := range brackets {
		high := "—" // the last bracket has no end
		if !b.UpTo.IsZero() {
			high = groupThousands(b.UpTo)
		}
		t.Rows = append(t.Rows, []string{oneBasedNumber(i), groupThousands(low), high,
			formatPercent(b.Rate), groupThousands(b.Quick)})
		low = b.UpTo
	}
	return t
}

// bandTable shows the rates by the total of a period.
func (e *edition) bandTable(bands []tax.Band) *table {
	t := &table{Numbers: 1, Head: []string{e.bookWord("total"), e.bookWord("rate")}}
	low := ""
	for i := range bands {
		b := &bands[i]
		edges := strings.TrimSpace(low + " " + e.upperEdge(b))
		t.Rows = append(t.Rows, []string{edges, formatPercent(b.Rate)})
		low = e.lowerEdge(b)
	}
	return t
}

// rateTable shows the rates by industry or other row.
func (e *edition) rateTable(rates []tax.RateRow) *table {
	t := &table{Numbers: 2, Head: []string{e.bookWord("row"), e.bookWord("id"), e.bookWord("rate")}}
	for _, r := range rates {
		rate := formatPercent(r.Rate)
		if r.Open {
			rate = e.bookWord("not_read")
		}
		t.Rows = append(t.Rows, []string{e.translateRowTerm(r.Word), r.Word, rate})
	}
	return t
}

// upperEdge writes the upper end of a band; the last band has none.
func (e *edition) upperEdge(b *tax.Band) string {
	switch {
	case b.Edge.IsZero():
		return ""
	case b.Inclusive:
		return "≤ " + groupThousands(b.Edge)
	}
	return "< " + groupThousands(b.Edge)
}

// lowerEdge writes where the band after b begins.
func (e *edition) lowerEdge(b *tax.Band) string {
	if b.Inclusive {
		return "> " + groupThousands(b.Edge)
	}
	return "≥ " + groupThousands(b.Edge)
}

// viewMethod prepares a method of calculation for a page: its condition, period and the definitions
// that it uses.
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

// viewRegime prepares a regime for a page.
func (e *edition) viewRegime(r *tax.Regime) *regimeView {
	x := &regimeView{Item: e.translateTerm(r.Item), Refuse: r.Refuse, Code: r.When,
		Condition: e.describeCondition(r.When), Text: splitPlaceholders(e.translate(r.Text))}
	for _, a := range r.Allows {
		x.Allows = append(x.Allows, e.translateTerm(a))
	}
	for _, b := range r.Bans {
		x.Bans = append(x.Bans,
			banView{Item: e.translateTerm(b.Item), Why: e.translate(b.Why),
				Sources: e.sourceViews(b.Law, nil)})
	}
	return x
}

// linkTo returns the link to the page of a definition.
func (e *edition) linkTo(k key, up string) link {
	return link{Href: up + e.pagePath(k), Text: e.translate(e.findDefinition(k).Title)}
}

// valueOnDay writes the value of a definition on the day of the book in a few words.
func (e *edition) valueOnDay(k key) string {
	x := e.findEntry(k)
	switch {
	case x == nil:
		return e.bookWord("today_not")
	case x.Gap != nil:
		return e.bookWord("gap")
	}
	// A method whose rate is a gap computes nothing, although the method itself is known.
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

// shortValue writes a value in a few words.
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
		return oneBasedNumber(n-1) + " " + e.bookWord("levels") + " · " +
			formatPercent(v.Brackets[0].Rate) +
			" – " +
			formatPercent(v.Brackets[n-1].Rate)
	case tax.KindBands:
		n := len(v.Bands)
		return oneBasedNumber(n-1) + " " + e.bookWord("rows") + " · " + formatPercent(v.Bands[0].Rate) +
			" – " +
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

// shortRates writes the number of rows of a rate table and the lowest and highest known rate.
func (e *edition) shortRates(v *tax.DatedValue) string {
	var rates []money.Fraction
	for _, r := range v.Rates {
		if !r.Open {
			rates = append(rates, r.Rate)
		}
	}
	text := oneBasedNumber(len(v.Rates)-1) + " " + e.bookWord("rows")
	if len(rates) == 0 {
		return text
	}
	low, high := slices.MinFunc(rates, money.Fraction.Cmp), slices.MaxFunc(rates, money.Fraction.Cmp)
	if low.Cmp(high) == 0 {
		return text + " · " + formatPercent(low)
	}
	return text + " · " + formatPercent(low) + " – " + formatPercent(high)
}

// amountWithUnit writes an amount of yuan; if the unit is days, months or persons, it writes a
// whole number with the unit.
func (e *edition) amountWithUnit(a money.Amount, unit string) string {
	if unit == "days" || unit == "months" || unit == "persons" {
		return strings.TrimSuffix(a.String(), ".00") + " " + e.translateTerm(unit)
	}
	return groupThousands(a)
}

// groupThousands writes an amount with commas between thousands.
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

// formatPercent writes a rate as a percentage, exactly: 0.0075 is 0.75%.
func formatPercent(r money.Fraction) string {
	whole, rest, _ := strings.Cut(r.String(), ".")
	for len(rest) < 2 {
		rest += "0"
	}
	// Moving the point of the decimal text by two places needs no division and so no rounding.
	whole = strings.TrimLeft(whole+rest[:2], "0")
	if whole == "" {
		whole = "0"
	}
	if rest = strings.TrimRight(rest[2:], "0"); rest != "" {
		rest = "." + rest
	}
	return whole + rest + "%"
}

// oneBasedNumber writes an index as a number that begins with 1.
func oneBasedNumber(i int) string { return strconv.Itoa(i + 1) }

// conditionToken matches the words and operators of a condition.
var conditionToken = regexp.MustCompile(`[a-z0-9_.]+|==|!=|<=|>=|[<>()\[\],]`)

// describeCondition writes the condition of a rule in words.
func (e *edition) describeCondition(when string) string {
	if when == "" {
		return e.bookWord("always")
	}
	var b strings.Builder
	tokens := conditionToken.FindAllString(when, -1)
	for i, t := range tokens {
		// Chinese has no space before an opening bracket, after a comma and after 非; English has.
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

// sortedKeys returns the keys of a map in their order, so that the pages are always the same.
func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
