package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
)

// task is the body of a message.
func (s *stack) task(id ident.Settlement, op string) string {
	body, _ := json.Marshal(settlement.Task{Tenant: mcn, SettlementID: id, TransitionID: "repeated", Op: op}) // texts always marshal
	return string(body)
}

func (s *stack) url(queue relay.Queue) string {
	return s.vars["QUEUE_"+strings.ToUpper(string(queue))+"_URL"]
}

// enqueue puts bodies on a queue, in this order, under ids of their own: no queue takes them for repeats.
func (s *stack) enqueue(t testing.TB, queue relay.Queue, body, group string, more ...string) {
	t.Helper()
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(s.url(queue))}
	for i, b := range append([]string{body}, more...) {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(b), MessageGroupId: aws.String(group),
			MessageDeduplicationId: aws.String(rand.Text())})
	}
	out, err := s.sqs().SendMessageBatch(t.Context(), in)
	if err != nil || len(out.Failed) > 0 {
		t.Fatalf("send to %s: %v %v", queue, out, err)
	}
}

// drained waits until the tax and payout queues are empty and nothing of theirs is being worked on.
func (s *stack) drained(t testing.TB) {
	t.Helper()
	var left []string
	eventually(t, "the queues to run empty", func() bool {
		left = nil
		for _, q := range []relay.Queue{relay.Tax, relay.Payout} {
			out, err := s.sqs().GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: aws.String(s.url(q)), AttributeNames: []types.QueueAttributeName{
				types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}})
			if err != nil {
				t.Fatal(err)
			}
			for name, n := range out.Attributes {
				if n != "0" {
					left = append(left, fmt.Sprintf("%s %s %s", q, name, n))
				}
			}
		}
		return left == nil
	}, func() string { return strings.Join(left, ", ") })
}

// picture is all that a repeated message could have changed.
func (s *stack) picture(t testing.TB, id ident.Settlement, creator ident.Creator) string {
	t.Helper()
	st, err := s.store.Load(t.Context(), mcn, id)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := ledgerdb.Book{DB: dynamodb.NewFromConfig(s.aws), Table: s.vars["TABLE_LEDGER"]}.Entries(t.Context(), mcn, creator)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.store.TaxRows(t.Context(), mcn, st.Entity, st.TaxpayerID, st.PaymentDate.Year())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%s %s %v", e.ID, e.Reason, e.Postings))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s version %d revision %d, %d moves, quote %s, booking %s, last act %s\n%s\n%d tax rows", st.Status, st.StatusVersion, st.Revision,
		len(st.History), st.Quote, st.Booking, st.Last.ID, strings.Join(lines, "\n"), len(rows))
}

func (s *stack) same(t testing.TB, id ident.Settlement, before string, creator ident.Creator) {
	t.Helper()
	if after := s.picture(t, id, creator); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// repeatedMessages delivers every message of a life three times, in the wrong order and under new ids: first while
// people still decide, then after the end. Nothing changes, and nothing is sent early.
func repeatedMessages(t *testing.T, s *stack) {
	p := s.person(t, "repeated")
	id := s.open(t, p, "live-repeated", "3000.00")
	st := s.until(t, string(id), "a quote", quoted)
	flood := func() {
		t.Helper()
		before := s.picture(t, id, p.creator)
		var tax, pay []string
		for range 3 {
			tax = append(tax, s.task(id, settlement.OpRebook), s.task(id, settlement.OpBook), s.task(id, settlement.OpQuote))
			pay = append(pay, s.task(id, settlement.OpQuery), s.task(id, settlement.OpSend))
		}
		s.enqueue(t, relay.Payout, pay[0], settlement.MessageGroupID(mcn, string(p.creator)), pay[1:]...)
		s.enqueue(t, relay.Tax, tax[0], settlement.MessageGroupID(mcn, string(st.PayingEntity), string(p.taxpayer)), tax[1:]...)
		s.drained(t)
		s.same(t, id, before, p.creator)
	}
	flood()
	s.pay(t, string(id))
	flood()
	s.paidOnce(t, s.read(t, string(id)))
}

// TestAPoisonMessageDiesAlone puts messages that can never be handled in front of good ones: the poison ends in the
// dead-letter queue, the rest of its group and the other groups go on.
func TestAPoisonMessageDiesAlone(t *testing.T) {
	s := use(t)
	s.entity(t)
	victim, other := s.person(t, "poisoned"), s.person(t, "beside")
	first := s.open(t, victim, "live-before", "500.00")
	s.until(t, string(first), "a quote", quoted)
	s.visibility(t, "3") // more than a busy machine needs for a batch

	poison := `{"poison":"` + s.run + `"}`
	group := settlement.MessageGroupID(mcn, string(victim.entity), string(victim.taxpayer))
	s.enqueue(t, relay.Tax, poison, group, s.task(first, settlement.OpQuote), s.task(first, settlement.OpBook), s.task(first, settlement.OpQuote))
	second := s.open(t, victim, "live-behind", "500.00")
	beside := s.open(t, other, "live-beside", "500.00")

	s.until(t, string(beside), "a quote in another group", quoted)
	s.until(t, string(second), "a quote behind the poison", quoted)
	s.drained(t)
	dead := s.dead(t, poison)
	if !slices.Equal(dead, []string{poison}) {
		t.Errorf("among the dead: %q", dead)
	}
	var read struct{ Status string }
	s.must(t, as(identity.Auditor), "GET", string("/v1/settlements/"+first), nil, &read)
	if read.Status != "PENDING_REVIEW" {
		t.Errorf("what was quoted before is %s", read.Status)
	}
}

// visibility makes failed messages of the tax queue come back soon, for the time of the test.
func (s *stack) visibility(t *testing.T, seconds string) {
	t.Helper()
	name := string(types.QueueAttributeNameVisibilityTimeout)
	queue := aws.String(s.url(relay.Tax))
	before, err := s.sqs().GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameVisibilityTimeout}})
	if err != nil {
		t.Fatal(err)
	}
	client := s.sqs()
	if _, err := client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: queue, Attributes: map[string]string{name: seconds}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // the test's own has ended
		defer cancel()
		if _, err := client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: queue, Attributes: map[string]string{name: before.Attributes[name]}}); err != nil {
			t.Error(err)
		}
	})
}

// dead takes the messages out of the tax queue's dead-letter queue, waiting for one of them.
func (s *stack) dead(t *testing.T, wanted string) []string {
	t.Helper()
	queue := aws.String(s.vars["DLQ_TAX_URL"])
	var bodies []string
	eventually(t, "the poison among the dead", func() bool {
		out, err := s.sqs().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: 30})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			bodies = append(bodies, aws.ToString(m.Body))
			if _, err := s.sqs().DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
		return len(out.Messages) == 0 && slices.Contains(bodies, wanted)
	}, func() string { return fmt.Sprintf("%q", bodies) })
	return bodies
}
