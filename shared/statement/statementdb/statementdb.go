// Package statementdb stores the lives of statements in the creators' books of the ledger table. A
// state, the settlements that it holds or releases, and its audit record are written in one
// transaction.
package statementdb

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
	"fenzhang/shared/statement"
)

// Settlements returns the part of a transaction that writes a settlement.
type Settlements interface {
	MetaWritePart(c settlement.Change) types.TransactWriteItem
}

// Store stores the states of statements. It implements statement.StateStore.
type Store struct {
	DB dynamo.API
	// Ledger and Settlements are table names; the audit records are written into the settlements
	// table.
	Ledger, Settlements string
	Metas               Settlements
	NewToken            func() string
}

var _ statement.StateStore = (*Store)(nil)

// item is one DynamoDB item.
type item = dynamo.Item

// Attribute names.
const (
	attrDoc     = "doc"
	attrVersion = "v"
	// attrAct is the id of the last write; a write that finds its own id stored has succeeded before.
	attrAct = "act"
)

// ReadState implements statement.StateStore.
func (s *Store) ReadState(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	period statement.Period) (statement.State, bool, error) {
	out, err := s.DB.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: aws.String(s.Ledger), ConsistentRead: aws.Bool(true),
			Key: dynamo.Key(keys.StatementState(tenant, creator, period.String()))})
	if err != nil {
		return statement.State{}, false, awsfault.Classify(err)
	}
	if out.Item == nil {
		return statement.State{}, false, nil
	}
	state, err := parseState(tenant, out.Item)
	return state, err == nil, err
}

// parseState decodes the item of a state.
func parseState(tenant ident.Tenant, it item) (statement.State, error) {
	state := statement.State{Tenant: tenant}
	if err := json.Unmarshal([]byte(dynamo.TextOf(it, attrDoc)), &state); err != nil {
		return state, fault.Internal(err)
	}
	return state, nil
}

// ListStates implements statement.StateStore.
func (s *Store) ListStates(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
	to civil.Month) ([]statement.State, error) {
	var found []statement.State
	err := s.queryLedger(ctx,
		&dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
			ExpressionAttributeValues: item{":pk": dynamo.Text(keys.CreatorBook(tenant, creator)),
				":from": dynamo.Text(keys.StatementStatePrefix + from.String()),
				":to":   dynamo.Text(keys.StatementStatePrefix + to.Add(1).String())}},
		func(it item) error {
			state, err := parseState(tenant, it)
			found = append(found, state)
			return err
		})
	return found, err
}

// ListScheduled implements statement.StateStore.
func (s *Store) ListScheduled(ctx context.Context, tenant ident.Tenant,
	day civil.Date) ([]statement.ScheduledAcceptance, error) {
	var found []statement.ScheduledAcceptance
	err := s.queryLedger(ctx, &dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": dynamo.Text(keys.AcceptanceDay(tenant, day))}},
		func(it item) error {
			creator, name, _ := keys.ParseAcceptanceKey(dynamo.TextOf(it, "sk"))
			period, err := statement.ParsePeriod(name)
			if err != nil {
				return fault.Internal(err)
			}
			found = append(found, statement.ScheduledAcceptance{CreatorID: creator, Period: period})
			return nil
		})
	return found, err
}

// queryLedger calls each for every item of a consistent query of the ledger table.
func (s *Store) queryLedger(ctx context.Context, in *dynamodb.QueryInput,
	each func(item) error) error {
	in.TableName = aws.String(s.Ledger)
	in.ConsistentRead = aws.Bool(true)
	return dynamo.QueryEach(ctx, s.DB, in, each)
}

// maxParts is the largest number of items in a DynamoDB transaction.
const maxParts = 100

// ApplyChange implements statement.StateStore.
func (s *Store) ApplyChange(ctx context.Context, c statement.Change) error {
	state, err := s.statePart(c)
	if err != nil {
		return err
	}
	parts := []types.TransactWriteItem{state}
	for _, x := range c.Settlements {
		parts = append(parts, s.Metas.MetaWritePart(x))
	}
	record, err := outbox.Put(s.Settlements, c.Record, nil)
	if err != nil {
		return fault.Internal(err)
	}
	parts = append(parts, record)
	if c.ScheduleAcceptance {
		parts = append(parts, types.TransactWriteItem{Put: &types.Put{TableName: aws.String(s.Ledger),
			Item: dynamo.Key(keys.Acceptance(c.New.Tenant, c.New.AcceptOn, c.New.CreatorID,
				c.New.Period.String()))}})
	}
	if len(parts) > maxParts {
		return fault.New(fault.IllegalMove, "too_many_settlements",
			"This touches more settlements than one write takes; dispute fewer lines at a time.")
	}
	return dynamo.WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), attrAct, c.New.Act)
}

// statePart returns the part of a transaction that writes a state on condition that nobody has
// written it since the old state was read.
func (s *Store) statePart(c statement.Change) (types.TransactWriteItem, error) {
	doc, err := json.Marshal(c.New)
	if err != nil {
		return types.TransactWriteItem{}, fault.Internal(err)
	}
	it := dynamo.Key(keys.StatementState(c.New.Tenant, c.New.CreatorID, c.New.Period.String()))
	it[attrDoc] = dynamo.Text(string(doc))
	it[attrAct] = dynamo.Text(c.New.Act)
	it[attrVersion] = dynamo.Number(c.New.Version)
	if c.Old.Version == 0 {
		return dynamo.PutNew(s.Ledger, it), nil
	}
	return types.TransactWriteItem{Put: &types.Put{TableName: aws.String(s.Ledger), Item: it,
		ConditionExpression:                 aws.String(attrVersion + " = :v"),
		ExpressionAttributeValues:           item{":v": dynamo.Number(c.Old.Version)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}, nil
}
