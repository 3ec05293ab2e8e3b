package tax

import (
	"sort"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// CheckPosition returns the problems that would keep a tax position from ever being used. The
// position's rule must be open on the position's first day, at the place after "@" for a local
// rule. The position's reading must be one that the rule declares, or a decimal rate where the open
// value is a rate.
func (c *Corpus) CheckPosition(rule, reading string, from civil.Date) []fault.Field {
	id, place, local := strings.Cut(rule, "@")
	e, err := c.EngineAt(place)
	if err != nil || (local && e == c.national) {
		return []fault.Field{
			{Field: "rule", Problem: "names no place after @; use the six-digit code of a province, city " +
				"or district"}}
	}
	d := e.findDefinition(id)
	if d == nil {
		return []fault.Field{
			{Field: "rule",
				Problem: "no rule has this id; GET /v1/tax/rules lists the open ones under gaps"}}
	}
	v := valueInForce(d, from)
	if v == nil || v.Status != Open {
		return []fault.Field{{Field: "rule", Problem: "is not open on the first day: the law answers " +
			"it, or nothing is known that a position could choose"}}
	}
	if _, ok := v.Readings[reading]; ok {
		return nil
	}
	if d.Kind == KindRate {
		if r, err := money.ParseRate(reading); err == nil && r.IsShare() {
			return nil
		}
		return []fault.Field{{Field: "reading", Problem: "must be a decimal rate from 0 to 1"}}
	}
	names := make([]string, 0, len(v.Readings))
	for n := range v.Readings {
		names = append(names, n)
	}
	if len(names) == 0 {
		return []fault.Field{{Field: "rule", Problem: "declares no reading that a position could choose"}}
	}
	sort.Strings(names)
	return []fault.Field{{Field: "reading", Problem: "must be one of " + strings.Join(names, ", ")}}
}
