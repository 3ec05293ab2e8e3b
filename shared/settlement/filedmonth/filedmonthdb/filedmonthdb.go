// Package filedmonthdb keeps filed months in the ledger table.
package filedmonthdb

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement/filedmonth"
)

const (
	// attrDocument holds the filed month as JSON.
	attrDocument = "doc"
	// id of the act that wrote the item; a retry that finds its own id has succeeded
	attrAct = "act"
)

// Store implements filedmonth.Store.
type Store struct {
	DB                  dynamo.API
	Ledger, Settlements string // table names; Settlements takes the audit record
	NewToken            func() string
}

var _ filedmonth.Store = (*Store)(nil)

// FiledMonths lists the months that a paying entity has filed, oldest first. The read is
// consistent.
func (s *Store) FiledMonths(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) ([]filedmonth.FiledMonth, error) {
	return List(ctx, s.DB, s.Ledger, tenant, entity)
}

// List reads the months that a paying entity has filed from the ledger table, oldest first. The
// read is consistent.
func List(ctx context.Context, db dynamo.API, table string, tenant ident.Tenant,
	entity ident.Entity) ([]filedmonth.FiledMonth, error) {
	months := []filedmonth.FiledMonth{}
	in := &dynamodb.QueryInput{TableName: aws.String(table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :sk)"),
		ExpressionAttributeValues: dynamo.Item{
			":pk": dynamo.Text(keys.FiledMonths(tenant, entity)), ":sk": dynamo.Text("M#")}}
	for p := dynamodb.NewQueryPaginator(db, in); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, awsfault.Classify(err)
		}
		for _, it := range page.Items {
			var f filedmonth.FiledMonth
			if err := json.Unmarshal([]byte(dynamo.TextOf(it, attrDocument)), &f); err != nil {
				return nil, fault.Internal(err)
			}
			months = append(months, f)
		}
	}
	return months, nil
}

// RecordFiledMonth writes a filed month together with its audit record. The error is
// optimistic.ErrRival when the month is recorded as filed already.
func (s *Store) RecordFiledMonth(ctx context.Context, tenant ident.Tenant,
	f filedmonth.FiledMonth) error {
	document, err := json.Marshal(f)
	if err != nil {
		return fault.Internal(err)
	}
	it := dynamo.Key(keys.FiledMonth(tenant, f.Entity, f.Month))
	it[attrDocument] = dynamo.Text(string(document))
	it[attrAct] = dynamo.Text(f.Act)
	record, err := outbox.Put(s.Settlements,
		audit.Record{ID: f.Act, Tenant: tenant, At: f.At, Actor: f.By, Act: "tax.month_filed",
			Object: string(f.Entity+"#") + f.Month.String(), What: document, Retention: "return"}, nil)
	if err != nil {
		return fault.Internal(err)
	}
	return dynamo.WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(),
		[]types.TransactWriteItem{dynamo.PutNew(s.Ledger, it), record}), attrAct, f.Act)
}
