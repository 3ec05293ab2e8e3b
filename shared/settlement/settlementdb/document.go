package settlementdb

import (
	"encoding/json"
	"errors"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/dynamo/attr"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/dynamo/transact"
	"fenzhang/shared/fault"
)

// attrDocument holds what is kept as JSON: filed months, tax rows, comparisons, and what trueupdb keeps.
const attrDocument = "doc"

// DocumentOf reads what DocumentItem wrote.
func DocumentOf[T any](it item) (doc T, err error) {
	if err := json.Unmarshal([]byte(attr.TextOf(it, attrDocument)), &doc); err != nil {
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
	it := attr.Key(k)
	it[attrDocument] = attr.Text(string(b))
	return it, nil
}

// Outcome is the outcome of a transaction whose first part carries an act. Finding that act there already is success,
// because the answer to an earlier try was lost; every other refusal is optimistic.ErrRival. "" is no act.
func Outcome(err error, act string) error {
	var refused *transact.Refused
	switch {
	case !errors.As(err, &refused):
		return err
	case act != "" && attr.TextOf(refused.Old[0], attrAct) == act:
		return nil
	}
	return optimistic.ErrRival
}
