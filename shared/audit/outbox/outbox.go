// Package outbox makes the item by which an act on another table tells the settlements stream what
// happened. It is put in the same transaction as the act, so that neither exists without the other
// (promises P7, P9).
package outbox

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/dynamo/keys"
)

// Attribute names of an outbox item, read again by relay-changes.
const (
	AuditAttribute = "aud"
	EventAttribute = "evt"
	NameAttribute  = "evn" // name of the event where it is not that of the act
)

// Item is the outbox item of one act: its audit record and, where the event bus is told, the
// event's detail.
func Item(rec audit.Record, event json.RawMessage) (map[string]types.AttributeValue, error) {
	body, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	k := keys.Outbox(rec.Tenant, rec.ID)
	item := map[string]types.AttributeValue{
		"pk":           &types.AttributeValueMemberS{Value: k.PK},
		"sk":           &types.AttributeValueMemberS{Value: k.SK},
		AuditAttribute: &types.AttributeValueMemberS{Value: string(body)},
	}
	if event != nil {
		item[EventAttribute] = &types.AttributeValueMemberS{Value: string(event)}
	}
	return item, nil
}

// Put is the transaction's part that writes the item once.
func Put(table string, rec audit.Record, event json.RawMessage) (types.TransactWriteItem, error) {
	item, err := Item(rec, event)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	return types.TransactWriteItem{Put: &types.Put{
		TableName: aws.String(table), Item: item,
		ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}}, nil
}

// PutNamedEvent is Put with an event whose name is not that of the act.
func PutNamedEvent(table string, rec audit.Record, name string,
	event json.RawMessage) (types.TransactWriteItem, error) {
	put, err := Put(table, rec, event)
	if err == nil {
		put.Put.Item[NameAttribute] = &types.AttributeValueMemberS{Value: name}
	}
	return put, err
}
