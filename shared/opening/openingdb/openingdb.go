// Package openingdb stores the records of opening imports and the opening tax rows in the ledger
// table.
package openingdb

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
	"fenzhang/shared/opening"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
)

// Rows reads the tax rows of a taxpayer.
type Rows interface {
	TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		year int) ([]settlement.Booking, error)
}

// Store stores imports. It implements opening.Store.
type Store struct {
	Rows // reads tax rows
	DB   dynamo.API
	// Ledger and Outbox are table names.
	Ledger, Outbox string
	NewToken       func() string
}

var _ opening.Store = (*Store)(nil)

const (
	docAttr   = "doc"
	stateAttr = "st"
	actAttr   = "act"
)

// ReadRecord reads the record of an import with a consistent read.
func (s *Store) ReadRecord(ctx context.Context, tenant ident.Tenant,
	id string) (opening.Record, error) {
	var r opening.Record
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.Ledger),
		Key: dynamo.Key(keys.OpeningImport(tenant, id)), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return r, awsfault.Classify(err)
	}
	if out.Item == nil {
		return r, fault.MissingObject("opening import")
	}
	if err := json.Unmarshal([]byte(dynamo.TextOf(out.Item, docAttr)), &r); err != nil {
		return r, fault.Internal(err)
	}
	r.Tenant = tenant
	return r, nil
}

// SaveRecord writes a record and its audit record in one transaction.
func (s *Store) SaveRecord(ctx context.Context, r opening.Record, seen, act, by string) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return fault.Internal(err)
	}
	it := dynamo.Key(keys.OpeningImport(r.Tenant, r.ID))
	it[docAttr] = dynamo.Text(string(doc))
	it[stateAttr] = dynamo.Text(r.State)
	it[actAttr] = dynamo.Text(act)
	put := &types.Put{TableName: aws.String(s.Ledger), Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	if seen != "" {
		put.ConditionExpression = aws.String(stateAttr + " = :seen")
		put.ExpressionAttributeValues = dynamo.Item{":seen": dynamo.Text(seen)}
	}
	rec := audit.Record{ID: act, Tenant: r.Tenant, At: r.CheckedAt, Actor: by,
		Act: "opening." + r.State, Object: r.ID, What: doc}
	if !r.PostedAt.IsZero() {
		rec.At = r.PostedAt
	}
	box, err := outbox.Put(s.Outbox, rec, nil)
	if err != nil {
		return fault.Internal(err)
	}
	return s.transactOnce(ctx, []types.TransactWriteItem{{Put: put}, box}, act)
}

// AppendRows appends opening tax rows and writes their audit record in one transaction.
func (s *Store) AppendRows(ctx context.Context, tenant ident.Tenant, b settlement.Booking) error {
	it, err := settlementdb.BookingItem(tenant, b)
	if err != nil {
		return err
	}
	rec := audit.Record{ID: s.NewToken(), Tenant: tenant, At: b.At,
		Actor: b.Opening.By[len(b.Opening.By)-1], Act: "tax.opening_rows", Object: b.EntryID,
		TaxID: b.Taxpayer}
	if rec.What, err = json.Marshal(b); err != nil {
		return fault.Internal(err)
	}
	box, err := outbox.Put(s.Outbox, rec, nil)
	if err != nil {
		return fault.Internal(err)
	}
	// The stored act id identifies this write and not the import, which appends several lists.
	it[actAttr] = dynamo.Text(rec.ID)
	return s.transactOnce(ctx, []types.TransactWriteItem{dynamo.PutNew(s.Ledger, it), box}, rec.ID)
}

// transactOnce writes a transaction. It returns optimistic.ErrRival when another write was first,
// and nil when an earlier try of the same act has succeeded.
func (s *Store) transactOnce(ctx context.Context, parts []types.TransactWriteItem,
	act string) error {
	return dynamo.WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), actAttr, act)
}
