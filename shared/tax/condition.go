package tax

import (
	"fmt"
	"slices"
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
	factIndustry
	factVATPeriod
	factCount
)

// factNames are the words for facts in rule files, with the values each can have; nil means any word.
var factNames = [factCount]struct {
	name   string
	values []string
}{
	factKind:       {"kind", []string{"natural_person", "individual_business", "sole_proprietorship", "partnership", "company", "employee", "student_intern"}},
	factResident:   {"resident", []string{"true", "false"}},
	factVAT:        {"vat", []string{"natural_person", "small_scale", "general"}},
	factCollection: {"collection", []string{"withheld", "books", "income_rate", "cost_rate", "levy_rate"}},
	factRoute:      {"route", []string{"mcn_pays", "platform_pays_creator", "flex_platform_pays", "studio_invoice", "payroll"}},
	factFiled:      {"filed", []string{"true", "false"}},         // the paying entity has filed for this platform on the payment date
	factAgency:     {"agency_filing", []string{"true", "false"}}, // and files this worker's VAT on the VAT date
	factItem:       {"item", []string{ItemWages, ItemLabor, ItemLaborPlatform, ItemAuthor, ItemRoyalty, ItemBusiness, ItemIncidental}},
	factIndustry:   {"industry", nil},
	factVATPeriod:  {"vat_period", []string{"month", "quarter"}},
}

// condition is a compiled Condition.
type condition struct {
	fact factKey
	in   []string
}

// CheckCondition tells what is wrong with a condition of a rule file; nil means nothing.
func CheckCondition(c Condition) error {
	_, err := compileCondition(c)
	return err
}

func compileCondition(c Condition) (condition, error) {
	for k := range factNames {
		f := &factNames[k]
		if f.name != c.Fact {
			continue
		}
		if len(c.In) == 0 {
			return condition{}, fmt.Errorf("condition on %s names no value", c.Fact)
		}
		for _, v := range c.In {
			if f.values != nil && !slices.Contains(f.values, v) {
				return condition{}, fmt.Errorf("condition on %s: %q is none of %v", c.Fact, v, f.values)
			}
		}
		return condition{factKey(k), c.In}, nil
	}
	return condition{}, fmt.Errorf("no fact %q", c.Fact)
}

func compileConditions(cs []Condition) ([]condition, error) {
	out := make([]condition, 0, len(cs))
	for _, c := range cs {
		k, err := compileCondition(c)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// holds tells whether every condition is met.
func holds(cs []condition, c *Calculation) bool {
	for i := range cs {
		v := c.fact(cs[i].fact)
		ok := false
		for _, w := range cs[i].in {
			if w == v {
				ok = true
				break
			}
		}
		if !ok {
			return false
		}
	}
	return true
}
