// Package trueupdb keeps corrections of tax years and decisions on true-ups in the ledger table.
package trueupdb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ledger"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/settlement/trueup"
)

// Store implements trueup.Store.
type Store struct {
	DB                  dynamo.API
	Ledger, Settlements string // table names: the settlements table is the outbox of audit records
	NewToken            func() string
	Periods             ledger.Periods // decides the accounting periods of entries
}

var _ trueup.Store = (*Store)(nil)

type item = map[string]types.AttributeValue

// attrAct is the attribute with the id of the act that wrote the document last; conditions compare
// it.
const attrAct = "act"

// readDocument reads one document consistently; what is the name of the document in the error when
// there is none.
func readDocument[T any](ctx context.Context, s *Store, k keys.Key,
	what string) (doc T, err error) {
	in := &dynamodb.GetItemInput{TableName: aws.String(s.Ledger), Key: dynamo.Key(k),
		ConsistentRead: aws.Bool(true)}
	out, err := s.DB.GetItem(ctx, in)
	if err != nil {
		return doc, awsfault.Classify(err)
	}
	if out.Item == nil {
		return doc, fault.MissingObject(what)
	}
	return settlementdb.DecodeDocument[T](out.Item)
}
