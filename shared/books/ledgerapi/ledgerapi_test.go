package ledgerapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/audit"
	"fenzhang/shared/books/ledgerapi"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
)

// world is a tenant whose ledger is asked over HTTP.
type world struct {
	*settletest.World
	api  ledgerapi.API
	http *httpapi.API
}

func open(t *testing.T) *world { return openOn(t, dynamotest.Open(t)) }

func openOn(t *testing.T, tables dynamotest.Tables) *world {
	w := &world{World: settletest.OpenIn(t, tables)}
	master := tenancydb.New(w.Tables.Client, w.Tables.Tenancy, w.Tables.Settlements, w.Now)
	for id, e := range w.People.Entities {
		w.keep(t, master, tenancy.KindEntity, id, e)
	}
	for id, c := range w.People.People {
		w.keep(t, master, tenancy.KindCreator, id, c)
	}
	w.api = ledgerapi.API{Journal: ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}, Master: master, Creators: w.People, Settlements: w.Store,
		Clock: w.Clock, NewID: ids.NewSource(time.Now)}
	w.http = &httpapi.API{Routes: w.api.Routes(), Clock: w.Clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Limits: noLimits{}, Revoked: httpapi.NoRevocations{}}
	return w
}

type noLimits struct{}

func (noLimits) WaitTime(identity.Principal, string, string, time.Time) time.Duration { return 0 }

func (w *world) keep(t *testing.T, master *tenancydb.Store, kind tenancy.Kind, id string, doc any) {
	t.Helper()
	err := master.Put(t.Context(), tenancy.Change{Objects: []tenancy.Object{{Kind: kind, ID: id, Version: 1, Doc: doc, Digest: "d"}},
		Record: audit.Record{ID: ids.NewSource(time.Now)(), Tenant: settletest.Tenant, Act: string(kind) + ".created"}})
	if err != nil {
		t.Fatal(err)
	}
}

// call asks as a role; the answer must keep to the contract.
func (w *world) call(t *testing.T, role identity.Role, method, path string, body any, into any) int {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	ev := events.APIGatewayV2HTTPRequest{RawPath: u.Path, RawQueryString: u.RawQuery}
	if body != nil {
		doc, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		ev.Body = string(doc)
	}
	ev.RequestContext.HTTP.Method = method
	ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
		"tenant": settletest.Tenant, "sub": string(role) + "@" + settletest.Tenant, "roles": string(role), "exp": "4102444800"}}
	res := w.http.AnswerEvent(t.Context(), ev)
	contracttest.CheckEvent(t, ev, res)
	if into != nil && res.StatusCode < 300 {
		if err := json.Unmarshal([]byte(res.Body), into); err != nil {
			t.Fatal(err)
		}
	}
	if into == nil && res.StatusCode >= 500 {
		t.Errorf("%s %s: %s", method, path, res.Body)
	}
	return res.StatusCode
}

// get wants 200.
func (w *world) get(t *testing.T, path string, into any) {
	t.Helper()
	if status := w.call(t, identity.Auditor, "GET", path, nil, into); status != http.StatusOK {
		t.Fatalf("GET %s: %d", path, status)
	}
}

// live lets settlements of three creators at two paying entities come to different ends, in two months.
func (w *world) live(t *testing.T) {
	t.Helper()
	gross := w.People.Contracts[settletest.Worker]
	gross.RevenueBasis = "gross"
	w.People.Contracts[settletest.Worker] = gross
	w.People.Contracts[settletest.Person].Splits["commerce_commission"] = tenancy.Split{Method: "ratio", Parties: []tenancy.Party{
		{Party: settletest.Person, Kind: split.KindCreator, Share: money.MustRate("0.5")},
		{Party: "c-other", Kind: split.KindPayee, Share: money.MustRate("0.2")}, {Party: "mcn", Kind: split.KindMCN, Share: money.MustRate("0.3")}}}
	for i, one := range []struct {
		creator ident.Creator
		ends    payout.State
	}{{settletest.Person, payout.Paid}, {settletest.Person, payout.Returned}, {settletest.Worker, payout.Paid}, {settletest.Worker, payout.Failed},
		{settletest.Studio, payout.Paid}, {settletest.Person, ""}} {
		if i == 3 {
			w.SetDate("2026-10-15")
		}
		w.AdvanceTime(time.Minute)
		w.settle(t, one.creator, fmt.Sprintf("live-%d", i), fmt.Sprintf("%d.%02d", 10_000*(i+1), i), one.ends)
	}
}

func (w *world) settle(t *testing.T, creator ident.Creator, activity, amount string, ends payout.State) ident.Settlement {
	t.Helper()
	ctx := t.Context()
	ans, _, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "settle-key-"+activity, settletest.SettleRequest(creator, activity, amount))
	must(t, err)
	id := ans.SettlementID
	must(t, w.Quote(ctx, settletest.Tenant, id))
	if ends == "" {
		return id
	}
	w.move(ctx, t, identity.Finance, id, settlement.InReview)
	w.move(ctx, t, identity.Approver, id, settlement.Approved)
	must(t, w.Book(ctx, settletest.Tenant, id))
	for _, state := range []payout.State{payout.Paid, payout.Returned} {
		if ends == payout.Failed {
			state = payout.Failed
		}
		p, err := w.Payables.Load(ctx, settletest.Tenant, id)
		must(t, err)
		if p.State == payout.Created {
			must(t, w.Payables.MarkSent(ctx, p, w.Now()))
		}
		must(t, w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: state, At: w.Now()}))
		if state == ends {
			break
		}
	}
	return id
}

func (w *world) move(ctx context.Context, t *testing.T, role identity.Role, id ident.Settlement, to settlement.Status) {
	t.Helper()
	s, err := w.Store.Load(ctx, settletest.Tenant, id)
	must(t, err)
	_, err = w.Transition(ctx, settlement.Intent{By: settletest.CallerWith(role), ID: string(id), Version: s.StatusVersion, Reason: "test"}, to)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type trial struct {
	Basis string `json:"basis"`
	Books int    `json:"books"`
	ledger.TrialBalance
	Complete   bool    `json:"complete"`
	NextCursor *string `json:"next_cursor"`
}

func (t trial) closing(a ledger.Account) money.Amount {
	for _, r := range t.Rows {
		if r.Account == a {
			return r.Closing
		}
	}
	return money.Amount{}
}

type page struct {
	Entries    []json.RawMessage `json:"entries"`
	NextCursor *string           `json:"next_cursor"`
}

// all reads a list to its end.
func (w *world) all(t *testing.T, path string) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	for cursor := ""; ; {
		var p page
		w.get(t, path+cursor, &p)
		out = append(out, p.Entries...)
		if p.NextCursor == nil {
			return out
		}
		cursor = "&cursor=" + *p.NextCursor
	}
}

// The exported journal, summed by a script that shares no code with the ledger, gives the balances of the API.
func TestAnotherProgramSumsTheJournal(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3 to sum the journal independently")
	}
	w := open(t)
	w.live(t)
	var journal bytes.Buffer
	for _, entity := range []string{settletest.Ordinary, settletest.Filed} {
		for _, line := range w.all(t, "/v1/ledger/journal?paying_entity="+entity) {
			journal.Write(line)
			journal.WriteByte('\n')
		}
	}
	var balances []json.RawMessage
	for _, creator := range []string{settletest.Person, settletest.Worker, settletest.Studio} {
		var b json.RawMessage
		w.get(t, "/v1/ledger/balances?creator_id="+creator, &b)
		balances = append(balances, b)
	}
	lines := strings.Count(journal.String(), "\n")
	for _, ask := range []struct {
		entity ident.Entity
		period string
	}{{settletest.Ordinary, ""}, {settletest.Filed, ""}, {settletest.Ordinary, "2026-09"}, {settletest.Filed, "2026-10"}} {
		var told json.RawMessage
		answers := map[string]any{"paying_entity": string(ask.entity), "period": nil, "balances": balances}
		path := "/v1/ledger/trial-balance?paying_entity=" + string(ask.entity)
		if ask.period != "" {
			answers["period"] = ask.period
			path += "&period=" + ask.period
		}
		w.get(t, path, &told)
		answers["trial"] = told
		out, err := sum(t, python, journal.Bytes(), answers)
		if err != nil || out != fmt.Sprintf("%d entries, 3 books agree\n", lines) {
			t.Errorf("%v: %v\n%s", ask, err, out)
		}
	}
	spoiled := bytes.Replace(journal.Bytes(), []byte(`"amount":"10000.00"`), []byte(`"amount":"10000.01"`), 1)
	var told json.RawMessage
	w.get(t, "/v1/ledger/trial-balance?paying_entity="+settletest.Ordinary, &told)
	if out, err := sum(t, python, spoiled, map[string]any{"paying_entity": settletest.Ordinary, "period": nil, "balances": balances, "trial": told}); err == nil {
		t.Errorf("a changed fen was not seen: %s", out)
	}
}

func sum(t *testing.T, python string, journal []byte, answers any) (string, error) {
	t.Helper()
	doc, err := json.Marshal(answers)
	must(t, err)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "journal.ndjson"), journal, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "answers.json"), doc, 0o600))
	out, err := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "sum_journal.py"), filepath.Join(dir, "journal.ndjson"), filepath.Join(dir, "answers.json")).CombinedOutput()
	return string(out), err
}

func TestTrialBalances(t *testing.T) {
	w := open(t)
	w.live(t)
	var now, september, october, later trial
	at := "/v1/ledger/trial-balance?paying_entity=" + settletest.Ordinary
	w.get(t, at, &now)
	w.get(t, at+"&period=2026-09", &september)
	w.get(t, at+"&period=2026-10", &october)
	w.get(t, at+"&at="+url.QueryEscape(w.Now().Add(time.Hour).Format(time.RFC3339)), &later)
	for name, tb := range map[string]trial{"now": now, "september": september, "october": october, "later": later} {
		if len(tb.Differs) > 0 || !tb.Complete || tb.NextCursor != nil || tb.Books != 4 || tb.Totals.ClosingDebit.IsZero() {
			t.Errorf("%s: %+v", name, tb)
		}
	}
	for _, r := range now.Rows {
		if october.closing(r.Account) != r.Closing || later.closing(r.Account) != r.Closing {
			t.Errorf("%s is %s now, %s at the end of the last period, %s later", r.Account, r.Closing, october.closing(r.Account), later.closing(r.Account))
		}
	}
	for _, r := range october.Rows {
		if september.closing(r.Account) != r.Opening {
			t.Errorf("%s closes September with %s and opens October with %s", r.Account, september.closing(r.Account), r.Opening)
		}
	}
	if now.closing(ledger.MCNRevenue).IsZero() || september.closing(ledger.CreatorPayable) == october.closing(ledger.CreatorPayable) {
		t.Errorf("nothing moved: %+v", october.Rows)
	}
}

// Gross revenue shows the whole income and the shares as cost; net revenue the agency's share alone.
func TestRevenueBasis(t *testing.T) {
	w := open(t)
	w.settle(t, settletest.Person, "net", "100.00", "")
	c := w.People.Contracts[settletest.Worker]
	c.RevenueBasis = "gross"
	w.People.Contracts[settletest.Worker] = c
	w.settle(t, settletest.Worker, "gross", "100.00", "")
	for entity, want := range map[string]map[ledger.Account]string{
		settletest.Ordinary: {ledger.PlatformClearing: "100.00", ledger.MCNRevenue: "-30.00", ledger.CreatorPayable: "-70.00"},
		settletest.Filed:    {ledger.PlatformClearing: "100.00", ledger.MCNRevenue: "-100.00", ledger.MCNCreatorCost: "70.00", ledger.CreatorPayable: "-70.00"},
	} {
		var tb trial
		w.get(t, "/v1/ledger/trial-balance?paying_entity="+entity, &tb)
		for account, amount := range want {
			if tb.closing(account) != money.MustParse(amount) {
				t.Errorf("%s: %s is %s, want %s", entity, account, tb.closing(account), amount)
			}
		}
		if len(tb.Rows) != len(want) {
			t.Errorf("%s: %+v", entity, tb.Rows)
		}
	}
}

// An answer that runs out of time goes on from its cursor, with the sums so far.
func TestATrialBalanceGoesOn(t *testing.T) {
	w := open(t)
	w.live(t)
	for n := range 120 {
		w.People.AddCreator(ident.Creator(fmt.Sprintf("d-%03d", n)), "natural_person", settletest.Ordinary, tenancy.MCNPays)
	}
	var whole, part trial
	path := "/v1/ledger/trial-balance?paying_entity=" + settletest.Ordinary
	w.get(t, path, &whole)
	w.api.Budget = time.Nanosecond
	w.api.Clock.Now = time.Now
	w.http.Routes = w.api.Routes()
	rounds := 0
	for cursor := ""; ; rounds++ {
		w.get(t, path+cursor, &part)
		if part.Complete {
			break
		}
		cursor = "&cursor=" + *part.NextCursor
	}
	if rounds < 2 || part.Books != whole.Books || part.Totals != whole.Totals || len(part.Differs) > 0 {
		t.Errorf("%d rounds: %+v, want %+v", rounds, part.Totals, whole.Totals)
	}
}

func TestBalancesAsOf(t *testing.T) {
	w := open(t)
	before := w.Now().Add(-time.Millisecond)
	w.settle(t, settletest.Person, "one", "100.00", "")
	between := w.Now()
	w.AdvanceTime(time.Second)
	w.settle(t, settletest.Person, "two", "50.00", "")
	type answer struct {
		Books []struct {
			Accounts []struct {
				Code    string       `json:"code"`
				Account string       `json:"account"`
				Balance money.Amount `json:"balance"`
			} `json:"accounts"`
		} `json:"books"`
	}
	payable := func(at string) money.Amount {
		var a answer
		w.get(t, "/v1/ledger/balances?creator_id="+settletest.Person+at, &a)
		for _, b := range a.Books {
			for _, x := range b.Accounts {
				if x.Account == "creator.payable" && x.Code == "2202.01" {
					return x.Balance
				}
			}
		}
		return money.Amount{}
	}
	as := func(t time.Time) string { return "&at=" + url.QueryEscape(t.Format(time.RFC3339Nano)) }
	if now, first, none := payable(""), payable(as(between)), payable(as(before)); now != money.Yuan(-105) || first != money.Yuan(-70) || !none.IsZero() {
		t.Errorf("now %s, after the first %s, before %s", now, first, none)
	}
}

func TestEntries(t *testing.T) { dynamotest.RunOnBothEngines(t, entries) }

func entries(t *testing.T, tables dynamotest.Tables) {
	w := openOn(t, tables)
	w.live(t)
	id := w.settle(t, settletest.Person, "mine", "77.00", payout.Paid)
	all := w.all(t, "/v1/ledger/entries?limit=1&creator_id="+settletest.Person)
	mine := w.all(t, string("/v1/ledger/entries?settlement_id="+id))
	today := w.all(t, "/v1/ledger/entries?from=2026-09-15&to=2026-09-15&creator_id="+settletest.Person)
	if none := w.all(t, "/v1/ledger/entries?from=2026-09-16&creator_id="+settletest.Person); len(mine) != 2 || len(all) <= len(mine) || len(today) != len(all) || len(none) != 0 {
		t.Errorf("%d of the creator, %d of the settlement, %d of the day, %d after it", len(all), len(mine), len(today), len(none))
	}
	for _, path := range []string{"/v1/ledger/entries", "/v1/ledger/entries?creator_id=a&settlement_id=b", "/v1/ledger/entries?creator_id=a&limit=0",
		"/v1/ledger/entries?creator_id=a&from=1", "/v1/ledger/journal?paying_entity=x%20y", "/v1/ledger/journal?paying_entity=x&cursor=!",
		"/v1/ledger/trial-balance?paying_entity=x&at=2026-09-01T00:00:00Z&period=2026-09", "/v1/ledger/trial-balance?paying_entity=x&at=now",
		"/v1/ledger/trial-balance?paying_entity=x&period=2026-13", "/v1/ledger/balances"} {
		if status := w.call(t, identity.Finance, "GET", path, nil, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/v1/ledger/entries?creator_id=nobody", "/v1/ledger/entries?settlement_id=nothing", "/v1/ledger/journal?paying_entity=nobody",
		"/v1/ledger/trial-balance?paying_entity=nobody", "/v1/ledger/balances?creator_id=nobody", "/v1/paying-entities/nobody/chart"} {
		if status := w.call(t, identity.Finance, "GET", path, nil, nil); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

type chart struct {
	Version  int `json:"version"`
	Accounts []struct {
		Account string `json:"account"`
		Code    string `json:"code"`
		Own     bool   `json:"own"`
	} `json:"accounts"`
}

func TestChartOfAnEntity(t *testing.T) {
	w := open(t)
	path := "/v1/paying-entities/" + settletest.Ordinary + "/chart"
	var c chart
	if w.get(t, path, &c); c.Version != 0 || len(c.Accounts) < 20 {
		t.Fatalf("%+v", c)
	}
	own := map[string]any{"account": "own.deposit", "code": "2241.09", "name": map[string]string{"zh": "保证金", "en": "Deposits"}, "type": "liability", "side": "credit", "book": "hot"}
	body := map[string]any{"version": 0, "codes": map[string]string{"creator.payable": "220299"}, "accounts": []any{own}}
	for range 2 { // the same again is the same
		if status := w.call(t, identity.Admin, "PUT", path, body, &c); status != http.StatusOK || c.Version != 1 {
			t.Fatalf("%d %+v", status, c)
		}
	}
	w.settle(t, settletest.Person, "one", "100.00", "")
	var tb trial
	w.get(t, "/v1/ledger/trial-balance?paying_entity="+settletest.Ordinary, &tb)
	for _, r := range tb.Rows {
		if r.Account == ledger.CreatorPayable && r.Code != "220299" {
			t.Errorf("%+v", r)
		}
	}
	for want, b := range map[int]map[string]any{
		http.StatusConflict:   {"version": 0, "accounts": []any{own}},
		http.StatusBadRequest: {"version": 1, "codes": map[string]string{"creator.payable": "22"}},
	} {
		if status := w.call(t, identity.Admin, "PUT", path, b, nil); status != want {
			t.Errorf("%v: %d, want %d", b, status, want)
		}
	}
	if status := w.call(t, identity.Admin, "PUT", path, map[string]any{"version": 1}, nil); status != http.StatusBadRequest {
		t.Errorf("an account taken away: %d", status)
	}
	if status := w.call(t, identity.Finance, "PUT", path, body, nil); status != http.StatusForbidden {
		t.Errorf("finance changed the chart: %d", status)
	}
}
