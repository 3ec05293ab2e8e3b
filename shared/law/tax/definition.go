package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Law is one article that a figure rests on.
type Law struct {
	Document string `json:"document"`
	Article  string `json:"article"`
	URL      string `json:"url,omitempty"`
}

// Status tells how far a rule is known.
type Status string

// The statuses of design section 7. Confirmed rules rest on a text that was read; secondary ones on
// a page that restates it; customary ones on universal practice; open ones are gaps until a
// position closes them.
const (
	Confirmed Status = "confirmed"
	Secondary Status = "secondary"
	Customary Status = "customary"
	Open      Status = "open"
)

// severity orders statuses from best to worst.
func (s Status) severity() int {
	switch s {
	case Confirmed:
		return 0
	case Secondary:
		return 1
	case Customary:
		return 2
	}
	return 3
}

// Kind tells what the values of a definition are.
type Kind string

// The kinds of definitions.
const (
	KindAmount    Kind = "amount"
	KindRate      Kind = "rate"
	KindThreshold Kind = "threshold"
	KindBrackets  Kind = "brackets"
	KindRates     Kind = "rates"  // a table of rates by word: industry, kind of contract
	KindBands     Kind = "bands"  // a table of rates by the total of a period
	KindChoice    Kind = "choice" // one of declared readings
	KindMethod    Kind = "method" // a way to compute one tax
	KindRegime    Kind = "regime" // which item a payment is
)

// Definition is one rule or parameter with all its dated values, as a rule file says it.
type Definition struct {
	ID     string              `json:",omitzero"`
	Kind   Kind                `json:",omitzero"`
	Title  bilingual.Text      `json:",omitzero"`
	Unit   string              `json:",omitzero"`
	Tax    string              `json:",omitzero"` // methods: the tax they compute
	Order  int                 `json:",omitzero"` // regimes and methods: the lower is asked first
	Values []DatedValue        `json:",omitzero"`
	Steps  map[string]StepText `json:",omitzero"` // methods: the wording of each step
	// Wording is the definition whose step texts a method uses where it has none of its own.
	Wording string `json:",omitzero"`
	// six digits of the prefecture that a rule of a local pack holds for; "" = all of its jurisdiction
	Locality string `json:",omitzero"`
}

// StepText is the wording of one step; {name} stands for an input, {result} for the result.
type StepText struct {
	Formula string         `json:",omitzero"`
	Text    bilingual.Text `json:",omitzero"`
	// roles of Uses whose references the step quotes; "rule" is the method's own
	Cites []string `json:",omitzero"`
}

// DatedValue is what a definition says from one day to another; To zero means no end is known.
type DatedValue struct {
	From, To  civil.Date `json:",omitzero"`
	Status    Status     `json:",omitzero"`
	Law       []Law      `json:",omitzero"`
	Published civil.Date `json:",omitzero"` // of the first document of Law
	// issue days of the other documents of Law, in its order
	Also      []civil.Date       `json:",omitzero"`
	Lapsed    *bilingual.Text    `json:",omitzero"` // set = nothing is in force in these days, and why
	Amount    money.Amount       `json:",omitzero"`
	Rate      money.Fraction     `json:",omitzero"`
	Threshold Threshold          `json:",omitzero"`
	Brackets  []Bracket          `json:",omitzero"`
	Rates     []RateRow          `json:",omitzero"` // by word, in its order
	Bands     []Band             `json:",omitzero"`
	Choice    string             `json:",omitzero"`
	Method    Method             `json:",omitzero"`
	Regime    Regime             `json:",omitzero"`
	Readings  map[string]Reading `json:",omitzero"` // open values: what a position may choose
	Note      bilingual.Text     `json:",omitzero"`
	// Discretion tells of an open value that the competent tax office decides case by case.
	Discretion bool `json:",omitzero"`
}

// isInForce tells whether d is in force on the day.
func (d *DatedValue) isInForce(on civil.Date) bool {
	return !on.Before(d.From) && (d.To.IsZero() || !on.After(d.To))
}

// openReason says what is missing while the value is open.
func (d *DatedValue) openReason() bilingual.Text {
	if d.Discretion {
		return bilingual.Text{ZH: "由主管税务机关裁量：" + d.Note.ZH,
			EN: "at the discretion of the competent tax office: " + d.Note.EN}
	}
	return d.Note
}

// Threshold is an amount with its edge: "reach" taxes the amount itself, "exceed" only what is
// above it.
type Threshold struct {
	Amount money.Amount `json:"amount"`
	Reach  bool         `json:"reach"` // the edge itself is taxed
}

// IsMet tells whether x is taxed.
func (t Threshold) IsMet(x money.Amount) bool {
	c := x.Cmp(t.Amount)
	return c > 0 || (c == 0 && t.Reach)
}

// EdgeText gives the edge's word.
func (t Threshold) EdgeText() string {
	if t.Reach {
		return "reach"
	}
	return "exceed"
}

// Bracket is one level of a table. UpTo zero on the last level means no end; the edge belongs to
// the level.
type Bracket struct {
	UpTo  money.Amount   `json:"up_to"`
	Rate  money.Fraction `json:"rate"`
	Quick money.Amount   `json:"quick_deduction"`
}

// RateRow is one row of a table of rates. Open tells that the row exists but its rate could not be
// read.
type RateRow struct {
	Word string         `json:"word"` // "catering", "loan"; "other" is the residual row
	Rate money.Fraction `json:"rate"`
	Open bool           `json:"open,omitempty"`
}

// unreadRateGap names a row whose rate could not be read.
func (r *RateRow) unreadRateGap(rule string, on civil.Date) *Gap {
	return &Gap{Rule: rule, On: on, Missing: bilingual.Text{ZH: "“" + r.Word + "”一行的比率未读到",
		EN: "the rate in row " + r.Word + " was not read"}}
}

// findRateRow finds the row of a word exactly; a residual row is the caller's matter.
func (d *DatedValue) findRateRow(word string) (RateRow, bool) {
	for _, r := range d.Rates {
		if r.Word == word {
			return r, true
		}
	}
	return RateRow{}, false
}

// Band is one row of a table by totals. Edge zero on the last row means no end; Inclusive tells
// that the edge belongs to the row.
type Band struct {
	Edge      money.Amount
	Inclusive bool
	Rate      money.Fraction
}

// contains tells whether a total falls into the row or a later one's place before it.
func (b *Band) contains(total money.Amount) bool {
	c := total.Cmp(b.Edge)
	return b.Edge.IsZero() || c < 0 || (c == 0 && b.Inclusive)
}

// Method names a calculation and the definitions it uses by role.
type Method struct {
	Name       string            `json:",omitzero"`
	When       string            `json:",omitzero"` // an expression over facts, see expression.go
	Uses       map[string]string `json:",omitzero"` // role -> definition id
	Period     string            `json:",omitzero"` // day, month, quarter
	Collection string            `json:",omitzero"`
	// self-filed taxes that cannot be estimated: what would have to be known
	Missing []bilingual.Text `json:",omitzero"`
}

// Reading is one answer that a position may choose.
type Reading struct {
	Title  bilingual.Text `json:",omitzero"`
	Method Method         `json:",omitzero"`
}

// Regime says which item a payment is, and what may not be asked for instead.
type Regime struct {
	When   string         `json:",omitzero"` // an expression over facts
	Item   string         `json:",omitzero"`
	Refuse string         `json:",omitzero"` // reason word: nothing is taxed here, the call is refused
	Allows []string       `json:",omitzero"` // other items that may be named
	Bans   []Ban          `json:",omitzero"`
	Text   bilingual.Text `json:",omitzero"`
}

// Ban forbids an item with its reason and article.
type Ban struct {
	Item string         `json:",omitzero"`
	Why  bilingual.Text `json:",omitzero"`
	Law  []Law          `json:",omitzero"`
}

// PackID names the rules that taxed.
type PackID struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // over the files of the pack
}

// Pack is a complete set of definitions.
type Pack struct {
	ID           PackID
	Jurisdiction Jurisdiction
	Definitions  []Definition
}

// Jurisdiction is the place whose rules a pack holds.
type Jurisdiction struct {
	Code  string         `json:"code"`          // six digits; 000000 for the national pack
	ISO   string         `json:"iso,omitempty"` // ISO 3166-2; "" where there is none
	Title bilingual.Text `json:"title"`
	// municipality, province, autonomous_region, separately_planned_city, corps
	Kind string `json:"kind,omitempty"`
	// confirmed, partial, unconfirmed: how far its rules are known
	Confidence string `json:"confidence,omitempty"`
}
