package relay_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
)

func opened() settlement.Settlement {
	at := time.Date(2026, 9, 15, 10, 0, 0, 123e6, civil.Shanghai)
	return settlement.Settlement{
		Opening: settlement.Opening{Tenant: "m-1", ID: "st-1", CreatorID: "c-1", TaxpayerID: "tp-1", Entity: "ent-1", Gross: money.MustParse("100.00"),
			Shares: []split.Share{{Party: "c-1", Kind: split.KindCreator, Amount: money.MustParse("100.00")}}, OpenedAt: at, OpenedBy: "act-1"},
		Status: settlement.PendingReview, StatusVersion: 1, TransitionID: "act-1", Revision: 1, LastUpdated: at,
		Last: settlement.Act{ID: "act-1", Name: "settlement.opened", By: "operator@m-1"},
	}
}

func to(queue relay.Queue, ms []relay.Message) *relay.Message {
	for i := range ms {
		if ms[i].Queue == queue {
			return &ms[i]
		}
	}
	return nil
}

func of(t *testing.T, s settlement.Settlement) []relay.Message {
	t.Helper()
	ms, err := relay.MessagesOf(s)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

func TestEachStateAsksForItsOperation(t *testing.T) {
	hold := &settlement.Hold{Reason: settlement.HoldManual}
	sent := &settlement.Payout{Key: "k", State: payout.Sent}
	created := &settlement.Payout{Key: "k", State: payout.Created}
	for name, c := range map[string]struct {
		change func(*settlement.Settlement)
		queue  relay.Queue
		op     string
	}{
		"opened":               {func(*settlement.Settlement) {}, relay.Tax, settlement.OpQuote},
		"quoted":               {func(s *settlement.Settlement) { s.Quote = "q" }, "", ""},
		"in review, no quote":  {func(s *settlement.Settlement) { s.Status = settlement.InReview }, relay.Tax, settlement.OpQuote},
		"approved":             {func(s *settlement.Settlement) { s.Status = settlement.Approved }, relay.Tax, settlement.OpBook},
		"approved, on hold":    {func(s *settlement.Settlement) { s.Status, s.Hold = settlement.Approved, hold }, "", ""},
		"paying":               {func(s *settlement.Settlement) { s.Status, s.Payout, s.ToPay = settlement.Paying, created, money.Fen(1) }, relay.Payout, settlement.OpSend},
		"paying nothing":       {func(s *settlement.Settlement) { s.Status, s.Payout = settlement.Paying, created }, relay.Tax, settlement.OpBook},
		"paying, held":         {func(s *settlement.Settlement) { s.Status, s.Payout, s.Hold = settlement.Paying, created, hold }, "", ""},
		"paying, sent":         {func(s *settlement.Settlement) { s.Status, s.Payout = settlement.Paying, sent }, "", ""},
		"paying, to be failed": {func(s *settlement.Settlement) { s.Status, s.ReasonClass = settlement.Paying, settlement.Cancelled }, "", ""},
		"paid":                 {func(s *settlement.Settlement) { s.Status = settlement.Paid }, "", ""},
		"failed":               {func(s *settlement.Settlement) { s.Status = settlement.Failed }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened()
			c.change(&s)
			ms := of(t, s)
			for _, q := range []relay.Queue{relay.Tax, relay.Payout, relay.Settle} {
				m := to(q, ms)
				if (m != nil) != (q == c.queue) {
					t.Fatalf("queue %s: %v", q, m)
				}
				if m == nil {
					continue
				}
				var task settlement.Task
				if err := json.Unmarshal(m.Body, &task); err != nil || task.Op != c.op || task.SettlementID != "st-1" || task.TransitionID != "act-1" {
					t.Errorf("%s %v", m.Body, err)
				}
			}
		})
	}
}

// Groups decide what waits for what: taxes of a payer and taxpayer, payments of a payee account.
func TestGroupsKeepOrderWhereItMatters(t *testing.T) {
	a := opened()
	group := func(change func(*settlement.Settlement), queue relay.Queue) string {
		s := a
		change(&s)
		return to(queue, of(t, s)).Group
	}
	same := group(func(*settlement.Settlement) {}, relay.Tax)
	for name, c := range map[string]struct {
		change func(*settlement.Settlement)
		same   bool
	}{
		"another settlement": {func(s *settlement.Settlement) { s.ID = "st-2" }, true},
		"another account":    {func(s *settlement.Settlement) { s.CreatorID = "c-2" }, true},
		"another payer":      {func(s *settlement.Settlement) { s.Entity = "ent-2" }, false},
		"another taxpayer":   {func(s *settlement.Settlement) { s.TaxpayerID = "tp-2" }, false},
		"another tenant":     {func(s *settlement.Settlement) { s.Tenant = "m-2" }, false},
	} {
		if got := group(c.change, relay.Tax) == same; got != c.same {
			t.Errorf("%s: same group = %v", name, got)
		}
	}
	long := group(func(s *settlement.Settlement) {
		s.TaxpayerID = ident.Taxpayer(strings.Repeat("x", 64))
		s.Entity = ident.Entity(strings.Repeat("y", 64))
	}, relay.Tax)
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(long) {
		t.Errorf("a queue does not take the group %q", long)
	}
	if got := to(relay.Audit, of(t, a)).Group; got != "m-1" {
		t.Errorf("audit group %q", got)
	}
}

func TestARepeatedWriteIsTheSameMessageAndASweepIsNot(t *testing.T) {
	s := opened()
	first, second := to(relay.Tax, of(t, s)), to(relay.Tax, of(t, s))
	if first.ID != second.ID {
		t.Errorf("%s, then %s", first.ID, second.ID)
	}
	again, err := relay.RepeatTask(s, settlement.OpQuote, "r1")
	if err != nil || again.ID == first.ID || again.Group != first.Group || again.Queue != first.Queue {
		t.Errorf("sweep: %+v %v", again, err)
	}
	other, err := relay.RepeatTask(s, settlement.OpQuote, "r2")
	if err != nil || other.ID == again.ID {
		t.Errorf("the next sweep repeats %s: %v", other.ID, err)
	}
	advance, err := relay.RepeatTask(s, settlement.OpAdvance, "r1")
	if err != nil || advance.Queue != relay.Settle {
		t.Errorf("advance goes to %s: %v", advance.Queue, err)
	}
	if len(again.ID) > 128 {
		t.Errorf("a queue does not take an id of %d", len(again.ID))
	}
}

// The bus hears of moves only, and neither names nor amounts; the trail hears of every write.
func TestBusHearsMovesAndTheTrailHearsAll(t *testing.T) {
	s := opened()
	if to(relay.Bus, of(t, s)) == nil {
		t.Error("the opening was not told")
	}
	s.Last = settlement.Act{ID: "act-2", Name: "settlement.quoted", By: "system:compute-tax", Ledger: "lh", Reason: "why"}
	s.Quote, s.Net = "hash", money.MustParse("90.00")
	ms := of(t, s)
	if to(relay.Bus, ms) != nil {
		t.Error("a quote is no move")
	}
	var rec audit.Record
	if err := json.Unmarshal(to(relay.Audit, ms).Body, &rec); err != nil {
		t.Fatal(err)
	}
	if rec.ID != "act-2" || rec.Act != "settlement.quoted" || rec.Actor != "system:compute-tax" || rec.Object != "st-1" || rec.TaxID != "tp-1" ||
		rec.LedgerHash != "lh" || rec.Why != "why" || !strings.Contains(string(rec.What), `"net":"90.00"`) {
		t.Errorf("%+v %s", rec, rec.What)
	}
}

func TestAWriteWithoutAnActIsRefused(t *testing.T) {
	s := opened()
	s.Last = settlement.Act{}
	if _, err := relay.MessagesOf(s); err == nil {
		t.Error("taken")
	}
}

func TestEveryTaskHasAQueueThatTheRelayKnows(t *testing.T) {
	for _, op := range []string{settlement.OpQuote, settlement.OpBook, settlement.OpRebook, settlement.OpSend, settlement.OpQuery, settlement.OpAdvance, "anything else"} {
		m, err := relay.RepeatTask(opened(), op, "r1")
		if err != nil || !slices.Contains(relay.Queues(), m.Queue) {
			t.Errorf("%s goes to %q, %v", op, m.Queue, err)
		}
	}
}
