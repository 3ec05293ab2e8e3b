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

// Result is what one payment gives.
type Result struct {
	// Amount, plus VAT on top where the price is without VAT
	Gross money.Amount `json:"gross"`
	// 应纳税所得额 of the IIT period; 0.00 where nothing is withheld
	TaxableIncome    money.Amount `json:"taxable_income"`
	Taxes            []Line       `json:"taxes"`
	PayeeObligations []Line       `json:"payee_obligations"`
	PayerTaxes       []Line       `json:"payer_taxes"`
	TotalWithheld    money.Amount `json:"total_withheld"`
	Net              money.Amount `json:"net"`
	Steps            []Step       `json:"steps"`
	Rules            RulesUsed    `json:"rules"`
	Unconfirmed      []string     `json:"unconfirmed"` // ids of used rules that are not confirmed

	Item      string   `json:"-"` // the item that the regime gave
	Rows      []Row    `json:"-"` // what a booking appends
	TrueUps   []TrueUp `json:"-"` // named open differences of the periods
	Positions []string `json:"-"` // ids of the positions that were used; also in Rules
}

// RulesUsed names the national pack, the local packs of the places concerned, and the positions
// that were used.
type RulesUsed struct {
	PackID
	Local     []PackID `json:"local,omitempty"`
	Positions []string `json:"positions"`
}

// TrueUp is a difference that stays open: more was withheld for a period than the rule gives on
// what stands (补扣补退). Cumulative methods have none; their excess waits for the annual settlement.
type TrueUp struct {
	Tax, Item, Period string
	Excess            money.Amount
}

// Line is one tax on one period. Due = Amount + Shortfall; Total = Before + Due.
type Line struct {
	Tax        string
	Item       string
	Period     string // month or day the tax belongs to
	Collection string
	Base       money.Amount // of the whole period
	Rate       money.Fraction
	Quick      money.Amount
	Relief     money.Amount // reduction of the whole period (half of the surcharges)
	Total      money.Amount // tax of the whole period
	Before     money.Amount // of it, booked before this payment
	Due        money.Amount // falls on this payment
	Amount     money.Amount // kept back from this payment
	Shortfall  money.Amount // could not be kept back: a receivable
	BorneBy    string
	Law        []Law
	Status     Status
	Note       *bilingual.Text // what an estimate leaves out
	// set on estimates that need facts nobody has told: then no figure is given
	Missing []bilingual.Text
}

// lineJSON is the contract's shape; figures are null where Missing is set.
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

// MarshalJSON writes the contract's shape.
func (l Line) MarshalJSON() ([]byte, error) {
	j := lineJSON{Tax: l.Tax, Collection: l.Collection, Item: l.Item, Period: l.Period,
		BorneBy: l.BorneBy, Law: l.Law, Status: l.Status, Note: l.Note, Missing: l.Missing}
	if j.Law == nil {
		j.Law = []Law{}
	}
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

// UnmarshalJSON reads what MarshalJSON wrote; null figures become zero beside a Missing that says
// why.
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

// Value is an input or a result of a step: an amount, a rate, a count or a word.
type Value struct {
	text string // of words, and of rates whose denominator does not fit
	num  int64  // fen, count, numerator, or a day as the number YYYYMMDD
	den  int32
	kind byte // 'a' amount, 'r' rate, 'n' count, 'd' day, 'm' month, 0 text
}

// MoneyValue makes a value of an amount.
func MoneyValue(a money.Amount) Value { return Value{kind: 'a', num: a.Fen()} }

// RateValue makes a rate value.
func RateValue(r money.Fraction) Value {
	if den := r.Den(); den <= 1<<31-1 {
		return Value{kind: 'r', num: r.Num(), den: int32(den)}
	}
	return Value{kind: 'r', text: r.String()}
}

// CountValue makes a whole-number value.
func CountValue(n int) Value { return Value{kind: 'n', num: int64(n)} }

// DayValue makes a value of a day.
func DayValue(d civil.Date) Value { return Value{kind: 'd', num: dayNumber(d)} }

// MonthValue makes a value of the month of a day.
func MonthValue(d civil.Date) Value { return Value{kind: 'm', num: dayNumber(d)} }

// dayNumber writes a day as a number; no day is 0.
func dayNumber(d civil.Date) int64 {
	return int64(d.Year())*10000 + int64(d.Month().Number())*100 + int64(d.Day())
}

// formatDayNumber writes such a number as YYYY-MM-DD, and no day as "".
func formatDayNumber(n int64) string {
	if n == 0 {
		return ""
	}
	s := strconv.FormatInt(n, 10)
	return s[:4] + "-" + s[4:6] + "-" + s[6:]
}

// TextValue makes a text value.
func TextValue(s string) Value { return Value{text: s} }

// String gives the value as it stands in explanations.
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

// Input is a named value of a step.
type Input struct {
	Name  string
	Value Value
}

// Step is one line of an explanation. What never changes of it is shared with all runs of the rule,
// and its sentences are made from the rule file's wording only when they are asked for.
type Step struct {
	spec     *stepSpec
	Inputs   []Input
	Result   Value
	rounded  bool
	position string // id of the position that closed an open rule
}

// stepSpec is the fixed part of a step.
type stepSpec struct {
	name        string // "iit.base"
	rule        string // rule id
	formula     string
	law         []Law
	status      Status
	wording     bilingual.Text // template
	isFinalText bool           // of a decoded step: wording is finished text
}

// Name is the step's name, "iit.base".
func (s *Step) Name() string { return s.spec.name }

// Rule is the id of the rule that the step follows.
func (s *Step) Rule() string { return s.spec.rule }

// Law gives the articles that the step rests on; the caller must not change the list.
func (s *Step) Law() []Law { return s.spec.law }

// Status is the worst status among those articles.
func (s *Step) Status() Status { return s.spec.status }

// Rounding says how the result was rounded, "" if it was not.
func (s *Step) Rounding() string {
	if s.rounded {
		return halfUp
	}
	return ""
}

// Text gives the step's sentences.
func (s *Step) Text() bilingual.Text {
	w := s.spec.wording
	if s.spec.isFinalText {
		return w
	}
	return bilingual.Text{ZH: s.fillTemplate(w.ZH, s.certaintyNote(true)),
		EN: s.fillTemplate(w.EN, s.certaintyNote(false))}
}

// certaintyNote tells in the text itself that a rule is not confirmed.
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

// usualFill is room for the figures of a step's text.
const usualFill = 64

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

// MarshalJSON writes the contract's shape; inputs keep their order, money and rates are strings,
// counts numbers.
func (s Step) MarshalJSON() ([]byte, error) { return s.appendJSON(make([]byte, 0, 1024)), nil }

// AppendSteps writes steps as a JSON array. Package encoding/json, which checks again what a
// MarshalJSON has written, takes twice as long for them, and they are most of what is written of a
// computation.
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

func (s *Step) appendJSON(b []byte) []byte {
	b = append(b, `{"step":`...)
	b = appendJSONString(b, s.spec.name)
	b = append(b, `,"rule":`...)
	b = appendJSONString(b, s.spec.rule)
	b = append(b, `,"formula":`...)
	b = appendJSONString(b, s.spec.formula)
	b = append(b, `,"inputs":{`...)
	for i := range s.Inputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONString(b, s.Inputs[i].Name)
		b = append(b, ':')
		b = s.Inputs[i].Value.appendJSON(b)
	}
	b = append(b, `},"result":`...)
	b = s.Result.appendJSON(b)
	b = append(b, `,"rounding":`...)
	b = appendJSONString(b, s.Rounding())
	b = append(b, `,"law":[`...)
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
	b = append(b, `],"status":`...)
	b = appendJSONString(b, string(s.spec.status))
	t := s.Text()
	b = append(b, `,"text":{"zh":`...)
	b = appendJSONString(b, t.ZH)
	b = append(b, `,"en":`...)
	b = appendJSONString(b, t.EN)
	return append(b, '}', '}')
}

// UnmarshalJSON reads a stored step; its text is kept as it was written.
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

// appendJSON writes the value's JSON form.
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

// MarshalJSON writes a count as a number and everything else as a string.
func (v Value) MarshalJSON() ([]byte, error) { return v.appendJSON(nil), nil }

// UnmarshalJSON reads a number as a count and a string as a word.
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

// inputList reads a JSON object and keeps the order of its names.
type inputList []Input

var errInputs = errors.New("tax: inputs of a step must be an object")

// UnmarshalJSON reads the object.
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

// appendJSONString writes a JSON string. Wording and ids hold few characters that need an escape;
// those that do go through the standard encoder.
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
