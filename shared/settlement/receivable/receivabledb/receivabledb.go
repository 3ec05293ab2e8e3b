// Package receivabledb keeps receivables in the ledger table, in the partition of the creator's
// book. A claim is written once; its open amount is changed only by conditional additions, so that
// concurrent settlements never set off more than is open.
package receivabledb

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
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/receivable"
)

type item = dynamo.Item

// The attributes of a receivable: doc is the receivable as JSON, the others are used in conditions.
const (
	attrDoc   = "doc"
	attrOpen  = "opn"
	attrTaken = "tkn"
	attrState = "st"
	attrAct   = "act"
)

// amountOf reads an attribute that holds an amount in fen.
func amountOf(it item, name string) money.Amount { return money.Fen(dynamo.NumberOf(it, name)) }

// Item is the item that stores a receivable.
func Item(r receivable.Receivable) (item, error) {
	doc, err := json.Marshal(r)
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := dynamo.Key(keys.Receivable(r.Tenant, r.CreatorID, r.Entity, r.ID))
	it[attrDoc] = dynamo.Text(string(doc))
	it[attrState] = dynamo.Text(r.State)
	it[attrAct] = dynamo.Text(r.Act)
	it[attrOpen], it[attrTaken] = dynamo.Number(r.Open.Fen()), dynamo.Number(r.Taken.Fen())
	return it, nil
}

// fromItem decodes a receivable from its item; the attributes used in conditions overrule the
// document.
func fromItem(tenant ident.Tenant, it item) (receivable.Receivable, error) {
	var r receivable.Receivable
	if err := json.Unmarshal([]byte(dynamo.TextOf(it, attrDoc)), &r); err != nil {
		return r, fault.Internal(err)
	}
	r.Tenant = tenant
	r.Open = amountOf(it, attrOpen)
	r.Taken = amountOf(it, attrTaken)
	r.State = dynamo.TextOf(it, attrState)
	return r, nil
}

// Raise is the part of a transaction that writes a new receivable.
func Raise(table string, r receivable.Receivable) (types.TransactWriteItem, error) {
	it, err := Item(r)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	return dynamo.PutNew(table, it), nil
}

// RaiseAll returns the parts of a transaction that write several new receivables.
func RaiseAll(table string, claims []receivable.Receivable) ([]types.TransactWriteItem, error) {
	parts := make([]types.TransactWriteItem, 0, len(claims))
	for _, r := range claims {
		put, err := Raise(table, r)
		if err != nil {
			return nil, err
		}
		parts = append(parts, put)
	}
	return parts, nil
}

// Move is the part of a transaction that changes the open amount of a receivable. Its condition
// keeps the open and the taken amount from falling below zero.
func Move(table string, tenant ident.Tenant, m receivable.Move) types.TransactWriteItem {
	less := m.Taken.Add(m.Withdrawn)
	condition := "#open >= :less AND #taken >= :back AND #state = :standing"
	if m.Whole {
		condition = "#open = :less AND #taken >= :back AND #state = :standing"
	}
	return types.TransactWriteItem{Update: &types.Update{TableName: aws.String(table),
		Key:                 dynamo.Key(keys.Receivable(tenant, m.Creator, m.Entity, m.ID)),
		UpdateExpression:    aws.String("ADD #open :change, #taken :taken"),
		ConditionExpression: aws.String(condition),
		ExpressionAttributeNames: map[string]string{"#open": attrOpen, "#taken": attrTaken,
			"#state": attrState},
		ExpressionAttributeValues: item{":change": dynamo.Number(-less.Fen()),
			":taken": dynamo.Number(m.Taken.Fen()), ":less": dynamo.Number(less.Fen()),
			":back": dynamo.Number(-m.Taken.Fen()), ":standing": dynamo.Text(receivable.Open)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}

// Store keeps receivables; it implements receivable.Store.
type Store struct {
	DB                  dynamo.API
	Ledger, Settlements string // table names
	NewToken            func() string
	// decides the accounting periods of entries; nil leaves them as they are
	Periods ledger.Periods
}

var _ receivable.Store = (*Store)(nil)

// ListOf reads the receivables of a creator at a paying entity, at all of them when entity is "".
// The read is consistent.
func (s *Store) ListOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	entity ident.Entity) ([]receivable.Receivable, error) {
	prefix := keys.ReceivablePrefix
	if entity != "" {
		prefix = keys.EntityReceivablePrefix(entity)
	}
	return List(ctx, s.DB, s.Ledger, tenant, creator, prefix)
}

// List reads the receivables of a creator whose sort keys begin with a prefix. The read is
// consistent.
func List(ctx context.Context, db dynamo.API, table string, tenant ident.Tenant,
	creator ident.Creator, prefix string) ([]receivable.Receivable, error) {
	var out []receivable.Receivable
	in := dynamo.PartitionQuery(table, keys.CreatorBook(tenant, creator), prefix)
	for it, err := range dynamo.QueryItems(ctx, db, in) {
		if err != nil {
			return nil, err
		}
		r, err := fromItem(tenant, it)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// getItem reads an item of the ledger table consistently, nil when there is none.
func (s *Store) getItem(ctx context.Context, k keys.Key) (item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.Ledger),
		Key: dynamo.Key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awsfault.Classify(err)
	}
	return out.Item, nil
}

// FindByID finds a receivable that a person raised. The error is fault.MissingObject when there is
// none. A second item leads from the id to the creator's book.
func (s *Store) FindByID(ctx context.Context, tenant ident.Tenant,
	id string) (receivable.Receivable, error) {
	name, err := s.getItem(ctx, keys.ReceivableByID(tenant, id))
	if err != nil {
		return receivable.Receivable{}, err
	}
	if name == nil {
		return receivable.Receivable{}, fault.MissingObject("receivable")
	}
	it, err := s.getItem(ctx, keys.Receivable(tenant, ident.Creator(dynamo.TextOf(name, "cr")),
		ident.Entity(dynamo.TextOf(name, "ent")), id))
	if err != nil {
		return receivable.Receivable{}, err
	}
	return fromItem(tenant, it)
}

// Prepare writes a claim that waits for a second person, with its audit record. The error is
// optimistic.ErrRival when the id is taken.
func (s *Store) Prepare(ctx context.Context, r receivable.Receivable, record audit.Record) error {
	name := dynamo.Key(keys.ReceivableByID(r.Tenant, r.ID))
	name["cr"], name["ent"] = dynamo.Text(string(r.CreatorID)), dynamo.Text(string(r.Entity))
	put, err := Raise(s.Ledger, r)
	if err != nil {
		return err
	}
	told, err := outbox.Put(s.Settlements, record, nil)
	if err != nil {
		return fault.Internal(err)
	}
	return s.transact(ctx, []types.TransactWriteItem{put, dynamo.PutNew(s.Ledger, name), told}, r.Act)
}

// Approve writes an approved claim with its journal entry and audit record. The error is
// optimistic.ErrRival when the claim was approved or changed since it was read.
func (s *Store) Approve(ctx context.Context, r receivable.Receivable, before string,
	record audit.Record) error {
	it, err := Item(r)
	if err != nil {
		return err
	}
	parts := []types.TransactWriteItem{{Put: s.approvalPut(it, before)}}
	if e := r.Entry(r.Act, r.ApprovedAt); e != nil {
		if s.Periods != nil {
			if err := s.Periods.AssignPeriod(ctx, e); err != nil {
				return err
			}
		}
		posting, err := ledgerdb.EntryWrites(s.Ledger, *e)
		if err != nil {
			return err
		}
		parts = append(parts, posting...)
		record.LedgerHash = ledgerdb.EntryHash(*e)
	}
	told, err := outbox.Put(s.Settlements, record, nil)
	if err != nil {
		return fault.Internal(err)
	}
	return s.transact(ctx, append(parts, told), r.Act)
}

// approvalPut writes an approved claim, on condition that it is prepared and that the act before is
// still its last one.
func (s *Store) approvalPut(it item, before string) *types.Put {
	return &types.Put{TableName: aws.String(s.Ledger), Item: it,
		ConditionExpression:      aws.String("#state = :prepared AND #act = :before"),
		ExpressionAttributeNames: map[string]string{"#state": attrState, "#act": attrAct},
		ExpressionAttributeValues: item{":prepared": dynamo.Text(receivable.Prepared),
			":before": dynamo.Text(before)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
}

// transact writes the parts of one transaction; a transaction that was written before by the same
// act has succeeded.
func (s *Store) transact(ctx context.Context, parts []types.TransactWriteItem, act string) error {
	return dynamo.WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), attrAct, act)
}
