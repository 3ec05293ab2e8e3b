package tax

import (
	"slices"

	"fenzhang/shared/money"
)

// factKey identifies a fact that the conditions of rule files may use.
type factKey int

const (
	factKind factKey = iota
	factResident
	factVAT
	factCollection
	factRoute
	factFiled
	factAgency
	factItem
	factIncomeType
	factIndustry
	factVATPeriod
	factOverseas
	factHoldsEquity
	factAmount
	factWay
	factBasis
	factPeriod
	factMarketStall
	factIncomeKind
	factRevenue
	factCount
)

// factSpec describes one fact for the conditions of rule files.
type factSpec struct {
	name string
	// values are the texts that the fact can have; nil means any text.
	values []string
	// amount marks a fact that is an amount in yuan instead of a text.
	amount bool
}

// The values of a yes-or-no fact.
const (
	yes = "true"
	no  = "false"
)

// isYesNo reports whether the fact is true or false, so that a condition may use its name alone.
func (f *factSpec) isYesNo() bool { return slices.Contains(f.values, yes) }

// factTable lists the facts that rule files may use, by name and with their values. Facts of
// payments come first, then those of assessed income.
var factTable = [factCount]factSpec{
	factKind: {name: "kind", values: []string{"natural_person", "individual_business",
		"sole_proprietorship", "partnership", "company", "employee", "student_intern"}},
	factResident: {name: "resident", values: []string{yes, no}},
	factVAT:      {name: "vat", values: []string{"natural_person", "small_scale", "general"}},
	factCollection: {name: "collection",
		values: []string{"withheld", "books", "income_rate", "cost_rate", "levy_rate"}},
	factRoute: {name: "route", values: []string{"mcn_pays", "platform_pays_creator",
		"flex_platform_pays", "studio_invoice", "payroll"}},
	// filed means that the paying entity has filed for this platform on the payment date
	factFiled: {name: "filed", values: []string{yes, no}},
	// agency_filing means that the paying entity also files this worker's VAT on the VAT date
	factAgency: {name: "agency_filing", values: []string{yes, no}},
	factItem: {name: "item", values: []string{ItemWages, ItemLabor, ItemLaborPlatform,
		ItemAuthor, ItemRoyalty, ItemBusiness, ItemIncidental}},
	factIncomeType:  {name: "income_type"},
	factIndustry:    {name: "industry"},
	factVATPeriod:   {name: "vat_period", values: []string{"month", "quarter"}},
	factOverseas:    {name: "overseas", values: []string{yes, no}},
	factHoldsEquity: {name: "holds_equity", values: []string{yes, no}},
	// amount is that of this payment
	factAmount: {name: "amount", amount: true},

	factWay: {name: "way",
		values: []string{"quota", "invoice_issue", "deemed_profit_rate", "fixed_rate", "fee"}},
	factBasis:       {name: "basis", values: []string{"revenue", "cost"}},
	factPeriod:      {name: "period", values: []string{"month", "quarter", "year", "time"}},
	factMarketStall: {name: "market_stall", values: []string{yes, no}},
	factIncomeKind:  {name: "income_kind", values: []string{"business", "labor"}},
	// revenue is that of the period, as the rule's base counts it
	factRevenue: {name: "revenue", amount: true},
}

// findFact returns the key of the fact with this name in rule files.
func findFact(name string) (factKey, bool) {
	for k := range factTable {
		if factTable[k].name == name {
			return factKey(k), true
		}
	}
	return 0, false
}

// factMoney returns the payment's amount; it is the only amount that conditions may use.
func (c *Calculation) factMoney(factKey) money.Amount { return c.facts.Amount }
