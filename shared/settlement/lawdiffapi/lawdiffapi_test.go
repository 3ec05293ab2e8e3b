package lawdiffapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/lawdiffapi"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

// laws is one other version of the national pack.
type laws struct{ corpus *tax.Corpus }

func (l laws) CorpusWith(_ context.Context, pack, version string) (*tax.Corpus, error) {
	if pack != rulepack.National || version != "2027.01.01" {
		return nil, fault.MissingObject("version of the pack")
	}
	return l.corpus, nil
}

func otherLaw(t *testing.T, share string) *tax.Corpus {
	t.Helper()
	law, err := ruletest.ChangedLaw(ruletest.LaborCostChange(share))
	if err != nil {
		t.Fatal(err)
	}
	return law
}

// desk is a tenant with booked settlements behind the API.
type desk struct {
	*settletest.World
	api httpapi.API
	t   *testing.T
}

// open books two settlements of a person, in September and October, and one of a worker of the filed entity.
func open(t *testing.T) *desk {
	t.Helper()
	w := settletest.Open(t)
	d := &desk{World: w, t: t}
	d.book(settletest.Person, "live-1", "10000.00")
	d.book(settletest.Worker, "live-2", "20000.00")
	w.SetDate("2026-10-15")
	d.book(settletest.Person, "live-3", "20000.00")
	d.serve(w.Rules)
	return d
}

// serve answers with these rules in force.
func (d *desk) serve(rules settlement.Rules) {
	d.t.Helper()
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		d.t.Fatal(err)
	}
	api := lawdiffapi.API{TrueUps: d.TrueUpsUnder(d.t, rules), Clock: d.Clock, Settlements: d.Store, Directory: d.People,
		Laws: laws{otherLaw(d.t, "0.10")}, Calendar: calendar, Position: d.position}
	d.api = httpapi.API{Routes: api.Routes(), Clock: d.Clock, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
}

func (d *desk) position(_ context.Context, tenant ident.Tenant, id string) (tenancy.Position, error) {
	for _, p := range d.People.ApprovedPositions {
		if p.PositionID == id && tenant == settletest.Tenant {
			return p, nil
		}
	}
	return tenancy.Position{}, fault.MissingObject("position")
}

func (d *desk) book(creator ident.Creator, activity, amount string) {
	d.t.Helper()
	ctx := context.Background()
	a, _, err := d.Settle(ctx, settletest.CallerWith(identity.Operator), "key-"+activity, settletest.SettleRequest(creator, activity, amount))
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.Quote(ctx, settletest.Tenant, a.SettlementID); err != nil {
		d.t.Fatal(err)
	}
	for _, step := range []struct {
		role identity.Role
		to   settlement.Status
	}{{identity.Finance, settlement.InReview}, {identity.Approver, settlement.Approved}} {
		s, err := d.Store.Load(ctx, settletest.Tenant, a.SettlementID)
		if err == nil {
			_, err = d.Transition(ctx, settlement.Intent{By: settletest.CallerWith(step.role), ID: s.ID, Version: s.StatusVersion}, step.to)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
	if err := d.Book(ctx, settletest.Tenant, a.SettlementID); err != nil {
		d.t.Fatal(err)
	}
}

// call asks as a role would and holds the answer against the contract.
func (d *desk) call(role, method, path, query, body string) (int, map[string]any) {
	d.t.Helper()
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Body: body, RequestContext: events.APIGatewayV2HTTPRequestContext{
		RequestID: "req-1", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method},
		Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
			"tenant": settletest.Tenant, "sub": role + "@" + settletest.Tenant, "roles": role, "creator": settletest.Person, "exp": "4102444800"}}}}
	res := d.api.AnswerEvent(context.Background(), ev)
	contracttest.CheckEvent(d.t, ev, res)
	var v map[string]any
	if err := json.Unmarshal([]byte(res.Body), &v); err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, v
}

// at walks into an answer.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

const second = `"pack":{"pack":"national","version":"2027.01.01"}`

func TestDiffOfOnePerson(t *testing.T) {
	d := open(t)
	status, v := d.call("auditor", "POST", "/v1/tax/diffs", "", `{`+second+`,"entity":"ent-mcn","taxpayer":"tp-c-person","year":2026,"filed_months":["2026-09"]}`)
	// 7,000: 1,120.00 becomes 1,260.00 in September, filed; 14,000: 2,240.00 becomes 2,520.00 in October.
	if status != 200 || len(at(v, "persons").([]any)) != 1 || at(v, "persons", 0, "true_ups", "additional") != "280.00" || at(v, "persons", 0, "true_ups", "over") != "0.00" ||
		at(v, "persons", 0, "differences", 0, "difference", "withheld") != "140.00" || at(v, "persons", 0, "differences", 0, "filed") != true ||
		at(v, "persons", 0, "amendments", 0, "month") != "2026-09" || at(v, "persons", 0, "amendments", 0, "rows", 0, "corrected", "withheld") != "1260.00" ||
		at(v, "totals", "taxes", 0, "additional") != "420.00" || at(v, "rules", 0, "version") != "2027.01.01" {
		t.Fatalf("%d %v", status, v)
	}
	status, v = d.call("finance", "POST", "/v1/tax/diffs", "", `{"entity":"ent-mcn","taxpayer":"tp-c-person","year":2026}`)
	if status != 200 || len(at(v, "persons").([]any)) != 0 || at(v, "totals", "settlements") != 2.0 {
		t.Errorf("under the law that booked it: %d %v", status, v)
	}
}

func TestDiffOfATenant(t *testing.T) {
	d := open(t)
	shared := d.People.People["c-studio"] // a second account of the person, without settlements
	shared.TaxpayerID = "tp-" + settletest.Person
	d.People.People["c-studio"] = shared
	for name, c := range map[string]struct {
		body    string
		persons []string
		counted float64
	}{
		"all":            {`{` + second + `,"year":2026}`, []string{"tp-c-person"}, 2},
		"an entity":      {`{` + second + `,"entity":"ent-plat","year":2026}`, nil, 1},
		"a taxpayer":     {`{` + second + `,"taxpayer":"tp-c-person","year":2026}`, []string{"tp-c-person"}, 1},
		"another year":   {`{` + second + `,"year":2025}`, nil, 0},
		"nobody's":       {`{` + second + `,"taxpayer":"tp-none","year":2026}`, nil, 0},
		"nobody at whom": {`{` + second + `,"entity":"none","taxpayer":"tp-none","year":2026}`, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := d.call("approver", "POST", "/v1/tax/diffs", "limit=100", c.body)
			var got []string
			for _, p := range at(v, "persons").([]any) {
				got = append(got, at(p, "taxpayer_id").(string))
			}
			if status != 200 || !slices.Equal(got, c.persons) || at(v, "totals", "persons") != c.counted {
				t.Errorf("%d %v", status, v)
			}
		})
	}
}

func TestWhatCannotBeComputedIsNamed(t *testing.T) {
	d := open(t)
	d.People.Taxpayers["tp-c-person"] = tenancy.Taxpayer{TaxpayerID: "tp-c-person"} // its profile is gone
	status, v := d.call("finance", "POST", "/v1/tax/diffs", "", `{"entity":"ent-mcn","taxpayer":"tp-c-person","year":2026}`)
	if status != 200 || len(at(v, "persons", 0, "not_computable").([]any)) != 2 || at(v, "persons", 0, "true_ups") != nil || at(v, "persons", 0, "amendments") != nil ||
		at(v, "persons", 0, "not_computable", 1, "because") != at(v, "persons", 0, "not_computable", 0, "settlement_id") || at(v, "totals", "not_computable") != 2.0 {
		t.Fatalf("%d %v", status, v)
	}
	status, v = d.call("finance", "POST", "/v1/tax/diffs/post", "", `{"correction_id":"cor-1","entity":"ent-mcn","taxpayer":"tp-c-person","year":2026,"reason":"r"}`)
	if status != 422 || v["code"] != 5002.0 {
		t.Errorf("%d %v", status, v)
	}
}

func TestQuestionsAreChecked(t *testing.T) {
	d := open(t)
	for name, c := range map[string]struct {
		role, path, query, body string
		status                  int
		says                    string
	}{
		"no year":              {"finance", "/v1/tax/diffs", "", `{}`, 400, "year"},
		"a bad month":          {"finance", "/v1/tax/diffs", "", `{"year":2026,"filed_months":["2026-13"]}`, 400, "filed_months"},
		"a bad id":             {"finance", "/v1/tax/diffs", "", `{"year":2026,"taxpayer":"a b"}`, 400, "taxpayer"},
		"a bad limit":          {"finance", "/v1/tax/diffs", "limit=0", `{"year":2026}`, 400, "limit"},
		"a bad pack":           {"finance", "/v1/tax/diffs", "", `{"year":2026,"pack":{"pack":"Beijing","version":"1"}}`, 400, "pack"},
		"no such version":      {"finance", "/v1/tax/diffs", "", `{"year":2026,"pack":{"pack":"national","version":"1999.01.01"}}`, 404, "not_found"},
		"an unknown field":     {"finance", "/v1/tax/diffs", "", `{"year":2026,"month":1}`, 400, "month"},
		"an operator reads":    {"operator", "/v1/tax/diffs", "", `{"year":2026}`, 403, ""},
		"an auditor prepares":  {"auditor", "/v1/tax/diffs/post", "", `{}`, 403, ""},
		"a post without words": {"finance", "/v1/tax/diffs/post", "", `{"year":2026,"correction_id":"c","entity":"e","taxpayer":"t"}`, 400, "reason"},
		"nothing to post":      {"finance", "/v1/tax/diffs/post", "", `{"year":2026,"correction_id":"c","entity":"ent-mcn","taxpayer":"tp-c-person","reason":"r"}`, 409, "nothing_to_post"},
		"approve none":         {"approver", "/v1/tax/diffs/post/none/approve", "", `{}`, 404, "not_found"},
		"finance approves":     {"finance", "/v1/tax/diffs/post/none/approve", "", `{}`, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, v := d.call(c.role, "POST", c.path, c.query, c.body)
			all, err := json.Marshal(v)
			if err != nil || status != c.status || !strings.Contains(string(all), c.says) {
				t.Errorf("%d %s", status, all)
			}
		})
	}
}

func TestTwoPeoplePost(t *testing.T) {
	d := open(t)
	d.serve(ruleset.Fixed{Corpus: otherLaw(t, "0.10")}) // the correction of the law is in force
	const order = `{"correction_id":"cor-1","entity":"ent-mcn","taxpayer":"tp-c-person","year":2026,"filed_months":["2026-09"],"reason":"the rate was corrected"}`
	status, v := d.call("finance", "POST", "/v1/tax/diffs/post", "", order)
	if status != 201 || v["state"] != "prepared" || v["additional"] != "280.00" || v["rows"] != 1.0 {
		t.Fatalf("%d %v", status, v)
	}
	if status, _ = d.call("admin", "POST", "/v1/tax/diffs/post", "", order); status != 200 {
		t.Errorf("the same again: %d", status)
	}
	if status, _ = d.call("finance", "POST", "/v1/tax/diffs/post", "", strings.Replace(order, "corrected", "changed", 1)); status != 422 {
		t.Errorf("another under the same id: %d", status)
	}
	status, v = d.call("approver", "POST", "/v1/tax/diffs/post/cor-1/approve", "", "")
	if status != 200 || v["state"] != "posted" || v["posted_by"] != "approver@"+settletest.Tenant {
		t.Fatalf("%d %v", status, v)
	}
	if _, again := d.call("approver", "POST", "/v1/tax/diffs/post/cor-1/approve", "", "{}"); again["transition_id"] != v["transition_id"] {
		t.Errorf("posted twice: %v", again)
	}
	if status, v = d.call("auditor", "GET", "/v1/tax/diffs/post/cor-1", "", ""); status != 200 || v["prepared_by"] != "finance@"+settletest.Tenant {
		t.Errorf("%d %v", status, v)
	}
	// October is closed, September still waits for its amendment.
	status, v = d.call("finance", "POST", "/v1/tax/diffs", "", `{"entity":"ent-mcn","taxpayer":"tp-c-person","year":2026,"filed_months":["2026-09"]}`)
	if status != 200 || len(at(v, "persons", 0, "differences").([]any)) != 1 || at(v, "persons", 0, "true_ups", "rows") != 0.0 || len(at(v, "persons", 0, "amendments").([]any)) != 1 {
		t.Errorf("%d %v", status, v)
	}
}

func TestSettlementsOfAPosition(t *testing.T) {
	d := open(t)
	d.People.ApprovedPositions = []tenancy.Position{{Version: tenancy.Version{From: civil.MustDate("2026-11-01")}, PositionID: "pos-28",
		Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct", DecidedBy: "a", ApprovedBy: "b"}}
	d.SetDate("2026-11-16")
	r := settletest.SettleRequest(settletest.Person, "live-4", "10000.00")
	r.TS = settlement.Millis(civil.MustDate("2026-11-03").Start().UnixMilli())
	d.AdvanceTime(civil.MustDate("2026-11-16").Start().Sub(civil.MustDate("2026-09-15").Start()))
	a, _, err := d.Settle(context.Background(), settletest.CallerWith(identity.Operator), "key-live-4", r)
	if err == nil {
		err = d.Quote(context.Background(), settletest.Tenant, a.SettlementID)
	}
	if err != nil {
		t.Fatal(err)
	}
	status, v := d.call("finance", "GET", "/v1/positions/pos-28/settlements", "", "")
	if list, _ := at(v, "settlements").([]any); status != 200 || len(list) != 1 || at(v, "settlements", 0, "settlement_id") != string(a.SettlementID) || at(v, "settlements", 0, "booked") != false || v["next_cursor"] != nil {
		t.Fatalf("%d %v", status, v)
	}
	found := 0
	for cursor, n := "", 0; n < 10; n++ {
		_, v = d.call("auditor", "GET", "/v1/positions/pos-28/settlements", "limit=1&cursor="+cursor, "")
		found += len(at(v, "settlements").([]any))
		next, more := v["next_cursor"].(string)
		if cursor = next; !more {
			break
		}
	}
	if found != 1 {
		t.Errorf("%d found page by page", found)
	}
	if status, _ = d.call("finance", "GET", "/v1/positions/none/settlements", "", ""); status != 404 {
		t.Errorf("a position that is not there: %d", status)
	}
}
