package example

import (
	"encoding/json"
	"fmt"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/law/tax"
)

// inForceExample tells on which days rules or parameters are known: the day before their first, the
// first, the last and the day after are where a text of law is read wrongly.
func inForceExample(corpus *tax.Corpus, raw json.RawMessage) (answer, error) {
	var in struct {
		Rules []string     `json:"rules"`
		Place string       `json:"place"` // "" = national
		Days  []civil.Date `json:"days"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	e, err := corpus.EngineAt(in.Place)
	if err != nil {
		return answer{}, err
	}
	a := answer{rules: in.Rules}
	var agreed []string
	for i, rule := range in.Rules {
		words := knownOn(e, rule, in.Days)
		if i > 0 && !slices.Equal(words, agreed) {
			a.set("in_force", map[string][]string{in.Rules[0]: agreed, rule: words})
			return a, nil
		}
		agreed = words
	}
	a.set("in_force", agreed)
	return a, nil
}

// knownOn says for each day whether a rule is known, open or says nothing.
func knownOn(e *tax.Engine, rule string, days []civil.Date) []string {
	words := make([]string, 0, len(days))
	for _, day := range days {
		switch e.StatusOn(rule, day) {
		case "":
			words = append(words, "none")
		case tax.Open:
			words = append(words, "open")
		default:
			words = append(words, "known")
		}
	}
	return words
}

// workingDayExample tells which days are worked by the notices.
func workingDayExample(notices func() (*calendar.Calendar, error),
	raw json.RawMessage) (answer, error) {
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
	a := answer{rules: []string{"collection.holiday_run"}} // what the notices move
	a.set("working", working)
	return a, nil
}
