package settlementdb

import (
	"encoding/json"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
)

// attrDocument is the attribute that holds a value as JSON. Tax bookings, shadow comparisons and
// the items of package trueupdb are stored this way.
const attrDocument = "doc"

// DecodeDocument parses the JSON value of an item that EncodeDocument made.
func DecodeDocument[T any](it item) (doc T, err error) {
	if err := json.Unmarshal([]byte(dynamo.TextOf(it, attrDocument)), &doc); err != nil {
		return doc, fault.Internal(err)
	}
	return doc, nil
}

// EncodeDocument makes a DynamoDB item that holds a value as JSON under a key of the ledger table.
func EncodeDocument(k keys.Key, doc any) (item, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := dynamo.Key(k)
	it[attrDocument] = dynamo.Text(string(b))
	return it, nil
}

// WriteOutcome returns the result of a conditional write whose items carry the id of their act in
// attribute attrAct: nil when the stored item already has this act, because an earlier try of the
// same write succeeded and only its answer was lost.
func WriteOutcome(err error, act string) error { return dynamo.WriteOutcome(err, attrAct, act) }
