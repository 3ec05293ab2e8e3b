// Package payoutqueue sends a message to the tax queue when a settlement must be booked again
// before its payment, because the tax month has changed since the booking.
package payoutqueue

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
)

// API is the one method of the SQS client that this package calls.
type API interface {
	SendMessage(context.Context, *sqs.SendMessageInput,
		...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Rebooking implements payout.Rebooking with an SQS queue.
type Rebooking struct {
	SQS   API
	Queue string // URL of the tax queue
}

var _ payout.Rebooking = Rebooking{}

// Rebook sends the task to book a settlement again. Repeated calls in the same month send messages
// with the same deduplication id, of which the queue keeps one.
func (r Rebooking) Rebook(ctx context.Context, p payout.Payable, today civil.Date) error {
	id := string("rebook-"+p.SettlementID+"-") + today.Month().String()
	body, err := json.Marshal(settlement.Task{Tenant: p.Tenant, SettlementID: p.SettlementID,
		TransitionID: id, Op: settlement.OpRebook, Trace: p.Trace})
	if err != nil {
		return fault.Internal(err)
	}
	_, err = r.SQS.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: aws.String(r.Queue), MessageBody: aws.String(string(body)),
		MessageGroupId: aws.String(settlement.MessageGroupID(string(p.Tenant), string(p.Entity),
			string(p.TaxpayerID))),
		MessageDeduplicationId: aws.String(settlement.MessageGroupID(string(p.Tenant), id)),
	})
	return awsfault.Classify(err)
}
