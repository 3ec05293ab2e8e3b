package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"fenzhang/local/runtimeapi"
	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
)

// answered is what a caller sees of an answer.
type answered struct {
	Status   int
	Replayed string
	Body     any
}

// The comparison with the peer means something only while both do the same work.
func TestThePeerAnswersAsRecordIncentive(t *testing.T) {
	peer, err := peerBootstrap("..")
	if err != nil {
		t.Skip("the Python peer cannot run: " + err.Error())
	}
	b := &bench{dir: t.TempDir()}
	ours, err := b.build(t.Context(), "../functions/record-incentive")
	if err != nil {
		t.Fatal(err)
	}
	calls := peerCalls(time.Now())
	want := answersOf(t, ours, calls)
	for i, got := range answersOf(t, peer, calls) {
		if want[i].Status != calls[i].status {
			t.Errorf("%s: record-incentive answers %+v, want status %d", calls[i].name, want[i], calls[i].status)
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%s: the peer answers %+v, record-incentive %+v", calls[i].name, got, want[i])
		}
	}
}

type peerCall struct {
	name, body string
	status     int
}

// peerCalls are sent one after the other, so that later ones meet what earlier ones have stored.
func peerCalls(now time.Time) []peerCall {
	event := func(id, creator, action string, more string) string {
		return fmt.Sprintf(`{"event_id":"%s","creator_id":"%s","action_type":"%s","occurred_at":"%s"%s}`,
			id, creator, action, now.UTC().Format(time.RFC3339), more)
	}
	watched := event("ev-1", "c-1", "watch_live", `,"quantity":7,"platform":"douyin","metrics":{"seconds":"12.5"}`)
	return []peerCall{
		{"a new event", watched, 201},
		{"the same event again", watched, 200},
		{"the same event with its members in another order", event("ev-1", "c-1", "watch_live", `,"metrics":{"seconds":"12.5"},"platform":"douyin","quantity":7`), 200},
		{"other content under the same id", strings.Replace(watched, `"quantity":7`, `"quantity":8`, 1), 422},
		{"the same time in another zone", strings.Replace(watched, now.UTC().Format(time.RFC3339), now.In(civil.Shanghai).Format(time.RFC3339), 1), 200},
		{"another platform has another strategy", event("ev-2", "c-1", "watch_live", `,"platform":"kuaishou"`), 201},
		{"points", event("ev-3", "c-1", "share", `,"content_id":"直播"`), 201},
		{"no strategy", event("ev-4", "c-1", "complete_play", ""), 201},
		{"no strategy, again", event("ev-4", "c-1", "complete_play", ""), 200},
		{"an unknown creator", event("ev-5", "c-2", "watch_live", ""), 404},
		{"nothing given", `{}`, 400},
		{"unknown field", event("ev-6", "c-1", "watch_live", `,"amount":"1.00"`), 400},
		{"quantity zero", event("ev-6", "c-1", "watch_live", `,"quantity":0`), 400},
		{"an id with a blank", event("ev 6", "c-1", "watch_live", ""), 400},
		{"too far ahead", strings.Replace(watched, now.UTC().Format(time.RFC3339), now.UTC().Add(time.Hour).Format(time.RFC3339), 1), 400},
		{"a metric that is no decimal", event("ev-6", "c-1", "watch_live", `,"metrics":{"seconds":"1e3"}`), 400},
	}
}

// answersOf runs a function on tables of its own and sends it all calls.
func answersOf(t *testing.T, binary string, calls []peerCall) []answered {
	t.Helper()
	l := dynamotest.OpenOnLocalAWS(t)
	seedMasterData(t, l)
	api, err := runtimeapi.Start(t.Context(), benchFunction)
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	p, err := startFunction(t.Context(), binary, api.Addr, l.Endpoint, 1,
		"TABLE_INCENTIVES="+l.Incentives, "TABLE_TENANCY="+l.Tenancy, "TABLE_CONTROL="+l.Control)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	if err := p.awaitPoll(t.Context(), api); err != nil {
		t.Fatal(err)
	}
	out := make([]answered, len(calls))
	for i, call := range calls {
		answer, err := api.Invoke(t.Context(), gatewayCall(i, call.body), nil)
		if err != nil || answer.Failed {
			t.Fatalf("%s: %v %s; its log: %s", call.name, err, answer.Body, p.log.text())
		}
		out[i] = read(t, answer.Body)
	}
	return out
}

func read(t *testing.T, body []byte) answered {
	t.Helper()
	var gateway struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	if err := json.Unmarshal(body, &gateway); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	a := answered{Status: gateway.StatusCode, Replayed: gateway.Headers["Idempotency-Replayed"]}
	if err := json.Unmarshal([]byte(gateway.Body), &a.Body); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return a
}

// seedMasterData writes one creator, and strategies for watching and for sharing.
func seedMasterData(t *testing.T, l dynamotest.Tables) {
	t.Helper()
	begin := tenancy.Version{From: civil.MustDate("2020-01-01"), Version: 1}
	strategy := func(id, action, platform string, reward tenancy.Reward) tenancy.Object {
		doc := tenancy.Strategy{Version: begin, StrategyID: id, ActionType: action, Platform: platform, Reward: reward}
		return tenancy.Object{Kind: tenancy.KindStrategy, ID: id, Version: 1, Doc: doc}
	}
	creator := tenancy.Creator{Version: 1, CreatorID: "c-1", TaxpayerID: "tp-1", Nickname: "n"}
	store := tenancydb.New(l.Client, l.Tenancy, l.Settlements, time.Now)
	for i, o := range []tenancy.Object{
		{Kind: tenancy.KindCreator, ID: "c-1", Version: 1, Doc: creator},
		strategy("st-all", "watch_live", "", tenancy.Reward{Kind: tenancy.Cash, Amount: money.MustParse("0.30")}),
		strategy("st-douyin", "watch_live", "douyin", tenancy.Reward{Kind: tenancy.Cash, Amount: money.MustParse("0.05"), PerUnit: true}),
		strategy("st-share", "share", "", tenancy.Reward{Kind: tenancy.Traffic, Points: 3}),
	} {
		act := audit.Record{ID: fmt.Sprintf("%s-%d", l.Tenancy, i), Tenant: ident.Tenant(benchTenant), Actor: "admin@bench", Act: "master.created", Object: o.ID}
		if err := store.Put(t.Context(), tenancy.Change{Objects: []tenancy.Object{o}, Record: act}); err != nil {
			t.Fatal(err)
		}
	}
}
