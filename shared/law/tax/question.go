package tax

import (
	"errors"
	"sort"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// questionRule is the base of rules that answer a question of their own, such as the annual
// settlement: no payment asks for them.
type questionRule struct{ compiledRule }

// Calculate refuses: the rule has nothing to say about one payment by itself.
func (r *questionRule) Calculate(c *Calculation) error {
	return &Gap{Rule: r.ID(), On: c.facts.PaymentDate,
		Missing: bilingual.Text{ZH: "该规则不按单笔付款计算", EN: "the rule is not computed on one payment"}}
}

// Answer is what stands behind the figures of a question.
type Answer struct {
	Steps       []Step    `json:"steps"`
	Unconfirmed []string  `json:"unconfirmed"` // ids of used rules that are not confirmed
	Rules       RulesUsed `json:"rules"`
}

// beginQuestion finds the rule that answers a question on a day and begins the calculation.
func beginQuestion[T TaxRule](e *Engine, id string, on civil.Date,
	positions []Position) (T, *Calculation, error) {
	r, err := findTypedRule[T](e, id, on)
	if err != nil {
		return r, nil, err
	}
	f := &Facts{PaymentDate: on, VATDate: on, Positions: positions}
	return r, &Calculation{facts: f,
		result: &Result{Rules: RulesUsed{PackID: e.id, Positions: []string{}}}}, nil
}

// findTypedRule finds a rule of a type by its id.
func findTypedRule[T TaxRule](e *Engine, id string, on civil.Date) (T, error) {
	var none T
	rule, err := e.findRule(id, on)
	if err != nil {
		return none, err
	}
	r, ok := rule.(T)
	if !ok {
		return none, &Gap{Rule: id, On: on,
			Missing: bilingual.Text{ZH: "该编号的规则不回答这一问题",
				EN: "the rule of that id does not answer this question"}}
	}
	return r, nil
}

// finishAnswer ends a calculation with the rule that answered.
func (c *Calculation) finishAnswer(r *compiledRule) Answer {
	c.addUnconfirmed(r.unconfirmed...)
	c.addUnconfirmed(roundingRule)
	sort.Strings(c.result.Unconfirmed)
	c.result.Rules.Positions = append(c.result.Rules.Positions, c.result.Positions...)
	return Answer{Steps: c.result.Steps, Unconfirmed: c.result.Unconfirmed, Rules: c.result.Rules}
}

// chosenReading gives what a choice means on a day: its value where it is settled, else what the
// position chooses, else the gap.
func (c *Calculation) chosenReading(id string, v *DatedValue, on civil.Date) (string, error) {
	if v == nil {
		return "", &Gap{Rule: id, On: on,
			Missing: bilingual.Text{ZH: "该日没有收录的口径", EN: "no value is known for that day"}}
	}
	if v.Status != Open {
		return v.Choice, nil
	}
	p := c.positionForRule(id)
	if p == nil {
		return "", &Gap{Rule: id, On: on, Missing: v.Note}
	}
	if _, ok := v.Readings[p.Reading]; !ok {
		return "", unknownReadingGap(id, p.Reading, on, v)
	}
	c.recordPosition(p)
	return p.Reading, nil
}

// rateRows gives the table of rates of an id; nil where it has no value in these days.
func (b *Book) rateRows(id string) []RateRow {
	if v := b.findValue(id); v != nil {
		return v.Rates
	}
	return nil
}

// namedAmount is an amount of the asker's facts under its name.
type namedAmount struct {
	name   string
	amount money.Amount
}

// checkAmountRange refuses amounts that are below zero or too large; those of signed may be below
// zero.
func checkAmountRange(amounts []namedAmount, signed ...namedAmount) error {
	largest := money.Fen(largestFen)
	var p fault.Problems
	for _, x := range amounts {
		p.AddIf(x.amount.Negative() || x.amount.Cmp(largest) > 0, x.name,
			"must be zero to "+largest.String())
	}
	for _, x := range signed {
		p.AddIf(x.amount.Abs().Cmp(largest) > 0, x.name,
			"must be at most "+largest.String()+" either way")
	}
	return p.Err()
}

func asGap(err error) (*Gap, bool) {
	var g *Gap
	ok := errors.As(err, &g)
	return g, ok
}
