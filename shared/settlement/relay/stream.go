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

// Quarantine keeps a stream record that cannot be read, so that it neither stops the shard nor is
// lost.
type Quarantine interface {
	Keep(ctx context.Context, tenant ident.Tenant, id, why string, record []byte) error
}

// Stream reads the settlements stream.
type Stream struct {
	Sender     Sender
	Quarantine Quarantine
	Log        *slog.Logger
}

// Handle sends what a batch of changes means. A failed send fails the whole batch: everything in it
// is sent again, and the queues know what they had.
func (s *Stream) Handle(ctx context.Context,
	ev events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	none := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	var out []Message
	for i := range ev.Records {
		messages, err := s.messages(&ev.Records[i])
		if err != nil {
			if err = s.keep(ctx, &ev.Records[i], err); err != nil {
				return none, err
			}
			continue
		}
		out = append(out, messages...)
	}
	if err := s.Sender.Send(ctx, out); err != nil {
		return none, fmt.Errorf("relay: %w", err)
	}
	return none, nil
}

func (s *Stream) messages(r *events.DynamoDBEventRecord) ([]Message, error) {
	if r.EventName == string(events.DynamoDBOperationTypeRemove) {
		return nil, nil
	}
	image := r.Change.NewImage
	pk, sk := textOf(image, "pk"), textOf(image, "sk")
	switch {
	case sk == "META":
		it, err := convert(image)
		if err != nil {
			return nil, err
		}
		st, err := settlementdb.DecodeMeta(it)
		if err != nil {
			return nil, err
		}
		return MessagesOf(st)
	case sk == "OUT":
		return ofOutbox(image)
	case strings.HasPrefix(sk, "FIG#"):
		return nil, nil // figures speak through the META that points at them
	}
	return nil, fmt.Errorf("relay: no meaning for item %s / %s", pk, sk)
}

func ofOutbox(image map[string]events.DynamoDBAttributeValue) ([]Message, error) {
	var rec audit.Record
	if err := json.Unmarshal([]byte(textOf(image, outbox.AuditAttribute)), &rec); err != nil {
		return nil, err
	}
	m, err := AuditMessage(rec)
	if err != nil {
		return nil, err
	}
	out := []Message{m}
	if detail := textOf(image, outbox.EventAttribute); detail != "" {
		out = append(out, Message{Queue: Bus, ID: rec.ID, Body: []byte(detail),
			Type: cmp.Or(textOf(image, outbox.NameAttribute), rec.Act)})
	}
	return out, nil
}

func textOf(image map[string]events.DynamoDBAttributeValue, name string) string {
	if v, ok := image[name]; ok && v.DataType() == events.DataTypeString {
		return v.String()
	}
	return ""
}

// convert turns the stream's attribute values into those of the client; META has texts, numbers and
// one binary.
func convert(image map[string]events.DynamoDBAttributeValue) (map[string]types.AttributeValue,
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

func (s *Stream) keep(ctx context.Context, r *events.DynamoDBEventRecord, why error) error {
	tenant, _, _ := strings.Cut(strings.TrimPrefix(textOf(r.Change.NewImage, "pk"), "T#"), "#")
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
