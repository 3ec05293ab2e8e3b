package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"fenzhang/local/apiclient"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
)

// bill is a payment as a gateway's stand-in was asked for it.
type bill struct {
	Key      string `json:"out_bill_no"`
	Amount   string `json:"amount"`
	State    string `json:"state"`
	Requests int    `json:"requests"`
	Notices  int    `json:"notices"`
}

// bill finds the payment under a key; nil when there is none. Keys are unique for each merchant: more than one bill
// under a key fails the test.
func (s *stack) bill(t testing.TB, gateway, key string) *bill {
	t.Helper()
	res, err := s.http.Get(s.vars["GATEWAY_"+gateway+"_URL"] + "/control/bills")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var report struct{ Bills []bill }
	if err := json.NewDecoder(res.Body).Decode(&report); err != nil {
		t.Fatal(err)
	}
	var found *bill
	for _, b := range report.Bills {
		if b.Key == key && found != nil {
			t.Fatalf("two bills under %s", key)
		}
		if b.Key == key {
			found = &b
		}
	}
	return found
}

// misbehave has Douyin Pay's stand-in do something to the payment of a settlement.
func (s *stack) misbehave(t testing.TB, id ident.Settlement, fault string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"out_bill_no": payout.SettlementKey(mcn, id), "fault": fault})
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.http.Post(s.vars["GATEWAY_DOUYIN_URL"]+"/control/faults", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("fault %s: %d", fault, res.StatusCode)
	}
}

// paidOnce checks that one payment of the right amount was made.
func (s *stack) paidOnce(t testing.TB, st apiclient.Settlement) {
	t.Helper()
	b := s.bill(t, "DOUYIN", st.Payout.Key)
	if b == nil || b.State != "SUCCESS" || b.Amount != *st.ToPay {
		t.Errorf("the gateway has %+v, the settlement says %s", b, *st.ToPay)
	}
}

// timeoutAfterAcceptance: the gateway takes the order and never answers. What became of it is asked for under the
// same key; no second payment is made (P3).
func timeoutAfterAcceptance(t *testing.T, s *stack) {
	p := s.person(t, "timeout")
	id := s.open(t, p, "live-timeout", "1000.00")
	s.misbehave(t, id, "timeout_after_accept")
	st := s.pay(t, string(id))
	adds(t, st)
	s.paidOnce(t, st)
	s.drained(t) // the sender has heard of the time-out by now, whoever was first
	if again := s.read(t, string(id)); again.Status != apiclient.Paid || again.Payout.State != "PAID" || again.StatusVersion != st.StatusVersion {
		t.Errorf("after the time-out: %s, payout %s, version %d", again.Status, again.Payout.State, again.StatusVersion)
	}
	s.paidOnce(t, st)
}

// noNotice: the gateway never tells; asking it does.
func noNotice(t *testing.T, s *stack) {
	p := s.person(t, "silent")
	id := s.open(t, p, "live-silent", "1000.00")
	s.misbehave(t, id, "no_notice")
	s.approve(t, string(id))
	st := s.until(t, string(id), "the gateway to take it", func(st apiclient.Settlement) bool {
		return st.Payout != nil && st.Payout.State != "CREATED" && st.Payout.State != "SENT"
	})
	eventually(t, "PAID by asking", func() bool {
		s.enqueue(t, relay.Payout, s.task(id, settlement.OpQuery), settlement.MessageGroupID(mcn, string(p.creator)))
		s.drained(t)
		st = s.read(t, string(id))
		return st.Status == apiclient.Paid
	}, func() string { return st.Payout.State })
	s.paidOnce(t, st)
}

func noticesThreeTimes(t *testing.T, s *stack) {
	p := s.person(t, "notices")
	id := s.open(t, p, "live-notices", "1000.00")
	s.misbehave(t, id, "duplicate_notice")
	st := s.pay(t, string(id))
	var b *bill
	eventually(t, "all three notices to be taken", func() bool { b = s.bill(t, "DOUYIN", st.Payout.Key); return b.Notices == 3 }, func() string { return "" })
	s.same(t, id, s.picture(t, id, p.creator), p.creator)
	s.paidOnce(t, st)
	if got := s.read(t, string(id)); got.StatusVersion != 5 || len(got.History) != len(st.History) {
		t.Errorf("version %d, %d moves", got.StatusVersion, len(got.History))
	}
}

func failedAndReopened(t *testing.T, s *stack) {
	p := s.person(t, "failed")
	id := s.open(t, p, "live-failed", "1000.00")
	s.misbehave(t, id, "fail")
	s.approve(t, string(id))
	st := s.until(t, string(id), "FAILED", status(apiclient.Failed))
	if st.ReasonClass == nil || *st.ReasonClass != "payment_failed" || st.Payout.State != "FAILED" || st.ExpectedArrival != nil {
		t.Errorf("class %v, payout %+v", st.ReasonClass, st.Payout)
	}
	s.reopened(t, st)
}

func returnedAndReopened(t *testing.T, s *stack) {
	p := s.person(t, "returned")
	id := s.open(t, p, "live-returned", "1000.00")
	s.misbehave(t, id, "late_return")
	s.pay(t, string(id))
	st := s.until(t, string(id), "RETURNED", func(st apiclient.Settlement) bool { return st.Payout.State == "RETURNED" })
	if st.Status != apiclient.Paid {
		t.Errorf("a returned payout is %s", st.Status)
	}
	s.reopened(t, st)
}

// reopened reopens a payable and pays it: a new occurrence with a new key, linked both ways.
func (s *stack) reopened(t *testing.T, old apiclient.Settlement) {
	t.Helper()
	path := "/v1/settlements/" + old.SettlementID + "/reopen"
	act := map[string]any{"status_version": old.StatusVersion, "reason": "paid again"}
	s.call(t, as(identity.Finance), "POST", string(path), act).refused(t, "reopened by its preparer", 403, 1003, "")
	var fresh apiclient.Settlement
	s.must(t, as(identity.Approver), "POST", string(path), act, &fresh)
	s.call(t, as(identity.Approver), "POST", string(path), act).refused(t, "reopened twice", 409, 3001, "already_reopened")
	paid := s.pay(t, string(fresh.SettlementID))
	adds(t, paid)
	s.paidOnce(t, paid)
	if paid.Payout.Key == old.Payout.Key || paid.Reopens == nil || ident.Settlement(*paid.Reopens) != old.SettlementID {
		t.Errorf("key %s, before %s; reopens %v", paid.Payout.Key, old.Payout.Key, paid.Reopens)
	}
	if before := s.read(t, string(old.SettlementID)); before.ReopenedBy == nil || ident.Settlement(*before.ReopenedBy) != paid.SettlementID {
		t.Errorf("reopened by %v", before.ReopenedBy)
	}
}
