package tenancy

import (
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Overlap is a day on which another contract of the creator covers the same income type.
type Overlap struct {
	Contract   string
	IncomeType string
	Day        civil.Date
}

// Overlaps compares one contract of a creator with its other contracts. all holds every version of
// every contract of the creator. For each other contract and income type the first day of overlap
// is returned.
func Overlaps(all []Contract, contract string) []Overlap {
	versions := GroupByContract(all)
	var found []Overlap
	for _, other := range sortedKeys(versions) {
		if other != contract {
			found = append(found, contractOverlaps(versions[contract], versions[other])...)
		}
	}
	return found
}

// contractOverlaps returns the overlaps of two contracts, given by their versions. contractOverlaps
// looks at the first days of all versions only, because any overlap begins on such a day.
func contractOverlaps(mine, others []Contract) []Overlap {
	var days []civil.Date
	for _, c := range slices.Concat(mine, others) {
		days = append(days, c.From)
	}
	slices.SortFunc(days, func(a, b civil.Date) int { return strings.Compare(a.String(), b.String()) })
	reported := map[string]bool{}
	var found []Overlap
	for _, day := range days {
		a, here := InForce(mine, day)
		b, there := InForce(others, day)
		if !here || !there {
			continue
		}
		for _, incomeType := range sortedKeys(a.Routes) {
			if _, both := b.Routes[incomeType]; both && !reported[incomeType] {
				reported[incomeType] = true
				found = append(found, Overlap{b.ContractID, incomeType, day})
			}
		}
	}
	return found
}

// GroupByContract groups contract versions by the id of their contract.
func GroupByContract(all []Contract) map[string][]Contract {
	versions := map[string][]Contract{}
	for _, c := range all {
		versions[c.ContractID] = append(versions[c.ContractID], c)
	}
	return versions
}

// FindCovering returns the contract version in force on a day that has a route for the income type.
// At most one contract of a creator has. A version without its approval leaves the version before
// in force.
func FindCovering(all []Contract, incomeType string, day civil.Date) (Contract, bool) {
	for _, versions := range GroupByContract(ApprovedOnly(all)) {
		c, ok := InForce(versions, day)
		if _, covered := c.Routes[incomeType]; ok && covered {
			return c, true
		}
	}
	return Contract{}, false
}

// NoContractError returns the error 5002 contract_missing, for an income type that no contract
// covers on a day.
func NoContractError(creator ident.Creator, incomeType string, day civil.Date) error {
	return fault.MissingRule("contract_missing", string(creator+" ")+incomeType+" "+day.String(),
		"No contract of this creator covers the income type on that day; add one, then send it again.")
}
