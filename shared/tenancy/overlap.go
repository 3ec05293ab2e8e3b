package tenancy

import (
	"slices"
	"strings"

	"fenzhang/shared/civil"
)

// Overlap is a day on which another contract covers the same income of the creator too.
type Overlap struct {
	Contract   string
	IncomeType string
	Day        civil.Date
}

// Overlaps compares one contract of a creator with its others, all given with all versions. It gives the first
// such day for each other contract and income type.
func Overlaps(all []Contract, contract string) []Overlap {
	versions := map[string][]Contract{}
	for _, c := range all {
		versions[c.ContractID] = append(versions[c.ContractID], c)
	}
	var found []Overlap
	for _, other := range sorted(versions) {
		if other != contract {
			found = append(found, overlaps(versions[contract], versions[other])...)
		}
	}
	return found
}

// overlaps looks at the first days of all versions: what is in force together begins on one of them.
func overlaps(mine, others []Contract) []Overlap {
	var days []civil.Date
	for _, c := range slices.Concat(mine, others) {
		days = append(days, c.From)
	}
	slices.SortFunc(days, func(a, b civil.Date) int { return strings.Compare(a.String(), b.String()) })
	told := map[string]bool{}
	var found []Overlap
	for _, day := range days {
		a, here := InForce(mine, day)
		b, there := InForce(others, day)
		if !here || !there {
			continue
		}
		for _, incomeType := range sorted(a.Routes) {
			if _, both := b.Routes[incomeType]; both && !told[incomeType] {
				told[incomeType] = true
				found = append(found, Overlap{b.ContractID, incomeType, day})
			}
		}
	}
	return found
}
