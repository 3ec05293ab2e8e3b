package taxapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

// books holds one booked month of the person at the ordinary company, and a reversal that took another one back.
type books struct{}

func (books) TaxRows(_ context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer, year int) ([]settlement.Booking, error) {
	if taxpayer == "tp-"+settletest.Worker && entity == settletest.Ordinary { // merged into the person
		return []settlement.Booking{{Kind: settlement.KindMerged, Into: "tp-" + settletest.Person}}, nil
	}
	if tenant != settletest.Tenant || entity != settletest.Ordinary || taxpayer != "tp-"+settletest.Person || year != 2026 {
		return nil, nil
	}
	row := func(period, income, withheld string) tax.Row {
		return tax.Row{Kind: tax.IIT, Item: tax.ItemLabor, Platform: "douyin", Period: period, Income: money.MustParse(income), Withheld: money.MustParse(withheld), Collection: tax.Withheld}
	}
	return []settlement.Booking{{Rows: []tax.Row{row("2026-08", "30000.00", "5200.00"), row("2026-09", "10000.00", "1600.00")}}, {Kind: settlement.KindReversal, Rows: []tax.Row{row("2026-09", "-10000.00", "-1600.00")}}}, nil
}

func forecastOf(entity ident.Entity, taxpayer ident.Taxpayer, rest string) string {
	return string(`{"year":2026,"paying_entity":`+entity+`,"taxpayer":`) + string(taxpayer) + rest + `}`
}

func TestForecast(t *testing.T) {
	payments := `,"expected":[{"date":"2026-10-20","type":"live_tip","amount":"20000.00"},{"date":"2026-10-05","type":"live_tip","amount":"10000.00"}]`
	toldBooks := `,"booked":[{"month":8,"item":"labor","income":"30000.00","withheld":"5200.00"}]`
	employee := `{"kind":"employee","resident":true,"vat":"natural_person","collection":"withheld","jurisdiction":"330100"}`
	for name, c := range map[string]struct{ body, outcome, balance, expected, october string }{
		// 30,000 booked and 30,000 to come, one project a month: 5,200 each. 60,000 x 80% stays below 60,000.
		"booked rows and payments to come": {forecastOf(`{"id":"ent-mcn"}`, `{"id":"tp-c-person"}`, payments), "refund", "-10400.00", "5200.00", "-10400.00"},
		"the same, by a merged record":     {forecastOf(`{"id":"ent-mcn"}`, `{"id":"tp-c-worker"}`, payments), "refund", "-10400.00", "5200.00", "-10400.00"},
		"the same, described":              {forecastOf(ordinary, person, toldBooks+payments), "refund", "-10400.00", "5200.00", "-10400.00"},
		// 48,000 + 80,000 - 60,000 = 68,000; x 10% - 2,520 = 4,280
		"other payers without withholding": {forecastOf(ordinary, person, toldBooks+payments+`,"elsewhere":{"labor":"100000.00"},"special":"0.00","additional":"0.00"`), "refund", "-6120.00", "5200.00", "-6120.00"},
		// 240,000 - 60,000 = 180,000; x 20% - 16,920 = 19,080; 90 % of it booked
		"wages that owe":         {forecastOf(ordinary, ident.Taxpayer(employee), `,"booked":[{"month":12,"months":12,"item":"wages","income":"240000.00","withheld":"19000.00"}]`), "debt", "80.00", "0.00", "0.00"},
		"wages that are even":    {forecastOf(ordinary, ident.Taxpayer(employee), `,"booked":[{"month":1,"item":"wages","income":"240000.00","withheld":"19080.00"}]`), "even", "0.00", "0.00", "0.00"},
		"nothing but deductions": {forecastOf(ordinary, person, `,"special":"1000.00"`), "even", "0.00", "0.00", "0.00"},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := ask(t, "finance", "POST", "/v1/tax/forecast", "", c.body)
			if status != 200 {
				t.Fatalf("%d %v", status, v)
			}
			october := v["by_month"].([]any)[9].(map[string]any)
			if v["outcome"] != c.outcome || v["balance"] != c.balance || v["expected_withheld"] != c.expected || october["balance_to_date"] != c.october {
				t.Errorf("%v %v, expected %v, October %v", v["outcome"], v["balance"], v["expected_withheld"], october)
			}
		})
	}
}

func TestForecastNamesWhatItDoesNotKnow(t *testing.T) {
	_, v := ask(t, "finance", "POST", "/v1/tax/forecast", "", forecastOf(ordinary, person, `,"expected":[{"date":"2026-10-20","type":"incentive","item":"incidental","amount":"100.00"}]`))
	if rules := fmt.Sprint(v["rules"]); !strings.Contains(rules, "pack:330000") {
		t.Errorf("the pack of the place is not among %s", rules)
	}
	unknown := fmt.Sprint(v["unknown"])
	for _, want := range []string{"iit.annual.special_deductions", "iit.annual.additional_deductions", "iit.annual.other_payers", "incidental"} {
		if !strings.Contains(unknown, want) {
			t.Errorf("%s is not among %s", want, unknown)
		}
	}
}

func TestForecastIsRefused(t *testing.T) {
	stranger := strings.Replace(person, `"resident":true`, `"resident":false`, 1)
	for name, c := range map[string]struct {
		role, body   string
		status, code int
		says         string
	}{
		"an open rule on a payment to come": {"finance", forecastOf(ordinary, person, `,"expected":[{"date":"2026-11-20","type":"live_tip","amount":"20000.00"}]`), 422, 5002, "vat.natural_person.withholding"},
		"a non-resident":                    {"finance", forecastOf(ordinary, ident.Taxpayer(stranger), ""), 422, 5002, "no_annual_settlement"},
		"a studio":                          {"finance", forecastOf(ordinary, studio, ""), 400, 2001, "taxpayer.kind"},
		"told beside the books":             {"finance", forecastOf(`{"id":"ent-mcn"}`, `{"id":"tp-c-person"}`, `,"booked":[{"month":1,"item":"labor","income":"1.00","withheld":"0.00"}]`), 400, 2001, "booked"},
		"a payment of another year":         {"finance", forecastOf(ordinary, person, `,"expected":[{"date":"2027-01-05","type":"live_tip","amount":"1.00"}]`), 400, 2001, "expected.0.date"},
		"a payment without amount":          {"finance", forecastOf(ordinary, person, `,"expected":[{"date":"2026-10-05","type":"live_tip"}]`), 400, 2001, "expected.0.amount"},
		"a payroll that cannot be":          {"finance", forecastOf(ordinary, person, `,"expected":[{"date":"2026-10-05","type":"salary","amount":"1.00","payroll":{"complete":true,"months":11}}]`), 400, 2001, "expected.0.payroll.months"},
		"an unknown taxpayer":               {"finance", forecastOf(ordinary, `{"id":"tp-none"}`, ""), 404, 3003, "not_found"},
		"a creator asks about an id":        {"creator", forecastOf(ordinary, `{"id":"tp-c-person"}`, ""), 404, 3003, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := ask(t, c.role, "POST", "/v1/tax/forecast", "", c.body)
			if code, _ := v["code"].(float64); status != c.status || int(code) != c.code || !strings.Contains(fmt.Sprint(v), c.says) {
				t.Errorf("%d %v", status, v)
			}
		})
	}
}

func FuzzForecastNeverFails(f *testing.F) {
	f.Add(forecastOf(ordinary, person, `,"expected":[{"date":"2026-10-20","type":"live_tip","amount":"20000.00"}]`))
	f.Add(forecastOf(filed, person, `,"booked":[{"month":8,"months":8,"item":"labor_platform","income":"2000000.00","withheld":"0.00"}],"expected":[{"date":"2026-10-20","type":"live_tip","amount":"999999999.99"}]`))
	f.Add(forecastOf(`{"id":"ent-mcn"}`, `{"id":"tp-c-person"}`, `,"elsewhere":{"wages":"-1.00"},"donations":"1000000000.00"`))
	f.Fuzz(func(t *testing.T, body string) {
		if status, v := ask(t, "finance", "POST", "/v1/tax/forecast", "", body); status >= 500 {
			t.Errorf("%d %v", status, v)
		}
	})
}
