package taxapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const planned = `{"year":2026,"jurisdiction":"330100","income":[{"month":1,"type":"live_tip","amount":"50000.00"},{"month":2,"type":"xingtu_ad","amount":"60000.00"}],
	"facts":{"place_tier":"city","costs":"20000.00","social_insurance":"5000.00","housing_fund":"4000.00","months_employed":12,"assessed":{"way":"deemed_profit_rate","rate":"0.1"}}}`

func TestPlan(t *testing.T) {
	status, v := ask(t, "creator", "POST", "/v1/tax/plan", "", planned)
	if status != 200 {
		t.Fatalf("%d %v", status, v)
	}
	feasible := map[string]bool{}
	for _, x := range v["alternatives"].([]any) {
		a := x.(map[string]any)
		feasible[a["regime"].(string)] = a["feasible"].(bool)
		if a["feasible"].(bool) != (a["total_tax"] != nil) {
			t.Errorf("%v: total %v", a["regime"], a["total_tax"])
		}
	}
	want := map[string]bool{"wages": true, "labor": true, "labor_platform": true, "author": false, "royalty": false, "individual_business_books": true,
		"individual_business_assessed": false, "sole_proprietorship_books": true, "sole_proprietorship_assessed": false, "company": false}
	if fmt.Sprint(feasible) != fmt.Sprint(want) {
		t.Errorf("%v", feasible)
	}
	text := fmt.Sprint(v["statement"])
	for _, no := range []string{"best", "recommended way", "cheapest", "最优", "节税", "避税"} {
		if strings.Contains(text, no) {
			t.Errorf("the statement says %q", no)
		}
	}
}

func TestPlanWithoutFactsNamesWhatItLacks(t *testing.T) {
	status, v := ask(t, "finance", "POST", "/v1/tax/plan", "", `{"year":2026,"jurisdiction":"650000","income":[{"month":3,"type":"live_tip","amount":"1000.00"}],"facts":{}}`)
	all, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"facts.social_insurance", "facts.costs", "facts.staff", "facts.work", "facts.resident"} {
		if status != 200 || !strings.Contains(string(all), want) {
			t.Errorf("%d, %s is not named", status, want)
		}
	}
}

func TestPlanTellsAllProblemsAtOnce(t *testing.T) {
	status, v := ask(t, "finance", "POST", "/v1/tax/plan", "", `{"year":1999,"jurisdiction":"9","income":[{"month":13,"type":"x","amount":"-1.00"}],"facts":{"work":"art","costs":1,"luck":true}}`)
	fields := fmt.Sprint(v["fields"])
	for _, want := range []string{"year", "jurisdiction", "income.0.month", "income.0.type", "income.0.amount", "facts.work", "facts.costs", "facts.luck"} {
		if status != 400 || !strings.Contains(fields, "field:"+want+" ") {
			t.Errorf("%d, %s is not among %s", status, want, fields)
		}
	}
}

func FuzzPlanNeverFails(f *testing.F) {
	f.Add(planned)
	f.Add(`{"year":2030,"jurisdiction":"460000","income":[{"month":12,"type":"live_tip","amount":"999999999.99"}],"facts":{"vat":"general","resident":false,"elsewhere":{"wages":"1.00"}}}`)
	f.Add(`{"year":2026,"jurisdiction":"110000","income":[],"facts":{"months_employed":0,"staff":-1,"assessed":{}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		if status, v := ask(t, "finance", "POST", "/v1/tax/plan", "", body); status >= 500 {
			t.Errorf("%d %v", status, v)
		}
	})
}
