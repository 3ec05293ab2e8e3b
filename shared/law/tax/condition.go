package tax

import (
	"slices"

	"fenzhang/shared/money"
)

// factKey is a fact that conditions may ask about.
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

// factSpec is what conditions may say about one fact.
type factSpec struct {
	name   string
	values []string // the words it can be; nil means any word
	amount bool     // yuan instead of a word
}

// The words of a yes-or-no fact.
const (
	yes = "true"
	no  = "false"
)

func (f *factSpec) isYesNo() bool { return slices.Contains(f.values, yes) }

// factTable holds the words for facts in rule files. Facts of payments come first, then those of
// assessed income.
var factTable = [factCount]factSpec{
	factKind: {name: "kind", values: []string{"natural_person", "individual_business",
		"sole_proprietorship", "partnership", "company", "employee", "student_intern"}},
	factResident: {name: "resident", values: []string{yes, no}},
	factVAT:      {name: "vat", values: []string{"natural_person", "small_scale", "general"}},
	factCollection: {name: "collection",
		values: []string{"withheld", "books", "income_rate", "cost_rate", "levy_rate"}},
	factRoute: {name: "route", values: []string{"mcn_pays", "platform_pays_creator",
		"flex_platform_pays", "studio_invoice", "payroll"}},
	// the paying entity has filed for this platform on the payment date
	factFiled: {name: "filed", values: []string{yes, no}},
	// and files this worker's VAT on the VAT date
	factAgency: {name: "agency_filing", values: []string{yes, no}},
	factItem: {name: "item", values: []string{ItemWages, ItemLabor, ItemLaborPlatform,
		ItemAuthor, ItemRoyalty, ItemBusiness, ItemIncidental}},
	factIncomeType:  {name: "income_type"},
	factIndustry:    {name: "industry"},
	factVATPeriod:   {name: "vat_period", values: []string{"month", "quarter"}},
	factOverseas:    {name: "overseas", values: []string{yes, no}},
	factHoldsEquity: {name: "holds_equity", values: []string{yes, no}},
	factAmount:      {name: "amount", amount: true}, // of this payment

	factWay: {name: "way",
		values: []string{"quota", "invoice_issue", "deemed_profit_rate", "fixed_rate", "fee"}},
	factBasis:       {name: "basis", values: []string{"revenue", "cost"}},
	factPeriod:      {name: "period", values: []string{"month", "quarter", "year", "time"}},
	factMarketStall: {name: "market_stall", values: []string{yes, no}},
	factIncomeKind:  {name: "income_kind", values: []string{"business", "labor"}},
	factRevenue:     {name: "revenue", amount: true}, // of the period, as the rule's base has it
}

func findFact(name string) (factKey, bool) {
	for k := range factTable {
		if factTable[k].name == name {
			return factKey(k), true
		}
	}
	return 0, false
}

// factMoney gives an amount for conditions.
func (c *Calculation) factMoney(factKey) money.Amount { return c.facts.Amount }
