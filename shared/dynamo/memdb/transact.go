package memdb

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// Limits of transactions.
const (
	maxActions     = 100
	maxTransaction = 4 << 20
)

// TransactWriteItems implements dynamo.API: all actions or none. A request token makes the same
// request again a success without effect, for as long as the engine remembers it.
func (db *DB) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	op := Op{Name: "TransactWriteItems", Tables: tablesOf(in), Write: true, Input: in}
	return call(ctx, db, op, func() (*dynamodb.TransactWriteItemsOutput, error) {
		return db.transact(in)
	})
}

func tablesOf(in *dynamodb.TransactWriteItemsInput) []string {
	var tables []string
	for _, a := range in.TransactItems {
		if c, err := changeOf(a); err == nil && !slices.Contains(tables, aws.ToString(c.table)) {
			tables = append(tables, aws.ToString(c.table))
		}
	}
	return tables
}

// changeOf reads one action.
func changeOf(a types.TransactWriteItem) (*change, error) {
	var found []*change
	if p := a.Put; p != nil {
		found = append(found, &change{table: p.TableName, put: p.Item, condition: p.ConditionExpression,
			names:  p.ExpressionAttributeNames,
			values: p.ExpressionAttributeValues, onFailure: p.ReturnValuesOnConditionCheckFailure})
	}
	if u := a.Update; u != nil {
		found = append(found, &change{table: u.TableName, key: u.Key, update: true,
			updating: u.UpdateExpression, condition: u.ConditionExpression,
			names: u.ExpressionAttributeNames, values: u.ExpressionAttributeValues,
			onFailure: u.ReturnValuesOnConditionCheckFailure})
	}
	if d := a.Delete; d != nil {
		found = append(found, &change{table: d.TableName, key: d.Key, condition: d.ConditionExpression,
			names:  d.ExpressionAttributeNames,
			values: d.ExpressionAttributeValues, onFailure: d.ReturnValuesOnConditionCheckFailure})
	}
	if k := a.ConditionCheck; k != nil {
		found = append(found, &change{table: k.TableName, key: k.Key, check: true,
			condition: k.ConditionExpression, names: k.ExpressionAttributeNames,
			values: k.ExpressionAttributeValues, onFailure: k.ReturnValuesOnConditionCheckFailure})
	}
	if len(found) != 1 {
		return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	if found[0].check && found[0].condition == nil || found[0].update && found[0].updating == nil {
		return nil, invalid("a ConditionCheck needs a condition, and an Update an update expression")
	}
	return found[0], nil
}

func (db *DB) transact(
	in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
	changes, err := db.actions(in)
	if err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientRequestToken)
	var content uint64
	if token != "" {
		if len(token) > 36 {
			return nil, invalid(
				"Value '%s' at 'clientRequestToken' failed to satisfy constraint: Member must have length "+
					"less than or equal to 36", token)
		}
		content = db.content(changes)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if before, known := db.tokens.known[token]; known && token != "" {
		return db.repeated(in, before == content)
	}
	rows, reasons, failed := decideAll(changes)
	if failed {
		return nil, cancelled(reasons)
	}
	var u units
	for i, c := range changes {
		u.written(c.t, rows[i][0], rows[i][1], 2)
		if !c.check {
			db.write(c.t, rows[i][0], rows[i][1])
		}
	}
	if token != "" {
		db.tokens.keep(token, content)
	}
	return &dynamodb.TransactWriteItemsOutput{ConsumedCapacity: u.list(in.ReturnConsumedCapacity)}, nil
}

// repeated answers a token that is known.
func (db *DB) repeated(in *dynamodb.TransactWriteItemsInput,
	same bool) (*dynamodb.TransactWriteItemsOutput, error) {
	if !same {
		return nil, &types.IdempotentParameterMismatchException{
			Message: aws.String("Request has same client token but different parameters")}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// actions prepares a transaction's actions and checks what holds for them together.
func (db *DB) actions(in *dynamodb.TransactWriteItemsInput) ([]*change, error) {
	if len(in.TransactItems) == 0 {
		return nil, invalid("TransactItems needs at least one action")
	}
	if len(in.TransactItems) > maxActions {
		return nil, invalid(
			"Value at 'transactItems' failed to satisfy constraint: Member must have length less than or "+
				"equal to %d", maxActions)
	}
	changes := make([]*change, len(in.TransactItems))
	seen := make(map[place]bool, len(changes))
	size := 0
	for i, a := range in.TransactItems {
		c, err := changeOf(a)
		if err != nil {
			return nil, err
		}
		if err := db.prepare(c); err != nil {
			return nil, err
		}
		at := place{c.t.name, c.pk, c.sk}
		if seen[at] {
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[at], changes[i] = true, c
		if c.row != nil {
			size += c.row.size
		}
	}
	if size > maxTransaction {
		return nil, invalid("Collection size too large: the items of a transaction exceed 4 MB")
	}
	return changes, nil
}

// decideAll evaluates all actions on the items as they are before the transaction.
func decideAll(changes []*change) (rows [][2]*row, reasons []types.CancellationReason,
	failed bool) {
	rows, reasons = make([][2]*row, len(changes)), make([]types.CancellationReason, len(changes))
	for i, c := range changes {
		before, after, err := c.decide()
		rows[i] = [2]*row{before, after}
		reasons[i] = types.CancellationReason{Code: aws.String("None")}
		var refused *types.ConditionalCheckFailedException
		var wrong smithy.APIError
		switch {
		case errors.As(err, &refused):
			failed = true
			reasons[i] = types.CancellationReason{Code: aws.String("ConditionalCheckFailed"),
				Message: refused.Message, Item: refused.Item}
		case errors.As(err, &wrong):
			failed = true
			reasons[i] = types.CancellationReason{Code: aws.String("ValidationError"),
				Message: aws.String(wrong.ErrorMessage())}
		}
	}
	return rows, reasons, failed
}

func cancelled(reasons []types.CancellationReason) error {
	codes := make([]string, len(reasons))
	for i, r := range reasons {
		codes[i] = *r.Code
	}
	return &types.TransactionCanceledException{CancellationReasons: reasons,
		Message: aws.String(
			"Transaction cancelled, please refer cancellation reasons for specific reasons [" +
				strings.Join(codes, ", ") + "]")}
}

// content is a digest of what a transaction asks for, the same whatever the order of maps.
func (db *DB) content(changes []*change) uint64 {
	var h maphash.Hash
	h.SetSeed(db.seed)
	for _, c := range changes {
		for _, s := range []string{c.t.name, c.pk, c.sk, aws.ToString(c.condition),
			aws.ToString(c.updating)} {
			_, _ = h.WriteString(s) // a hash takes all
			_ = h.WriteByte(0)
		}
		maphash.WriteComparable(&h, [3]bool{c.check, c.update, c.put != nil})
		sum := db.digest(c.put) ^ db.digest(c.values)
		for placeholder, name := range c.names {
			sum += maphash.String(db.seed, placeholder+"\x00"+name)
		}
		maphash.WriteComparable(&h, sum)
	}
	return h.Sum64()
}

// digest adds up what the attributes hash to.
func (db *DB) digest(it Item) uint64 {
	var total uint64
	for name, v := range it {
		total += maphash.Comparable(db.seed, [2]uint64{maphash.String(db.seed, name), db.digestValue(v)})
	}
	return total
}

func (db *DB) digestValue(v types.AttributeValue) uint64 {
	var h uint64
	switch v := v.(type) {
	case *avS:
		h = maphash.String(db.seed, v.Value)
	case *avN:
		h = maphash.String(db.seed, v.Value)
	case *avB:
		h = maphash.Bytes(db.seed, v.Value)
	case *avBOOL:
		h = maphash.Comparable(db.seed, v.Value)
	case *avM:
		h = db.digest(v.Value)
	case *avL:
		for _, e := range v.Value {
			h = maphash.Comparable(db.seed, [2]uint64{h, db.digestValue(e)})
		}
	default:
		for _, m := range members(v) {
			h += maphash.String(db.seed, m)
		}
	}
	return maphash.Comparable(db.seed, [2]uint64{h, maphash.String(db.seed, kindOf(v))})
}
