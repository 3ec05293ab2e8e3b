package taxapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/taxapi"
)

// packs loads all packs once.
var packs = sync.OnceValues(taxpack.LoadEmbedded)

// ask calls a route as a role would and holds the answer against the contract.
func ask(t *testing.T, role, method, path, query, body string) (int, map[string]any) {
	t.Helper()
	return askWith(t, role, method, path, query, body, nil)
}

// askWith is ask with headers.
func askWith(t *testing.T, role, method, path, query, body string, header map[string]string) (int, map[string]any) {
	t.Helper()
	corpus, err := packs()
	if err != nil {
		t.Fatal(err)
	}
	at := clock.FixedAt(time.Date(2026, 10, 15, 10, 0, 0, 0, civil.Shanghai))
	api := httpapi.API{Routes: taxapi.API{Corpus: func(context.Context) *tax.Corpus { return corpus }, Directory: settletest.NewDirectory(), Rows: books{}, Clock: at}.Routes(), Clock: at,
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Body: body, Headers: header, RequestContext: events.APIGatewayV2HTTPRequestContext{
		RequestID: "req-1", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method},
		Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
			"tenant": settletest.Tenant, "sub": role + "@" + settletest.Tenant, "roles": role, "creator": settletest.Person, "exp": "4102444800"}}}}
	res := api.AnswerEvent(context.Background(), ev)
	contracttest.CheckEvent(t, ev, res)
	var v map[string]any
	if err := json.Unmarshal([]byte(res.Body), &v); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, v
}

const (
	ordinary = `{"place":"330100","place_tier":"city","platform_filing":false}`
	filed    = `{"place":"330100","place_tier":"city","platform_filing":true}`
	person   = `{"kind":"natural_person","resident":true,"vat":"natural_person","collection":"withheld","jurisdiction":"330100"}`
	studio   = `{"kind":"individual_business","resident":true,"vat":"small_scale","collection":"books","jurisdiction":"330100"}`
)

func question(date string, entity ident.Entity, taxpayer ident.Taxpayer, income, toDate string) string {
	if toDate == "" {
		toDate = "{}"
	}
	return `{"date":"` + date + `","paying_entity":` + string(entity) + `,"taxpayer":` + string(taxpayer) + `,"income":` + income + `,"period_to_date":` + toDate + `}`
}

func TestQuote(t *testing.T) {
	for name, c := range map[string]struct{ body, withheld, net string }{
		"labor at an ordinary company":          {question("2026-10-15", ordinary, person, `{"type":"live_tip","amount":"10000.00"}`, ""), "1600.00", "8400.00"},
		"the rest of a month of one project":    {question("2026-10-15", ordinary, person, `{"type":"live_tip","amount":"9000.00"}`, `{"month":{"income":"3000.00","withheld":"440.00"}}`), "1480.00", "7520.00"},
		"fourth month at a filed entity":        {question("2026-10-15", filed, person, `{"type":"live_tip","amount":"20000.00"}`, `{"year":{"months":3,"income":"60000.00","withheld":"990.00"}}`), "890.00", "19110.00"},
		"a studio is paid in full":              {question("2026-10-15", ordinary, studio, `{"type":"live_tip","amount":"10000.00"}`, ""), "0.00", "10000.00"},
		"entity and taxpayer by their ids":      {question("2026-10-15", `{"id":"ent-mcn"}`, `{"id":"tp-c-person"}`, `{"type":"live_tip","amount":"10000.00"}`, ""), "1600.00", "8400.00"},
		"platform labor forced where it is due": {question("2026-10-15", filed, person, `{"type":"live_tip","item":"labor_platform","amount":"6000.00"}`, ""), "0.00", "6000.00"},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := ask(t, "finance", "POST", "/v1/tax/quote", "", c.body)
			if status != 200 || v["total_withheld"] != c.withheld || v["net"] != c.net || len(v["steps"].([]any)) == 0 {
				t.Errorf("%d withheld %v net %v: %v", status, v["total_withheld"], v["net"], v["error"])
			}
		})
	}
}

func TestQuoteIsRefused(t *testing.T) {
	income := `{"type":"live_tip","amount":"10000.00"}`
	for name, c := range map[string]struct {
		role, body   string
		status, code int
		says         string // in reason, missing or the sentence
	}{
		"an open rule":                         {"finance", question("2026-11-16", ordinary, person, income, ""), 422, 5002, "vat.natural_person.withholding"},
		"the cumulative method without filing": {"finance", question("2026-10-15", ordinary, person, `{"type":"live_tip","item":"labor_platform","amount":"1.00"}`, ""), 422, 5002, "item_forbidden"},
		"no amount":                            {"finance", question("2026-10-15", ordinary, person, `{"type":"live_tip"}`, ""), 400, 2001, "amount"},
		"an amount and a net wanted":           {"finance", question("2026-10-15", ordinary, person, `{"type":"live_tip","amount":"1.00","net_wanted":"1.00"}`, ""), 400, 2001, "net_wanted"},
		"an unknown kind":                      {"finance", question("2026-10-15", ordinary, `{"kind":"robot"}`, income, ""), 400, 2001, "taxpayer.kind"},
		"an unknown entity":                    {"finance", question("2026-10-15", `{"id":"none"}`, person, income, ""), 404, 3003, "not_found"},
		"a creator asks about somebody's id":   {"creator", question("2026-10-15", ordinary, `{"id":"tp-c-person"}`, income, ""), 404, 3003, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := ask(t, c.role, "POST", "/v1/tax/quote", "", c.body)
			all, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if code, _ := v["code"].(float64); status != c.status || int(code) != c.code || !strings.Contains(string(all), c.says) {
				t.Errorf("%d %s", status, all)
			}
		})
	}
}

func TestRulesOfADay(t *testing.T) {
	status, v := ask(t, "auditor", "GET", "/v1/tax/rules", "date=2026-11-16", "")
	if status != 200 || len(v["values"].([]any)) < 20 || !strings.Contains(gaps(t, v), "vat.natural_person.withholding") {
		t.Errorf("%d: %d values, gaps %s", status, len(v["values"].([]any)), gaps(t, v))
	}
	if _, v = ask(t, "auditor", "GET", "/v1/tax/rules", "", ""); v["date"] != "2026-10-15" || strings.Contains(gaps(t, v), "vat.natural_person.withholding") {
		t.Errorf("%v: %s", v["date"], gaps(t, v))
	}
	if status, _ = ask(t, "auditor", "GET", "/v1/tax/rules", "date=tomorrow", ""); status != 400 {
		t.Errorf("a bad date: %d", status)
	}
}

// Every jurisdiction answers with the national rules and its own word on assessed income: a value or a named gap.
func TestRulesOfEveryPlace(t *testing.T) {
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	places := corpus.Jurisdictions()[1:]
	if len(places) != 37 {
		t.Fatalf("%d jurisdictions", len(places))
	}
	for _, j := range places {
		status, v := ask(t, "auditor", "GET", "/v1/tax/rules", "date=2026-11-16&jurisdiction="+j.Code, "")
		if status != 200 {
			t.Fatalf("%s: %d %v", j.Code, status, v)
		}
		local, _ := v["local"].([]any)
		if len(local) != 1 || local[0].(map[string]any)["pack"] != j.Code || v["pack"].(map[string]any)["pack"] != "national" {
			t.Errorf("%s answers from %v and %v", j.Code, v["pack"], local)
		}
		if n := len(v["values"].([]any)); n < 80 {
			t.Errorf("%s: only %d values", j.Code, n)
		}
		if own := ofPlace(v, j.Code); own["iit.assessed.quota"]+own["iit.assessed.levy_rates"]+own["iit.assessed.levy_rate"]+own["iit.assessed.deemed_profit"] == 0 {
			t.Errorf("%s says nothing of assessed income: %v", j.Code, own)
		}
	}
}

// ofPlace counts values and gaps of a place by id.
func ofPlace(v map[string]any, place string) map[string]int {
	own := map[string]int{}
	for list, key := range map[string]string{"values": "id", "gaps": "rule"} {
		for _, x := range v[list].([]any) {
			x := x.(map[string]any)
			if x["place"] == place {
				own[strings.TrimSuffix(x[key].(string), "@"+place)]++
			}
		}
	}
	return own
}

// A locality's word goes before its province's, and a district is answered by its city or province.
func TestRulesOfLocalities(t *testing.T) {
	_, v := ask(t, "auditor", "GET", "/v1/tax/rules", "date=2026-11-16&jurisdiction=340700", "")
	if ofPlace(v, "340700")["iit.assessed.profit_rates"] != 1 || ofPlace(v, "340000")["iit.assessed.profit_rates"] != 0 || v["jurisdiction"] != "340700" {
		t.Errorf("Tongling: %v", v["jurisdiction"])
	}
	if _, v = ask(t, "auditor", "GET", "/v1/tax/rules", "jurisdiction=330106", ""); len(ofPlace(v, "330000")) == 0 {
		t.Error("a district of Hangzhou does not answer with the rules of Zhejiang")
	}
	if _, v = ask(t, "auditor", "GET", "/v1/tax/rules", "jurisdiction=000000", ""); v["local"] != nil || strings.Contains(gaps(t, v), "@") {
		t.Errorf("the nation: %v", v["local"])
	}
	for _, code := range []string{"990000", "710000", "11000", "abcdef", "1100000"} {
		if status, v := ask(t, "auditor", "GET", "/v1/tax/rules", "jurisdiction="+code, ""); status != 400 || v["code"] != 2001.0 {
			t.Errorf("%s: %d %v", code, status, v["code"])
		}
	}
}

func gaps(t *testing.T, v map[string]any) string {
	t.Helper()
	b, err := json.Marshal(v["gaps"])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
