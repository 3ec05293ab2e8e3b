package tax

import (
	"errors"
	"sort"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// questionRule is the base of rules that answer a question by themselves, such as the annual
// settlement. No payment runs them.
type questionRule struct{ compiledRule }

// Calculate returns a *Gap, because a rule that answers a question cannot be computed on one
// payment.
func (r *questionRule) Calculate(c *Calculation) error {
	return &Gap{Rule: r.ID(), On: c.facts.PaymentDate,
		Missing: bilingual.Text{ZH: "该规则不按单笔付款计算", EN: "the rule is not computed on one payment"}}
}

// Answer is the evidence behind the figures of a question: steps, uncertain rules, and rules used.
type Answer struct {
	Steps []Step `json:"steps"`
	// Unconfirmed lists the ids of used rules whose text was not read.
	Unconfirmed []string  `json:"unconfirmed"`
	Rules       RulesUsed `json:"rules"`
}

// beginQuestion finds the rule that answers a question on a day and returns it with a new
// calculation.
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

// findTypedRule finds a rule by its id and returns it as type T; a rule of another type is a *Gap.
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

// finishAnswer closes the calculation of a question and returns the evidence of its figures.
func (c *Calculation) finishAnswer(r *compiledRule) Answer {
	c.addUnconfirmed(r.unconfirmed...)
	c.addUnconfirmed(roundingRule)
	sort.Strings(c.result.Unconfirmed)
	c.result.Rules.Positions = append(c.result.Rules.Positions, c.result.Positions...)
	return Answer{Steps: c.result.Steps, Unconfirmed: c.result.Unconfirmed, Rules: c.result.Rules}
}

// chosenReading returns the value of a choice on a day: the settled value where the law decides it,
// else the reading that the tenant's tax position chooses, else a *Gap.
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

// rateRows returns the rows of the table of rates with this id, or nil where it has no value in the
// days of the book.
func (b *Book) rateRows(id string) []RateRow {
	if v := b.findValue(id); v != nil {
		return v.Rates
	}
	return nil
}

// namedAmount is an amount of a question's facts with the name of its field, for error messages.
type namedAmount struct {
	name   string
	amount money.Amount
}

// checkAmountRange returns error 2001 for amounts that are negative or too large; the amounts of
// signed may be negative, such as a loss.
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

// asGap returns the *Gap in an error's chain, and whether there is one.
func asGap(err error) (*Gap, bool) {
	var g *Gap
	ok := errors.As(err, &g)
	return g, ok
}
