// Package payoutqueue asks the tax queue to book a settlement again before it is paid.
package payoutqueue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/payout"
)

// API is the part of SQS that is called.
type API interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Rebooking implements payout.Rebooking.
type Rebooking struct {
	SQS   API
	Queue string // address of the tax queue
}

var _ payout.Rebooking = Rebooking{}

// Message is what the tax queue gets.
type Message struct {
	Tenant       string `json:"tenant"`
	SettlementID string `json:"settlement_id"`
	TransitionID string `json:"transition_id"`
	Op           string `json:"op"` // rebook
	Trace        string `json:"trace,omitempty"`
}

// Rebook sends one message for a settlement and month, however often it is asked.
func (r Rebooking) Rebook(ctx context.Context, p payout.Payable, today civil.Date) error {
	id := "rebook-" + p.SettlementID + "-" + today.Month().String()
	body, err := json.Marshal(Message{Tenant: p.Tenant, SettlementID: p.SettlementID, TransitionID: id, Op: "rebook", Trace: p.Trace})
	if err != nil {
		return fault.Internal(err)
	}
	_, err = r.SQS.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: aws.String(r.Queue), MessageBody: aws.String(string(body)),
		MessageGroupId: aws.String(group(p)), MessageDeduplicationId: aws.String(digest(p.Tenant, id)),
	})
	if err != nil {
		return fault.Later(err)
	}
	return nil
}

// group is the tax queue's: bookings of one taxpayer at one paying entity follow each other.
func group(p payout.Payable) string { return digest(p.Tenant, p.Entity, p.TaxpayerID) }

// digest makes a name of any parts that fits into what SQS allows.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p + "\x1f"))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
