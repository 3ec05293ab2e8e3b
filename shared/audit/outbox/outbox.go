// Package outbox makes outbox items. An act on another table writes one into the settlements table,
// whose stream carries its audit record and its event on. The item is part of the act's
// transaction, so that neither exists without the other (promises P7, P9).
package outbox

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/dynamo/keys"
)

// Attribute names of an outbox item; relay-changes reads them.
const (
	AuditAttribute = "aud"
	EventAttribute = "evt"
	NameAttribute  = "evn" // name of an act's event when it is not the name of the act
)

// Item returns the outbox item of one act: its audit record and, when an event is to be sent to the
// event bus, the detail of that event.
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

// Put returns the transaction item that writes an outbox item, which must be new.
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

// PutNamedEvent is Put for an event whose name is not the name of the act.
func PutNamedEvent(table string, rec audit.Record, name string,
	event json.RawMessage) (types.TransactWriteItem, error) {
	put, err := Put(table, rec, event)
	if err == nil {
		put.Put.Item[NameAttribute] = &types.AttributeValueMemberS{Value: name}
	}
	return put, err
}
