package main

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/opening"
	"fenzhang/shared/opening/openingxlsx"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
)

// imports is a world whose routes are those of the opening import too.
func imports(t *testing.T) (*world, *settlement.Taxes) {
	t.Helper()
	w := openIn(t, dynamotest.Memory(t))
	corpus, err := taxpack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	token := ids.Source(time.Now)
	store := &settlementdb.Store{DB: w.local.Client, Settlements: w.local.Settlements, Ledger: w.local.Ledger, Control: w.local.Control, NewToken: token, Now: w.service.clock.Now}
	taxes := &settlement.Taxes{Service: &settlement.Service{Store: store, Directory: w.store, Calendar: calendar, Clock: w.service.clock, NewID: token}, Rules: ruleset.Fixed{Corpus: corpus}}
	o := openings{openingService(w.service, taxes, tables{db: w.local.Client, ledger: w.local.Ledger, settlements: w.local.Settlements, newToken: token})}
	w.api = &httpapi.API{Routes: append(w.service.routes(), o.routes()...), Clock: w.service.clock, Log: slog.New(slog.DiscardHandler), Limits: w.api.Limits, Revoked: httpapi.NoRevocations{}}
	return w, taxes
}

// workbookOf fills the template with rows by sheet; what a row does not say is the column's example.
func workbookOf(t *testing.T, rows map[string][]map[string]string) string {
	t.Helper()
	template, err := openingxlsx.Template()
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
	w, taxes := imports(t)
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
	creator, err := w.store.Creator(t.Context(), "mcn-one", "c-1001")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := taxes.Store.TaxRows(t.Context(), "mcn-one", "ent-1", creator.TaxpayerID, 2026)
	if err != nil || len(rows) != 1 || rows[0].Kind != settlement.KindOpening || len(rows[0].Opening.By) != 2 || rows[0].Opening.By[0] == rows[0].Opening.By[1] {
		t.Errorf("%+v %v", rows, err)
	}
	entries, err := ledgerdb.Book{DB: w.local.Client, Table: w.local.Ledger}.Entries(t.Context(), "mcn-one", "c-1001")
	if err != nil {
		t.Fatal(err)
	}
	sums := ledger.Balances(entries)
	if sums[ledger.CreatorPayable] != money.MustParse("-1234.50") || sums[ledger.CreatorReceivable] != money.MustParse("500.00") || sums[ledger.OpeningBalance] != money.MustParse("734.50") {
		t.Errorf("%v", sums)
	}
	if _, err := w.store.Contract(t.Context(), "mcn-one", "c-1001", "commerce_commission", civil.MustDate("2026-11-01")); err != nil {
		t.Error(err)
	}
}

func TestAFileWithProblemsIsRefusedWhole(t *testing.T) {
	w, _ := imports(t)
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
