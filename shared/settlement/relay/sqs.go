package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
)

// maxMessagesPerCall is the greatest number of messages that SQS and EventBridge accept in one
// call.
const maxMessagesPerCall = 10

// AWS sends messages to SQS FIFO queues and to an EventBridge event bus.
type AWS struct {
	SQS    *sqs.Client
	Events *eventbridge.Client
	URLs   map[Queue]string // of the queues
	Bus    string           // name of the event bus
}

// Send sends messages in calls of at most ten; messages to one queue keep their order.
func (a AWS) Send(ctx context.Context, messages []Message) error {
	byQueue := map[Queue][]Message{}
	for _, m := range messages {
		byQueue[m.Queue] = append(byQueue[m.Queue], m)
	}
	for queue, ms := range byQueue {
		// An error ends the sending; the caller then sends all messages again.
		for chunk := range slices.Chunk(ms, maxMessagesPerCall) {
			var err error
			if queue == Bus {
				err = a.publishEvents(ctx, chunk)
			} else {
				err = a.sendToQueue(ctx, queue, chunk)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// sendToQueue sends at most ten messages to one queue. A message that SQS refuses makes the whole
// call an error.
func (a AWS) sendToQueue(ctx context.Context, queue Queue, ms []Message) error {
	url, ok := a.URLs[queue]
	if !ok {
		return fmt.Errorf("no queue %s", queue)
	}
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(url)}
	// The id of an entry only has to be unique within the call; MessageDeduplicationId identifies the
	// message.
	for i, m := range ms {
		in.Entries = append(in.Entries,
			sqstypes.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)),
				MessageBody:    aws.String(string(m.Body)),
				MessageGroupId: aws.String(m.Group), MessageDeduplicationId: aws.String(m.ID)})
	}
	out, err := a.SQS.SendMessageBatch(ctx, in)
	if err != nil {
		return awsfault.Classify(fmt.Errorf("send to %s: %w", queue, err))
	}
	if len(out.Failed) > 0 {
		return fmt.Errorf("send to %s: %d refused, first: %s", queue, len(out.Failed),
			aws.ToString(out.Failed[0].Code))
	}
	return nil
}

// publishEvents puts at most ten events on the event bus.
func (a AWS) publishEvents(ctx context.Context, ms []Message) error {
	in := &eventbridge.PutEventsInput{}
	for _, m := range ms {
		in.Entries = append(in.Entries, eventtypes.PutEventsRequestEntry{EventBusName: aws.String(a.Bus),
			Source:     aws.String("fenzhang"),
			DetailType: aws.String(m.Type), Detail: aws.String(string(m.Body))})
	}
	out, err := a.Events.PutEvents(ctx, in)
	if err != nil {
		return awsfault.Classify(fmt.Errorf("event bus: %w", err))
	}
	if out.FailedEntryCount > 0 {
		return errors.New("event bus: some events were refused")
	}
	return nil
}

// QuarantineStore stores quarantined stream records in the control table. They have no expiry,
// because a person has to decide about each.
type QuarantineStore struct {
	DB    dynamo.API
	Table string
	Now   func() time.Time
}

// Keep stores a stream record with the reason for its quarantine. A repeated call stores the same
// item again.
func (s QuarantineStore) Keep(ctx context.Context, tenant ident.Tenant, id, why string,
	record []byte) error {
	k := keys.Quarantine(tenant, id)
	_, err := s.DB.PutItem(ctx,
		&dynamodb.PutItemInput{TableName: aws.String(s.Table), Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK},
			"why":    &types.AttributeValueMemberS{Value: why},
			"record": &types.AttributeValueMemberB{Value: record},
			"at":     &types.AttributeValueMemberS{Value: s.Now().UTC().Format(time.RFC3339)},
		}})
	return awsfault.Classify(err)
}
