package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// Gap tells that the law, as far as it is known, has no answer on a day: a missing, lapsed or open
// rule. It is never a zero; a settlement gets the hold RULE_GAP, a quote 5002. Unwrap gives that
// 5002.
type Gap struct {
	Rule    string         // id of the rule or value that has no answer
	On      civil.Date     // the day asked about
	Missing bilingual.Text // what is missing, and what would close it
}

// Error gives the English sentence with the rule's id.
func (g *Gap) Error() string { return g.Rule + " on " + g.On.String() + ": " + g.Missing.EN }

// Unwrap gives the refusal for the HTTP contract: 5002, reason rule_gap, missing = rule id.
func (g *Gap) Unwrap() error {
	return fault.Missing("rule_gap", g.Rule, "No rule answers this: "+g.Error()+" / "+g.Missing.ZH)
}

// Forbidden tells that the law forbids what was asked: a forced item, a method, a route. Unwrap
// gives 5002 with the article in the sentence.
type Forbidden struct {
	Item   string // what was asked for
	Reason string // stable word: item_forbidden, not_the_payer
	Rule   string // id of the rule that forbids
	Why    bilingual.Text
	Law    []Law
}

// Error gives the English sentence with its articles.
func (f *Forbidden) Error() string {
	s := f.Why.EN
	for _, l := range f.Law {
		s += " [" + l.Document + " " + l.Article + "]"
	}
	return s
}

// Unwrap gives the refusal for the HTTP contract: 422 with the article.
func (f *Forbidden) Unwrap() error {
	return fault.Missing(f.Reason, f.Rule, f.Error()+" / "+f.Why.ZH)
}
