package statementapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/xuri/excelize/v2"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/statement/printing"
	"fenzhang/shared/statement/statementapi"
	"fenzhang/shared/statement/statementdb"
)

// shelf keeps documents in memory.
type shelf struct{ files map[string][]byte }

func (s *shelf) HasFile(_ context.Context, name string) (bool, error) {
	return s.files[name] != nil, nil
}

func (s *shelf) PutFile(_ context.Context, name string, _ statement.Format, body []byte) error {
	s.files[name] = body
	return nil
}

func (s *shelf) PresignLink(_ context.Context, name, _ string, _ statement.Format, _ time.Duration) (string, error) {
	return "https://documents.example/" + name, nil
}

// site is the function over a world in a local DynamoDB, with documents in memory.
type site struct {
	t          *testing.T
	w          *settletest.World
	lines      *incomedb.Store
	statements *statement.Service
	shelf      *shelf
	http       func(context.Context, events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse
}

func open(t *testing.T) *site {
	w, log := settletest.Open(t), slog.New(slog.NewJSONHandler(io.Discard, nil))
	token := ids.NewSource(time.Now)
	metas := w.Database
	s := &site{t: t, w: w, shelf: &shelf{map[string][]byte{}}, lines: &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: token}}
	s.statements = &statement.Service{Builder: statement.Builder{Facts: s.lines, Settlements: w.Store, Directory: w.People}, Clock: w.Clock, NewID: w.NextID,
		States:    &statementdb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, Metas: metas, NewToken: token},
		Documents: &statement.Documents{Files: s.shelf, Typesetter: &printing.Typesetter{ReadFont: font}, Now: w.Now}}
	api := &httpapi.API{Routes: statementapi.API{Statements: s.statements}.Routes(), Clock: w.Clock, Log: log, Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	s.http = api.AnswerEvent
	return s
}

// font reads the font where the local stack puts it.
func font(context.Context) ([]byte, error) {
	found, err := filepath.Glob(filepath.Join("..", "..", "..", ".local", "fonts", "*.ttf"))
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no font below .local/fonts: make up or make test installs it")
	}
	return os.ReadFile(found[0])
}

func needFont(t *testing.T) {
	t.Helper()
	if _, err := font(t.Context()); err != nil {
		t.Skip(err)
	}
}

// call makes a call as a role of a creator and checks the answer against the contract.
func (s *site) call(role identity.Role, creator ident.Creator, method, path, body string) (int, map[string]any) {
	s.t.Helper()
	raw, query, _ := strings.Cut(path, "?")
	ev := events.APIGatewayV2HTTPRequest{RawPath: raw, RawQueryString: query, Body: body, RequestContext: events.APIGatewayV2HTTPRequestContext{RequestID: "req-1",
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, SourceIP: "127.0.0.1"},
		Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"tenant": settletest.Tenant, "sub": string(role) + "@" + settletest.Tenant,
			"roles": string(role), "creator": string(creator), "exp": strconv.FormatInt(s.w.Now().Add(time.Hour).Unix(), 10)}}}}
	res := s.http(s.t.Context(), ev)
	contracttest.CheckEvent(s.t, ev, res)
	var v map[string]any
	if err := json.Unmarshal([]byte(res.Body), &v); err != nil {
		s.t.Fatalf("%v in %q", err, res.Body)
	}
	return res.StatusCode, v
}

func line(id string, creator ident.Creator, kind, distributable string) income.Line {
	got := money.MustParse(distributable)
	return income.Line{LineID: id, CreatorID: creator, IncomeType: kind, Platform: "douyin", AccountUID: "8801", Nickname: "半夏", OccurredOn: civil.MustDate("2026-08-20"),
		ServicePeriod: civil.MustMonth("2026-08"), GrossBeforePlatform: got.Add(got), PlatformFee: got, Distributable: got, Description: "场次 " + id}
}

// month uploads lines, opens what is due and quotes it.
func (s *site) month(lines ...income.Line) []settlement.Settlement {
	s.t.Helper()
	rec := &income.Recorder{Lines: s.lines, Directory: s.w.People, Clock: s.w.Clock, NewID: s.w.NextID}
	u := income.Upload{Tenant: settletest.Tenant, By: "operator@" + settletest.Tenant}
	for _, l := range lines {
		raw, err := json.Marshal(l)
		if err != nil {
			s.t.Fatal(err)
		}
		u.Lines = append(u.Lines, raw)
	}
	results, err := rec.RecordUpload(s.t.Context(), u)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			s.t.Fatal(r.Err)
		}
	}
	run := &billing.Service{Settlements: s.w.Service, Buckets: s.lines, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if _, err := run.OpenDueSettlements(s.t.Context(), billing.Order{Tenant: settletest.Tenant, By: billing.System}, ""); err != nil {
		s.t.Fatal(err)
	}
	all := s.all(lines[0].CreatorID)
	for _, st := range all {
		if err := s.w.Quote(s.t.Context(), settletest.Tenant, ident.Settlement(st.ID)); err != nil {
			s.t.Fatal(err)
		}
	}
	return s.all(lines[0].CreatorID)
}

func (s *site) all(creator ident.Creator) []settlement.Settlement {
	s.t.Helper()
	page, _, err := s.w.Store.List(s.t.Context(), settletest.Tenant, settlement.Query{Creator: creator}, "", 100)
	if err != nil {
		s.t.Fatal(err)
	}
	slices.SortFunc(page, func(a, b settlement.Settlement) int { return strings.Compare(a.IncomeType, b.IncomeType) })
	return page
}

func (s *site) load(id string) settlement.Settlement {
	s.t.Helper()
	st, err := s.w.Store.Load(s.t.Context(), settletest.Tenant, ident.Settlement(id))
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

// book approves and books a settlement.
func (s *site) book(id string) {
	s.t.Helper()
	for _, step := range []struct {
		role identity.Role
		to   settlement.Status
		seen int
	}{{identity.Finance, settlement.InReview, 1}, {identity.Approver, settlement.Approved, 2}} {
		if _, err := s.w.Transition(s.t.Context(), settlement.Intent{By: settletest.CallerWith(step.role), ID: id, Version: step.seen}, step.to); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.w.Book(s.t.Context(), settletest.Tenant, ident.Settlement(id)); err != nil {
		s.t.Fatal(err)
	}
}

const august = "/v1/statements/" + settletest.Person + "/2026-08"

func TestTotalsTieToTheLedger(t *testing.T) {
	s := open(t)
	found := s.month(line("a", settletest.Person, "live_tip", "80000.00"), line("b", settletest.Person, "live_tip", "20000.00"), line("c", settletest.Person, "commerce_commission", "5000.00"))
	for _, st := range found {
		s.book(st.ID)
	}
	if _, _, err := s.w.Settle(t.Context(), settletest.CallerWith(identity.Finance), "key-00001", settletest.SettleRequest(settletest.Person, "act-1", "100.00")); err != nil {
		t.Fatal(err)
	}
	st, err := s.statements.BuildStatement(t.Context(), settletest.Tenant, settletest.Person, statement.Period{Month: civil.MustMonth("2026-08")})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.statements.BuildStatement(t.Context(), settletest.Tenant, settletest.Person, statement.Period{Month: civil.MustMonth("2026-08")})
	if err != nil || again.Hash != st.Hash || len(st.Hash) != 64 {
		t.Errorf("the same facts have the hashes %q and %q, %v", st.Hash, again.Hash, err)
	}
	entries, err := ledgerdb.Book{DB: s.w.Tables.Client, Table: s.w.Tables.Ledger}.Entries(t.Context(), settletest.Tenant, settletest.Person)
	if err != nil {
		t.Fatal(err)
	}
	journal := ledger.SumByAccount(entries)
	var taxed money.Amount
	for account, sum := range journal {
		if strings.HasPrefix(string(account), "tax.") {
			taxed = taxed.Sub(sum)
		}
	}
	if len(st.Bills) != 3 || len(st.Lines) != 3 || st.Totals.Lines != 3 || st.Totals.Distributable != money.MustParse("105000.00") || st.Totals.Base != money.MustParse("105100.00") || st.Totals.Pending != 1 {
		t.Errorf("%d settlements, totals %+v", len(st.Bills), st.Totals)
	}
	if got := journal[ledger.CreatorPayable].Neg(); got != st.Totals.CreatorShare.Sub(st.Totals.Withheld).Sub(st.Totals.SetOffs).Sub(st.Totals.Paid) {
		t.Errorf("the ledger owes %s, the statement %+v", got, st.Totals)
	}
	if taxed != st.Totals.Withheld || taxed.IsZero() {
		t.Errorf("the ledger has %s of taxes, the statement %s", taxed, st.Totals.Withheld)
	}
	if got := journal[ledger.MCNRevenue].Neg(); got != st.Totals.Base.Sub(st.Totals.CreatorShare) {
		t.Errorf("the agency earned %s, the statement leaves it %s", got, st.Totals.Base.Sub(st.Totals.CreatorShare))
	}
	s.workbook(st)
	s.certificate(taxed)
}

// workbook reads the statement's workbook back: its columns sum to the statement's totals.
func (s *site) workbook(st statement.Statement) {
	s.t.Helper()
	body, err := (&printing.Typesetter{}).TypesetStatement(s.t.Context(), st, statement.XLSX)
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range []struct {
		sheet, head string
		want        money.Amount
	}{{"结算明细", "达人分成 Share", st.Totals.CreatorShare}, {"结算明细", "代扣税费 Withheld", st.Totals.Withheld}, {"结算明细", "应付 To pay", st.Totals.ToPay},
		{"税费", "本次扣 Amount", st.Totals.Withheld}, {"收入明细", "可分配 Distributable", st.Totals.Distributable}} {
		if got := columnSum(s.t, f, c.sheet, c.head); got != c.want {
			s.t.Errorf("%s, %s: the workbook sums to %s, the statement to %s", c.sheet, c.head, got, c.want)
		}
	}
}

func columnSum(t *testing.T, f *excelize.File, sheet, head string) money.Amount {
	t.Helper()
	rows, err := f.GetRows(sheet, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(rows[0], head)
	var sum money.Amount
	for _, r := range rows[1:] {
		if at < len(r) && r[at] != "待计算" && r[at] != "" {
			a, err := money.Parse(r[at])
			if err != nil {
				t.Fatal(err)
			}
			sum = sum.Add(a)
		}
	}
	return sum
}

// certificate compares the year's certificate with the journal's tax accounts.
func (s *site) certificate(taxed money.Amount) {
	s.t.Helper()
	path := "/v1/taxpayers/tp-" + settletest.Person + "/certificates/2026?paying_entity=" + settletest.Ordinary
	status, v := s.call(identity.Creator, settletest.Person, "GET", path, "")
	if status != 200 {
		s.t.Fatalf("%d %v", status, v)
	}
	for _, list := range []string{"rows", "totals"} {
		var sum money.Amount
		for _, r := range v[list].([]any) {
			sum = sum.Add(money.MustParse(r.(map[string]any)["withheld"].(string)))
		}
		if sum != taxed {
			s.t.Errorf("%s of the certificate sum to %s, the journal to %s", list, sum, taxed)
		}
	}
	if status, v := s.call(identity.Creator, settletest.Worker, "GET", path, ""); status != 404 {
		s.t.Errorf("another creator's certificate: %d %v", status, v)
	}
	if status, v := s.call(identity.Auditor, "", "GET", path+"&format=xlsx", ""); status != 200 || !strings.HasPrefix(v["url"].(string), "https://") {
		s.t.Errorf("workbook: %d %v", status, v)
	}
	if status, _ := s.call(identity.Finance, "", "GET", "/v1/taxpayers/tp-x/certificates/26?format=x", ""); status != 400 {
		s.t.Errorf("a bad question: %d", status)
	}
}

func (s *site) contracts(change func(confirm *bool, days *int)) {
	c := s.w.People.Contracts[settletest.Person]
	change(&c.ConfirmBeforePayment, &c.AcceptAfterDays)
	s.w.People.Contracts[settletest.Person] = c
}

func TestOnlyWhatIsDisputedIsHeld(t *testing.T) {
	needFont(t)
	s := open(t)
	s.contracts(func(confirm *bool, days *int) { *confirm, *days = true, 5 })
	found := s.month(line("a", settletest.Person, "live_tip", "1000.00"), line("b", settletest.Person, "live_tip", "10.00"), line("c", settletest.Person, "commerce_commission", "500.00"))
	goods, tips := found[0].ID, found[1].ID
	if h := s.load(tips).Hold; h == nil || h.Reason != settlement.HoldConfirmation || h.Owner != "finance" {
		t.Fatalf("before it was sent: %+v", h)
	}
	if status, v := s.call(identity.Creator, settletest.Person, "POST", august+"/confirm", ""); status != 404 {
		t.Errorf("confirmed before it was sent: %d %v", status, v)
	}
	status, v := s.call(identity.Finance, "", "POST", august+"/send", "")
	if status != 200 || v["state"] != "sent" || v["accept_on"] != "2026-09-21" || len(s.shelf.files) != 2 {
		t.Fatalf("send: %d %v", status, v)
	}
	if _, again := s.call(identity.Finance, "", "POST", august+"/send", ""); again["version"] != v["version"] {
		t.Errorf("sent again: %v", again)
	}
	if h := s.load(tips).Hold; h.Owner != settletest.Person || h.Until != civil.MustDate("2026-09-21") {
		t.Errorf("after it was sent: %+v", h)
	}
	for body, want := range map[string]int{`{"lines":[{"line_id":"zz","reason":"x"}]}`: 404, `{"lines":[]}`: 400, `{"lines":[{"line_id":"a","settlement_id":"b","reason":""}]}`: 400, `{}`: 400} {
		if status, v := s.call(identity.Creator, settletest.Person, "POST", august+"/dispute", body); status != want {
			t.Errorf("dispute %s: %d %v", body, status, v)
		}
	}
	status, v = s.call(identity.Creator, settletest.Person, "POST", august+"/dispute", `{"lines":[{"line_id":"a","reason":"少算了一场"},{"line_id":"b","reason":"不是我的"}]}`)
	if status != 200 || v["state"] != "disputed" || v["open_disputes"] != 2.0 {
		t.Fatalf("dispute: %d %v", status, v)
	}
	if h := s.load(tips).Hold; h == nil || h.Reason != settlement.HoldDisputed || h.Until != civil.MustDate("2026-09-22") {
		t.Errorf("disputed: %+v", h)
	}
	if h := s.load(goods).Hold; h != nil {
		t.Errorf("what is not disputed is held: %+v", h)
	}
	s.book(goods)
	if st := s.load(goods); st.Status != settlement.Paying {
		t.Errorf("what is not disputed is %s", st.Status)
	}
	if status, v := s.call(identity.Creator, settletest.Person, "POST", august+"/confirm", ""); v["reason"] != "disputed" {
		t.Errorf("confirmed while disputed: %d %v", status, v)
	}
	if status, v := s.call(identity.Finance, "", "POST", august+"/send", ""); v["reason"] != "disputed" {
		t.Errorf("sent anew while disputed: %d %v", status, v)
	}
	s.resolve(tips)
	if status, v = s.call(identity.Creator, settletest.Person, "POST", august+"/confirm", `{"content_hash":"`+strings.Repeat("0", 64)+`"}`); v["reason"] != "stale_version" {
		t.Errorf("confirmed what was not sent: %d %v", status, v)
	}
	if status, v = s.call(identity.Creator, settletest.Person, "POST", august+"/confirm", ""); status != 200 || v["state"] != "confirmed" {
		t.Errorf("confirm: %d %v", status, v)
	}
	if h := s.load(tips).Hold; h != nil {
		t.Errorf("confirmed and held: %+v", h)
	}
	if status, v := s.call(identity.Creator, settletest.Person, "POST", august+"/dispute", `{"lines":[{"line_id":"a","reason":"x"}]}`); v["reason"] != "heard" {
		t.Errorf("disputed after the confirmation: %d %v", status, v)
	}
	s.lent(v["content_hash"].(string))
}

// resolve answers both disputed lines; the hold ends with the second.
func (s *site) resolve(tips string) {
	s.t.Helper()
	if status, v := s.call(identity.Finance, "", "POST", august+"/resolve", `{"line_id":"a","outcome":"stands","text":"平台数据如此"}`); status != 200 || v["state"] != "disputed" || s.load(tips).Hold.Reason != settlement.HoldDisputed {
		s.t.Errorf("first answer: %d %v", status, v)
	}
	if status, v := s.call(identity.Finance, "", "POST", august+"/resolve", `{"line_id":"a","outcome":"stands","text":"again"}`); status != 404 {
		s.t.Errorf("answered twice: %d %v", status, v)
	}
	if status, v := s.call(identity.Finance, "", "POST", august+"/resolve", `{"line_id":"b","outcome":"corrected","text":"下月更正"}`); status != 200 || v["state"] != "sent" || v["open_disputes"] != 0.0 {
		s.t.Errorf("last answer: %d %v", status, v)
	}
	if h := s.load(tips).Hold; h == nil || h.Reason != settlement.HoldConfirmation {
		s.t.Errorf("after the answers: %+v", h)
	}
}

// lent looks at documents and lists, as the creator and as another one.
func (s *site) lent(sent string) {
	s.t.Helper()
	for _, path := range []string{august + ".pdf", august + ".xlsx", august + ".pdf?content_hash=" + sent} {
		if status, v := s.call(identity.Creator, settletest.Person, "GET", path, ""); status != 200 || !strings.Contains(v["url"].(string), settletest.Tenant+"/"+settletest.Person+"/2026-08/") {
			s.t.Errorf("%s: %d %v", path, status, v)
		}
		if status, _ := s.call(identity.Creator, settletest.Worker, "GET", path, ""); status != 404 {
			s.t.Errorf("%s for another creator: %d", path, status)
		}
	}
	if status, v := s.call(identity.Auditor, "", "GET", august+".json", ""); status != 200 || v["content_hash"] == sent {
		s.t.Errorf("the booking changed nothing: %d %v", status, v["content_hash"])
	}
	for path, want := range map[string]int{august + ".doc": 400, "/v1/statements/" + settletest.Person + "/2026-8.pdf": 400, "/v1/statements/" + settletest.Person + "/2026-07.pdf": 404,
		august + ".pdf?content_hash=" + strings.Repeat("0", 64): 404, august + ".pdf?content_hash=x": 400} {
		if status, v := s.call(identity.Finance, "", "GET", path, ""); status != want {
			s.t.Errorf("%s: %d %v", path, status, v)
		}
	}
	status, v := s.call(identity.Creator, settletest.Person, "GET", "/v1/creators/"+settletest.Person+"/statements", "")
	if list := v["statements"].([]any); status != 200 || len(list) != 1 || list[0].(map[string]any)["state"] != "confirmed" {
		s.t.Errorf("list: %d %v", status, v)
	}
}

func TestSilenceAccepts(t *testing.T) {
	needFont(t)
	s := open(t)
	s.contracts(func(confirm *bool, days *int) { *confirm, *days = true, 3 })
	id := s.month(line("a", settletest.Person, "live_tip", "1000.00"))[0].ID
	if status, v := s.call(identity.Finance, "", "POST", august+"/send", ""); status != 200 {
		t.Fatalf("%d %v", status, v)
	}
	everybody := func(ident.Creator) bool { return true }
	for _, night := range []struct {
		day  string
		want int
	}{{"2026-09-18", 0}, {"2026-09-25", 1}, {"2026-09-25", 0}} { // the night of the 19th was missed
		s.w.SetDate(night.day)
		n, err := s.statements.AcceptSilent(t.Context(), settletest.Tenant, everybody)
		if err != nil || n != night.want {
			t.Errorf("%s: %d accepted, %v", night.day, n, err)
		}
		if held := s.load(id).Hold != nil; held != (night.day == "2026-09-18") {
			t.Errorf("%s: held %t", night.day, held)
		}
	}
	if _, v := s.call(identity.Finance, "", "GET", "/v1/creators/"+settletest.Person+"/statements", ""); v["statements"].([]any)[0].(map[string]any)["state"] != "accepted" {
		t.Errorf("%v", v)
	}
}

func TestAStatementThatCannotBeSetIsNotSent(t *testing.T) {
	needFont(t)
	s := open(t)
	c := s.w.People.People[settletest.Person]
	c.Nickname = "半夏🦄"
	s.w.People.People[settletest.Person] = c
	s.month(line("a", settletest.Person, "live_tip", "1000.00"))
	status, v := s.call(identity.Finance, "", "POST", august+"/send", "")
	if status != 422 || v["reason"] != "glyph_missing" || v["missing"] != "U+1F984" || len(s.shelf.files) != 0 {
		t.Errorf("%d %v, %d documents", status, v, len(s.shelf.files))
	}
	if _, v := s.call(identity.Finance, "", "GET", "/v1/creators/"+settletest.Person+"/statements", ""); v["statements"].([]any)[0].(map[string]any)["state"] != "draft" {
		t.Errorf("%v", v)
	}
}

func TestRoles(t *testing.T) {
	s := open(t)
	all := "creator operator finance approver cashier auditor admin"
	for route, roles := range map[string]string{"GET " + august + ".json": all, "POST " + august + "/send": "finance admin", "POST " + august + "/confirm": "creator",
		"POST " + august + "/dispute": "creator", "POST " + august + "/resolve": "finance admin", "GET /v1/creators/" + settletest.Person + "/statements": all,
		"GET /v1/taxpayers/tp-" + settletest.Person + "/certificates/2026?paying_entity=" + settletest.Ordinary: all} {
		method, path, _ := strings.Cut(route, " ")
		for _, role := range identity.AllRoles() {
			status, v := s.call(role, settletest.Person, method, path, `{}`)
			if may := strings.Contains(roles, string(role)); may == (v["code"] == 1003.0) {
				t.Errorf("%s as %s: %d %v", route, role, status, v)
			}
		}
	}
}
