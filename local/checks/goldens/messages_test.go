package goldens

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/payoutqueue"
	"fenzhang/shared/settlement/relay"
	"fenzhang/shared/statement/billing"
)

var instant = time.Date(2026, 9, 15, 10, 0, 0, 123e6, civil.Shanghai)

// opened is a settlement after its first write.
func opened() settlement.Settlement {
	gross := money.MustParse("100.00")
	return settlement.Settlement{
		Opening: settlement.Opening{Tenant: "mcn-a", ID: "st-1", CreatorID: "c-1", TaxpayerID: "tp-1", Entity: "ent-1", Gross: gross, TraceID: "trace-1",
			Shares: []split.Share{{Party: "c-1", Kind: split.KindCreator, Amount: gross}}, OpenedAt: instant, OpenedBy: "act-1"},
		Status: settlement.PendingReview, StatusVersion: 1, TransitionID: "act-1", Revision: 1, LastUpdated: instant,
		Last: settlement.Act{ID: "act-1", Name: "settlement.opened", By: "operator@mcn-a", Reason: "why", Ledger: "0a0b"},
	}
}

// paying is one whose money is to be sent.
func paying() settlement.Settlement {
	s := opened()
	s.Status, s.StatusVersion, s.Quote, s.Booking, s.Net, s.ToPay = settlement.Paying, 4, "0a0b", "0c0d", money.MustParse("90.00"), money.MustParse("80.00")
	s.Payout = &settlement.Payout{Key: "pk-1", State: payout.Created}
	s.Last = settlement.Act{ID: "act-5", Name: "settlement.booked", By: "system:compute-tax"}
	return s
}

// held is one that is on hold after its quote, approved, and waits for nothing.
func held() settlement.Settlement {
	s := opened()
	s.Status, s.Quote, s.Net = settlement.Approved, "0a0b", money.MustParse("90.00")
	s.Hold = &settlement.Hold{Reason: settlement.HoldManual}
	s.Last = settlement.Act{ID: "act-3", Name: "settlement.held", By: "finance@mcn-a", Reason: "MANUAL"}
	return s
}

// rejected is one that a check of the rules of review rejects.
func rejected() settlement.Settlement {
	s := opened()
	s.Status, s.Quote, s.Review = settlement.InReview, "0a0b", &settlement.Review{Rejects: "risk"}
	s.Last = settlement.Act{ID: "act-4", Name: "settlement.reviewed", By: "system:compute-tax"}
	return s
}

// caught is a queue that keeps what is sent.
type caught struct{ lines []string }

func (c *caught) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	c.lines = append(c.lines, fmt.Sprintf("tax rebook: group %s, id %s, %s", *in.MessageGroupId, *in.MessageDeduplicationId, *in.MessageBody))
	return &sqs.SendMessageOutput{}, nil
}

func TestMessagesKeepTheirForm(t *testing.T) {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, c := range []struct {
		name string
		s    settlement.Settlement
	}{{"opened", opened()}, {"held", held()}, {"rejected", rejected()}, {"paying", paying()}} {
		ms, err := relay.MessagesOf(c.s)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms {
			add("%s, %s %s: group %q, id %q, %s", c.name, m.Queue, m.Type, m.Group, m.ID, m.Body)
		}
	}
	again, err := relay.RepeatTask(opened(), settlement.OpQuote, "2026-09-15T10")
	if err != nil {
		t.Fatal(err)
	}
	add("asked again, %s: group %q, id %q, %s", again.Queue, again.Group, again.ID, again.Body)
	queue := &caught{}
	err = payoutqueue.Rebooking{SQS: queue, Queue: "q"}.Rebook(t.Context(), payout.Payable{Tenant: "mcn-a", SettlementID: "st-1", Entity: "ent-1", TaxpayerID: "tp-1", Trace: "trace-1"}, civil.MustDate("2026-10-01"))
	if err != nil {
		t.Fatal(err)
	}
	lines = append(lines, queue.lines...)
	add("cohort: %s", encoded(t, billing.Task{Tenant: "mcn-a", After: "c-1", Upto: "c-9", Date: civil.MustDate("2026-10-01"), By: "system:build-statements"}))
	lines = append(lines, evidence(t)...)
	compare(t, "messages.txt", lines)
}

// evidence is how a record is sent, put beside an act on another table, and sealed.
func evidence(t *testing.T) []string {
	rec := audit.Record{ID: "act-1", Tenant: "mcn-a", At: instant, Actor: "finance@mcn-a", Act: "period.sealed", Object: "ent-1:2026-09", What: json.RawMessage(`{"a":"1.00"}`),
		Why: "why", TaxID: "tp-1", Operator: "cert-1", LedgerHash: "0a0b", Trace: "trace-1", Retention: audit.RetainReturn}
	lines := []string{"record: " + encoded(t, rec)}
	put, err := outbox.PutNamedEvent("settlements", rec, publish.EventName, json.RawMessage(`{"pack":"cn"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range put.Put.Item {
		lines = append(lines, fmt.Sprintf("outbox %s: %s", name, v.(*types.AttributeValueMemberS).Value))
	}
	slices.Sort(lines[1:])
	entry, err := audit.ReadEntry([]byte(encoded(t, rec)))
	if err != nil {
		t.Fatal(err)
	}
	batch, head, err := audit.Head{Tenant: "mcn-a"}.SealBatch([]audit.Entry{entry, entry})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(batch.Body())) {
		lines = append(lines, "sealed: "+strings.TrimSpace(line))
	}
	return append(lines, "head: "+encoded(t, head), "batch: "+audit.BatchName("mcn-a", 12), "signed head: "+audit.HeadName("mcn-a", 12))
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
