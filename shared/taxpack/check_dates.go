package taxpack

import (
	"encoding/json"
	"fmt"

	"fenzhang/shared/calendar"
	"fenzhang/shared/civil"
	"fenzhang/shared/tax"
)

// inForceExample tells on which days a rule or parameter is known: the day before its first, its first, its last and
// the day after are where a text of law is read wrongly.
func inForceExample(corpus *tax.Corpus, raw json.RawMessage) (answer, error) {
	var in struct {
		Rule  string       `json:"rule"`
		Place string       `json:"place"` // "" = national
		Days  []civil.Date `json:"days"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	e, err := corpus.At(in.Place)
	if err != nil {
		return answer{}, err
	}
	words := make([]string, 0, len(in.Days))
	for _, day := range in.Days {
		switch e.StatusOn(in.Rule, day) {
		case "":
			words = append(words, "none")
		case tax.Open:
			words = append(words, "open")
		default:
			words = append(words, "known")
		}
	}
	a := answer{rules: []string{in.Rule}}
	a.set("in_force", words)
	return a, nil
}

// workingDayExample tells which days are worked by the notices.
func workingDayExample(notices func() (*calendar.Calendar, error), raw json.RawMessage) (answer, error) {
	var in struct {
		Days []civil.Date `json:"days"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	days, err := notices()
	if err != nil {
		return answer{}, fmt.Errorf("calendar: %w", err)
	}
	working := make([]bool, 0, len(in.Days))
	for _, day := range in.Days {
		w, err := days.Working(day)
		if err != nil {
			return answer{}, fmt.Errorf("calendar: %w", err)
		}
		working = append(working, w)
	}
	var a answer
	a.set("working", working)
	return a, nil
}
