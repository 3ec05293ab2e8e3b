package settlementdb

import (
	"encoding/json"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
)

// attrDocument holds what is kept as JSON: tax rows, comparisons, and what trueupdb
// keeps.
const attrDocument = "doc"

// DocumentOf reads what DocumentItem wrote.
func DocumentOf[T any](it item) (doc T, err error) {
	if err := json.Unmarshal([]byte(dynamo.TextOf(it, attrDocument)), &doc); err != nil {
		return doc, fault.Internal(err)
	}
	return doc, nil
}

// DocumentItem keeps a value as JSON under a key of the ledger table.
func DocumentItem(k keys.Key, doc any) (item, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := dynamo.Key(k)
	it[attrDocument] = dynamo.Text(string(b))
	return it, nil
}

// Outcome is dynamo.Outcome of a write whose items carry an act in the attribute that all of this
// package have it in.
func Outcome(err error, act string) error { return dynamo.Outcome(err, attrAct, act) }
