package incentivedb

import (
	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
)

// ParseStreamRecord decodes a record of the table's stream. ok is false when the record is not a
// recorded event, because chunks, days and lists lie in the same table. An error reports an event
// item that cannot be read; a retry would not help.
func ParseStreamRecord(
	record events.DynamoDBEventRecord) (seen incentive.StreamedEvent, ok bool, err error) {
	image := streamed(record.Change.NewImage)
	tenant, event, isEvent := keys.ParseEventKey(keys.Key{PK: image.text("pk"), SK: image.text("sk")})
	if len(image) == 0 || !isEvent {
		return incentive.StreamedEvent{}, false, nil
	}
	e, err := readEvent(event, image)
	if err != nil {
		return incentive.StreamedEvent{Tenant: ident.Tenant(tenant)}, true, err
	}
	g, err := readGrant(image)
	return incentive.StreamedEvent{Tenant: ident.Tenant(tenant), Event: e, Grant: g}, true, err
}

// streamed reads attributes of an item image in the stream's event type.
type streamed map[string]events.DynamoDBAttributeValue

// text returns a string attribute, "" when it is absent.
func (s streamed) text(name string) string {
	if v, ok := s[name]; ok && v.DataType() == events.DataTypeString {
		return v.String()
	}
	return ""
}

// number returns a number attribute as text, "" when it is absent.
func (s streamed) number(name string) string {
	if v, ok := s[name]; ok && v.DataType() == events.DataTypeNumber {
		return v.Number()
	}
	return ""
}
