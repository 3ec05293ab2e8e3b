// Package perioddb keeps the accounting periods of paying entities in the ledger table.
package perioddb

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period"
)

// Store implements period.Store on the ledger table.
type Store struct {
	DB                  dynamo.API
	Ledger, Settlements string // table names; the audit records are written into the settlements table
	NewToken            func() string
}

var _ period.Store = (*Store)(nil)

// Attribute names of a period item. The period head of an entity has the month and the state, which
// ledgerdb.Periods reads before entries are posted.
const (
	attrDoc      = "doc"
	attrRevision = "rev"
	attrAct      = "act"
)

type item = dynamo.Item

// getItem reads one item by a consistent read; nil when there is none.
func (s *Store) getItem(ctx context.Context, k keys.Key) (item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.Ledger),
		Key: dynamo.Key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awsfault.Classify(err)
	}
	return out.Item, nil
}

// NewestPeriod reads the period that the entity's head names; nil when no period was ever closed.
func (s *Store) NewestPeriod(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) (*period.Period, error) {
	head, err := s.getItem(ctx, keys.PeriodHead(tenant, entity))
	if err != nil || head == nil {
		return nil, err
	}
	month, err := civil.ParseMonth(dynamo.TextOf(head, ledgerdb.HeadMonth))
	if err != nil {
		return nil, fault.Internal(err)
	}
	return s.Period(ctx, tenant, entity, month)
}

// Period reads the period of a month; nil when its closing has not begun.
func (s *Store) Period(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	month civil.Month) (*period.Period, error) {
	it, err := s.getItem(ctx, keys.Period(tenant, entity, month))
	if err != nil || it == nil {
		return nil, err
	}
	p, err := decodePeriod(tenant, it)
	return &p, err
}

// decodePeriod decodes the document of a period item; the tenant comes from the key.
func decodePeriod(tenant ident.Tenant, it item) (period.Period, error) {
	var p period.Period
	if err := json.Unmarshal([]byte(dynamo.TextOf(it, attrDoc)), &p); err != nil {
		return p, fault.Internal(err)
	}
	p.Tenant = tenant
	return p, nil
}

// maxListed is the greatest number of listed periods: ten years.
const maxListed = 120

// ListPeriods reads the stored periods of an entity, newest first.
func (s *Store) ListPeriods(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) ([]period.Period, error) {
	in := dynamo.PartitionQuery(s.Ledger, keys.PeriodHead(tenant, entity).PK, keys.PeriodPrefix)
	in.ScanIndexForward = aws.Bool(false) // newest month first
	items, _, err := dynamo.QueryPage(ctx, s.DB, in, "", maxListed)
	if err != nil {
		return nil, err
	}
	found := make([]period.Period, len(items))
	for i, it := range items {
		if found[i], err = decodePeriod(tenant, it); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// SavePeriod writes a period, the entity's head when the period changes its state, and the audit
// record where there is one, in one transaction.
//
// Errors: optimistic.ErrRival when the stored revision is not the one before, or when the head
// names another period.
func (s *Store) SavePeriod(ctx context.Context, p period.Period, rec *audit.Record) error {
	doc, err := json.Marshal(p)
	if err != nil {
		return fault.Internal(err)
	}
	it := dynamo.Key(keys.Period(p.Tenant, p.Entity, p.Month))
	it[attrDoc] = dynamo.Text(string(doc))
	it[attrRevision] = dynamo.Number(p.Revision)
	it[attrAct] = dynamo.Text(p.Act)
	put := &types.Put{TableName: aws.String(s.Ledger), Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	if p.Revision > 1 {
		put.ConditionExpression = aws.String(attrRevision + " = :before")
		put.ExpressionAttributeValues = item{":before": dynamo.Number(p.Revision - 1)}
	}
	parts := []types.TransactWriteItem{{Put: put}}
	// Only the beginning of a closing, its sealing and its seal change what the head says.
	if p.Revision == 1 || p.Sealing || p.State == period.Sealed {
		parts = append(parts, types.TransactWriteItem{Put: s.headPut(p)})
	}
	if rec != nil {
		record, err := outbox.Put(s.Settlements, *rec, nil)
		if err != nil {
			return fault.Internal(err)
		}
		parts = append(parts, record)
	}
	return dynamo.WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), attrAct, p.Act)
}

// headPut returns the write of the entity's head. The head moves to a period whose closing begins,
// when the period before is sealed; then to the state of its sealing; then to sealed. Each
// condition refuses a write that skips a step.
func (s *Store) headPut(p period.Period) *types.Put {
	it := dynamo.Key(keys.PeriodHead(p.Tenant, p.Entity))
	state := p.State
	if p.Sealing && state == period.Closing {
		state = ledgerdb.HeadSealing
	}
	it[ledgerdb.HeadMonth] = dynamo.Text(p.Month.String())
	it[ledgerdb.HeadState] = dynamo.Text(state)
	put := &types.Put{TableName: aws.String(s.Ledger), Item: it,
		ExpressionAttributeNames: map[string]string{"#m": ledgerdb.HeadMonth, "#st": ledgerdb.HeadState}}
	switch {
	case p.Sealing, p.State == period.Sealed:
		put.ConditionExpression = aws.String("#m = :month AND #st IN (:closing, :sealing)")
		put.ExpressionAttributeValues = item{":month": dynamo.Text(p.Month.String()),
			":closing": dynamo.Text(ledgerdb.HeadClosing), ":sealing": dynamo.Text(ledgerdb.HeadSealing)}
	case p.First:
		put.ConditionExpression = aws.String("attribute_not_exists(pk)")
		put.ExpressionAttributeNames = nil // DynamoDB refuses names that no expression uses
	default:
		put.ConditionExpression = aws.String("#m = :before AND #st = :sealed")
		put.ExpressionAttributeValues = item{":before": dynamo.Text(p.Month.Add(-1).String()),
			":sealed": dynamo.Text(period.Sealed)}
	}
	return put
}

// FenceBook closes a book at an entity for entries of the month and earlier.
func (s *Store) FenceBook(ctx context.Context, tenant ident.Tenant, book string,
	entity ident.Entity,
	month civil.Month) error {
	return ledgerdb.Book{DB: s.DB, Table: s.Ledger}.FenceBook(ctx, tenant, book, entity, month)
}
