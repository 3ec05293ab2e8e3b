package tax

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Result is what the computation of one payment returns.
type Result struct {
	// Gross is the payment's amount, plus VAT on top where the price was contracted without VAT.
	Gross money.Amount `json:"gross"`
	// TaxableIncome (应纳税所得额) belongs to the whole IIT period; 0.00 where no IIT is withheld.
	TaxableIncome    money.Amount `json:"taxable_income"`
	Taxes            []Line       `json:"taxes"`
	PayeeObligations []Line       `json:"payee_obligations"`
	PayerTaxes       []Line       `json:"payer_taxes"`
	TotalWithheld    money.Amount `json:"total_withheld"`
	Net              money.Amount `json:"net"`
	Steps            []Step       `json:"steps"`
	Rules            RulesUsed    `json:"rules"`
	// Unconfirmed lists the ids of used rules whose text was not read.
	Unconfirmed []string `json:"unconfirmed"`

	// Item is the kind of income that the regime gave to the payment.
	Item string `json:"-"`
	// Rows are the tax rows that booking this payment appends.
	Rows []Row `json:"-"`
	// TrueUps are the open differences between tax withheld and tax due of the periods.
	TrueUps []TrueUp `json:"-"`
	// Positions are the ids of the tax positions that were used; Rules lists them too.
	Positions []string `json:"-"`
}

// RulesUsed identifies the rules behind a result: the national pack, the local packs of the places
// concerned, and the tax positions that were used.
type RulesUsed struct {
	PackID
	Local     []PackID `json:"local,omitempty"`
	Positions []string `json:"positions"`
}

// TrueUp is an open difference of a period (补扣补退): more tax was withheld than the rule gives on the
// rows that are still booked. Cumulative methods have none, because their excess waits for the
// annual settlement.
type TrueUp struct {
	Tax, Item, Period string
	Excess            money.Amount
}

// Line is one tax of one period. Due is Amount plus Shortfall; Total is Before plus Due.
type Line struct {
	Tax  string
	Item string
	// Period is the month or the day that the tax belongs to.
	Period     string
	Collection string
	// Base is the tax base of the whole period, not of this payment alone.
	Base  money.Amount
	Rate  money.Fraction
	Quick money.Amount
	// Relief is the reduction of the whole period's tax, such as half of the surcharges.
	Relief money.Amount
	// Total is the tax of the whole period after relief.
	Total money.Amount
	// Before is the part of Total that was booked before this payment.
	Before money.Amount
	// Due is the part of Total that this payment adds.
	Due money.Amount
	// Amount is withheld from this payment; Shortfall exceeds the payment and becomes a receivable.
	Amount    money.Amount
	Shortfall money.Amount
	BorneBy   string
	Law       []Law
	Status    Status
	// Note says what an estimate leaves out.
	Note *bilingual.Text
	// Missing is set on an estimate that needs facts which nobody has provided; the line then has no
	// figures.
	Missing []bilingual.Text
}

// lineJSON is the form of Line in the HTTP contract; its figures are null where Missing is set.
type lineJSON struct {
	Tax        string           `json:"tax"`
	Collection string           `json:"collection"`
	Item       string           `json:"item,omitempty"`
	Period     string           `json:"period,omitempty"`
	Base       *money.Amount    `json:"base"`
	Rate       *money.Fraction  `json:"rate"`
	Quick      *money.Amount    `json:"quick_deduction"`
	Relief     *money.Amount    `json:"relief"`
	Total      *money.Amount    `json:"period_total"`
	Before     *money.Amount    `json:"period_before"`
	Due        *money.Amount    `json:"due"`
	Amount     *money.Amount    `json:"amount"`
	Shortfall  *money.Amount    `json:"shortfall"`
	BorneBy    string           `json:"borne_by"`
	Law        []Law            `json:"law"`
	Status     Status           `json:"status"`
	Note       *bilingual.Text  `json:"note,omitempty"`
	Missing    []bilingual.Text `json:"missing,omitempty"`
}

// MarshalJSON writes the line in the form of the HTTP contract.
func (l Line) MarshalJSON() ([]byte, error) {
	j := lineJSON{Tax: l.Tax, Collection: l.Collection, Item: l.Item, Period: l.Period,
		BorneBy: l.BorneBy, Law: l.Law, Status: l.Status, Note: l.Note, Missing: l.Missing}
	if j.Law == nil {
		j.Law = []Law{}
	}
	// an estimate without facts has no figures: null, because zero would be an answer
	if l.Missing == nil {
		j.Base = &l.Base
		j.Rate = &l.Rate
		j.Quick = &l.Quick
		j.Relief = &l.Relief
		j.Total = &l.Total
		j.Before = &l.Before
		j.Due = &l.Due
		j.Amount = &l.Amount
		j.Shortfall = &l.Shortfall
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads a line that MarshalJSON has written. Figures that are null become zero;
// Missing then says why they are unknown.
func (l *Line) UnmarshalJSON(b []byte) error {
	var j lineJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	sum := func(a *money.Amount) money.Amount {
		if a == nil {
			return money.Amount{}
		}
		return *a
	}
	*l = Line{Tax: j.Tax, Collection: j.Collection, Item: j.Item, Period: j.Period, Base: sum(j.Base),
		Quick: sum(j.Quick), Relief: sum(j.Relief),
		Total: sum(j.Total), Before: sum(j.Before), Due: sum(j.Due), Amount: sum(j.Amount),
		Shortfall: sum(j.Shortfall),
		BorneBy:   j.BorneBy, Law: j.Law, Status: j.Status, Note: j.Note, Missing: j.Missing}
	if j.Rate != nil {
		l.Rate = *j.Rate
	}
	return nil
}

// Value is an input or the result of a step: an amount, a rate, a count, a day, a month or a text.
// A Value has no pointers to figures, so that recording a step allocates nothing.
type Value struct {
	// text holds text values, and rates whose denominator does not fit into den.
	text string
	// num is fen, a count, a numerator, or a day as the number YYYYMMDD.
	num int64
	den int32
	// kind is 'a' for an amount, 'r' rate, 'n' count, 'd' day, 'm' month, and 0 for text.
	kind byte
}

// MoneyValue returns the step value of an amount of money.
func MoneyValue(a money.Amount) Value { return Value{kind: 'a', num: a.Fen()} }

// RateValue returns the step value of a rate; a rate whose denominator needs more than 31 bits is
// kept as text.
func RateValue(r money.Fraction) Value {
	if den := r.Den(); den <= 1<<31-1 {
		return Value{kind: 'r', num: r.Num(), den: int32(den)}
	}
	return Value{kind: 'r', text: r.String()}
}

// CountValue returns the step value of a whole number, such as months.
func CountValue(n int) Value { return Value{kind: 'n', num: int64(n)} }

// DayValue returns the step value of a day.
func DayValue(d civil.Date) Value { return Value{kind: 'd', num: dayNumber(d)} }

// MonthValue returns the step value of the month that a day lies in.
func MonthValue(d civil.Date) Value { return Value{kind: 'm', num: dayNumber(d)} }

// dayNumber returns a day as the number YYYYMMDD; the zero date is 0.
func dayNumber(d civil.Date) int64 {
	return int64(d.Year())*10000 + int64(d.Month().Number())*100 + int64(d.Day())
}

// formatDayNumber writes a number YYYYMMDD as the text YYYY-MM-DD, and 0 as "".
func formatDayNumber(n int64) string {
	if n == 0 {
		return ""
	}
	s := strconv.FormatInt(n, 10)
	return s[:4] + "-" + s[4:6] + "-" + s[6:]
}

// TextValue returns the step value of a text, such as a reading or an item of income.
func TextValue(s string) Value { return Value{text: s} }

// String returns the value as explanations print it: yuan with two decimals, a decimal rate, a day.
func (v Value) String() string {
	switch {
	case v.text != "":
		return v.text
	case v.kind == 'a':
		return money.Fen(v.num).String()
	case v.kind == 'r':
		return money.NewFraction(v.num, int64(v.den)).String()
	case v.kind == 'n':
		return strconv.FormatInt(v.num, 10)
	case v.kind == 'd':
		return formatDayNumber(v.num)
	case v.kind == 'm':
		if t := formatDayNumber(v.num); t != "" {
			return t[:len("2006-01")]
		}
		return ""
	}
	return v.text
}

// Input is a named value that a step's formula uses.
type Input struct {
	Name  string
	Value Value
}

// Step is one line of the explanation of a figure. What is the same in every run of the rule is
// shared through spec, and the sentences are built from the rule file's wording only when they are
// read.
type Step struct {
	spec    *stepSpec
	Inputs  []Input
	Result  Value
	rounded bool
	// position is the id of the tax position that closed an open rule for this step.
	position string
}

// stepSpec is the part of a step that never changes between runs: names, articles and wording.
type stepSpec struct {
	// name is the step's name in rule files, such as "iit.base".
	name string
	// rule is the id of the rule that the step belongs to.
	rule    string
	formula string
	law     []Law
	status  Status
	// wording is a template with {placeholders} for inputs and the result.
	wording bilingual.Text
	// isFinalText marks a step that was decoded or written by a contract: wording is finished text.
	isFinalText bool
}

// Name returns the step's name in rule files, such as "iit.base".
func (s *Step) Name() string { return s.spec.name }

// Rule returns the id of the rule that the step follows.
func (s *Step) Rule() string { return s.spec.rule }

// Law returns the articles that the step rests on; the caller must not change the list.
func (s *Step) Law() []Law { return s.spec.law }

// Status returns the worst status among the articles that the step rests on.
func (s *Step) Status() Status { return s.spec.status }

// Rounding returns how the step's result was rounded, or "" if it was not rounded.
func (s *Step) Rounding() string {
	if s.rounded {
		return halfUp
	}
	return ""
}

// Text returns the step's sentences in Chinese and English, with the figures filled in.
func (s *Step) Text() bilingual.Text {
	w := s.spec.wording
	if s.spec.isFinalText {
		return w
	}
	return bilingual.Text{ZH: s.fillTemplate(w.ZH, s.certaintyNote(true)),
		EN: s.fillTemplate(w.EN, s.certaintyNote(false))}
}

// certaintyNote returns the words that are appended to a step's sentence when its rule is not
// confirmed: which tax position decided it, or that the law's text was not read.
func (s *Step) certaintyNote(zh bool) string {
	var m bilingual.Text
	switch {
	case s.position != "":
		m = bilingual.Text{ZH: "（依据税务口径 " + s.position + "）", EN: " (by tax position " + s.position + ")"}
	case s.spec.status == Customary:
		m = bilingual.Text{ZH: "（通行做法，未见原文）", EN: " (customary practice, text not read)"}
	case s.spec.status == Secondary:
		m = bilingual.Text{ZH: "（依据转述，未见原文）", EN: " (from a page that restates the text)"}
	}
	if zh {
		return m.ZH
	}
	return m.EN
}

// usualFill is how many bytes the figures of a step's sentence usually take.
const usualFill = 64

// fillTemplate replaces each {name} of a wording by the input or the result of that name and
// appends the certainty note.
func (s *Step) fillTemplate(template, mark string) string {
	var b strings.Builder
	b.Grow(len(template) + len(mark) + usualFill)
	for {
		before, rest, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(s.placeholderText(name))
		template = after
	}
	b.WriteString(mark)
	return b.String()
}

// placeholderText returns the text of the input that a placeholder names, or of the result; a name
// that the step does not have gives "".
func (s *Step) placeholderText(name string) string {
	if name == "result" {
		return s.Result.String()
	}
	for i := range s.Inputs {
		if s.Inputs[i].Name == name {
			return s.Inputs[i].Value.String()
		}
	}
	return ""
}

// MarshalJSON writes a step in the form of the HTTP contract. Inputs keep their order; amounts and
// rates are strings, counts are numbers.
func (s Step) MarshalJSON() ([]byte, error) { return s.appendJSON(make([]byte, 0, 1024)), nil }

// AppendSteps appends steps as a JSON array. AppendSteps is used instead of package encoding/json,
// which validates again what MarshalJSON has written and takes twice as long; steps are most of the
// bytes of a stored computation.
func AppendSteps(b []byte, steps []Step) []byte {
	b = append(b, '[')
	for i := range steps {
		if i > 0 {
			b = append(b, ',')
		}
		b = steps[i].appendJSON(b)
	}
	return append(b, ']')
}

// appendJSON appends the step's JSON object. The order of its names is stored and hashed, so it
// must not change.
func (s *Step) appendJSON(b []byte) []byte {
	b = append(b, `{"step":`...)
	b = appendJSONString(b, s.spec.name)
	b = append(b, `,"rule":`...)
	b = appendJSONString(b, s.spec.rule)
	b = append(b, `,"formula":`...)
	b = appendJSONString(b, s.spec.formula)
	b = append(b, `,"inputs":{`...)
	b = s.appendInputs(b)
	b = append(b, `},"result":`...)
	b = s.Result.appendJSON(b)
	b = append(b, `,"rounding":`...)
	b = appendJSONString(b, s.Rounding())
	b = append(b, `,"law":[`...)
	b = s.appendLaws(b)
	b = append(b, `],"status":`...)
	b = appendJSONString(b, string(s.spec.status))
	t := s.Text()
	b = append(b, `,"text":{"zh":`...)
	b = appendJSONString(b, t.ZH)
	b = append(b, `,"en":`...)
	b = appendJSONString(b, t.EN)
	return append(b, '}', '}')
}

// appendInputs appends the names and values of the inputs, without the braces around them.
func (s *Step) appendInputs(b []byte) []byte {
	for i := range s.Inputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONString(b, s.Inputs[i].Name)
		b = append(b, ':')
		b = s.Inputs[i].Value.appendJSON(b)
	}
	return b
}

// appendLaws appends the articles that the step quotes, without the brackets around them.
func (s *Step) appendLaws(b []byte) []byte {
	for i, l := range s.spec.law {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"document":`...)
		b = appendJSONString(b, l.Document)
		b = append(b, `,"article":`...)
		b = appendJSONString(b, l.Article)
		if l.URL != "" {
			b = append(b, `,"url":`...)
			b = appendJSONString(b, l.URL)
		}
		b = append(b, '}')
	}
	return b
}

// UnmarshalJSON reads a stored step; its sentences stay as they were written, even if the rule
// file's wording has changed since.
func (s *Step) UnmarshalJSON(b []byte) error {
	var j struct {
		Step, Rule, Formula, Rounding string
		Inputs                        inputList
		Result                        Value
		Law                           []Law
		Status                        Status
		Text                          bilingual.Text
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*s = Step{Inputs: j.Inputs, Result: j.Result, rounded: j.Rounding != "",
		spec: &stepSpec{name: j.Step, rule: j.Rule, formula: j.Formula, law: j.Law, status: j.Status,
			wording: j.Text, isFinalText: true}}
	return nil
}

// appendJSON appends a count as a JSON number and every other value as a JSON string.
func (v Value) appendJSON(b []byte) []byte {
	switch v.kind {
	case 'a':
		b = append(b, '"')
		return append(money.Fen(v.num).Append(b), '"')
	case 'n':
		return strconv.AppendInt(b, v.num, 10)
	}
	return appendJSONString(b, v.String())
}

// MarshalJSON writes a count as a number and every other value as a string.
func (v Value) MarshalJSON() ([]byte, error) { return v.appendJSON(nil), nil }

// UnmarshalJSON reads a number as a count, and a string as a text value.
func (v *Value) UnmarshalJSON(b []byte) error {
	if n, err := strconv.Atoi(string(b)); err == nil {
		*v = CountValue(n)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*v = TextValue(s)
	return nil
}

// inputList reads the JSON object of a step's inputs and keeps the order of its names, which a Go
// map would lose.
type inputList []Input

var errInputs = errors.New("tax: inputs of a step must be an object")

// UnmarshalJSON reads the inputs one name after the other.
func (l *inputList) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errInputs
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var v Value
		if err := d.Decode(&v); err != nil {
			return err
		}
		s, ok := name.(string)
		if !ok {
			return errInputs
		}
		*l = append(*l, Input{Name: s, Value: v})
	}
	return nil
}

// appendJSONString appends s as a JSON string. Wording and ids hold few characters that need an
// escape, so such a string is copied as it is; only others go through the standard encoder.
func appendJSONString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			q, err := json.Marshal(s)
			if err != nil {
				return append(b, '"', '"')
			}
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
