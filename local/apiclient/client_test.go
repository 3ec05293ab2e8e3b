package apiclient_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"fenzhang/local/apiclient"
)

func serve(t *testing.T, h http.HandlerFunc) *apiclient.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return apiclient.New(s.URL, apiclient.StaticToken("tok"), apiclient.WithRetries(3, time.Millisecond), apiclient.WithDevice("d1"))
}

func TestBusyServerIsAskedAgainWithTheSameBody(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Idemp-Key") != "key-0001" || r.Header.Get("Authorization") != "Bearer tok" || len(body) == 0 {
			t.Errorf("headers %v body %q", r.Header, body)
		}
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"settlement_id":"s1","status":"PENDING_REVIEW","status_version":1,"expected_arrival":null}`)
	})
	got, answer, err := c.Settle(context.Background(), "key-0001", apiclient.SettleRequest{UserID: "c1"})
	if err != nil || got.SettlementID != "s1" || !answer.Replayed || answer.Status != 201 || calls.Load() != 3 {
		t.Errorf("got %+v %+v %v after %d calls", got, answer, err, calls.Load())
	}
}

func TestRefusalIsNotRepeatedAndKeepsItsFields(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"error":"stale","code":3002,"reason":"stale_version","request_id":"r1","fields":[{"field":"status_version","problem":"is 3"}]}`)
	})
	_, err := c.Transition(context.Background(), "s1", apiclient.InReview, 1, "")
	e := apiclient.Refusal(err)
	if e == nil || e.Code != 3002 || e.Status != 409 || len(e.Fields) != 1 || !apiclient.IsConflict(err) || calls.Load() != 1 {
		t.Errorf("got %v after %d calls", err, calls.Load())
	}
}

func TestGatewayAnswerWithoutOurBodyIsStillARefusal(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"message":"Unauthorized"}`)
	})
	_, err := c.Settlement(context.Background(), "s1")
	if e := apiclient.Refusal(err); e == nil || e.Status != 401 || e.Text != `{"message":"Unauthorized"}` {
		t.Errorf("got %v", err)
	}
}

func TestAllSettlementsFollowsTheCursor(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("status") != "PAID" || q.Get("limit") != "100" {
			t.Errorf("query %v", q)
		}
		if q.Get("cursor") == "" {
			io.WriteString(w, `{"settlements":[{"settlement_id":"a","quote":{}}],"next_cursor":"n/1"}`)
			return
		}
		if q.Get("cursor") != "n/1" {
			t.Errorf("cursor %q", q.Get("cursor"))
		}
		io.WriteString(w, `{"settlements":[{"settlement_id":"b","quote":null,"hold":{"reason":"RULE_GAP"}}],"next_cursor":null}`)
	})
	all, err := c.AllSettlements(context.Background(), apiclient.Filter{Status: apiclient.Paid})
	if err != nil || len(all) != 2 || !all[0].HasQuote() || all[1].HasQuote() || all[1].HeldFor() != "RULE_GAP" {
		t.Errorf("got %+v %v", all, err)
	}
}

func TestBatchResultsKeepTheirOrder(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Events []json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Events) != 2 {
			t.Errorf("body %v %v", in, err)
		}
		io.WriteString(w, `{"results":[{"event_id":"e1","status":201,"reward":{"kind":"cash","amount":"1.50"}},{"event_id":null,"status":400,"error":{"error":"bad","code":2001,"reason":"invalid_input"}}]}`)
	})
	got, err := c.RecordEvents(context.Background(), []json.RawMessage{json.RawMessage(`{"event_id":"e1"}`), json.RawMessage(`{"x":1}`)})
	if err != nil || len(got) != 2 || got[0].Reward.Kind != "cash" || got[1].EventID != nil || got[1].Error.Code != 2001 {
		t.Errorf("got %+v %v", got, err)
	}
}
