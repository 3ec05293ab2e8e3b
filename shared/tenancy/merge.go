package tenancy

import (
	"slices"
	"strconv"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// MergeProblems lists what contradicts that two taxpayers are one person: two numbers of an ID type
// of which a person has only one, and different tax facts on a day for which both have a profile.
// Names may differ, because a passport writes a name in Latin letters.
func MergeProblems(t, into Taxpayer) []fault.Field {
	var c validator
	if t.IDType == into.IDType && (t.IDType == CitizenCard || t.IDType == CreditCode) {
		c.Add("id_type", "is "+t.IDType+" on both sides, and nobody has two numbers of that kind")
	}
	// Facts change only on the first day of a profile, so these days are enough.
	var days []civil.Date
	for _, p := range append(slices.Clone(t.Profiles), into.Profiles...) {
		days = append(days, p.From)
	}
	slices.SortFunc(days, func(a, b civil.Date) int {
		switch {
		case a.Before(b):
			return -1
		case b.Before(a):
			return 1
		}
		return 0
	})
	reported := map[string]bool{}
	for _, day := range slices.Compact(days) {
		p, known := t.ProfileOn(day)
		q, knownToo := into.ProfileOn(day)
		if !known || !knownToo {
			continue
		}
		for _, d := range p.differences(q) {
			// A contradiction is reported for its first day only.
			if !reported[d.Field] {
				reported[d.Field] = true
				c.Add("profiles."+d.Field, d.Problem+" from "+day.String())
			}
		}
	}
	return c.Problems
}

// differences lists the tax facts in which two profiles differ. Papers are not compared: a merged
// taxpayer has the papers of both.
func (p Profile) differences(q Profile) []fault.Field {
	var c validator
	differ := func(field, mine, theirs string) {
		if mine != theirs {
			c.Add(field, "is "+valueOrNotGiven(mine)+" here and "+valueOrNotGiven(theirs)+" there")
		}
	}
	differ("kind", p.Kind, q.Kind)
	differ("resident", strconv.FormatBool(p.Resident), strconv.FormatBool(q.Resident))
	differ("vat", p.VAT, q.VAT)
	differ("collection", p.Collection, q.Collection)
	differ("jurisdiction", p.Jurisdiction, q.Jurisdiction)
	differ("place_tier", p.PlaceTier, q.PlaceTier)
	differ("industry", p.Industry, q.Industry)
	differ("vat_period", p.VATPeriod, q.VATPeriod)
	differ("overseas", strconv.FormatBool(p.Overseas), strconv.FormatBool(q.Overseas))
	differ("holds_equity", strconv.FormatBool(p.HoldsEquity), strconv.FormatBool(q.HoldsEquity))
	return c.Problems
}

// valueOrNotGiven returns the value, or "not given" for an empty one, for use in a sentence.
func valueOrNotGiven(value string) string {
	if value == "" {
		return "not given"
	}
	return value
}
