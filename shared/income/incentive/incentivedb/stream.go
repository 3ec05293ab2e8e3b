package incentivedb

import (
	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
)

// ParseStreamRecord reads a stream record. ok is false for what is no recorded event: chunks, days and
// lists lie in the same table. An error is an event item that cannot be read; trying again will not
// help.
func ParseStreamRecord(record events.DynamoDBEventRecord) (seen incentive.StreamedEvent, ok bool, err error) {
	image := streamed(record.Change.NewImage)
	tenant, event, isEvent := keys.ParseEvent(keys.Key{PK: image.text("pk"), SK: image.text("sk")})
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

// streamed is an image as the stream's event types carry it.
type streamed map[string]events.DynamoDBAttributeValue

func (s streamed) text(name string) string {
	if v, ok := s[name]; ok && v.DataType() == events.DataTypeString {
		return v.String()
	}
	return ""
}

func (s streamed) number(name string) string {
	if v, ok := s[name]; ok && v.DataType() == events.DataTypeNumber {
		return v.Number()
	}
	return ""
}
