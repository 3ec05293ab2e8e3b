package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement/settlementdb"
)

// Quarantine stores a stream record that cannot be read, so that the record neither blocks the
// stream's shard nor is lost.
type Quarantine interface {
	Keep(ctx context.Context, tenant ident.Tenant, id, why string, record []byte) error
}

// Stream handles the records of the settlements table's stream.
type Stream struct {
	Sender     Sender
	Quarantine Quarantine
	Log        *slog.Logger
}

// Handle sends the messages of a batch of stream records. When sending fails, the whole batch fails
// and is delivered again; the queues drop the messages that they have already received.
func (s *Stream) Handle(ctx context.Context,
	ev events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	noFailures := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	var out []Message
	for i := range ev.Records {
		messages, err := s.recordMessages(&ev.Records[i])
		if err != nil {
			// A record that cannot be read must not hold up the records behind it for ever.
			if err = s.quarantineRecord(ctx, &ev.Records[i], err); err != nil {
				return noFailures, err
			}
			continue
		}
		out = append(out, messages...)
	}
	if err := s.Sender.Send(ctx, out); err != nil {
		return noFailures, fmt.Errorf("relay: %w", err)
	}
	return noFailures, nil
}

// recordMessages returns the messages of one stream record. An item of unknown kind is an error.
func (s *Stream) recordMessages(r *events.DynamoDBEventRecord) ([]Message, error) {
	if r.EventName == string(events.DynamoDBOperationTypeRemove) {
		return nil, nil
	}
	image := r.Change.NewImage
	pk, sk := textAttribute(image, "pk"), textAttribute(image, "sk")
	switch {
	case sk == "META":
		it, err := clientAttributes(image)
		if err != nil {
			return nil, err
		}
		st, err := settlementdb.DecodeMeta(it)
		if err != nil {
			return nil, err
		}
		return MessagesOf(st)
	case sk == "OUT":
		return outboxMessages(image)
	case strings.HasPrefix(sk, "FIG#"):
		// Figures have no messages: the write of the main item that refers to them has messages.
		return nil, nil
	}
	return nil, fmt.Errorf("relay: no meaning for item %s / %s", pk, sk)
}

// outboxMessages returns the messages of an outbox item, which acts on other tables write: an audit
// record and, where the item has one, an event.
func outboxMessages(image map[string]events.DynamoDBAttributeValue) ([]Message, error) {
	var rec audit.Record
	if err := json.Unmarshal([]byte(textAttribute(image, outbox.AuditAttribute)), &rec); err != nil {
		return nil, err
	}
	m, err := AuditMessage(rec)
	if err != nil {
		return nil, err
	}
	out := []Message{m}
	if detail := textAttribute(image, outbox.EventAttribute); detail != "" {
		out = append(out, Message{Queue: Bus, ID: rec.ID, Body: []byte(detail),
			Type: cmp.Or(textAttribute(image, outbox.NameAttribute), rec.Act)})
	}
	return out, nil
}

// textAttribute returns a text attribute of a stream image, "" when there is none.
func textAttribute(image map[string]events.DynamoDBAttributeValue, name string) string {
	if v, ok := image[name]; ok && v.DataType() == events.DataTypeString {
		return v.String()
	}
	return ""
}

// clientAttributes converts the attribute values of a stream image to those of the DynamoDB client.
// META has only texts, numbers and one binary value; any other type is an error.
func clientAttributes(
	image map[string]events.DynamoDBAttributeValue) (map[string]types.AttributeValue,
	error) {
	it := make(map[string]types.AttributeValue, len(image))
	for name, v := range image {
		switch v.DataType() {
		case events.DataTypeString:
			it[name] = &types.AttributeValueMemberS{Value: v.String()}
		case events.DataTypeNumber:
			it[name] = &types.AttributeValueMemberN{Value: v.Number()}
		case events.DataTypeBinary:
			it[name] = &types.AttributeValueMemberB{Value: v.Binary()}
		default:
			return nil, fmt.Errorf("relay: attribute %s has an unexpected type", name)
		}
	}
	return it, nil
}

// quarantineRecord logs a stream record that cannot be read, and stores it in the quarantine.
func (s *Stream) quarantineRecord(ctx context.Context, r *events.DynamoDBEventRecord,
	why error) error {
	tenant, _, _ := strings.Cut(strings.TrimPrefix(textAttribute(r.Change.NewImage, "pk"), "T#"), "#")
	// A record without a key that names a tenant is stored under "-".
	if tenant == "" {
		tenant = "-"
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	s.Log.ErrorContext(ctx, "stream record quarantined", "tenant", tenant, "event_id", r.EventID,
		"cause", why.Error())
	return s.Quarantine.Keep(ctx, ident.Tenant(tenant), r.EventID, why.Error(), body)
}
