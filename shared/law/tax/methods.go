package tax

import "fmt"

// methodSpec is a way to compute one tax: the roles that definitions fill in it, and how its rule is built.
type methodSpec struct {
	needed, optional map[string]Kind
	build            func(b *Book, r base) resolver
	// apart marks a question of its own, such as the annual settlement: no payment asks for it by itself.
	apart bool
	// tolerant marks a method that asks for its values itself: one that is missing matters only where it is needed.
	tolerant bool
}

// resolver is a rule that looks up the wording of its steps before it is used.
type resolver interface {
	TaxRule
	resolve() error
}

// specOf finds a method by the name that rule files use.
func specOf(method string) (methodSpec, bool) {
	switch method {
	case "none":
		return methodSpec{build: func(_ *Book, r base) resolver { return &none{base: r} }}, true
	case "self_filed":
		return methodSpec{build: func(_ *Book, r base) resolver { return &selfFiled{base: r} }}, true
	case "labor_one_off":
		return laborOneOffSpec(), true
	case "labor_cumulative":
		return laborCumulativeSpec(), true
	case "creation":
		return creationSpec(), true
	case "non_resident":
		return nonResidentSpec(), true
	case "wages_cumulative":
		return wagesCumulativeSpec(), true
	case "intern_cumulative":
		return internCumulativeSpec(), true
	case "incidental":
		return incidentalSpec(), true
	case "in_kind":
		return inKindSpec(), true
	case "annual_settlement":
		return annualSpec(), true
	case "annual_waiver":
		return annualWaiverSpec(), true
	case "business_books":
		return businessBooksSpec(), true
	case "business_deemed":
		return businessDeemedSpec(), true
	case "business_half":
		return businessHalfSpec(), true
	case "overseas_vat":
		return overseasVATSpec(), true
	case "turnover":
		return turnoverSpec(), true
	case "surcharge":
		return surchargeSpec(), true
	case "output_estimate":
		return outputEstimateSpec(), true
	case "general_vat":
		return generalVATSpec(), true
	case "sales_limit":
		return salesLimitSpec(), true
	case "cultural_fee":
		return culturalFeeSpec(), true
	case "payer_fee":
		return payerFeeSpec(), true
	case "stamp":
		return stampSpec(), true
	case "cit":
		return citYearSpec(), true
	case "deduction_limit":
		return citLimitSpec(false), true
	case "deduction_carried":
		return citLimitSpec(true), true
	case "deduction_whole":
		return citWholeSpec(), true
	case "late_fee":
		return lateFeeSpec(), true
	case "due_date":
		return dueDateSpec(), true
	case "assessed_estimate":
		return assessedEstimateSpec(), true
	case "levy":
		return levySpec(), true
	case "slices":
		return slicesSpec(), true
	case "deemed_profit":
		return deemedProfitSpec(), true
	case "fee":
		return feeSpec(), true
	}
	return methodSpec{}, false
}

// RolesOf gives the roles that a method must have filled and may have filled, each with the kind of definition;
// ok is false for an unknown method.
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
