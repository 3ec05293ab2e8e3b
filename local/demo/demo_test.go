package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fenzhang/local/apiclient"
	"fenzhang/local/income"
	"fenzhang/local/tokens"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// office is a small API that knows just enough of settlements to be worked with.
type office struct {
	mu          sync.Mutex
	settlements map[string]*apiclient.Settlement
	runs        int
	approved    []string // in the order of approval
	confirmed   int
	conflicts   int // how many moves are refused first
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); {
	case r.URL.Path == "/v1/statements/run":
		o.open()
		io.WriteString(w, `{"date":"2026-09-15","due":4,"opened":4,"already":0,"skipped":[]}`)
	case r.URL.Path == "/v1/settlements":
		o.list(w)
	case len(parts) == 4:
		o.act(w, r, o.settlements[parts[2]], parts[3])
	default:
		http.NotFound(w, r)
	}
}

// open makes the settlements of the test: two of one person, a studio's, and one that the law leaves open.
func (o *office) open() {
	o.runs++
	o.settlements = map[string]*apiclient.Settlement{}
	for i, s := range []apiclient.Settlement{
		{CreatorID: "c1", TaxpayerID: "t1", ActivityID: "stmt:commerce_commission:2026-08"},
		{CreatorID: "c1", TaxpayerID: "t1", ActivityID: "stmt:live_tip:2026-08"},
		{CreatorID: "c2", TaxpayerID: "t2", ActivityID: "stmt:live_tip:2026-08", Hold: &apiclient.Hold{Reason: holdInvoice}},
		{CreatorID: "c3", TaxpayerID: "t3", ActivityID: "stmt:live_tip:2026-08", Hold: &apiclient.Hold{Reason: holdRuleGap}},
	} {
		net := "80.00"
		s.SettlementID, s.Status, s.StatusVersion, s.CreatorShare, s.Net = ident.Settlement(fmt.Sprintf("s%d", i+1)), apiclient.PendingReview, 1, "100.00", &net
		if s.HeldFor() != holdRuleGap {
			s.Quote = json.RawMessage(`{"net":"80.00"}`)
		}
		o.settlements[string(s.SettlementID)] = &s
	}
}

func (o *office) list(w http.ResponseWriter) {
	all := []*apiclient.Settlement{}
	for _, s := range o.settlements {
		if s.Status == apiclient.Approved && s.Hold == nil {
			s.Status = apiclient.Paid
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *apiclient.Settlement) int { return cmp.Compare(b.SettlementID, a.SettlementID) })
	_ = json.NewEncoder(w).Encode(map[string]any{"settlements": all, "next_cursor": nil})
}

func (o *office) act(w http.ResponseWriter, r *http.Request, s *apiclient.Settlement, action string) {
	var in struct {
		To            string `json:"to"`
		StatusVersion int    `json:"status_version"`
		Amount        string `json:"amount"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	if o.conflicts > 0 || in.StatusVersion != s.StatusVersion {
		o.conflicts--
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"error":"stale","code":3002,"reason":"stale_version","request_id":"r"}`)
		return
	}
	switch {
	case action == "invoice" && in.Amount == s.CreatorShare:
		s.Hold = nil
	case action == "confirm-net":
		s.Hold = nil
		o.confirmed++
	case action == "transitions" && s.Hold == nil:
		s.Status = in.To
		s.StatusVersion++
		if in.To == apiclient.Approved {
			o.approved = append(o.approved, string(s.SettlementID))
			if s.SettlementID == "s2" {
				s.Hold = &apiclient.Hold{Reason: holdNetChanged}
			}
		}
	}
	_ = json.NewEncoder(w).Encode(s)
}

// newTestDemo makes a demo that talks to h.
func newTestDemo(t *testing.T, h http.Handler, d income.Delivery) *demo {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s := &stack{
		vars: map[string]string{"FENZHANG_API_URL": server.URL}, clients: map[string]*apiclient.Client{},
		signer: tokens.Signer{Key: []byte("k"), Now: time.Now},
	}
	out := newDemo(s, d, 4)
	out.pause = time.Millisecond
	return out
}

func dueOf(t *testing.T) []income.Expected {
	t.Helper()
	var due []income.Expected
	for _, k := range []payable{{"c1", "stmt:commerce_commission:2026-08"}, {"c1", "stmt:live_tip:2026-08"}, {"c2", "stmt:live_tip:2026-08"}, {"c3", "stmt:live_tip:2026-08"}} {
		due = append(due, income.Expected{Tenant: "demo-mcn", CreatorID: k.creator, ActivityID: k.activity, PayOn: civil.MustDate("2026-09-15")})
	}
	return due
}

func TestPayDayBringsEverythingToItsEnd(t *testing.T) {
	o := &office{conflicts: 2}
	d := newTestDemo(t, o, income.Delivery{})
	if err := d.runPayDay(context.Background(), "demo-mcn", dueOf(t)); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"s1": apiclient.Paid, "s2": apiclient.Paid, "s3": apiclient.Paid, "s4": apiclient.PendingReview} {
		if got := o.settlements[id].Status; got != want {
			t.Errorf("%s is %s, not %s", id, got, want)
		}
	}
	if slices.Index(o.approved, "s1") > slices.Index(o.approved, "s2") || o.confirmed != 1 || o.runs != 1 {
		t.Errorf("approved %v, %d confirmed, %d runs", o.approved, o.confirmed, o.runs)
	}
	// Everything is at its end: a second pay day asks for nothing.
	if err := d.runPayDay(context.Background(), "demo-mcn", dueOf(t)); err != nil || o.runs != 1 || len(o.approved) != 3 {
		t.Errorf("%v, %d runs, approved %v", err, o.runs, o.approved)
	}
}

// answers is an API that answers the calls of sending with what a test says.
type answers struct {
	events func(n int, id string) string
	settle func(w http.ResponseWriter)
	mu     sync.Mutex
	sent   int
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/settle") {
		a.settle(w)
		return
	}
	var in struct {
		Events []apiclient.Event `json:"events"`
		Lines  []json.RawMessage `json:"lines"`
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &in)
	if len(in.Events)+len(in.Lines) > apiclient.MaxBatch {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var results []string
	for _, e := range in.Events {
		results = append(results, a.events(a.sent, e.EventID))
		a.sent++
	}
	for range in.Lines {
		results = append(results, `{"line_id":"x","status":201}`)
		a.sent++
	}
	fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(results, ","))
}

func delivery(t *testing.T) income.Delivery {
	t.Helper()
	d, err := income.Open(os.DirFS("../../samples"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fileOf(t *testing.T, d income.Delivery, kind string) income.File {
	t.Helper()
	i := slices.IndexFunc(d.Files, func(f income.File) bool { return f.Kind == kind })
	if i < 0 {
		t.Fatalf("no file of kind %s", kind)
	}
	return d.Files[i]
}

func TestRefusedRowsAreReportedAndTheRestIsCounted(t *testing.T) {
	list := delivery(t)
	a := &answers{events: func(n int, id string) string {
		if strings.HasPrefix(id, "bad-") {
			return `{"event_id":"` + id + `","status":400,"error":{"error":"The input has problems.","code":2001,"reason":"invalid_input","request_id":"r"}}`
		}
		return `{"event_id":"` + id + `","status":201,"reward":null}`
	}}
	d := newTestDemo(t, a, list)
	f := fileOf(t, list, income.Events)
	if err := d.sendFile(context.Background(), f); err != nil {
		t.Fatal(err)
	}
	if a.sent < 2500 || len(d.report.refused) != 3 || !strings.Contains(d.report.refused[0], "400 code 2001: The input has problems.") {
		t.Errorf("%d sent, refused %v", a.sent, d.report.refused)
	}
	if len(d.days.events) < 50 {
		t.Errorf("%d creator days to count", len(d.days.events))
	}
	if err := d.sendFile(context.Background(), fileOf(t, list, income.LiveTips)); err != nil || len(d.report.refused) != 4 {
		t.Errorf("%v, refused %v", err, d.report.refused)
	}
}

func TestWhatWasNotStoredIsSentAgain(t *testing.T) {
	calls := [][]string{}
	call := func(_ context.Context, rows []string) ([]result, error) {
		calls = append(calls, rows)
		var out []result
		for _, row := range rows {
			status := http.StatusCreated
			if row == "busy" && len(calls) == 1 {
				status = http.StatusServiceUnavailable
			}
			out = append(out, result{id: row, status: status})
		}
		return out, nil
	}
	var took []string
	err := sendBatch(context.Background(), []string{"a", "busy", "b"}, call, func(row string, r result) error {
		took = append(took, row)
		return nil
	})
	if err != nil || len(calls) != 2 || strings.Join(calls[1], " ") != "busy" || strings.Join(took, " ") != "a b busy" {
		t.Errorf("%v, calls %v, took %v", err, calls, took)
	}
}

func TestWhatIsNeverStoredEndsTheRun(t *testing.T) {
	d := newTestDemo(t, http.NotFoundHandler(), income.Delivery{})
	r := result{id: "e1", status: http.StatusServiceUnavailable, refusal: &apiclient.Error{Code: 5003, Text: "busy"}}
	if err := d.countEvent(&outcome{}, income.File{}, r); err == nil || !strings.Contains(err.Error(), "e1") {
		t.Errorf("got %v", err)
	}
}

func TestReplayedSettleCallsAreDone(t *testing.T) {
	list := delivery(t)
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		done   bool
	}{
		"made": {func(w http.ResponseWriter) { w.WriteHeader(201); io.WriteString(w, `{"settlement_id":"s"}`) }, true},
		"duplicate": {func(w http.ResponseWriter) {
			w.WriteHeader(409)
			io.WriteString(w, `{"error":"duplicate request","code":2003}`)
		}, true},
		"key reused": {func(w http.ResponseWriter) {
			w.WriteHeader(422)
			io.WriteString(w, `{"error":"other content","code":2002,"reason":"key_reused"}`)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := newTestDemo(t, &answers{settle: c.answer}, list).sendFile(context.Background(), fileOf(t, list, income.SettleCalls))
			if (err == nil) != c.done {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEachDayIsLivedOnceAndInOrder(t *testing.T) {
	days := newTestDemo(t, http.NotFoundHandler(), delivery(t)).businessDates()
	var text []string
	for _, d := range days {
		text = append(text, d.String())
	}
	if got := strings.Join(text, " "); got != "2026-08-15 2026-09-01 2026-09-15 2026-10-01 2026-10-15 2026-11-01 2026-11-16" {
		t.Error(got)
	}
}

func TestDifferencesToAWorkedCaseAreNamed(t *testing.T) {
	w := income.WorkedCase{Share: money.Yuan(100), Net: money.Yuan(80), Taxes: map[string]money.Amount{"IIT": money.Yuan(20)}}
	net := "80.00"
	same := apiclient.Settlement{Gross: "120.00", CreatorShare: "100.00", Net: &net, Taxes: []apiclient.Tax{{Tax: "IIT", Amount: "20.00"}}}
	sum := func(s apiclient.Settlement) *account {
		a := newAccount()
		if err := a.addSettlement(s); err != nil {
			t.Fatal(err)
		}
		return a
	}
	if got := firstDifference(w, sum(same), ""); got != "" {
		t.Errorf("the same figures differ: %s", got)
	}
	other := same
	other.Taxes = []apiclient.Tax{{Tax: "VAT", Amount: "20.00"}}
	owing := same
	owing.PayeeObligations = []apiclient.Tax{{Tax: "VAT", Due: "1.00"}, {Tax: "UMCT"}}
	for name, s := range map[string]apiclient.Settlement{"another tax": other, "an obligation": owing} {
		if firstDifference(w, sum(s), "") == "" {
			t.Errorf("%s goes unnoticed", name)
		}
	}
	if firstDifference(w, sum(same), holdRuleGap) == "" {
		t.Error("a hold goes unnoticed")
	}
}
