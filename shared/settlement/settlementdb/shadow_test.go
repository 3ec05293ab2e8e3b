package settlementdb_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/shadowapi"
)

// shadowed is a set of rules with shadows beside it.
type shadowed struct{ g *ruleset.Generation }

func (s shadowed) Current(context.Context) *ruleset.Generation { return s.g }

// compared opens a world whose computations are compared with another cost rate from 2026-10-16 on.
func compared(t *testing.T) (*settletest.World, tax.PackID, *bytes.Buffer) {
	t.Helper()
	w := settletest.Open(t)
	files, err := ruletest.PackWithCostRate("2030.1", "0.30")
	if err != nil {
		t.Fatal(err)
	}
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		t.Fatal(err)
	}
	corpus, err := rulepack.CompilePacks(packs.WithPack(rulepack.National, files))
	if err != nil {
		t.Fatal(err)
	}
	id := corpus.National().Pack()
	w.Rules = shadowed{&ruleset.Generation{Corpus: w.Rules.Current(t.Context()).Corpus, Shadows: []ruleset.Shadow{{ID: id, Corpus: corpus}}}}
	log := &bytes.Buffer{}
	w.Shadows = &settlement.Shadows{Store: &settlementdb.Shadows{DB: w.Tables.Client, Ledger: w.Tables.Ledger}, Log: slog.New(slog.NewJSONHandler(log, nil)), Budget: time.Minute}
	return w, id, log
}

func TestDifferencesUnderTheShadowAreKeptForEachSettlement(t *testing.T) {
	w, id, _ := compared(t)
	before := settle(t, w, settletest.Person, "activity-before", "10000.00") // paid on 2026-09-15: the shadow says the same
	if err := w.Quote(t.Context(), settletest.Tenant, before); err != nil {
		t.Fatal(err)
	}
	w.AdvanceTime(time.Second)
	after := settle(t, w, settletest.Worker, "activity-after", "10000.00")
	ordinary := settle(t, w, settletest.Person, "activity-late", "20000.00")
	w.SetDate("2026-10-20")
	for range 2 { // a message comes twice
		for _, one := range []string{string(after), string(ordinary)} {
			if err := w.Quote(t.Context(), settletest.Tenant, ident.Settlement(one)); err != nil {
				t.Fatal(err)
			}
		}
	}
	st := load(t, w, string(ordinary))
	r, err := w.Shadows.Store.ShadowReport(t.Context(), settletest.Tenant, id)
	if err != nil || r.Compared != 3 || r.Differing != 1 || r.Failed != 0 || len(r.Worst) != 1 || r.Worst[0].Settlement != ordinary {
		t.Fatalf("%+v %v", r, err)
	}
	// 70% of 20,000 are 14,000: 20% of 70% instead of 20% of 80% of it.
	if want := money.MustParse("280.00"); r.NetMore != want || !r.NetLess.IsZero() || r.WithheldChange != want.Neg() || r.Worst[0].Difference != want {
		t.Errorf("%+v", r)
	}
	list, next, err := w.Shadows.Store.Comparisons(t.Context(), settletest.Tenant, id.Pack, id.Version, "", 10)
	if err != nil || next != "" || len(list) != 1 {
		t.Fatalf("%v %q %v", list, next, err)
	}
	if c := list[0]; c.Settlement != ordinary || c.Act != "quote" || c.Is.Net != st.Net || c.WouldBe.Net.Sub(c.Is.Net).String() != "280.00" || c.Active == id.Version || len(c.Is.Taxes) == 0 {
		t.Errorf("%+v", c)
	}
	if strings.Contains(st.Quote, "2030") || load(t, w, string(before)).Revision != 2 {
		t.Error("the shadow left something in the settlement")
	}
}

// broken is a store of comparisons that is away.
type broken struct{ settlement.ShadowStore }

func (broken) PutComparison(context.Context, settlement.Comparison) error {
	return context.DeadlineExceeded
}

func TestTheShadowNeverFailsTheRealPath(t *testing.T) {
	w, id, log := compared(t)
	real := w.Shadows.Store
	one, two := settle(t, w, settletest.Person, "activity-1", "10000.00"), settle(t, w, settletest.Studio, "activity-2", "10000.00")
	w.SetDate("2026-10-20")
	w.Shadows.Store = broken{}
	if err := w.Quote(t.Context(), settletest.Tenant, one); err != nil || load(t, w, string(one)).Quote == "" {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(log.String(), "comparison lost") {
		t.Errorf("nobody hears of the lost comparison: %s", log)
	}
	w.Shadows.Store = real
	g := w.Rules.Current(t.Context())
	w.Rules = shadowed{&ruleset.Generation{Corpus: g.Corpus, Shadows: []ruleset.Shadow{{ID: id, Corpus: &tax.Corpus{}}}}} // it breaks the engine
	if err := w.Quote(t.Context(), settletest.Tenant, two); err != nil || load(t, w, string(two)).Quote == "" {
		t.Fatalf("%v", err)
	}
	r, err := real.ShadowReport(t.Context(), settletest.Tenant, id)
	if err != nil || r.Compared != 1 || r.Failed != 1 || r.Differing != 1 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestTheSameGapOnBothSidesIsNoDifference(t *testing.T) {
	w, id, _ := compared(t)
	w.SetDate("2026-11-16") // No. 28 is open in both
	r := settletest.SettleRequest(settletest.Person, "live-1", "10000.00")
	r.TS = settlement.Millis(civil.MustDate("2026-10-20").Start().UnixMilli())
	a, _, err := w.Settle(t.Context(), settletest.CallerWith(identity.Operator), "november-1", r)
	if err != nil {
		t.Fatal(err)
	}
	one := a.SettlementID
	if err := w.Quote(t.Context(), settletest.Tenant, one); err != nil {
		t.Fatal(err)
	}
	if st := load(t, w, string(one)); st.Hold == nil || st.Hold.Reason != settlement.HoldRuleGap {
		t.Fatalf("no gap: %+v", st.Hold)
	}
	report, err := w.Shadows.Store.ShadowReport(t.Context(), settletest.Tenant, id)
	if err != nil || report.Compared != 1 || report.Differing != 0 {
		t.Errorf("%+v %v", report, err)
	}
}

func TestReportOverHTTP(t *testing.T) {
	w, id, _ := compared(t)
	var ids []string
	for _, name := range []string{"activity-1", "activity-2", "activity-3"} {
		ids = append(ids, string(settle(t, w, settletest.Person, name, "10000.00")))
		w.AdvanceTime(time.Second)
	}
	w.SetDate("2026-10-20")
	for _, one := range ids {
		if err := w.Quote(t.Context(), settletest.Tenant, ident.Settlement(one)); err != nil {
			t.Fatal(err)
		}
	}
	api := httpapi.API{Routes: shadowapi.API{Store: w.Shadows.Store}.Routes(), Clock: w.Clock, Log: slog.New(slog.DiscardHandler), Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	ask := func(tenant ident.Tenant, role, query string) (int, map[string]any) {
		ev := events.APIGatewayV2HTTPRequest{RawPath: "/v1/tax/shadow", RawQueryString: query, RequestContext: events.APIGatewayV2HTTPRequestContext{
			RequestID: "req-1", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "GET"},
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"tenant": string(tenant), "sub": role + "@" + string(tenant), "roles": role, "exp": "4102444800"}}}}
		res := api.AnswerEvent(context.Background(), ev)
		contracttest.CheckEvent(t, ev, res)
		var v map[string]any
		if err := json.Unmarshal([]byte(res.Body), &v); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, v
	}
	name := "shadow=" + id.Pack + "@" + id.Version
	status, v := ask(settletest.Tenant, "auditor", "")
	if status != 200 || len(v["reports"].([]any)) != 1 || v["reports"].([]any)[0].(map[string]any)["differing"] != 3.0 || len(v["differences"].([]any)) != 0 {
		t.Errorf("%d %v", status, v)
	}
	seen := map[any]bool{}
	for query, pages := name+"&limit=2", 0; query != ""; pages++ {
		status, v = ask(settletest.Tenant, "finance", query)
		if status != 200 || pages > 1 {
			t.Fatalf("%d %v on page %d", status, v, pages)
		}
		for _, d := range v["differences"].([]any) {
			seen[d.(map[string]any)["settlement_id"]] = true
		}
		query = ""
		if next, ok := v["next_cursor"].(string); ok {
			query = name + "&limit=2&cursor=" + next
		}
	}
	if len(seen) != 3 {
		t.Errorf("listed %v", seen)
	}
	for query, want := range map[string]int{"shadow=x@1": 404, "shadow=x": 400, "limit=0": 400, name + "&cursor=%20": 400} {
		if status, v := ask(settletest.Tenant, "admin", query); status != want {
			t.Errorf("%s: %d %v", query, status, v)
		}
	}
	if status, v := ask("other", "admin", ""); status != 200 || len(v["reports"].([]any)) != 0 {
		t.Errorf("another tenant: %d %v", status, v)
	}
	if status, _ := ask(settletest.Tenant, "operator", ""); status != 403 {
		t.Errorf("an operator: %d", status)
	}
}
