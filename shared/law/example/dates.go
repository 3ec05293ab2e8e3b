package example

import (
	"encoding/json"
	"fmt"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/law/tax"
)

// computeInForceExample decides on which days rules or parameters are known. Examples ask for the
// day before the first day, the first, the last and the day after, because there a text of law is
// most often read wrongly.
func computeInForceExample(corpus *tax.Corpus, raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Rules []string     `json:"rules"`
		Place string       `json:"place"` // "" = national
		Days  []civil.Date `json:"days"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	e, err := corpus.EngineAt(in.Place)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{rules: in.Rules}
	var agreed []string
	for i, rule := range in.Rules {
		words := ruleStatesOn(e, rule, in.Days)
		// rules of one example must have the same days; where they differ, both are shown
		if i > 0 && !slices.Equal(words, agreed) {
			a.setValue("in_force", map[string][]string{in.Rules[0]: agreed, rule: words})
			return a, nil
		}
		agreed = words
	}
	a.setValue("in_force", agreed)
	return a, nil
}

// ruleStatesOn returns for each day whether a rule is known, open, or has no value ("none").
func ruleStatesOn(e *tax.Engine, rule string, days []civil.Date) []string {
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

// computeWorkingDayExample decides which days are working days by the holiday notices.
func computeWorkingDayExample(notices func() (*calendar.Calendar, error),
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Days []civil.Date `json:"days"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	days, err := notices()
	if err != nil {
		return exampleAnswer{}, fmt.Errorf("calendar: %w", err)
	}
	working := make([]bool, 0, len(in.Days))
	for _, day := range in.Days {
		w, err := days.IsWorkingDay(day)
		if err != nil {
			return exampleAnswer{}, fmt.Errorf("calendar: %w", err)
		}
		working = append(working, w)
	}
	// no rule is computed, but the holiday notices move due days by this one
	a := exampleAnswer{rules: []string{"collection.holiday_run"}}
	a.setValue("working", working)
	return a, nil
}
