package settlementdb

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo/attr"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/dynamo/transact"
	"fenzhang/shared/fault"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
)

// attrDocument holds what is kept as JSON: corrections, decisions, filed months, tax rows.
const attrDocument = "doc"

// document reads one document of the ledger table; what names it where there is none.
func document[T any](ctx context.Context, s *Store, k keys.Key, what string) (doc T, err error) {
	it, err := s.get(ctx, s.Ledger, k)
	if err != nil {
		return doc, err
	}
	if it == nil {
		return doc, fault.Absent(what)
	}
	return documentOf[T](it)
}

func documentOf[T any](it item) (doc T, err error) {
	if err := json.Unmarshal([]byte(attr.TextOf(it, attrDocument)), &doc); err != nil {
		return doc, fault.Internal(err)
	}
	return doc, nil
}

func documentItem(k keys.Key, doc any) (item, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := attr.Key(k)
	it[attrDocument] = attr.Text(string(b))
	return it, nil
}

// raise gives the parts of a transaction that write new claims.
func raise(table string, claims []receivable.Receivable) ([]types.TransactWriteItem, error) {
	var parts []types.TransactWriteItem
	for _, r := range claims {
		put, err := receivabledb.Raise(table, r)
		if err != nil {
			return nil, err
		}
		parts = append(parts, put)
	}
	return parts, nil
}

// written is the outcome of a transaction whose first part carries an act: finding that act there already is success,
// for the answer to an earlier try was lost, and every other refusal is a rival's. "" is no act.
func written(err error, act string) error {
	var refused *transact.Refused
	switch {
	case !errors.As(err, &refused):
		return err
	case act != "" && attr.TextOf(refused.Old[0], attrAct) == act:
		return nil
	}
	return settlement.ErrRival
}
