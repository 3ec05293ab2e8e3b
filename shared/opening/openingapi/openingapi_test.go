package openingapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/xuri/excelize/v2"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/master/masterapi"
	"fenzhang/shared/master/mastertest"
	"fenzhang/shared/money"
	"fenzhang/shared/opening"
	"fenzhang/shared/opening/openingdb"
	"fenzhang/shared/opening/openingxlsx"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
)

// world is the routes of the opening import over tables in memory.
type world struct {
	mastertest.World
	t     *testing.T
	api   *httpapi.API
	local dynamotest.Tables
}

func open(t *testing.T) *world {
	t.Helper()
	local := dynamotest.OpenInMemory(t)
	w := &world{World: mastertest.Open(t, local, time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)), t: t, local: local}
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	newID := w.Service.NewID
	payer, err := settlement.New(settlement.Parts{Store: w.Rows, Directory: w.Store, Calendar: calendar, Clock: w.Clock, NewID: newID})
	if err != nil {
		t.Fatal(err)
	}
	taxes, err := settlement.NewTaxes(payer, ruleset.Fixed{Corpus: w.Service.Corpus(t.Context())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims := &receivable.Claims{Store: &receivabledb.Store{DB: local.Client, Ledger: local.Ledger, Settlements: local.Settlements, NewToken: newID},
		Directory: w.Store, Clock: w.Clock, NewID: newID, Raised: taxes.Requote}
	imports := &opening.Service{
		Master: w.Service, Directory: w.Store, Payer: payer, Debts: openingdb.Debts{Claims: claims}, Clock: w.Clock, NewID: newID,
		Store:   &openingdb.Store{Rows: w.Rows, DB: local.Client, Ledger: local.Ledger, Outbox: local.Settlements, NewToken: newID},
		Periods: openingdb.Seals{Entities: w.Store, Periods: &perioddb.Store{DB: local.Client, Ledger: local.Ledger, Settlements: local.Settlements, NewToken: newID}},
	}
	plenty := httpapi.Rate{PerSecond: 1, Burst: 1e6}
	w.api = &httpapi.API{Routes: append(masterapi.API{Master: w.Service}.Routes(), API{imports}.Routes()...), Clock: w.Clock,
		Log: slog.New(slog.DiscardHandler), Limits: httpapi.NewTokenBuckets(plenty, plenty), Revoked: httpapi.NoRevocations{}}
	return w
}

// answer is what a client sees.
type answer struct {
	status int
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
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			w.t.Fatal(err)
		}
	}
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, Body: string(text)}
	ev.RequestContext.RequestID = "req-1"
	ev.RequestContext.HTTP.Method = method
	ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
		"tenant": string(tenant), "sub": role + "@" + string(tenant), "roles": role, "exp": fmt.Sprint(w.Clock.Now().Unix() + 60),
	}}
	res := w.api.AnswerEvent(w.t.Context(), ev)
	contracttest.CheckEvent(w.t, ev, res)
	out := answer{status: res.StatusCode, raw: res.Body}
	if err := json.Unmarshal([]byte(res.Body), &out.body); err != nil {
		w.t.Fatalf("%q: %v", res.Body, err)
	}
	return out
}

// workbookOf fills the template with rows by sheet; what a row does not say is the column's example.
func workbookOf(t *testing.T, rows map[string][]map[string]string) string {
	t.Helper()
	template, err := openingxlsx.WriteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(template))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range opening.Sheets() {
		for n, row := range rows[s.Name] {
			for i, c := range s.Columns {
				text, said := row[c.Key]
				if !said {
					text = c.Example
				}
				cell, err := excelize.CoordinatesToCellName(i+1, n+2)
				if err == nil {
					err = f.SetCellStr(s.Name, cell, text)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// before is what a small agency brings along in November.
func before() map[string][]map[string]string {
	return map[string][]map[string]string{
		opening.Creators:    {{"id_type": "resident_id", "id_number": "110105189003017014", "payout_method": "douyin", "payout_account": "openid-1"}},
		opening.Contracts:   {{}, {"income_type": "commerce_commission"}},
		opening.Payables:    {{"service_period": "2026-10"}},
		opening.Receivables: {{}},
		opening.Withholding: {{"item": "labor", "platform": "", "month": "2026-10"}},
	}
}

func TestAnAgencyBeginsWithItsOldBooks(t *testing.T) {
	w := open(t)
	if a := w.call("mcn-one", "admin", "POST", "/v1/paying-entities", map[string]any{"entity_id": "ent-1", "name": "甲文化", "uscc": "91330106DEM000401C", "place": "330100", "place_tier": "city",
		"vat": "general", "from": "2026-01-01"}); a.status != 201 {
		t.Fatal(a.raw)
	}
	file := workbookOf(t, before())
	a := w.call("mcn-one", "finance", "POST", "/v1/opening/imports", map[string]any{"import_id": "first", "file": file})
	if a.status != 201 || a.body["state"] != "checked" {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	if a := w.call("mcn-one", "finance", "GET", "/v1/creators/c-1001", nil); a.status != 404 {
		t.Errorf("a checked file made a creator: %d", a.status)
	}
	for range 2 { // the second time everything is there
		a = w.call("mcn-one", "approver", "POST", "/v1/opening/imports/first/approve", map[string]any{"file": file})
		if a.status != 200 || a.body["state"] != "posted" {
			t.Fatalf("%d %s", a.status, a.raw)
		}
	}
	if a := w.call("other", "finance", "GET", "/v1/opening/imports/first", nil); a.status != 404 {
		t.Errorf("another tenant sees the import: %d", a.status)
	}
	creator, err := w.Store.Creator(t.Context(), "mcn-one", "c-1001")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := w.Rows.TaxRows(t.Context(), "mcn-one", "ent-1", creator.TaxpayerID, 2026)
	if err != nil || len(rows) != 1 || rows[0].Kind != settlement.KindOpening || len(rows[0].Opening.By) != 2 || rows[0].Opening.By[0] == rows[0].Opening.By[1] {
		t.Errorf("%+v %v", rows, err)
	}
	entries, err := ledgerdb.Book{DB: w.local.Client, Table: w.local.Ledger}.Entries(t.Context(), "mcn-one", "c-1001")
	if err != nil {
		t.Fatal(err)
	}
	sums := ledger.SumByAccount(entries)
	if sums[ledger.CreatorPayable] != money.MustParse("-1234.50") || sums[ledger.CreatorReceivable] != money.MustParse("500.00") || sums[ledger.OpeningBalance] != money.MustParse("734.50") {
		t.Errorf("%v", sums)
	}
	if _, err := w.Store.Contract(t.Context(), "mcn-one", "c-1001", "commerce_commission", civil.MustDate("2026-11-01")); err != nil {
		t.Error(err)
	}
}

func TestAFileWithProblemsIsRefusedWhole(t *testing.T) {
	w := open(t)
	rows := before()
	rows[opening.Creators][0]["id_number"] = "110105189003017015"
	rows[opening.Creators][0]["payout_method"] = "cash"
	rows[opening.Contracts][1]["creator_share"] = "1.7"
	a := w.call("mcn-one", "finance", "POST", "/v1/opening/imports", map[string]any{"import_id": "first", "file": workbookOf(t, rows)})
	if a.status != 400 || a.code() != 2001 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	told := a.fields()
	for _, place := range []string{"creators.2.id_number", "creators.2.payout_method", "contracts.2.paying_entity", "contracts.3.creator_share", "receivables.2.paying_entity", "withholding.2.paying_entity"} {
		if told[place] == "" {
			t.Errorf("%s is not told: %v", place, told)
		}
	}
	for _, bad := range []any{map[string]any{"import_id": "x", "file": "???"}, map[string]any{"import_id": "a b", "file": ""}, map[string]any{"import_id": "x", "file": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 100)))}} {
		if a := w.call("mcn-one", "finance", "POST", "/v1/opening/imports", bad); a.status != 400 {
			t.Errorf("%v: %d", bad, a.status)
		}
	}
	if a := w.call("mcn-one", "finance", "GET", "/v1/opening/template", nil); a.status != 200 {
		t.Errorf("template: %d", a.status)
	}
}
