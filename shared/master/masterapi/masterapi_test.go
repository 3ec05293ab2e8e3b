package masterapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/master/mastertest"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
)

var instant = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// world is the routes of master data over a local table.
type world struct {
	mastertest.World
	t     *testing.T
	api   *httpapi.API
	local dynamotest.Tables
}

func open(t *testing.T) *world {
	t.Helper()
	return openIn(t, dynamotest.Open(t))
}

// openIn is the routes over given tables.
func openIn(t *testing.T, local dynamotest.Tables) *world {
	t.Helper()
	w := &world{World: mastertest.Open(t, local, instant), t: t, local: local}
	plenty := httpapi.Rate{PerSecond: 1, Burst: 1e6}
	w.api = &httpapi.API{Routes: API{w.Service}.Routes(), Clock: w.Clock, Log: slog.New(slog.DiscardHandler), Limits: httpapi.NewTokenBuckets(plenty, plenty),
		Revoked: httpapi.NoRevocations{}}
	return w
}

// answer is what a client sees.
type answer struct {
	status int
	header map[string]string
	body   map[string]any
	raw    string
}

func (a answer) code() int {
	n, _ := a.body["code"].(float64)
	return int(n)
}

// fields gives the problems by field.
func (a answer) fields() map[string]string {
	out := map[string]string{}
	list, _ := a.body["fields"].([]any)
	for _, f := range list {
		m := f.(map[string]any)
		out[m["field"].(string)] = m["problem"].(string)
	}
	return out
}

func (w *world) call(tenant ident.Tenant, role, method, path string, body any) answer {
	w.t.Helper()
	var text string
	switch b := body.(type) {
	case nil:
	case string:
		text = b
	default:
		j, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		text = string(j)
	}
	path, query, _ := strings.Cut(path, "?")
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Body: text}
	ev.RequestContext.RequestID = "req-1"
	ev.RequestContext.HTTP.Method = method
	ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
		"tenant": string(tenant), "sub": role + "@" + string(tenant), "roles": role, "exp": fmt.Sprint(instant.Unix() + 60),
	}}
	return w.serve(ev)
}

func (w *world) serve(ev events.APIGatewayV2HTTPRequest) answer {
	w.t.Helper()
	res := w.api.AnswerEvent(context.Background(), ev)
	contracttest.CheckEvent(w.t, ev, res)
	out := answer{status: res.StatusCode, header: res.Headers, raw: res.Body}
	if err := json.Unmarshal([]byte(res.Body), &out.body); err != nil {
		w.t.Fatalf("%q: %v", res.Body, err)
	}
	return out
}

func (w *world) admin(method, path string, body any) answer {
	w.t.Helper()
	return w.call("demo", "admin", method, path, body)
}

// want fails the test unless the answer has this status and code (0 for none).
func (w *world) want(a answer, status, code int) answer {
	w.t.Helper()
	if a.status != status || a.code() != code {
		w.t.Fatalf("got %d %s, want %d code %d", a.status, a.raw, status, code)
	}
	return a
}

// records counts the audit records of an act in the outbox.
func (w *world) records(act string) []audit.Record {
	w.t.Helper()
	var found []audit.Record
	for _, it := range w.local.ReadTable(w.t, w.local.Settlements) {
		var r audit.Record
		if err := json.Unmarshal([]byte(it[outbox.AuditAttribute].(*types.AttributeValueMemberS).Value), &r); err != nil {
			w.t.Fatal(err)
		}
		if r.Act == act {
			found = append(found, r)
		}
	}
	return found
}

type object = map[string]any

func entity() object {
	return object{"entity_id": "e1", "name": "样例文化传媒有限公司", "uscc": "91350100m000100y43", "place": "330100", "place_tier": "city", "vat": "general",
		"accounts":         []object{{"method": "bank", "account": "6216261000000000018"}},
		"platform_filings": []object{{"platform": "douyin", "class": "款项结算", "filed_on": "2026-01-01", "proof": "receipt-1", "from": "2026-01-01"}}}
}

func profile() object {
	return object{"from": "2026-01-01", "kind": "natural_person", "resident": true, "vat": "natural_person", "collection": "withheld", "jurisdiction": "330100"}
}

func taxpayer() object {
	return object{"taxpayer_id": "t1", "name": "样例人", "id_type": "201", "id_number": "11010519491231002x", "phone": "13800138000", "profiles": []object{profile()}}
}

func payout() object {
	return object{"method": "douyin", "account": "openid-c001", "holder": "样例人"}
}

func creator() object {
	return object{"creator_id": "c1", "taxpayer_id": "t1", "nickname": "小满说茶", "level": "A",
		"platform_accounts": []object{{"platform": "douyin", "uid": "1"}}, "payout": payout()}
}

func split(shares ...string) object {
	kinds := []string{"creator", "mcn", "memo"}
	var parties []object
	for i, s := range shares {
		parties = append(parties, object{"party": kinds[i], "kind": kinds[i], "share": s})
	}
	return object{"method": "ratio", "parties": parties, "remainder_to": "creator"}
}

func contract() object {
	return object{"contract_id": "k1", "creator_id": "c1", "paying_entity": "e1", "from": "2026-01-01",
		"routes": object{"live_tip": "mcn_pays", "xingtu_ad": "mcn_pays"},
		"splits": object{"live_tip": split("0.6", "0.4"), "xingtu_ad": split("0.7", "0.2", "0.1")},
		"cycle":  "month", "pay_day": 15, "minimum_payout": "1.00", "price_basis": "before_tax", "revenue_basis": "net"}
}

func strategy() object {
	return object{"strategy_id": "s1", "from": "2026-01-01", "match": object{"action_type": "video_share", "platform": "douyin"},
		"reward": object{"kind": "cash", "per_unit": "0.02"}, "daily_cap": "50.00"}
}

func position() object {
	return object{"rule": "vat.natural_person.withholding", "reading": "daily_1000_at_1pct", "reasons": "the text is not out", "evidence": "memo.pdf", "from": "2026-11-01"}
}

// changed gives a copy with other members; nil takes one out.
func changed(o object, pairs ...any) object {
	out := object{}
	for k, v := range o {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		if out[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
			delete(out, pairs[i].(string))
		}
	}
	return out
}

// furnished is a world with one entity, taxpayer and creator.
func furnished(t *testing.T) *world {
	t.Helper()
	w := open(t)
	w.want(w.admin("POST", "/v1/paying-entities", entity()), 201, 0)
	w.want(w.admin("POST", "/v1/taxpayers", taxpayer()), 201, 0)
	w.want(w.admin("POST", "/v1/creators", creator()), 201, 0)
	return w
}

func TestEveryKindIsCreatedOnceReadAndChanged(t *testing.T) {
	w := furnished(t)
	for _, c := range []struct {
		path, id string
		body     object
		change   object
		kind     string
	}{
		{"/v1/paying-entities", "e1", entity(), changed(entity(), "from", "2026-06-01", "version", 1, "place_tier", "county"), "entity"},
		{"/v1/taxpayers", "t1", taxpayer(), object{"from": "2026-06-01", "version": 1, "phone": "13900139000"}, "taxpayer"},
		{"/v1/creators", "c1", creator(), object{"version": 1, "nickname": "新名字"}, "creator"},
		{"/v1/contracts", "k1", contract(), changed(contract(), "from", "2026-06-01", "version", 1, "pay_day", 20), "contract"},
		{"/v1/strategies", "s1", strategy(), changed(strategy(), "from", "2026-06-01", "version", 1, "reward", object{"kind": "shop", "amount": 5}, "daily_cap", 100), "strategy"},
		{"/v1/positions", "p1", changed(position(), "position_id", "p1"), changed(position(), "from", "2026-12-01", "version", 1), "position"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			w.t = t
			first := w.admin("POST", c.path, c.body)
			if first.status == http.StatusOK { // furnished already
				first.status = http.StatusCreated
			}
			w.want(first, 201, 0)
			again := w.want(w.admin("POST", c.path, c.body), 200, 0)
			if again.header["Idempotency-Replayed"] != "true" || again.raw != first.raw {
				t.Errorf("repeat answers %s %v, first was %s", again.raw, again.header, first.raw)
			}
			if n := len(w.records(c.kind + ".created")); n != 1 {
				t.Errorf("%d audit records of one creation", n)
			}
			second := w.want(w.admin("PUT", c.path+"/"+c.id, c.change), 200, 0)
			if second.body["version"] != float64(2) || second.body["by"] != "admin@demo" {
				t.Errorf("changed to %s", second.raw)
			}
			if lost := w.want(w.admin("PUT", c.path+"/"+c.id, c.change), 200, 0); lost.raw != second.raw {
				t.Errorf("the same change again answers %s", lost.raw)
			}
			w.want(w.admin("PUT", c.path+"/"+c.id, changed(c.change, "from", "2026-12-15")), 409, 3002)
			if n := len(w.records(c.kind + ".changed")); n != 1 {
				t.Errorf("%d audit records of one change", n)
			}
			if got := w.want(w.admin("GET", c.path+"/"+c.id, nil), 200, 0); c.kind != "position" && got.raw != second.raw {
				t.Errorf("read %s", got.raw)
			}
			w.want(w.call("other", "admin", "GET", c.path+"/"+c.id, nil), 404, 3003)
			w.want(w.call("other", "admin", "PUT", c.path+"/"+c.id, c.change), 404, 3003)
			w.want(w.admin("PUT", c.path+"/nobody", changed(c.change, c.kind+"_id", nil)), 404, 3003)
			w.want(w.admin("GET", c.path+"/"+c.id+"?date=2026-13-01", nil), 400, 2001)
			for _, odd := range []string{"a%23b", strings.Repeat("x", 3000)} {
				w.want(w.admin("GET", c.path+"/"+odd, nil), 404, 3003)
				w.want(w.admin("PUT", c.path+"/"+odd, changed(c.change, c.kind+"_id", nil)), 404, 3003)
			}
		})
	}
}

func TestOtherContentUnderAKnownID(t *testing.T) {
	w := furnished(t)
	w.want(w.admin("POST", "/v1/paying-entities", changed(entity(), "vat", "small_scale")), 422, 2002)
	w.want(w.admin("POST", "/v1/creators", changed(creator(), "nickname", "x")), 422, 2002)
	w.want(w.admin("POST", "/v1/taxpayers", changed(taxpayer(), "name", "别人")), 422, 2002)
}

func TestReadOnADay(t *testing.T) {
	w := furnished(t)
	w.want(w.admin("POST", "/v1/contracts", contract()), 201, 0)
	w.want(w.admin("PUT", "/v1/contracts/k1", changed(contract(), "from", "2026-06-01", "to", "2026-09-30", "version", 1)), 200, 0)
	for day, version := range map[string]float64{"2026-05-31": 1, "2026-06-01": 2, "2026-09-30": 2} {
		if got := w.want(w.admin("GET", "/v1/contracts/k1?date="+day, nil), 200, 0); got.body["version"] != version {
			t.Errorf("%s: %s", day, got.raw)
		}
	}
	w.want(w.admin("GET", "/v1/contracts/k1?date=2026-10-01", nil), 404, 3003)
	w.want(w.admin("GET", "/v1/contracts/k1?date=2025-12-31", nil), 404, 3003)
	if got := w.want(w.admin("GET", "/v1/contracts/k1", nil), 200, 0); got.body["version"] != float64(2) {
		t.Errorf("without a day: %s", got.raw)
	}
}

func TestPersonalDataIsMaskedAndSealed(t *testing.T) {
	w := furnished(t)
	got := w.want(w.admin("GET", "/v1/taxpayers/t1", nil), 200, 0)
	if got.body["name"] != "样**" || got.body["id_number"] != "1****************X" || got.body["phone"] != "138****8000" || got.body["name_hash"] != nil {
		t.Errorf("taxpayer %s", got.raw)
	}
	account := w.want(w.admin("GET", "/v1/creators/c1", nil), 200, 0).body["payout"].(object)
	if account["account"] != "*******c001" || account["holder"] != "样**" {
		t.Errorf("payout %v", account)
	}
	items := w.local.ReadTable(w.t, w.local.Tenancy)
	for _, clear := range []string{"样例人", "11010519491231002X", "13800138000", "openid-c001"} {
		if strings.Contains(fmt.Sprint(flat(items)), clear) {
			t.Errorf("%s lies in the table in clear", clear)
		}
	}
	fields, err := w.Vault.Open(context.Background(), vault.Access{Tenant: "demo", Taxpayer: "t1", Record: vault.TaxpayerRecord(), Actor: "test", Object: "t1"})
	if err != nil || fields[vault.Name] != "样例人" || fields[vault.IDNumber] != "11010519491231002X" || fields[vault.Phone] != "13800138000" {
		t.Errorf("sealed %v, %v", fields, err)
	}
	if n := len(w.records("personal_data.read")); n != 1 {
		t.Errorf("%d records of one read", n)
	}
}

// flat gives every text and byte string of the items.
func flat(items []map[string]types.AttributeValue) []string {
	var out []string
	for _, it := range items {
		for _, v := range it {
			switch v := v.(type) {
			case *types.AttributeValueMemberS:
				out = append(out, v.Value)
			case *types.AttributeValueMemberB:
				out = append(out, string(v.Value))
			case *types.AttributeValueMemberM:
				out = append(out, flat([]map[string]types.AttributeValue{v.Value})...)
			}
		}
	}
	return out
}

func TestAChangeKeepsWhatItDoesNotName(t *testing.T) {
	w := furnished(t)
	w.want(w.admin("PUT", "/v1/taxpayers/t1", object{"version": 1, "phone": "13900139000"}), 200, 0)
	got := w.want(w.admin("PUT", "/v1/creators/c1", object{"version": 1, "nickname": "新名字"}), 200, 0)
	if got.body["payout"].(object)["account"] != "*******c001" {
		t.Errorf("creator %s", got.raw)
	}
	for record, want := range map[string]map[string]string{
		vault.TaxpayerRecord():    {vault.Name: "样例人", vault.IDNumber: "11010519491231002X", vault.Phone: "13900139000"},
		vault.CreatorRecord("c1"): {vault.Account: "openid-c001", vault.Holder: "样例人"},
	} {
		fields, err := w.Vault.Open(context.Background(), vault.Access{Tenant: "demo", Taxpayer: "t1", Record: record, Actor: "test"})
		if err != nil || fmt.Sprint(fields) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %v", record, fields, err)
		}
	}
	w.want(w.admin("PUT", "/v1/creators/c1", object{"version": 2, "nickname": "x", "payout": object{"method": "alipay", "account": "a@example.com", "holder": "样例人"}}), 200, 0)
	fields, err := w.Vault.Open(context.Background(), vault.Access{Tenant: "demo", Taxpayer: "t1", Record: vault.CreatorRecord("c1"), Actor: "test"})
	if err != nil || fields[vault.Account] != "a@example.com" {
		t.Errorf("new account %v, %v", fields, err)
	}
	for field, body := range map[string]object{
		"id_number": {"version": 2, "id_type": "201", "id_number": "440524188001010014"},
		"payout":    nil,
	} {
		if body == nil {
			continue
		}
		a := w.want(w.admin("PUT", "/v1/taxpayers/t1", body), 400, 2001)
		if a.fields()[field] == "" {
			t.Errorf("%s is not told: %s", field, a.raw)
		}
	}
	a := w.want(w.admin("PUT", "/v1/creators/c1", object{"version": 3, "nickname": "x", "payout": object{"method": "alipay", "account": "****.com", "holder": "样**"}}), 400, 2001)
	if a.fields()["payout.account"] == "" || a.fields()["payout.holder"] == "" {
		t.Errorf("masked values are taken: %s", a.raw)
	}
}

func TestACreatorBringsItsTaxpayer(t *testing.T) {
	w := open(t)
	along := changed(taxpayer(), "taxpayer_id", nil)
	one := changed(creator(), "taxpayer_id", nil, "taxpayer", along)
	first := w.want(w.admin("POST", "/v1/creators", one), 201, 0)
	id := first.body["taxpayer_id"].(string)
	if got := w.want(w.admin("GET", "/v1/taxpayers/"+id, nil), 200, 0); got.body["id_number"] != "1****************X" {
		t.Errorf("taxpayer %s", got.raw)
	}
	if again := w.want(w.admin("POST", "/v1/creators", one), 200, 0); again.raw != first.raw {
		t.Errorf("repeat answers %s", again.raw)
	}

	second := changed(creator(), "creator_id", "c2", "taxpayer_id", nil, "taxpayer", along)
	if got := w.want(w.admin("POST", "/v1/creators", second), 201, 0); got.body["taxpayer_id"] != id {
		t.Errorf("the known person is %v, not %s", got.body["taxpayer_id"], id)
	}
	second["creator_id"], second["taxpayer"] = "c3", changed(along, "profiles", nil)
	if got := w.want(w.admin("POST", "/v1/creators", second), 201, 0); got.body["taxpayer_id"] != id {
		t.Errorf("without profiles the known person is %v", got.body["taxpayer_id"])
	}
	for field, other := range map[string]object{
		"taxpayer.name":     changed(along, "name", "别人"),
		"taxpayer.profiles": changed(along, "profiles", []object{changed(profile(), "resident", false)}),
	} {
		second["creator_id"], second["taxpayer"] = "c4", other
		if a := w.want(w.admin("POST", "/v1/creators", second), 400, 2001); a.fields()[field] == "" {
			t.Errorf("%s is not told: %s", field, a.raw)
		}
	}
	second["taxpayer"] = changed(along, "id_number", "440524188001010014", "profiles", nil)
	if a := w.want(w.admin("POST", "/v1/creators", second), 400, 2001); a.fields()["taxpayer.profiles"] == "" {
		t.Errorf("a new person without profiles: %s", a.raw)
	}
}

func TestATaxpayerIsFoundByItsNumber(t *testing.T) {
	w := furnished(t)
	got := w.want(w.admin("POST", "/v1/taxpayers", changed(taxpayer(), "taxpayer_id", "another", "id_type", "resident_id")), 200, 0)
	if got.body["taxpayer_id"] != "t1" {
		t.Errorf("got %s", got.raw)
	}
	if got := w.want(w.call("other", "admin", "POST", "/v1/taxpayers", changed(taxpayer(), "taxpayer_id", "t9")), 201, 0); got.body["taxpayer_id"] != "t9" {
		t.Errorf("another tenant's person: %s", got.raw)
	}
}

func TestRacingCreatorsOfOnePersonShareIt(t *testing.T) {
	w := open(t)
	var mu sync.Mutex
	owners := map[any]int{}
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			body := changed(creator(), "creator_id", fmt.Sprint("c", n), "taxpayer_id", nil, "taxpayer", changed(taxpayer(), "taxpayer_id", nil))
			a := w.admin("POST", "/v1/creators", body)
			mu.Lock()
			defer mu.Unlock()
			if a.status != 201 {
				t.Errorf("got %d %s", a.status, a.raw)
			}
			owners[a.body["taxpayer_id"]]++
		})
	}
	wg.Wait()
	if len(owners) != 1 {
		t.Errorf("owners %v", owners)
	}
}

func TestContractsNeverOverlap(t *testing.T) {
	w := furnished(t)
	w.want(w.admin("POST", "/v1/contracts", changed(contract(), "to", "2026-06-30")), 201, 0)
	a := w.want(w.admin("POST", "/v1/contracts", changed(contract(), "contract_id", "k2", "from", "2026-06-30")), 400, 2001)
	if !strings.Contains(a.fields()["from"], "k1") {
		t.Errorf("got %s", a.raw)
	}
	w.want(w.admin("POST", "/v1/contracts", changed(contract(), "contract_id", "k2", "from", "2026-07-01")), 201, 0)
	w.want(w.admin("POST", "/v1/contracts", changed(contract(), "contract_id", "k3",
		"routes", object{"incentive": "mcn_pays"}, "splits", object{"incentive": split("1")})), 201, 0)
	w.want(w.admin("PUT", "/v1/contracts/k1", changed(contract(), "version", 1, "from", "2026-06-01")), 400, 2001)

	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			body := changed(contract(), "contract_id", fmt.Sprint("race", n), "from", "2025-01-01", "to", "2025-12-31")
			a := w.admin("POST", "/v1/contracts", body)
			mu.Lock()
			defer mu.Unlock()
			if a.status == 201 {
				won++
			} else if a.code() != 2001 {
				t.Errorf("got %d %s", a.status, a.raw)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d of four overlapping contracts were made", won)
	}
	if c, err := w.Store.Contract(context.Background(), "demo", "c1", "live_tip", civil.MustDate("2026-08-01")); err != nil || c.ContractID != "k2" {
		t.Errorf("in force %v, %v", c.ContractID, err)
	}
}

func TestPositionsNeedASecondPerson(t *testing.T) {
	w := open(t)
	made := w.want(w.admin("POST", "/v1/positions", position()), 201, 0)
	id := made.body["position_id"].(string)
	path := "/v1/positions/" + id + "/approve"
	if again := w.want(w.admin("POST", "/v1/positions", position()), 200, 0); again.body["position_id"] != id {
		t.Errorf("the same position again is %s", again.raw)
	}
	if a := w.want(w.admin("POST", path, object{}), 403, 1003); a.body["reason"] != "second_person" {
		t.Errorf("got %s", a.raw)
	}
	w.want(w.call("demo", "finance", "POST", path, nil), 403, 1003)
	w.want(w.call("other", "approver", "POST", path, nil), 404, 3003)
	w.want(w.call("demo", "approver", "POST", path, object{"x": 1}), 400, 2001)
	yes := w.want(w.call("demo", "approver", "POST", path, nil), 200, 0)
	if yes.body["approved_by"] != "approver@demo" || yes.body["decided_by"] != "admin@demo" || yes.body["version"] != float64(2) {
		t.Errorf("approved %s", yes.raw)
	}
	w.want(w.call("demo", "approver", "POST", path, nil), 200, 0)
	if n := len(w.records("position.approved")); n != 1 {
		t.Errorf("%d records of one approval", n)
	}
	in, err := w.Store.Positions(context.Background(), "demo", civil.MustDate("2026-11-16"))
	if err != nil || len(in) != 1 {
		t.Errorf("in force %v, %v", in, err)
	}
	w.want(w.admin("PUT", "/v1/positions/"+id, changed(position(), "version", 2, "reasons", "others")), 200, 0)
	if got := w.want(w.admin("GET", "/v1/positions/"+id, nil), 200, 0); got.body["approved_by"] != nil {
		t.Errorf("a changed position stays approved: %s", got.raw)
	}
}

func TestAProjectIsInForceAfterASecondPersonsYes(t *testing.T) {
	w := furnished(t)
	first := w.want(w.admin("POST", "/v1/contracts", contract()), 201, 0)
	id := first.body["contract_id"].(string)
	path := "/v1/contracts/" + id
	if a := w.want(w.call("demo", "approver", "POST", path+"/approve", nil), 409, 3001); a.body["reason"] != "nothing_to_approve" {
		t.Errorf("got %s", a.raw)
	}
	project := changed(contract(), "contract_id", id, "version", 1, "project_id", "p-1", "project_reason", "a campaign with papers of its own", "from", "2026-11-01")
	w.want(w.admin("PUT", path, changed(project, "approved_by", "approver@demo")), 400, 2001)
	w.want(w.admin("PUT", path, project), 200, 0)
	inForce := func() int {
		t.Helper()
		k, err := tenancydb.New(w.local.Client, w.local.Tenancy, w.local.Settlements, func() time.Time { return instant }).Contract(context.Background(), "demo", ident.Creator(first.body["creator_id"].(string)), "live_tip", civil.MustDate("2026-11-16"))
		if err != nil {
			t.Fatal(err)
		}
		return k.Version.Version
	}
	if v := inForce(); v != 1 {
		t.Errorf("version %d is in force before the approval", v)
	}
	if a := w.want(w.admin("POST", path+"/approve", nil), 403, 1003); a.body["reason"] != "second_person" {
		t.Errorf("got %s", a.raw)
	}
	w.want(w.call("other", "approver", "POST", path+"/approve", nil), 404, 3003)
	yes := w.want(w.call("demo", "approver", "POST", path+"/approve", nil), 200, 0)
	if yes.body["approved_by"] != "approver@demo" || yes.body["by"] != "admin@demo" || yes.body["version"] != float64(3) {
		t.Errorf("approved %s", yes.raw)
	}
	w.want(w.call("demo", "approver", "POST", path+"/approve", nil), 200, 0)
	if n := len(w.records("contract.approved")); n != 1 {
		t.Errorf("%d records of one approval", n)
	}
	if v := inForce(); v != 3 {
		t.Errorf("version %d is in force after the approval", v)
	}
}

func TestAnApprovalLooksForOverlapsAgain(t *testing.T) {
	w := furnished(t)
	waiting := changed(contract(), "contract_id", "waiting", "project_id", "p-1", "project_reason", "a campaign with papers of its own")
	w.want(w.admin("POST", "/v1/contracts", waiting), 201, 0)
	w.want(w.admin("POST", "/v1/contracts", changed(contract(), "contract_id", "faster")), 201, 0) // what waits covers nothing yet
	if a := w.want(w.call("demo", "approver", "POST", "/v1/contracts/waiting/approve", nil), 400, 2001); a.fields()["from"] == "" {
		t.Errorf("got %s", a.raw)
	}
}

func TestPayeesAreCreatorsOfTheTenant(t *testing.T) {
	w := furnished(t)
	shared := func(payee string) object {
		return changed(contract(), "routes", object{"live_tip": "mcn_pays"}, "splits", object{"live_tip": object{"method": "ratio", "parties": []object{
			{"party": "creator", "kind": "creator", "share": "0.5"}, {"party": "mcn", "kind": "mcn", "share": "0.3"}, {"party": payee, "kind": "payee", "share": "0.2"}}}})
	}
	if a := w.want(w.admin("POST", "/v1/contracts", shared("nobody")), 400, 2001); a.fields()["splits.live_tip.parties.2.party"] == "" {
		t.Errorf("got %s", a.raw)
	}
	friend := w.want(w.admin("POST", "/v1/creators", changed(creator(), "creator_id", "friend")), 201, 0)
	w.want(w.admin("POST", "/v1/contracts", shared(friend.body["creator_id"].(string))), 201, 0)
}

func TestRoles(t *testing.T) {
	w := furnished(t)
	for _, of := range resources() {
		for _, role := range identity.AllRoles() {
			read := w.call("demo", string(role), "GET", of.path+"/nobody", nil)
			if want := role != identity.Creator; (read.code() != 1003) != want {
				t.Errorf("%s reads %s: %s", role, of.path, read.raw)
			}
			for _, write := range []answer{w.call("demo", string(role), "POST", of.path, "{"), w.call("demo", string(role), "PUT", of.path+"/nobody", "{")} {
				if want := role == identity.Admin; (write.code() != 1003) != want {
					t.Errorf("%s writes %s: %s", role, of.path, write.raw)
				}
			}
		}
	}
	for _, role := range identity.AllRoles() {
		read, write := w.call("demo", string(role), "GET", "/v1/review-rules", nil), w.call("demo", string(role), "PUT", "/v1/review-rules", "{")
		if want := role != identity.Creator; (read.code() != 1003) != want {
			t.Errorf("%s reads review rules: %s", role, read.raw)
		}
		if want := role == identity.Admin; (write.code() != 1003) != want {
			t.Errorf("%s writes review rules: %s", role, write.raw)
		}
		for _, kind := range []string{"positions", "contracts"} {
			yes := w.call("demo", string(role), "POST", "/v1/"+kind+"/nobody/approve", nil)
			if want := role == identity.Approver || role == identity.Admin; (yes.code() != 1003) != want {
				t.Errorf("%s approves %s: %s", role, kind, yes.raw)
			}
		}
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	w := furnished(t)
	long := strings.Repeat("x", 65)
	for name, c := range map[string]struct {
		path   string
		body   any
		fields string // all of them, sorted
	}{
		"entity": {"/v1/paying-entities", object{"entity_id": "a b", "uscc": "91350100M000100Y44", "place": "33010", "place_tier": "town", "vat": "natural_person", "from": "2026-02-01", "to": "2026-01-01",
			"platform_filings": []object{{"platform": "douyin"}}, "accounts": []object{{"method": "cash"}}, "by": "me"},
			"accounts.0.account accounts.0.method by entity_id name place place_tier platform_filings.0.class platform_filings.0.filed_on platform_filings.0.from platform_filings.0.proof to uscc vat"},
		"entity of wrong types": {"/v1/paying-entities", object{"name": 1, "uscc": true, "from": "yesterday", "extra": 1}, "extra from name place place_tier uscc vat"},
		"taxpayer": {"/v1/taxpayers", object{"taxpayer_id": long, "name": " ", "id_type": "999", "id_number": "x", "phone": "12800138000", "profiles": []object{{"kind": "alien", "papers": []object{{"file_sha256": "zz"}}}}},
			"id_number id_type name phone profiles.0.collection profiles.0.from profiles.0.jurisdiction profiles.0.kind profiles.0.papers.0.file_sha256 profiles.0.papers.0.from profiles.0.papers.0.name profiles.0.papers.0.number profiles.0.resident profiles.0.vat taxpayer_id"},
		"citizen number":       {"/v1/taxpayers", changed(taxpayer(), "id_number", "110105194912310021"), "id_number"},
		"organisation's paper": {"/v1/taxpayers", changed(taxpayer(), "profiles", []object{changed(profile(), "kind", "company")}), "profiles.0.kind"},
		"person with a code":   {"/v1/taxpayers", changed(taxpayer(), "id_type", "uscc", "id_number", "91350100M000100Y43"), "profiles.0.kind"},
		"no profiles":          {"/v1/taxpayers", changed(taxpayer(), "profiles", nil), "profiles"},
		"creator":              {"/v1/creators", object{"creator_id": "c 9", "payout": object{"method": "bank", "account": "62x"}, "platform_accounts": []object{{"platform": "douyin"}}}, "creator_id nickname payout.account payout.holder platform_accounts.0.uid taxpayer_id"},
		"creator of nobody":    {"/v1/creators", changed(creator(), "creator_id", "c9", "taxpayer_id", "nobody", "nickname", ""), "nickname taxpayer_id"},
		"two taxpayers":        {"/v1/creators", changed(creator(), "taxpayer", taxpayer()), "taxpayer"},
		"bad taxpayer along":   {"/v1/creators", changed(creator(), "taxpayer_id", nil, "taxpayer", changed(taxpayer(), "name", "", "phone", "1")), "taxpayer.name taxpayer.phone"},
		"contract": {"/v1/contracts", object{"creator_id": "nobody", "paying_entity": "none", "routes": object{"live_tip": "by_hand", "gifts": "mcn_pays"}, "splits": object{"live_tip": object{"method": "guess"}},
			"cut_off_day": 32, "pay_day": -1, "minimum_payout": "-1.00", "cycle": "year", "price_basis": "x", "revenue_basis": "y", "project_id": "a#b"},
			"creator_id cut_off_day cycle from minimum_payout pay_day paying_entity price_basis project_id project_reason revenue_basis routes.gifts routes.live_tip splits.gifts splits.live_tip.method splits.live_tip.parties"},
		"shares above one": {"/v1/contracts", changed(contract(), "routes", object{"live_tip": "mcn_pays"}, "splits", object{"live_tip": split("0.6", "0.41")}), "splits.live_tip.parties"},
		"shares by a hair": {"/v1/contracts", changed(contract(), "routes", object{"live_tip": "mcn_pays"}, "splits", object{"live_tip": split("0.333333333", "0.666666666")}), "splits.live_tip.parties"},
		"rest to a memo":   {"/v1/contracts", changed(contract(), "routes", object{"live_tip": "mcn_pays"}, "splits", object{"live_tip": changed(split("0.7", "0.2", "0.1"), "remainder_to", "memo")}), "splits.live_tip.remainder_to"},
		"an unknown payee": {"/v1/contracts", changed(contract(), "routes", object{"live_tip": "mcn_pays"}, "splits", object{"live_tip": object{"method": "ratio", "parties": []object{{"party": "creator", "kind": "creator", "share": "0.5"}, {"party": "friend", "kind": "payee", "share": "0.5"}}}}), "splits.live_tip.parties.1.party"},
		"strategy":         {"/v1/strategies", object{"match": object{"action_type": "A"}, "reward": object{"kind": "gold"}, "daily_cap": "x"}, "daily_cap from match.action_type reward.amount reward.kind"},
		"cash as a number": {"/v1/strategies", changed(strategy(), "reward", object{"kind": "cash", "amount": 5}), "reward.amount"},
		"points as a text": {"/v1/strategies", changed(strategy(), "reward", object{"kind": "shop", "amount": "5"}, "daily_cap", nil), "reward.amount"},
		"both amounts":     {"/v1/strategies", changed(strategy(), "reward", object{"kind": "cash", "amount": "1.00", "per_unit": "1.00"}), "reward.amount"},
		"nothing":          {"/v1/strategies", changed(strategy(), "reward", object{"kind": "cash", "amount": "0.00"}), "reward.amount"},
		"half a point":     {"/v1/strategies", changed(strategy(), "reward", object{"kind": "traffic", "amount": 0.5}, "daily_cap", nil), "reward.amount"},
		"position":         {"/v1/positions", object{"decided_by": "me", "approved_by": "you", "version": 1}, "approved_by decided_by evidence from reading reasons rule version"},
		"not JSON":         {"/v1/positions", "{", ""},
		"a list":           {"/v1/contracts", "[]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			a := w.want(w.admin("POST", c.path, c.body), 400, 2001)
			var got []string
			for f := range a.fields() {
				got = append(got, f)
			}
			slices.Sort(got)
			if strings.Join(got, " ") != c.fields {
				t.Errorf("told %v\nwant %v\n%s", got, c.fields, a.raw)
			}
		})
	}
	if n := len(w.records("contract.created")) + len(w.records("strategy.created")); n != 0 {
		t.Errorf("%d refused objects were recorded", n)
	}
}

func TestOrganisationsArePaidToABank(t *testing.T) {
	w := open(t)
	company := object{"taxpayer_id": "t2", "name": "样例公司", "id_type": "uscc", "id_number": "91350100M000100Y43",
		"profiles": []object{changed(profile(), "kind", "company", "vat", "general", "collection", "books")}}
	w.want(w.admin("POST", "/v1/taxpayers", company), 201, 0)
	a := w.want(w.admin("POST", "/v1/creators", changed(creator(), "taxpayer_id", "t2")), 400, 2001)
	if a.fields()["payout.method"] == "" {
		t.Errorf("got %s", a.raw)
	}
	w.want(w.admin("POST", "/v1/creators", changed(creator(), "taxpayer_id", "t2", "payout", object{"method": "bank", "account": "6216261000000000018", "holder": "样例公司"})), 201, 0)
}

// What no rule could ever answer is refused when it is recorded: places nobody keeps rules of, positions on rules
// that are not open, and readings that the rule does not declare.
func TestWhatNoRuleCouldAnswerIsRefused(t *testing.T) {
	w := open(t)
	for path, bodies := range map[string]map[string]object{
		"/v1/paying-entities": {"place": changed(entity(), "place", "990100")},
		"/v1/taxpayers":       {"profiles.0.jurisdiction": changed(taxpayer(), "profiles", []any{changed(profile(), "jurisdiction", "810000")})},
		"/v1/positions":       {"reading": changed(position(), "reading", "weekly"), "rule": changed(position(), "from", "2026-10-31")},
	} {
		for field, body := range bodies {
			if a := w.want(w.admin("POST", path, body), 400, 2001); a.fields()[field] == "" {
				t.Errorf("%s: %s", path, a.raw)
			}
		}
	}
}

// The first version is made over the defaults, a repeat is told, and an older view changes nothing.
func TestRulesOfReviewHaveVersions(t *testing.T) {
	w := open(t)
	base := w.want(w.admin("GET", "/v1/review-rules", nil), 200, 0)
	mine := object{"from": "2026-01-01", "version": 0}
	for _, part := range []string{"checks", "papers", "levels", "deadlines"} {
		mine[part] = base.body[part]
	}
	mine["automatic"] = object{"submit": true, "approve_up_to": "500.00"}
	first := w.want(w.admin("PUT", "/v1/review-rules", mine), 200, 0)
	if first.body["version"] != 1.0 || base.body["version"] != 0.0 {
		t.Errorf("versions %v after %v", first.body["version"], base.body["version"])
	}
	if again := w.want(w.admin("PUT", "/v1/review-rules", mine), 200, 0); again.header["Idempotency-Replayed"] != "true" || again.body["version"] != 1.0 {
		t.Errorf("the same again: %v %s", again.header, again.raw)
	}
	w.want(w.admin("PUT", "/v1/review-rules", changed(mine, "automatic", object{"submit": false, "approve_up_to": "0.00"})), 409, 3002)
	w.want(w.admin("PUT", "/v1/review-rules", changed(mine, "version", 1, "automatic", object{"submit": false, "approve_up_to": "0.00"})), 200, 0)
	if before := w.want(w.admin("GET", "/v1/review-rules?date=2025-12-31", nil), 200, 0); before.body["version"] != 0.0 {
		t.Errorf("before the first day: %s", before.raw)
	}
	if other := w.want(w.call("other", "admin", "GET", "/v1/review-rules", nil), 200, 0); other.body["version"] != 0.0 {
		t.Errorf("another tenant reads %s", other.raw)
	}
}
