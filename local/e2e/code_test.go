package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/apiclient"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementapi"
	"fenzhang/shared/settlement/settletest"
)

// TestEveryCodeIsProduced makes each code of the contract that a client can cause, on the deployed system. The
// codes of tokens have tests of their own; the rest needs something broken and is in TestCodesOfWhatIsBroken.
func TestEveryCodeIsProduced(t *testing.T) {
	s := use(t)
	p := s.person(t, "codes")
	id := s.open(t, p, "live-codes", "100.00")
	st := s.until(t, string(id), "a quote", quoted)
	one := "/v1/settlements/" + id
	settle := func(r apiclient.SettleRequest, key string) answer {
		return s.call(t, as(identity.Operator), "POST", "/v1/incentive/settle", r, "X-Idemp-Key", key)
	}
	same, other := settleRequest(p.creator, "live-codes", "100.00"), settleRequest(p.creator, "live-codes", "101.00")
	noContract := settleRequest(p.creator, "live-none", "1.00")
	noContract.IncomeType = "xingtu_ad"
	first := "key-live-codes-" + p.creator
	move := func(role identity.Role, to string, version int) answer {
		return s.call(t, as(role), "POST", string(one+"/transitions"), map[string]any{"to": to, "status_version": version})
	}

	settle(other, string(first)).refused(t, "a known key with another body", 422, 2002, "key_reused")
	settle(other, "other-key-1"+s.run).refused(t, "a known payable with other content", 422, 2002, "payable_exists")
	duplicate := settle(same, string(first))
	duplicate.refused(t, "the same key again", 409, 2003, "duplicate_request")
	var named struct {
		Error        string           `json:"error"`
		SettlementID ident.Settlement `json:"settlement_id"`
	}
	if err := json.Unmarshal(duplicate.body, &named); err != nil || named.SettlementID != id || named.Error != "duplicate request" {
		t.Errorf("a duplicate does not name its settlement: %s", duplicate.body)
	}
	if a := settle(same, "other-key-2"+s.run); a.status != 200 || !a.replayed {
		t.Errorf("a known payable under a new key: %d, replayed %v", a.status, a.replayed)
	}
	settle(noContract, "other-key-3"+s.run).refused(t, "no contract", 422, 5002, "contract_missing")
	settle(settleRequest("nobody", "live-none", "1.00"), "other-key-4"+s.run).refused(t, "an unknown creator", 404, 3003, "")
	settle(same, "short").refused(t, "a short key", 400, 2001, "invalid_input")
	move(identity.Auditor, "IN_REVIEW", 1).refused(t, "a role without the right", 403, 1003, "")
	move(identity.Approver, "APPROVED", 99).refused(t, "an edge that is not there, before the version", 409, 3001, "illegal_transition")
	move(identity.Finance, "IN_REVIEW", 99).refused(t, "a stale version", 409, 3002, "")
	s.call(t, as(identity.Finance), "GET", "/v1/settlements/nobody", nil).refused(t, "no settlement", 404, 3003, "")
	s.call(t, as(identity.Finance), "GET", "/v9/nothing", nil).refused(t, "no such route", 404, 3003, "")

	var held apiclient.Settlement
	s.must(t, as(identity.Finance), "POST", string(one+"/hold"), map[string]any{"reason": "MANUAL", "status_version": st.StatusVersion}, &held)
	reviewed := s.move(t, identity.Finance, held, apiclient.InReview)
	move(identity.Approver, "APPROVED", reviewed.StatusVersion).refused(t, "on hold", 409, 3001, "on_hold")
}

// TestFiftyRepeatsAtOnceOpenOneSettlement: fifty people press the button at the same time, some under keys of their
// own.
func TestFiftyRepeatsAtOnceOpenOneSettlement(t *testing.T) {
	s := use(t)
	p := s.person(t, "fifty")
	var work sync.WaitGroup
	var mu sync.Mutex
	opened, ids := 0, map[string]int{}
	for n := range 50 {
		work.Go(func() {
			key := "fifty-key-" + s.run
			if n%5 == 0 {
				key += "-" + strconv.Itoa(n)
			}
			a := s.call(t, as(identity.Operator), "POST", "/v1/incentive/settle", settleRequest(p.creator, "live-fifty", "50.00"), "X-Idemp-Key", key)
			var named struct {
				SettlementID ident.Settlement `json:"settlement_id"`
			}
			_ = json.Unmarshal(a.body, &named) // what is no answer of ours counts as none below
			mu.Lock()
			defer mu.Unlock()
			switch {
			case a.status == 201 && !a.replayed:
				opened++
			case a.status == 200 && a.replayed, a.status == 409 && a.code == 2003:
			default:
				t.Errorf("call %d: %d %s", n, a.status, a.body)
			}
			if named.SettlementID != "" {
				ids[string(named.SettlementID)]++
			}
		})
	}
	work.Wait()
	if opened != 1 || len(ids) != 1 {
		t.Errorf("%d opened, settlements %v", opened, ids)
	}
	s.settlementsOf(t, p.creator, 1)
}

// TestBadInputIsToldWhole: one answer names every problem, and nothing is written.
func TestBadInputIsToldWhole(t *testing.T) {
	s := use(t)
	p := s.person(t, "input")
	for name, c := range map[string]struct {
		body   string
		status int
		fields []string
	}{
		"no JSON":           {`{"user_id":`, 400, nil},
		"trailing data":     {`{} {}`, 400, nil},
		"an unknown field":  {`{"user_id":"x","nonsense":1}`, 400, []string{"nonsense"}},
		"a double key":      {`{"user_id":"x","user_id":"y"}`, 400, []string{"user_id"}},
		"everything wrong":  {`{"user_id":"` + strings.Repeat("x", 65) + `","activity_id":"a b","ts":1,"amount":"1.234","income_type":"Live"}`, 400, []string{"user_id", "activity_id", "ts", "amount", "income_type"}},
		"amount as number":  {`{"user_id":"c","activity_id":"a","ts":1789876800000,"amount":1.00,"income_type":"live_tip"}`, 400, []string{"amount"}},
		"amount negative":   {`{"user_id":"c","activity_id":"a","ts":1789876800000,"amount":"-1.00","income_type":"live_tip"}`, 400, []string{"amount"}},
		"amount zero":       {`{"user_id":"c","activity_id":"a","ts":1789876800000,"amount":"0.00","income_type":"live_tip"}`, 400, []string{"amount"}},
		"amount huge":       {`{"user_id":"c","activity_id":"a","ts":1789876800000,"amount":"123456789012.00","income_type":"live_tip"}`, 400, []string{"amount"}},
		"in the future":     {`{"user_id":"c","activity_id":"a","ts":1999999999000,"amount":"1.00","income_type":"live_tip"}`, 400, []string{"ts"}},
		"control character": {"{\"user_id\":\"c\u0001\"}", 400, nil},
		"too large":         {`{"user_id":"` + strings.Repeat("x", 1<<20) + `"}`, 413, nil},
		"too deep":          {strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.call(t, as(identity.Operator), "POST", "/v1/incentive/settle", strings.ReplaceAll(c.body, `"c"`, string(`"`+p.creator+`"`)), "X-Idemp-Key", "input-key-"+s.run)
			a.refused(t, "settle", c.status, 2001, "")
			for _, f := range c.fields {
				if !strings.Contains(string(a.body), `"field":"`+f+`"`) {
					t.Errorf("%s is not told: %s", f, a.body)
				}
			}
		})
	}
	events := `{"events":[` + strings.TrimSuffix(strings.Repeat(`{"event_id":"e"},`, 501), ",") + `]}`
	s.call(t, as(identity.Operator), "POST", "/api/v1/incentive/record", events).refused(t, "501 events", 400, 2001, "")
	var list struct{ Settlements []apiclient.Settlement }
	s.must(t, as(identity.Auditor), "GET", string("/v1/settlements?creator_id="+p.creator), nil, &list)
	if len(list.Settlements) != 0 {
		t.Errorf("bad input opened %d settlements", len(list.Settlements))
	}
}

// broken is a store of which something is broken.
type broken struct {
	settlement.Store
	err error
}

func (b broken) Load(context.Context, ident.Tenant, ident.Settlement) (settlement.Settlement, error) {
	return settlement.Settlement{}, b.err
}

// TestCodesOfWhatIsBroken makes the codes that a healthy system with one caller does not: over the limit, a table
// that is away, an error nobody foresaw. The wrapper and the routes are the deployed ones.
func TestCodesOfWhatIsBroken(t *testing.T) {
	plenty := httpapi.Rate{PerSecond: 1e6, Burst: 1e6}
	for name, c := range map[string]struct {
		err    error
		limit  httpapi.Rate
		status int
		code   int
		retry  bool
	}{
		"over the limit":     {nil, httpapi.Rate{PerSecond: 0.5, Burst: 0}, 429, 4001, true},
		"the table is away":  {fault.Temporary(errors.New("secret inner text")), plenty, 503, 5003, true},
		"nobody foresaw it":  {errors.New("secret inner text"), plenty, 500, 5001, false},
		"an item is damaged": {fault.Internal(errors.New("secret inner text")), plenty, 500, 5001, false},
	} {
		t.Run(name, func(t *testing.T) {
			service := &settlement.Service{Parts: settlement.Parts{Store: broken{err: c.err}, Directory: settletest.NewDirectory(), Clock: clock.Real(), NewID: func() string { return "id" }}}
			api := httpapi.API{Routes: settlementapi.API{Service: service}.ManageRoutes(), Clock: clock.Real(), Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
				Limits: httpapi.NewTokenBuckets(c.limit, c.limit), Revoked: httpapi.NoRevocations{}}
			ev := events.APIGatewayV2HTTPRequest{RawPath: "/v1/settlements/st-1", RequestContext: events.APIGatewayV2HTTPRequestContext{RequestID: "r",
				HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: http.MethodGet},
				Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"tenant": settletest.Tenant, "sub": "finance", "roles": "finance",
					"exp": float64(time.Now().Add(time.Hour).Unix())}}}}
			out := api.AnswerEvent(t.Context(), ev)
			contracttest.CheckEvent(t, ev, out)
			var body struct {
				Code  int
				Error string
			}
			if err := json.Unmarshal([]byte(out.Body), &body); err != nil {
				t.Fatal(err)
			}
			if out.StatusCode != c.status || body.Code != c.code || (out.Headers["Retry-After"] != "") != c.retry || strings.Contains(out.Body, "secret") {
				t.Errorf("%d %v %s", out.StatusCode, out.Headers, out.Body)
			}
		})
	}
}
