package tax

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/money"
)

// answers are facts for expressions.
type answers struct {
	words  map[factKey]string
	amount money.Amount
}

func (a answers) factText(k factKey) string      { return a.words[k] }
func (a answers) factMoney(factKey) money.Amount { return a.amount }

func TestExpressionHolds(t *testing.T) {
	studio := answers{map[factKey]string{factKind: "sole_proprietorship", factResident: yes, factAgency: no, factItem: ItemBusiness}, money.Fen(1000000)}
	for source, want := range map[string]bool{
		"":                               true,
		"kind == sole_proprietorship":    true,
		"kind != sole_proprietorship":    false,
		"kind in [company, partnership]": false,
		"kind in [company, sole_proprietorship] and resident":                  true,
		"not resident or item == business":                                     true,
		"not (resident or item == business)":                                   false,
		"agency_filing":                                                        false,
		"resident and not agency_filing":                                       true,
		"kind == company or kind == partnership and resident or item == labor": false,
		"(kind == company or resident) and item == business":                   true,
		"amount < 10000.00":                                                    false,
		"amount <= 10000.00":                                                   true,
		"amount > 10000.00":                                                    false,
		"amount >= 10000.00":                                                   true,
		"amount == 10000.00":                                                   true,
		"amount != 10000.00":                                                   false,
		"not not resident":                                                     true,
		"item == labor or amount >= 9999.99 and (resident or kind == employee)": true,
	} {
		x, err := compileExpression(source)
		if err != nil {
			t.Errorf("%q: %v", source, err)
			continue
		}
		if got := x.isTrue(studio); got != want {
			t.Errorf("%q is %t", source, got)
		}
	}
}

func TestExpressionProblemsNameTheColumn(t *testing.T) {
	for source, want := range map[string]string{
		"kin == company":             `column 1: no fact "kin"`,
		"kind == firm":               `column 9: kind is never "firm"`,
		"kind":                       `column 5: kind must be compared`,
		"kind == company resident":   `column 17: "resident" is one word too many`,
		"amount > 5":                 `column 10: amount is compared with yuan`,
		"amount":                     `column 7: amount must be compared`,
		"(resident":                  `column 10: ")" must stand here`,
		"kind in company":            `column 9: "[" must stand here`,
		"kind in [company":           `column 17: "]" must stand here`,
		"resident &&":                `column 10: "&" means nothing here`,
		"resident and":               `column 13: no fact ""`,
		"kind in []":                 `column 10: a value of kind must stand here`,
		strings.Repeat("not ", 40):   "nested deeper",
		strings.Repeat("(", 40):      "nested deeper",
		strings.Repeat(" ", 2001):    "longer than 2000 bytes",
		"resident == maybe":          `resident is never "maybe"`,
		"item == labor or or kind":   `no fact "or"`,
		"route == mcn_pays, payroll": `"," is one word too many`,
	} {
		err := CheckExpression(source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", source, err, want)
		}
	}
}

// De Morgan's laws hold for every pair of conditions and all facts.
func TestExpressionLogic(t *testing.T) {
	atom := rapid.SampledFrom([]string{"resident", "filed", "kind == company", "kind in [company, employee]", "amount >= 5.00", "item != labor"})
	rapid.Check(t, func(t *rapid.T) {
		a, b := atom.Draw(t, "a"), atom.Draw(t, "b")
		facts := answers{map[factKey]string{
			factResident: rapid.SampledFrom([]string{yes, no}).Draw(t, "resident"), factFiled: rapid.SampledFrom([]string{yes, no}).Draw(t, "filed"),
			factKind: rapid.SampledFrom([]string{"company", "employee", "partnership"}).Draw(t, "kind"), factItem: rapid.SampledFrom([]string{ItemLabor, ItemWages}).Draw(t, "item"),
		}, money.Fen(rapid.Int64Range(498, 502).Draw(t, "amount"))}
		for _, pair := range [][2]string{
			{fmt.Sprintf("not (%s and %s)", a, b), fmt.Sprintf("not %s or not %s", a, b)},
			{fmt.Sprintf("not (%s or %s)", a, b), fmt.Sprintf("not %s and not %s", a, b)},
		} {
			x, err := compileExpression(pair[0])
			y, err2 := compileExpression(pair[1])
			if err != nil || err2 != nil || x.isTrue(facts) != y.isTrue(facts) {
				t.Fatalf("%v: %v, %v", pair, err, err2)
			}
		}
	})
}

// FuzzExpression shows that no source makes the reader fail in any other way than with a problem.
func FuzzExpression(f *testing.F) {
	f.Add("kind in [natural_person, student_intern] and item == labor and not agency_filing")
	f.Add("way == quota and (period == month or revenue >= 90000.00)")
	f.Add("not (((resident)))")
	f.Add("amount <= 0.01,")
	f.Fuzz(func(t *testing.T, source string) {
		x, err := compileExpression(source)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "column ") && !strings.HasPrefix(err.Error(), "the condition is longer") {
				t.Errorf("%q: %v", source, err)
			}
			return
		}
		x.isTrue(answers{})
	})
}
