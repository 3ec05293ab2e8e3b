package tax

import "fmt"

// methodSpec describes a way to compute one tax: the roles that rule files fill with definitions,
// and how the rule is built from them.
type methodSpec struct {
	needed, optional map[string]Kind
	build            func(b *Book, r compiledRule) steppedRule
	// isQuestion marks a method that answers a question, such as the annual settlement; no payment
	// runs it.
	isQuestion bool
	// toleratesMissing marks a method that looks up its values while it computes; a missing value is a
	// gap only where the calculation needs it.
	toleratesMissing bool
}

// steppedRule is a tax rule that finds the wording of its steps once, when it is compiled.
type steppedRule interface {
	TaxRule
	resolveSteps() error
}

// methods maps the name of each method in rule files to its description.
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
	"deduction_limit":   func() methodSpec { return deductionLimitMethodSpec(false) },
	"deduction_carried": func() methodSpec { return deductionLimitMethodSpec(true) },
	"deduction_whole":   deductionWholeMethodSpec,
	"late_fee":          lateFeeMethodSpec,
	"due_date":          dueDateMethodSpec,
	"assessed_estimate": assessedEstimateMethodSpec,
	"levy":              turnoverLevyMethodSpec,
	"slices":            slicesMethodSpec,
	"deemed_profit":     deemedProfitMethodSpec,
	"fee":               localFeeMethodSpec,
}

// findMethodSpec returns the description of the method with this name in rule files.
func findMethodSpec(method string) (methodSpec, bool) {
	spec, ok := methods[method]
	if !ok {
		return methodSpec{}, false
	}
	return spec(), true
}

// MethodRoles returns the roles of a method, each with the kind of definition that must fill it:
// those it needs and those it may have. ok is false for an unknown method.
func MethodRoles(method string) (needed, optional map[string]Kind, ok bool) {
	s, ok := findMethodSpec(method)
	return s.needed, s.optional, ok
}

// newMethodRule builds the rule of a method whose roles are all filled and finds the wording of its
// steps.
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
