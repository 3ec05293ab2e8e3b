package taxapi

import (
	"context"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
)

// national is the jurisdiction of the rules that hold everywhere.
const national = "000000"

// rulesAnswer is what holds at a place on a day: the national rules and the place's own.
type rulesAnswer struct {
	Jurisdiction string       `json:"jurisdiction"`
	Date         civil.Date   `json:"date"`
	Pack         tax.PackID   `json:"pack"`            // the national pack
	Local        []tax.PackID `json:"local,omitempty"` // the pack of the place, where it has one
	Values       []tax.Entry  `json:"values"`
	Gaps         []ruleGap    `json:"gaps"`
}

// ruleGap is what the law, as far as it is known, leaves open on the day.
type ruleGap struct {
	// "iit.assessed.quota@130000", as holds and error answers name it
	Rule      string                    `json:"rule"`
	Title     bilingual.Text            `json:"title"`
	Place     string                    `json:"place,omitempty"`
	Missing   bilingual.Text            `json:"missing"`
	Status    tax.Status                `json:"status,omitempty"` // empty for a declared lapse
	Law       []tax.Law                 `json:"law"`
	Published civil.Date                `json:"published"`
	Readings  map[string]bilingual.Text `json:"readings,omitempty"` // what a tax position may choose
}

// rules lists what is in force at a place on a day, gaps included.
func (a API) rules(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	day, err := a.Clock.Today(ctx)
	if err != nil {
		return httpapi.Response{}, fault.Later(err)
	}
	if text := r.Query.Get("date"); text != "" {
		if day, err = civil.ParseDate(text); err != nil {
			return httpapi.Response{},
				fault.Invalid(fault.Field{Field: "date", Problem: civil.ErrDate.Error()})
		}
	}
	place := r.Query.Get("jurisdiction")
	if place == "" {
		place = national
	}
	e, err := a.Corpus(ctx).EngineAt(place)
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(answer(e, place, day)), nil
}

func answer(e *tax.Engine, place string, day civil.Date) rulesAnswer {
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
