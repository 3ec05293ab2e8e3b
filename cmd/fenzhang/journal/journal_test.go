package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/apiclient"
	"fenzhang/shared/audit"
	"fenzhang/shared/books/ledgerapi"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
)

type noLimits struct{}

func (noLimits) WaitTime(identity.Principal, string, string, time.Time) time.Duration { return 0 }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve puts the routes of manage-ledger behind a web server, without a gateway.
func serve(t *testing.T, w *settletest.World) *apiclient.Client {
	t.Helper()
	master := tenancydb.New(w.Tables.Client, w.Tables.Tenancy, w.Tables.Settlements, w.Now)
	for id, e := range w.People.Entities {
		must(t, master.Put(t.Context(), tenancy.Change{Objects: []tenancy.Object{{Kind: tenancy.KindEntity, ID: id, Version: 1, Doc: e, Digest: "d"}},
			Record: audit.Record{ID: ids.NewSource(time.Now)(), Tenant: settletest.Tenant, Act: "entity.created"}}))
	}
	for id, c := range w.People.People {
		must(t, master.Put(t.Context(), tenancy.Change{Objects: []tenancy.Object{{Kind: tenancy.KindCreator, ID: id, Version: 1, Doc: c, Digest: "d"}},
			Record: audit.Record{ID: ids.NewSource(time.Now)(), Tenant: settletest.Tenant, Act: "creator.created"}}))
	}
	a := ledgerapi.API{Journal: ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}, Master: master, Creators: w.People, Settlements: w.Store, Clock: w.Clock, NewID: w.NextID}
	api := &httpapi.API{Routes: a.Routes(), Clock: w.Clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Limits: noLimits{}, Revoked: httpapi.NoRevocations{}}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ev := events.APIGatewayV2HTTPRequest{RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery}
		ev.RequestContext.HTTP.Method = r.Method
		ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
			"tenant": settletest.Tenant, "sub": "auditor@" + settletest.Tenant, "roles": "auditor", "exp": "4102444800"}}
		res := api.AnswerEvent(r.Context(), ev)
		rw.WriteHeader(res.StatusCode)
		_, _ = io.WriteString(rw, res.Body)
	}))
	t.Cleanup(server.Close)
	return apiclient.New(server.URL, apiclient.StaticToken("token"), apiclient.WithRetries(1, time.Millisecond))
}

// post writes n entries of ascending amounts into a creator's book, alternating between two months.
func post(t *testing.T, w *settletest.World, creator ident.Creator, entity ident.Entity, n int) {
	t.Helper()
	for i := range n {
		e := ledger.Entry{ID: w.NextID(), Tenant: settletest.Tenant, CreatorID: creator, Entity: entity, At: w.Now(), Accounting: civil.NewMonth(2026, time.August+time.Month(i%2)), Reason: "opened"}
		e.Debit(ledger.PlatformClearing, money.Fen(int64(i+1)))
		e.Credit(ledger.CreatorPayable, money.Fen(int64(i+1)))
		parts, err := ledgerdb.EntryWrites(w.Tables.Ledger, e)
		must(t, err)
		must(t, dynamo.Transact(t.Context(), w.Tables.Client, w.NextID(), parts))
	}
}

// The file has each entry once and in the same order every time; a program that shares no code with the ledger sums it
// to what the API says.
func TestTheWholeJournalIsExported(t *testing.T) {
	w := settletest.OpenIn(t, dynamotest.OpenInMemory(t))
	post(t, w, settletest.Person, settletest.Ordinary, 620) // more than a page
	post(t, w, settletest.Worker, settletest.Filed, 3)
	api := serve(t, w)
	file := filepath.Join(t.TempDir(), "made", "journal.ndjson")
	take := func(entity ident.Entity, period string) (string, string) {
		t.Helper()
		var out bytes.Buffer
		must(t, export{entity: entity, period: period, file: file, out: &out}.writeFile(t.Context(), api))
		text, err := os.ReadFile(file)
		must(t, err)
		return string(text), out.String()
	}
	all, said := take("", "")
	if again, _ := take("", ""); again != all || strings.Count(all, "\n") != 623 {
		t.Errorf("%d lines, the second time %d", strings.Count(all, "\n"), strings.Count(again, "\n"))
	}
	for _, want := range []string{settletest.Ordinary + "\n", "platform.clearing                         1925.10", "creator.payable                          -1925.10", "0.06",
		"623 entries of 2 books, each summing to 0.00, in " + file} {
		if !strings.Contains(said, want) {
			t.Errorf("does not say %q:\n%s", want, said)
		}
	}
	if part, _ := take(settletest.Filed, "2026-08"); strings.Count(part, "\n") != 2 {
		t.Errorf("of one entity and month:\n%s", part)
	}
	all, _ = take("", "")
	agrees(t, api, file, strings.Count(all, "\n"))
}

func agrees(t *testing.T, api *apiclient.Client, file string, lines int) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3 to sum the journal independently")
	}
	ask := func(path string) (told json.RawMessage) {
		_, err := api.CallRoute(t.Context(), http.MethodGet, path, nil, &told)
		must(t, err)
		return told
	}
	doc, err := json.Marshal(map[string]any{"paying_entity": settletest.Ordinary, "period": "2026-09",
		"trial":    ask("/v1/ledger/trial-balance?period=2026-09&paying_entity=" + settletest.Ordinary),
		"balances": []any{ask("/v1/ledger/balances?creator_id=" + settletest.Person), ask("/v1/ledger/balances?creator_id=" + settletest.Worker)}})
	must(t, err)
	answers := filepath.Join(t.TempDir(), "answers.json")
	must(t, os.WriteFile(answers, doc, 0o600))
	out, err := exec.CommandContext(t.Context(), python, filepath.Join("..", "..", "..", "shared", "books", "ledgerapi", "testdata", "sum_journal.py"), file, answers).CombinedOutput()
	if want := fmt.Sprintf("%d entries, 2 books agree\n", lines); err != nil || string(out) != want {
		t.Errorf("%v: %s", err, out)
	}
}

// Nothing is left of an export that could not be finished, and the one before stays.
func TestAnUnfinishedExportLeavesTheOneBefore(t *testing.T) {
	calls, bad := 0, `{"id":"e","creator_id":"c","entity":"x","at":"2026-09-15T00:00:00Z","accounting_period":"2026-09","postings":[{"account":"bank","amount":"1.00"}]}`
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			_, _ = io.WriteString(rw, `{"entries":[],"next_cursor":"on"}`)
			return
		}
		_, _ = io.WriteString(rw, `{"entries":[`+bad+`],"next_cursor":null}`)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "journal.ndjson")
	must(t, os.WriteFile(file, []byte("before\n"), 0o600))
	err := export{file: file, out: io.Discard}.writeFile(t.Context(), apiclient.New(server.URL, apiclient.StaticToken("token"), apiclient.WithRetries(1, time.Millisecond)))
	if err == nil || calls != 2 {
		t.Errorf("an entry that does not sum to zero was taken: %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "before\n" {
		t.Errorf("%q", text)
	}
	if _, err := os.Stat(file + ".part"); err == nil {
		t.Error("a part is left")
	}
}
