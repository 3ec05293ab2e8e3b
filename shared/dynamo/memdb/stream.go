package memdb

import (
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// streamRecord is one change of an item in the stream of a table.
type streamRecord struct {
	sequence uint64
	// millis is the time of the change, 0 when the engine has no clock.
	millis        int64
	before, after *row
}

// recordChange adds a change to the stream of a table; a write that leaves the item as it was makes
// no record.
func (db *DB) recordChange(t *table, before, after *row) {
	// the service makes no record of a write that changes nothing
	if !t.stream || before == nil && after == nil || before.hasSameContent(after) {
		return
	}
	db.sequence++
	rec := streamRecord{sequence: db.sequence, before: before, after: after}
	if db.Now != nil {
		rec.millis = db.Now().UnixMilli()
	}
	t.records = append(t.records, rec)
}

// TakeStreamRecords returns the records of a table's stream that were not returned before, in the
// order of the writes, with keys and new images, as a Lambda function receives them.
func (db *DB) TakeStreamRecords(name string) []events.DynamoDBEventRecord {
	db.mu.Lock()
	t := db.tables[name]
	var taken []streamRecord
	if t != nil {
		taken, t.records = t.records, nil
	}
	db.mu.Unlock()
	out := make([]events.DynamoDBEventRecord, len(taken))
	for i, rec := range taken {
		out[i] = rec.lambdaEvent(t)
	}
	return out
}

// lambdaEvent returns the record in the form in which Lambda delivers it.
func (rec streamRecord) lambdaEvent(t *table) events.DynamoDBEventRecord {
	row, name := rec.after, string(events.DynamoDBOperationTypeModify)
	switch {
	case rec.before == nil:
		name = string(events.DynamoDBOperationTypeInsert)
	case rec.after == nil:
		row, name = rec.before, string(events.DynamoDBOperationTypeRemove)
	}
	change := events.DynamoDBStreamRecord{Keys: map[string]events.DynamoDBAttributeValue{},
		SequenceNumber: fmt.Sprintf("%021d", rec.sequence),
		SizeBytes:      int64(row.size), StreamViewType: string(events.DynamoDBStreamViewTypeNewImage)}
	if rec.millis != 0 {
		change.ApproximateCreationDateTime = events.SecondsEpochTime{
			Time: time.UnixMilli(rec.millis).UTC()}
	}
	image := make(map[string]events.DynamoDBAttributeValue, row.n)
	for name, v := range row.attrs.attributes() {
		image[name] = eventValue(v.unpack())
		if t.keys.isKey(name) {
			change.Keys[name] = image[name]
		}
	}
	if rec.after != nil {
		change.NewImage = image
	}
	return events.DynamoDBEventRecord{AWSRegion: "us-east-1",
		EventID: fmt.Sprintf("%032x", rec.sequence), EventName: name, EventSource: "aws:dynamodb",
		EventVersion: "1.1", EventSourceArn: "arn:aws:dynamodb:us-east-1:000000000000:table/" + t.name +
			"/stream/memory", Change: change}
}

// eventValue converts an attribute value from the SDK's type to the type of Lambda's events.
func eventValue(v types.AttributeValue) events.DynamoDBAttributeValue {
	switch v := v.(type) {
	case *avS:
		return events.NewStringAttribute(v.Value)
	case *avN:
		return events.NewNumberAttribute(v.Value)
	case *avB:
		return events.NewBinaryAttribute(v.Value)
	case *avBOOL:
		return events.NewBooleanAttribute(v.Value)
	case *avM:
		m := make(map[string]events.DynamoDBAttributeValue, len(v.Value))
		for name, e := range v.Value {
			m[name] = eventValue(e)
		}
		return events.NewMapAttribute(m)
	case *avL:
		l := make([]events.DynamoDBAttributeValue, len(v.Value))
		for i, e := range v.Value {
			l[i] = eventValue(e)
		}
		return events.NewListAttribute(l)
	case *avSS:
		return events.NewStringSetAttribute(v.Value)
	case *avNS:
		return events.NewNumberSetAttribute(v.Value)
	case *avBS:
		return events.NewBinarySetAttribute(v.Value)
	default:
		return events.NewNullAttribute()
	}
}

// DropStreamRecords forgets the records of a table's stream that nobody has taken, for a test that
// does not read the stream, so that they do not fill the memory.
func (db *DB) DropStreamRecords(name string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if t := db.tables[name]; t != nil {
		t.records = nil
	}
}
