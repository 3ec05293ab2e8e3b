package taxapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/ident"
	"fenzhang/shared/settlement/settletest"
)

func TestNetWantedFindsTheGross(t *testing.T) {
	for name, c := range map[string]struct{ body, gross, net string }{
		"labor of one time":             {question("2026-10-15", ordinary, person, `{"type":"live_tip","net_wanted":"8400.00"}`, ""), "10000.00", "8400.00"},
		"the second payment of a month": {question("2026-10-15", ordinary, person, `{"type":"live_tip","net_wanted":"7520.00"}`, `{"month":{"income":"3000.00","withheld":"440.00"}}`), "9000.00", "7520.00"},
		"a studio bears nothing":        {question("2026-10-15", ordinary, studio, `{"type":"live_tip","net_wanted":"7520.01"}`, ""), "7520.01", "7520.01"},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := ask(t, "finance", "POST", "/v1/tax/quote", "", c.body)
			if status != 200 || v["gross"] != c.gross || v["net"] != c.net || v["net_wanted"] != c.net || v["nearest"] != nil {
				t.Errorf("%d gross %v net %v nearest %v: %v", status, v["gross"], v["net"], v["nearest"], v["error"])
			}
		})
	}
}

func TestQuoteTellsAllProblemsAtOnce(t *testing.T) {
	body := `{"date":"2026-13-01","surprise":1,"paying_entity":{"place":"999999","place_tier":"village"},
		"taxpayer":{"kind":"robot","vat":"small_scale","collection":"books","jurisdiction":"12","vat_period":"week"},
		"income":{"type":"Live Tip","item":"gift","net_wanted":"0.00","in_kind":"1"},"payroll":{"complete":true,"months":13},
		"period_to_date":{"year":{"months":13,"by_month":["1.00","2.00","3.00","4.00","5.00","6.00","7.00","8.00","9.00","10.00","11.00","12.00","13.00"]}}}`
	status, v := ask(t, "finance", "POST", "/v1/tax/quote", "", body)
	if status != 400 {
		t.Fatalf("%d %v", status, v)
	}
	var got []string
	for _, x := range v["fields"].([]any) {
		got = append(got, x.(map[string]any)["field"].(string))
	}
	for _, want := range []string{"date", "surprise", "paying_entity.place", "paying_entity.place_tier", "taxpayer.kind", "taxpayer.jurisdiction", "taxpayer.vat_period",
		"income.type", "income.item", "income.net_wanted", "income.in_kind", "payroll.months", "period_to_date.year.months", "period_to_date.year.by_month"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among the problems: %v", want, got)
		}
	}
}

func TestProvinceCodeReplacesTheRegistration(t *testing.T) {
	body := question("2026-10-15", ordinary, studio, `{"type":"live_tip","amount":"10000.00"}`, "")
	status, v := askWith(t, "finance", "POST", "/v1/tax/quote", "", body, map[string]string{"X-Province-Code": "460000"})
	rules, _ := json.Marshal(v["rules"])
	if status != 200 || !strings.Contains(string(rules), `"460000"`) {
		t.Errorf("%d %s", status, rules)
	}
	if status, v = askWith(t, "finance", "POST", "/v1/tax/quote", "", body, map[string]string{"X-Province-Code": "46"}); status != 400 || !strings.Contains(fmt.Sprint(v["fields"]), "X-Province-Code") {
		t.Errorf("%d %v", status, v)
	}
}

func TestQuoteKnowsEveryFactOfTheEngine(t *testing.T) {
	employee := `{"kind":"employee","resident":true,"vat":"natural_person","collection":"withheld","jurisdiction":"330100"}`
	wages := strings.TrimSuffix(question("2026-03-15", ordinary, ident.Taxpayer(employee), `{"type":"salary","amount":"30000.00"}`, `{"year":{"months":2,"income":"60000.00","withheld":"1125.00"}}`), "}") +
		`,"payroll":{"complete":true,"months":3,"special":"13500.00","additional":"6000.00"}}`
	overseas := `{"kind":"natural_person","resident":false,"overseas":true,"vat":"natural_person","collection":"withheld","jurisdiction":"330100"}`
	series := `{"year":{"by_month":["20000.00","20000.00","20000.00"],"withheld_by_month":["330.00","330.00","330.00"],"withheld":"990.00","income":"60000.00"}}`
	for name, c := range map[string]struct{ body, holds string }{
		"wages of a payroll":           {wages, `"total_withheld":"`},
		"a person abroad":              {question("2026-10-15", ordinary, ident.Taxpayer(overseas), `{"type":"live_tip","amount":"10000.00"}`, ""), `"tax":"VAT"`},
		"a thing in kind":              {question("2026-10-15", ordinary, person, `{"type":"incentive","amount":"10000.00","in_kind":"5000.00"}`, ""), `"total_withheld":"2400.00"`},
		"a price without VAT":          {question("2026-10-15", filed, ident.Taxpayer(strings.TrimSuffix(person, "}")+`,"agency_consent":true}`), `{"type":"live_tip","amount":"200000.00","vat_included":false}`, ""), `"gross":"202000.00"`},
		"months one by one":            {question("2026-04-15", filed, person, `{"type":"live_tip","amount":"20000.00"}`, series), `"item":"labor_platform"`},
		"a tier for what it files":     {question("2026-10-15", ordinary, ident.Taxpayer(strings.TrimSuffix(studio, "}")+`,"place_tier":"county","vat_period":"quarter"}`), `{"type":"xingtu_ad","amount":"400000.00"}`, ""), `"tax":"UMCT"`},
		"another platform not filed":   {strings.Replace(question("2026-10-15", filed, person, `{"type":"live_tip","amount":"10000.00"}`, ""), `"amount"`, `"platform":"kuaishou","amount"`, 1), `"item":"labor_platform"`},
		"incidental income by item":    {question("2026-10-15", ordinary, person, `{"type":"incentive","item":"incidental","amount":"1000.00"}`, ""), `"total_withheld":"200.00"`},
		"a low earner of a whole year": {strings.TrimSuffix(question("2026-10-15", filed, person, `{"type":"live_tip","amount":"5000.00"}`, ""), "}") + `,"low_earner":true}`, `"total_withheld":"0.00"`},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := ask(t, "finance", "POST", "/v1/tax/quote", "", c.body)
			all, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if status != 200 || !strings.Contains(string(all), c.holds) {
				t.Errorf("%d, without %s: %.600s", status, c.holds, all)
			}
		})
	}
}

// TestQuotesOfAllJurisdictions holds that every place answers with figures, with obligations that name what is
// missing, or with the name of the missing rule: never with silence.
func TestQuotesOfAllJurisdictions(t *testing.T) {
	corpus, err := packs()
	if err != nil {
		t.Fatal(err)
	}
	places := corpus.Jurisdictions()
	if len(places) != 38 { // 37 and the national pack
		t.Fatalf("%d jurisdictions", len(places))
	}
	kinds := []struct{ kind, vat string }{{"natural_person", "natural_person"}, {"individual_business", "small_scale"}, {"sole_proprietorship", "small_scale"},
		{"partnership", "small_scale"}, {"company", "general"}, {"individual_business", "general"}, {"employee", "natural_person"}, {"student_intern", "natural_person"}}
	figures, gaps := 0, 0
	for _, place := range places {
		for _, k := range kinds {
			for _, collection := range []string{"withheld", "books", "income_rate", "cost_rate", "levy_rate"} {
				for _, date := range []string{"2026-10-15", "2026-11-16"} {
					code := place.Code
					if code == "" {
						code = "000000"
					}
					entity := `{"place":"` + code + `","place_tier":"city","platform_filing":false}`
					taxpayer := fmt.Sprintf(`{"kind":%q,"resident":true,"vat":%q,"collection":%q,"jurisdiction":%q,"industry":"culture","place_tier":"city"}`, k.kind, k.vat, collection, code)
					status, v := ask(t, "finance", "POST", "/v1/tax/quote", "", question(date, ident.Entity(entity), ident.Taxpayer(taxpayer), `{"type":"xingtu_ad","amount":"120000.00"}`, ""))
					switch {
					case status == 422 && v["code"] == 5002.0 && v["missing"] != "" && v["missing"] != nil:
						gaps++
					case status == 200 && says(v):
						figures++
					default:
						t.Errorf("%s %s %s %s: %d %v", code, k.kind, collection, date, status, v["error"])
					}
				}
			}
		}
	}
	if figures < gaps {
		t.Errorf("%d answers with figures, %d gaps", figures, gaps)
	}
}

// says tells whether an answer explains itself: something is kept back, or an obligation has a figure or names
// what is missing, and every line of it rests on a law.
func says(v map[string]any) bool {
	lines := append(v["taxes"].([]any), v["payee_obligations"].([]any)...)
	for _, l := range lines {
		line := l.(map[string]any)
		if line["amount"] == nil && line["missing"] == nil {
			return false
		}
	}
	return len(lines) > 0 && len(v["steps"].([]any)) > 0
}

func FuzzQuoteNeverFails(f *testing.F) {
	f.Add(question("2026-10-15", ordinary, person, `{"type":"live_tip","net_wanted":"8400.00"}`, ""))
	f.Add(question("2026-10-15", filed, studio, `{"type":"live_tip","amount":"99999999999.99","vat_included":false}`, `{"year":{"months":3,"income":"60000.00","by_month":["-1.00"]}}`))
	f.Add(question("0001-01-01", `{"id":"`+settletest.Ordinary+`"}`, `{"id":"tp-`+settletest.Person+`"}`, `{"type":"live_tip","amount":"0.01","in_kind":"9.99"}`, ""))
	f.Add(`{"date":null,"paying_entity":[],"taxpayer":{"kind":"employee"},"payroll":{"months":-1}}`)
	f.Fuzz(func(t *testing.T, body string) {
		if status, v := ask(t, "finance", "POST", "/v1/tax/quote", "", body); status >= 500 {
			t.Errorf("%d %v", status, v)
		}
	})
}
