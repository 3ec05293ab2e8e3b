package tenancy

import (
	"slices"
	"strconv"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// MergeProblems lists all that speaks against t and into being one person: papers of which a person
// has one only, and tax facts that differ on a day for which both have a profile. Names may differ,
// as a passport writes one in Latin letters.
func MergeProblems(t, into Taxpayer) []fault.Field {
	var c checks
	if t.IDType == into.IDType && (t.IDType == CitizenCard || t.IDType == CreditCode) {
		c.Add("id_type", "is "+t.IDType+" on both sides, and nobody has two numbers of that kind")
	}
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
	told := map[string]bool{}
	for _, day := range slices.Compact(days) {
		p, known := t.ProfileOn(day)
		q, both := into.ProfileOn(day)
		if !known || !both {
			continue
		}
		for _, d := range p.differences(q) {
			if !told[d.Field] { // once, on its first day
				told[d.Field] = true
				c.Add("profiles."+d.Field, d.Problem+" from "+day.String())
			}
		}
	}
	return c.Problems
}

// differences lists the tax facts in which two profiles contradict each other. Papers add up.
func (p Profile) differences(q Profile) []fault.Field {
	var c checks
	differ := func(field, mine, theirs string) {
		if mine != theirs {
			c.Add(field, "is "+named(mine)+" here and "+named(theirs)+" there")
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

func named(value string) string {
	if value == "" {
		return "not given"
	}
	return value
}
