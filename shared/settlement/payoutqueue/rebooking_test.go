package payoutqueue_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/payoutqueue"
)

type queue struct {
	sent []*sqs.SendMessageInput
	err  error
}

func (q *queue) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	q.sent = append(q.sent, in)
	return &sqs.SendMessageOutput{}, q.err
}

func TestRebook(t *testing.T) {
	q := &queue{}
	r := payoutqueue.Rebooking{SQS: q, Queue: "address"}
	p := payout.Payable{Tenant: "demo-mcn", SettlementID: "s1", Entity: "e1", TaxpayerID: "t1", Trace: "x"}
	other := p
	other.SettlementID = "s2"
	november, december := civil.MustDate("2026-11-30"), civil.MustDate("2026-12-01")
	for _, ask := range []struct {
		p  payout.Payable
		on civil.Date
	}{{p, november}, {p, november.AddDays(-1)}, {p, december}, {other, november}} {
		if err := r.Rebook(context.Background(), ask.p, ask.on); err != nil {
			t.Fatal(err)
		}
	}
	if want := `{"tenant":"demo-mcn","settlement_id":"s1","transition_id":"rebook-s1-2026-11","op":"rebook","trace":"x"}`; *q.sent[0].MessageBody != want || *q.sent[0].QueueUrl != "address" {
		t.Errorf("sent %s to %s", *q.sent[0].MessageBody, *q.sent[0].QueueUrl)
	}
	dedup := func(i int) string { return *q.sent[i].MessageDeduplicationId }
	if dedup(0) != dedup(1) || dedup(0) == dedup(2) || dedup(0) == dedup(3) {
		t.Error("the same month must be one message, another month or settlement another")
	}
	for _, m := range q.sent {
		if *m.MessageGroupId != *q.sent[0].MessageGroupId {
			t.Error("one taxpayer at one entity must be one group")
		}
	}
}

func TestRebookTellsToComeBack(t *testing.T) {
	r := payoutqueue.Rebooking{SQS: &queue{err: &smithy.GenericAPIError{Code: "RequestThrottled"}}}
	if err := r.Rebook(context.Background(), payout.Payable{}, civil.MustDate("2026-11-30")); !fault.HasCode(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}
