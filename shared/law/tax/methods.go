package tax

import "fmt"

// methodSpec is a way to compute one tax: the roles that definitions fill in it, and how its rule
// is built.
type methodSpec struct {
	needed, optional map[string]Kind
	build            func(b *Book, r compiledRule) steppedRule
	// apart marks a question of its own, such as the annual settlement: no payment asks for it by
	// itself.
	isQuestion bool
	// tolerant marks a method that asks for its values itself: one that is missing matters only where
	// it is needed.
	toleratesMissing bool
}

// steppedRule is a rule that looks up the wording of its steps before it is used.
type steppedRule interface {
	TaxRule
	resolveSteps() error
}

// methods has every method under the name that rule files use.
var methods = map[string]func() methodSpec{
	"none": func() methodSpec {
		return methodSpec{build: func(_ *Book, r compiledRule) steppedRule {
			return &noTaxRule{compiledRule: r}
		}}
	},
	"self_filed": func() methodSpec {
		return methodSpec{build: func(_ *Book, r compiledRule) steppedRule {
			return &selfFiledRule{compiledRule: r}
		}}
	},
	"labor_one_off":     laborOneOffMethodSpec,
	"labor_cumulative":  laborCumulativeMethodSpec,
	"creation":          creationMethodSpec,
	"non_resident":      nonResidentMethodSpec,
	"wages_cumulative":  wagesCumulativeMethodSpec,
	"intern_cumulative": internCumulativeMethodSpec,
	"incidental":        incidentalMethodSpec,
	"in_kind":           inKindMethodSpec,
	"annual_settlement": annualSettlementMethodSpec,
	"annual_waiver":     annualWaiverMethodSpec,
	"business_books":    businessBooksMethodSpec,
	"business_deemed":   businessDeemedMethodSpec,
	"business_half":     businessHalfMethodSpec,
	"overseas_vat":      overseasVATMethodSpec,
	"turnover":          turnoverMethodSpec,
	"surcharge":         surchargeMethodSpec,
	"output_estimate":   outputEstimateMethodSpec,
	"general_vat":       generalVATMethodSpec,
	"sales_limit":       salesLimitMethodSpec,
	"cultural_fee":      culturalFeeMethodSpec,
	"payer_fee":         payerFeeMethodSpec,
	"stamp":             stampMethodSpec,
	"cit":               citMethodSpec,
	"deduction_limit":   func() methodSpec { return citLimitSpec(false) },
	"deduction_carried": func() methodSpec { return citLimitSpec(true) },
	"deduction_whole":   deductionWholeMethodSpec,
	"late_fee":          lateFeeMethodSpec,
	"due_date":          dueDateMethodSpec,
	"assessed_estimate": assessedEstimateMethodSpec,
	"levy":              turnoverLevyMethodSpec,
	"slices":            slicesMethodSpec,
	"deemed_profit":     deemedProfitMethodSpec,
	"fee":               localFeeMethodSpec,
}

// findMethodSpec finds a method by its name.
func findMethodSpec(method string) (methodSpec, bool) {
	spec, ok := methods[method]
	if !ok {
		return methodSpec{}, false
	}
	return spec(), true
}

// MethodRoles gives the roles that a method must have filled and may have filled, each with the
// kind of definition; ok is false for an unknown method.
func MethodRoles(method string) (needed, optional map[string]Kind, ok bool) {
	s, ok := findMethodSpec(method)
	return s.needed, s.optional, ok
}

// newMethodRule builds the rule of a method whose roles are all filled.
func newMethodRule(b *Book, r compiledRule) (TaxRule, error) {
	spec, ok := findMethodSpec(r.method.Name)
	if !ok {
		return nil, fmt.Errorf("no method %q", r.method.Name)
	}
	rule := spec.build(b, r)
	if err := rule.resolveSteps(); err != nil {
		return nil, err
	}
	return rule, nil
}
