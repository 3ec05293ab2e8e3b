package settlementapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

// quoted opens a settlement for a creator of its own and quotes it.
func (s *site) quoted(n int) ident.Settlement {
	s.t.Helper()
	ctx, creator := context.Background(), fmt.Sprintf("c-bulk-%d", n)
	s.w.People.AddCreator(ident.Creator(creator), "natural_person", settletest.Ordinary, "mcn_pays")
	a, _, err := s.w.Settle(ctx, settletest.CallerWith(identity.Operator), fmt.Sprintf("bulk-key-%03d", n), settletest.SettleRequest(ident.Creator(creator), "live-1", "1000.00"))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.w.Quote(ctx, settletest.Tenant, a.SettlementID); err != nil {
		s.t.Fatal(err)
	}
	return a.SettlementID
}

// moved is one line of a bulk answer.
type moved struct {
	ID         ident.Settlement `json:"settlement_id"`
	Status     int              `json:"status"`
	Replayed   bool             `json:"replayed"`
	Settlement *struct {
		Status  string `json:"status"`
		Version int    `json:"status_version"`
	} `json:"settlement"`
	Error struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	} `json:"error"`
}

// seen is an item of a bulk call.
type seen struct {
	ID      ident.Settlement `json:"settlement_id"`
	Version int              `json:"status_version"`
}

func (s *site) bulk(c caller, to settlement.Status, items ...seen) (int, map[string]any, []moved) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"items": items, "to": to, "reason": "month end"})
	if err != nil {
		s.t.Fatal(err)
	}
	status, v := s.post(c, "/v1/settlements/transitions", string(body))
	again, err := json.Marshal(v["results"])
	if err != nil {
		s.t.Fatal(err)
	}
	var out []moved
	if err := json.Unmarshal(again, &out); err != nil {
		s.t.Fatal(err)
	}
	return status, v, out
}

func inMemory(t *testing.T) *site { return over(t, settletest.OpenIn(t, dynamotest.OpenInMemory(t))) }

// Each item is decided by itself, in the order sent, and a repeated call answers what the first one did.
func TestABulkCallMovesEachByItself(t *testing.T) {
	s := inMemory(t)
	ctx := context.Background()
	one, two, held, stale := s.quoted(1), s.quoted(2), s.quoted(3), s.quoted(4)
	foreign, err := s.w.Store.Load(ctx, settletest.Tenant, one)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Tenant, foreign.ID = "other-mcn", "st-foreign-1"
	if err := s.w.Store.Apply(ctx, settlement.Change{New: foreign}); err != nil {
		t.Fatal(err)
	}
	status, _, out := s.bulk(as(identity.Finance), settlement.InReview, seen{one, 1}, seen{ident.Settlement(foreign.ID), 1}, seen{two, 1}, seen{held, 1})
	if status != 200 || len(out) != 4 || out[0].Settlement.Status != "IN_REVIEW" || out[1].Status != 404 || out[1].Error.Code != 3003 || out[2].ID != two {
		t.Fatalf("submit: %d %+v", status, out)
	}
	if status, v := s.post(as(identity.Finance), string("/v1/settlements/"+held+"/hold"), `{"reason":"RISK","status_version":2,"text":"look"}`); status != 200 {
		t.Fatalf("%d %v", status, v)
	}
	items := []seen{{held, 2}, {one, 2}, {"st-none", 2}, {stale, 2}, {ident.Settlement(foreign.ID), 1}, {two, 1}}
	status, _, out = s.bulk(as(identity.Approver), settlement.Approved, items...)
	for i, want := range []struct {
		status, code int
		reason       string
	}{{409, 3001, "on_hold"}, {200, 0, ""}, {404, 3003, "not_found"}, {409, 3001, "illegal_transition"}, {404, 3003, "not_found"}, {409, 3002, "stale_version"}} {
		if got := out[i]; status != 200 || got.ID != items[i].ID || got.Status != want.status || got.Error.Code != want.code || got.Error.Reason != want.reason || got.Replayed {
			t.Errorf("item %d: %+v, want %+v", i, got, want)
		}
	}
	_, _, out = s.bulk(as(identity.Approver), settlement.Approved, items...)
	if !out[1].Replayed || out[1].Status != 200 || out[1].Settlement.Version != 3 || out[0].Replayed || out[5].Replayed {
		t.Errorf("the same call again: %+v", out)
	}
	second := as(identity.Approver)
	second.subject = "another@" + settletest.Tenant
	if _, _, out = s.bulk(second, settlement.Approved, seen{one, 2}); out[0].Replayed || out[0].Error.Code != 3001 {
		t.Errorf("another person's call is no repeat: %+v", out)
	}
	if _, _, out = s.bulk(as(identity.Finance), settlement.InReview, seen{two, 1}, seen{one, 1}); !out[0].Replayed || !out[1].Replayed || out[1].Settlement.Status != "APPROVED" {
		t.Errorf("a repeat that finds it further on: %+v", out)
	}
	both := caller{settletest.Tenant, as(identity.Finance).subject, "finance approver", ""}
	if _, _, out = s.bulk(both, settlement.Approved, seen{two, 2}); out[0].Status != 403 || out[0].Error.Reason != "preparer" {
		t.Errorf("who submitted approves: %+v", out)
	}
	if kept, err := s.w.Store.Load(ctx, "other-mcn", ident.Settlement(foreign.ID)); err != nil || kept.Revision != foreign.Revision {
		t.Errorf("another tenant's settlement was touched: %v", err)
	}
}

func TestTheBoundsOfABulkCall(t *testing.T) {
	s := inMemory(t)
	var items []seen
	for n := range 100 {
		items = append(items, seen{s.quoted(n), 1})
	}
	fields := func(v map[string]any) string {
		out := ""
		list, _ := v["fields"].([]any)
		for _, f := range list {
			out += f.(map[string]any)["field"].(string) + " "
		}
		return out
	}
	for name, c := range map[string]struct {
		items []seen
		want  string
	}{
		"101":            {append(items[:100:100], seen{"st-more", 1}), "items "},
		"none":           {[]seen{}, "items "},
		"twice":          {[]seen{items[0], items[1], items[0]}, "items.2.settlement_id "},
		"all that there": {[]seen{{"a b", 0}, items[0], items[0]}, "items.0.settlement_id items.0.status_version items.2.settlement_id "},
	} {
		status, v, _ := s.bulk(as(identity.Finance), settlement.InReview, c.items...)
		want(t, name, status, v, 400, 2001, "invalid_input")
		if fields(v) != c.want {
			t.Errorf("%s: fields %q, want %q", name, fields(v), c.want)
		}
	}
	status, v, _ := s.bulk(as(identity.Auditor), settlement.InReview, items...)
	want(t, "the role refuses the whole", status, v, 403, 1003, "forbidden")
	foreign := caller{"other-mcn", "admin@other-mcn", "admin", ""}
	if _, _, out := s.bulk(foreign, settlement.InReview, items...); len(out) != 100 || out[0].Error.Code != 3003 || out[99].Error.Code != 3003 {
		t.Errorf("another tenant's call: %+v", out)
	}
	if _, v := s.call(as(identity.Finance), "GET", "/v1/settlements", "status=IN_REVIEW", nil, ""); len(v["settlements"].([]any)) != 0 {
		t.Error("a refused call has moved something")
	}
	status, _, out := s.bulk(as(identity.Finance), settlement.InReview, items...)
	if status != 200 || len(out) != 100 {
		t.Fatalf("%d, %d results", status, len(out))
	}
	for i, m := range out {
		if m.ID != items[i].ID || m.Status != 200 || m.Settlement == nil || m.Settlement.Version != 2 {
			t.Errorf("item %d: %+v", i, m)
		}
	}
}
