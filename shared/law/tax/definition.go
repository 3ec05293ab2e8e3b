package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Law is one article of a document that a figure rests on.
type Law struct {
	Document string `json:"document"`
	Article  string `json:"article"`
	URL      string `json:"url,omitempty"`
}

// Status says how well the text of a rule is known.
type Status string

// The statuses of rules. A confirmed rule rests on a text that was read, a secondary one on a page
// that restates the text, a customary one on universal practice. An open rule is a gap until a tax
// position closes it.
const (
	Confirmed Status = "confirmed"
	Secondary Status = "secondary"
	Customary Status = "customary"
	Open      Status = "open"
)

// severity orders the statuses from 0 for confirmed to 3 for open, so that the worst can be found.
func (s Status) severity() int {
	switch s {
	case Confirmed:
		return 0
	case Secondary:
		return 1
	case Customary:
		return 2
	default:
		return 3
	}
}

// Kind says what the values of a definition are, such as an amount, a rate or a method.
type Kind string

// The kinds of definitions.
const (
	KindAmount    Kind = "amount"
	KindRate      Kind = "rate"
	KindThreshold Kind = "threshold"
	KindBrackets  Kind = "brackets"
	// KindRates is a table of rates by a text key: industry, kind of contract.
	KindRates Kind = "rates"
	// KindBands is a table of rates by the total of a period.
	KindBands Kind = "bands"
	// KindChoice is one of several declared readings.
	KindChoice Kind = "choice"
	// KindMethod is a way to compute one tax.
	KindMethod Kind = "method"
	// KindRegime decides which item of income a payment is.
	KindRegime Kind = "regime"
)

// Definition is one rule or parameter of a rule file with all its dated values.
type Definition struct {
	ID    string         `json:",omitzero"`
	Kind  Kind           `json:",omitzero"`
	Title bilingual.Text `json:",omitzero"`
	Unit  string         `json:",omitzero"`
	// Tax is the tax that a definition of kind method computes.
	Tax string `json:",omitzero"`
	// Order ranks regimes and methods: the lower one is tried first.
	Order  int          `json:",omitzero"`
	Values []DatedValue `json:",omitzero"`
	// Steps are the wording of each step that a method writes.
	Steps map[string]StepText `json:",omitzero"`
	// Wording is the id of the definition whose step texts a method uses instead of texts of its own.
	Wording string `json:",omitzero"`
	// Locality is the six-digit code of the prefecture for which a rule of a local pack is valid; ""
	// means the whole jurisdiction.
	Locality string `json:",omitzero"`
}

// StepText is the wording of one step; {name} is replaced by an input, {result} by the result.
type StepText struct {
	Formula string         `json:",omitzero"`
	Text    bilingual.Text `json:",omitzero"`
	// Cites lists the roles of Uses whose references the step quotes; "rule" is the method's own.
	Cites []string `json:",omitzero"`
}

// DatedValue is what a definition says from one day to another. A zero To means that no end is
// known.
type DatedValue struct {
	From, To civil.Date `json:",omitzero"`
	Status   Status     `json:",omitzero"`
	Law      []Law      `json:",omitzero"`
	// Published is the day on which the first document of Law was issued.
	Published civil.Date `json:",omitzero"`
	// Also holds the issue days of the other documents of Law, in the order of Law.
	Also []civil.Date `json:",omitzero"`
	// Lapsed is set where nothing is in force in these days; it says why.
	Lapsed    *bilingual.Text `json:",omitzero"`
	Amount    money.Amount    `json:",omitzero"`
	Rate      money.Fraction  `json:",omitzero"`
	Threshold Threshold       `json:",omitzero"`
	Brackets  []Bracket       `json:",omitzero"`
	// Rates are sorted by their text key.
	Rates  []RateRow `json:",omitzero"`
	Bands  []Band    `json:",omitzero"`
	Choice string    `json:",omitzero"`
	Method Method    `json:",omitzero"`
	Regime Regime    `json:",omitzero"`
	// Readings are what a tax position may choose while the value is open.
	Readings map[string]Reading `json:",omitzero"`
	Note     bilingual.Text     `json:",omitzero"`
	// Discretion marks an open value that the competent tax office decides case by case.
	Discretion bool `json:",omitzero"`
}

// isInForce reports whether the day lies between the first and the last day of the value.
func (d *DatedValue) isInForce(on civil.Date) bool {
	return !on.Before(d.From) && (d.To.IsZero() || !on.After(d.To))
}

// openReason returns why the value is open: what is missing, or that the tax office decides.
func (d *DatedValue) openReason() bilingual.Text {
	if d.Discretion {
		return bilingual.Text{ZH: "由主管税务机关裁量：" + d.Note.ZH,
			EN: "at the discretion of the competent tax office: " + d.Note.EN}
	}
	return d.Note
}

// Threshold is an amount with its edge: with edge "reach" the amount itself is taxed, with "exceed"
// only what is above it.
type Threshold struct {
	Amount money.Amount `json:"amount"`
	// Reach says that an amount equal to the threshold is taxed.
	Reach bool `json:"reach"`
}

// IsMet reports whether amount x is taxed under the threshold.
func (t Threshold) IsMet(x money.Amount) bool {
	c := x.Cmp(t.Amount)
	return c > 0 || (c == 0 && t.Reach)
}

// EdgeText returns the edge as rule files write it, reach or exceed.
func (t Threshold) EdgeText() string {
	if t.Reach {
		return "reach"
	}
	return "exceed"
}

// Bracket is one level of a progressive table. An UpTo of zero on the last level means no end; an
// amount equal to UpTo belongs to the level.
type Bracket struct {
	UpTo  money.Amount   `json:"up_to"`
	Rate  money.Fraction `json:"rate"`
	Quick money.Amount   `json:"quick_deduction"`
}

// RateRow is one row of a table of rates. Open says that the row exists but that its rate could not
// be read.
type RateRow struct {
	// Word is the row's key, such as "catering" or "loan"; "other" is the row for everything else.
	Word string         `json:"word"`
	Rate money.Fraction `json:"rate"`
	Open bool           `json:"open,omitempty"`
}

// unreadRateGap returns the *Gap of a row whose rate could not be read.
func (r *RateRow) unreadRateGap(rule string, on civil.Date) *Gap {
	return &Gap{Rule: rule, On: on, Missing: bilingual.Text{ZH: "“" + r.Word + "”一行的比率未读到",
		EN: "the rate in row " + r.Word + " was not read"}}
}

// findRateRow returns the row whose key is exactly word. A caller that wants the row for everything
// else must ask for it.
func (d *DatedValue) findRateRow(word string) (RateRow, bool) {
	for _, r := range d.Rates {
		if r.Word == word {
			return r, true
		}
	}
	return RateRow{}, false
}

// Band is one row of a table by period totals. An Edge of zero on the last row means no end;
// Inclusive says that a total equal to the edge belongs to the row.
type Band struct {
	Edge      money.Amount
	Inclusive bool
	Rate      money.Fraction
}

// contains reports whether a total is below the row's edge. The rows are tried from the lowest, so
// the first row that contains the total is its row.
func (b *Band) contains(total money.Amount) bool {
	c := total.Cmp(b.Edge)
	return b.Edge.IsZero() || c < 0 || (c == 0 && b.Inclusive)
}

// Method is a calculation with the definitions that it uses in each role.
type Method struct {
	Name string `json:",omitzero"`
	// When is the condition over facts, see expression.go.
	When string `json:",omitzero"`
	// Uses maps each role to the id of a definition.
	Uses map[string]string `json:",omitzero"`
	// Period is day, month or quarter.
	Period     string `json:",omitzero"`
	Collection string `json:",omitzero"`
	// Missing lists the facts that an estimate would need, for self-filed taxes that cannot be
	// estimated.
	Missing []bilingual.Text `json:",omitzero"`
}

// Reading is one answer to an open question of law that a tax position may choose.
type Reading struct {
	Title  bilingual.Text `json:",omitzero"`
	Method Method         `json:",omitzero"`
}

// Regime decides which item of income a payment is, and which other items may be forced instead.
type Regime struct {
	// When is the condition over facts, see expression.go.
	When string `json:",omitzero"`
	Item string `json:",omitzero"`
	// Refuse is the reason code with which the payment is refused; such a regime taxes nothing.
	Refuse string `json:",omitzero"`
	// Allows lists other items that the caller may force.
	Allows []string       `json:",omitzero"`
	Bans   []Ban          `json:",omitzero"`
	Text   bilingual.Text `json:",omitzero"`
}

// Ban forbids an item of income for payments of a regime, with reason and article.
type Ban struct {
	Item string         `json:",omitzero"`
	Why  bilingual.Text `json:",omitzero"`
	Law  []Law          `json:",omitzero"`
}

// PackID identifies the version of a policy pack that computed a figure.
type PackID struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
	// SHA256 is the hash over the files of the pack.
	SHA256 string `json:"sha256"`
}

// Pack is a complete set of definitions of one jurisdiction.
type Pack struct {
	ID           PackID
	Jurisdiction Jurisdiction
	Definitions  []Definition
}

// Jurisdiction is the place whose rules a pack holds.
type Jurisdiction struct {
	// Code has six digits; 000000 is the national pack.
	Code string `json:"code"`
	// ISO is the code of ISO 3166-2; "" where the place has none.
	ISO   string         `json:"iso,omitempty"`
	Title bilingual.Text `json:"title"`
	// Kind is municipality, province, autonomous_region, separately_planned_city or corps.
	Kind string `json:"kind,omitempty"`
	// Confidence is confirmed, partial or unconfirmed: how well the place's rules are known.
	Confidence string `json:"confidence,omitempty"`
}
