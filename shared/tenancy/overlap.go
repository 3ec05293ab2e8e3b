package tenancy

import (
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Overlap is a day on which another contract covers the same income of the creator too.
type Overlap struct {
	Contract   string
	IncomeType string
	Day        civil.Date
}

// Overlaps compares one contract of a creator with its others, all given with all versions. It
// gives the first such day for each other contract and income type.
func Overlaps(all []Contract, contract string) []Overlap {
	versions := GroupByContract(all)
	var found []Overlap
	for _, other := range sorted(versions) {
		if other != contract {
			found = append(found, overlaps(versions[contract], versions[other])...)
		}
	}
	return found
}

// overlaps looks at the first days of all versions: what is in force together begins on one of
// them.
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

// GroupByContract sorts versions by the contract that they belong to.
func GroupByContract(all []Contract) map[string][]Contract {
	versions := map[string][]Contract{}
	for _, c := range all {
		versions[c.ContractID] = append(versions[c.ContractID], c)
	}
	return versions
}

// FindCovering finds the contract version in force on a day that names a route for the income type. At
// most one contract of a creator does. A version that waits for its second person leaves the one
// before in force.
func FindCovering(all []Contract, incomeType string, day civil.Date) (Contract, bool) {
	for _, versions := range GroupByContract(ApprovedOnly(all)) {
		c, ok := InForce(versions, day)
		if _, covered := c.Routes[incomeType]; ok && covered {
			return c, true
		}
	}
	return Contract{}, false
}

// NoContractError is the error of a day on which no contract covers an income type.
func NoContractError(creator ident.Creator, incomeType string, day civil.Date) error {
	return fault.Missing("contract_missing", string(creator+" ")+incomeType+" "+day.String(),
		"No contract of this creator covers the income type on that day; add one, then send it again.")
}
