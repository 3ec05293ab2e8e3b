package tax

import "fmt"

// methodSpec is a way to compute one tax: the roles that definitions fill in it, and how its rule
// is built.
type methodSpec struct {
	needed, optional map[string]Kind
	build            func(b *Book, r base) resolver
	// apart marks a question of its own, such as the annual settlement: no payment asks for it by
	// itself.
	apart bool
	// tolerant marks a method that asks for its values itself: one that is missing matters only where
	// it is needed.
	tolerant bool
}

// resolver is a rule that looks up the wording of its steps before it is used.
type resolver interface {
	TaxRule
	resolve() error
}

// methods has every method under the name that rule files use.
var methods = map[string]func() methodSpec{
	"none": func() methodSpec {
		return methodSpec{build: func(_ *Book, r base) resolver { return &none{base: r} }}
	},
	"self_filed": func() methodSpec {
		return methodSpec{build: func(_ *Book, r base) resolver { return &selfFiled{base: r} }}
	},
	"labor_one_off":     laborOneOffSpec,
	"labor_cumulative":  laborCumulativeSpec,
	"creation":          creationSpec,
	"non_resident":      nonResidentSpec,
	"wages_cumulative":  wagesCumulativeSpec,
	"intern_cumulative": internCumulativeSpec,
	"incidental":        incidentalSpec,
	"in_kind":           inKindSpec,
	"annual_settlement": annualSpec,
	"annual_waiver":     annualWaiverSpec,
	"business_books":    businessBooksSpec,
	"business_deemed":   businessDeemedSpec,
	"business_half":     businessHalfSpec,
	"overseas_vat":      overseasVATSpec,
	"turnover":          turnoverSpec,
	"surcharge":         surchargeSpec,
	"output_estimate":   outputEstimateSpec,
	"general_vat":       generalVATSpec,
	"sales_limit":       salesLimitSpec,
	"cultural_fee":      culturalFeeSpec,
	"payer_fee":         payerFeeSpec,
	"stamp":             stampSpec,
	"cit":               citYearSpec,
	"deduction_limit":   func() methodSpec { return citLimitSpec(false) },
	"deduction_carried": func() methodSpec { return citLimitSpec(true) },
	"deduction_whole":   citWholeSpec,
	"late_fee":          lateFeeSpec,
	"due_date":          dueDateSpec,
	"assessed_estimate": assessedEstimateSpec,
	"levy":              levySpec,
	"slices":            slicesSpec,
	"deemed_profit":     deemedProfitSpec,
	"fee":               feeSpec,
}

// specOf finds a method by its name.
func specOf(method string) (methodSpec, bool) {
	spec, ok := methods[method]
	if !ok {
		return methodSpec{}, false
	}
	return spec(), true
}

// RolesOf gives the roles that a method must have filled and may have filled, each with the kind of
// definition; ok is false for an unknown method.
func RolesOf(method string) (needed, optional map[string]Kind, ok bool) {
	s, ok := specOf(method)
	return s.needed, s.optional, ok
}

// newMethod builds the rule of a method whose roles are all filled.
func newMethod(b *Book, r base) (TaxRule, error) {
	spec, ok := specOf(r.method.Name)
	if !ok {
		return nil, fmt.Errorf("no method %q", r.method.Name)
	}
	rule := spec.build(b, r)
	if err := rule.resolve(); err != nil {
		return nil, err
	}
	return rule, nil
}
