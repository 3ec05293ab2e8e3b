package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// Gap is the error for a question that the law, as far as it is known, does not answer on a day: a
// missing, lapsed or open rule. A gap is never computed as zero. A settlement gets the hold
// RULE_GAP, a quote gets error 5002, which Unwrap returns.
type Gap struct {
	// Rule is the id of the rule or value that has no answer.
	Rule string
	// On is the day of the question.
	On civil.Date
	// Missing says what is missing, and what would close the gap.
	Missing bilingual.Text
}

// Error returns the English sentence with the rule's id and the day.
func (g *Gap) Error() string { return g.Rule + " on " + g.On.String() + ": " + g.Missing.EN }

// Unwrap returns the gap as error 5002 of the HTTP contract, with reason rule_gap and the rule's
// id.
func (g *Gap) Unwrap() error {
	return fault.MissingRule("rule_gap", g.Rule, "No rule answers this: "+g.Error()+" / "+g.Missing.ZH)
}

// Forbidden is the error for something that the law forbids: a forced item, a method, a route.
// Unwrap returns it as error 5002 with the article in its sentence.
type Forbidden struct {
	// Item is the item of income that the caller requested.
	Item string
	// Reason is a stable code for programs, such as item_forbidden or not_the_payer.
	Reason string
	// Rule is the id of the rule that forbids it.
	Rule string
	Why  bilingual.Text
	Law  []Law
}

// Error returns the English sentence with its articles.
func (f *Forbidden) Error() string {
	s := f.Why.EN
	for _, l := range f.Law {
		s += " [" + l.Document + " " + l.Article + "]"
	}
	return s
}

// Unwrap returns the refusal as status 422 of the HTTP contract, with the article.
func (f *Forbidden) Unwrap() error {
	return fault.MissingRule(f.Reason, f.Rule, f.Error()+" / "+f.Why.ZH)
}
