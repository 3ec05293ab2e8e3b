package taxapi

import (
	"context"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
)

// nationalJurisdiction is the code of the jurisdiction whose rules apply in all of mainland China.
const nationalJurisdiction = "000000"

// rulesAnswer is the response body with the tax rules that are in force in a place on a day: the
// national rules and those of the place.
type rulesAnswer struct {
	Jurisdiction string     `json:"jurisdiction"`
	Date         civil.Date `json:"date"`
	// Pack is the national policy pack.
	Pack tax.PackID `json:"pack"`
	// Local is the policy pack of the place, when the place has one.
	Local  []tax.PackID `json:"local,omitempty"`
	Values []tax.Entry  `json:"values"`
	Gaps   []ruleGap    `json:"gaps"`
}

// ruleGap is a rule whose value is not known on the day: the text of the law is missing or
// disputed, or the rule has lapsed.
type ruleGap struct {
	// Rule is the name of the gap in holds and error responses, such as "iit.assessed.quota@130000".
	Rule    string         `json:"rule"`
	Title   bilingual.Text `json:"title"`
	Place   string         `json:"place,omitempty"`
	Missing bilingual.Text `json:"missing"`
	// Status is empty for a rule that has lapsed.
	Status    tax.Status `json:"status,omitempty"`
	Law       []tax.Law  `json:"law"`
	Published civil.Date `json:"published"`
	// Readings are the readings of the law between which a tax position chooses.
	Readings map[string]bilingual.Text `json:"readings,omitempty"`
}

// listRules handles GET /v1/tax/rules: it lists the rules in force in a place on a day, and the
// gaps.
func (a API) listRules(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	day, err := a.Clock.Today(ctx)
	if err != nil {
		return httpapi.Response{}, fault.Temporary(err)
	}
	if text := r.Query.Get("date"); text != "" {
		if day, err = civil.ParseDate(text); err != nil {
			return httpapi.Response{},
				fault.Invalid(fault.Field{Field: "date", Problem: civil.ErrDate.Error()})
		}
	}
	place := r.Query.Get("jurisdiction")
	// Without a place only the national rules are listed.
	if place == "" {
		place = nationalJurisdiction
	}
	e, err := a.Corpus(ctx).EngineAt(place)
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(newRulesAnswer(e, place, day)), nil
}

// newRulesAnswer separates the rule book of a day into values and gaps.
func newRulesAnswer(e *tax.Engine, place string, day civil.Date) rulesAnswer {
	used := e.RulesUsed()
	out := rulesAnswer{Jurisdiction: place, Date: day, Pack: used.PackID, Local: used.Local,
		Values: []tax.Entry{}, Gaps: []ruleGap{}}
	for _, x := range e.Rulebook(day) {
		if x.Gap == nil {
			out.Values = append(out.Values, x)
			continue
		}
		out.Gaps = append(out.Gaps, ruleGap{Rule: x.IDWithPlace(), Title: x.Title, Place: x.Place,
			Missing: *x.Gap, Status: x.Status, Law: x.Law, Published: x.Published, Readings: x.Readings})
	}
	return out
}
