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
	// The service limits a transaction to maxActions actions and to maxTransaction bytes of items.
	maxActions     = 100
	maxTransaction = 4 << 20
)

// TransactWriteItems implements dynamo.API: it carries out all actions or none. A request with a
// token that the engine remembers succeeds without effect when its content is the same.
func (db *DB) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	op := Op{Name: "TransactWriteItems", Tables: mentionedTables(in), Write: true, Input: in}
	return runCall(ctx, db, op, func() (*dynamodb.TransactWriteItemsOutput, error) {
		return db.writeTransaction(in)
	})
}

// mentionedTables lists the tables of a transaction in the order in which its actions mention them.
func mentionedTables(in *dynamodb.TransactWriteItemsInput) []string {
	var tables []string
	for _, a := range in.TransactItems {
		if c, err := newPendingWrite(a); err == nil && !slices.Contains(tables, aws.ToString(c.table)) {
			tables = append(tables, aws.ToString(c.table))
		}
	}
	return tables
}

// newPendingWrite reads one action of a transaction, which is exactly one of put, update, delete
// and condition check.
func newPendingWrite(a types.TransactWriteItem) (*pendingWrite, error) {
	var found []*pendingWrite
	if p := a.Put; p != nil {
		found = append(found,
			&pendingWrite{table: p.TableName, put: p.Item, condition: p.ConditionExpression,
				names:  p.ExpressionAttributeNames,
				values: p.ExpressionAttributeValues, onFailure: p.ReturnValuesOnConditionCheckFailure})
	}
	if u := a.Update; u != nil {
		found = append(found, &pendingWrite{table: u.TableName, key: u.Key, update: true,
			updating: u.UpdateExpression, condition: u.ConditionExpression,
			names: u.ExpressionAttributeNames, values: u.ExpressionAttributeValues,
			onFailure: u.ReturnValuesOnConditionCheckFailure})
	}
	if d := a.Delete; d != nil {
		found = append(found,
			&pendingWrite{table: d.TableName, key: d.Key, condition: d.ConditionExpression,
				names:  d.ExpressionAttributeNames,
				values: d.ExpressionAttributeValues, onFailure: d.ReturnValuesOnConditionCheckFailure})
	}
	if k := a.ConditionCheck; k != nil {
		found = append(found, &pendingWrite{table: k.TableName, key: k.Key, check: true,
			condition: k.ConditionExpression, names: k.ExpressionAttributeNames,
			values: k.ExpressionAttributeValues, onFailure: k.ReturnValuesOnConditionCheckFailure})
	}
	if len(found) != 1 {
		return nil, validationError("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	if found[0].check && found[0].condition == nil || found[0].update && found[0].updating == nil {
		return nil, validationError(
			"a ConditionCheck needs a condition, and an Update an update expression")
	}
	return found[0], nil
}

// writeTransaction carries out a transaction under the engine's lock.
func (db *DB) writeTransaction(
	in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
	changes, err := db.prepareActions(in)
	if err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientRequestToken)
	var content uint64
	if token != "" {
		if len(token) > 36 {
			return nil, validationError(
				"Value '%s' at 'clientRequestToken' failed to satisfy constraint: Member must have length "+
					"less than or equal to 36", token)
		}
		// the hash is made before the lock is taken, because it needs time
		content = db.contentHash(changes)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if before, known := db.tokens.known[token]; known && token != "" {
		return db.answerRepeatedToken(in, before == content)
	}
	rows, reasons, failed := evaluateAll(changes)
	if failed {
		return nil, transactionCancelled(reasons)
	}
	var u capacityUnits
	for i, c := range changes {
		// a transaction consumes twice the capacity, also for a condition check
		u.addWrite(c.t, rows[i][0], rows[i][1], 2)
		if !c.check {
			db.replaceRow(c.t, rows[i][0], rows[i][1])
		}
	}
	if token != "" {
		db.tokens.remember(token, content)
	}
	return &dynamodb.TransactWriteItemsOutput{ConsumedCapacity: u.perTable(in.ReturnConsumedCapacity)},
		nil
}

// answerRepeatedToken answers a transaction whose token is known: success for the same content, an
// error for another.
func (db *DB) answerRepeatedToken(in *dynamodb.TransactWriteItemsInput,
	same bool) (*dynamodb.TransactWriteItemsOutput, error) {
	if !same {
		return nil, &types.IdempotentParameterMismatchException{
			Message: aws.String("Request has same client token but different parameters")}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// prepareActions prepares the actions of a transaction and checks its limits and that no item
// occurs twice.
func (db *DB) prepareActions(in *dynamodb.TransactWriteItemsInput) ([]*pendingWrite, error) {
	if len(in.TransactItems) == 0 {
		return nil, validationError("TransactItems needs at least one action")
	}
	if len(in.TransactItems) > maxActions {
		return nil, validationError(
			"Value at 'transactItems' failed to satisfy constraint: Member must have length less than or "+
				"equal to %d", maxActions)
	}
	changes := make([]*pendingWrite, len(in.TransactItems))
	seen := make(map[itemPlace]bool, len(changes))
	size := 0
	for i, a := range in.TransactItems {
		c, err := newPendingWrite(a)
		if err != nil {
			return nil, err
		}
		if err := db.prepareWrite(c); err != nil {
			return nil, err
		}
		at := itemPlace{c.t.name, c.pk, c.sk}
		if seen[at] {
			return nil, validationError("Transaction request cannot include multiple operations on one item")
		}
		seen[at], changes[i] = true, c
		if c.row != nil {
			size += c.row.size
		}
	}
	if size > maxTransaction {
		return nil, validationError("Collection size too large: the items of a transaction exceed 4 MB")
	}
	return changes, nil
}

// evaluateAll evaluates the conditions of all actions on the items as they are before the
// transaction, so that no action sees the effect of another.
func evaluateAll(changes []*pendingWrite) (rows [][2]*row, reasons []types.CancellationReason,
	failed bool) {
	rows, reasons = make([][2]*row, len(changes)), make([]types.CancellationReason, len(changes))
	for i, c := range changes {
		before, after, err := c.evaluate()
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

// transactionCancelled returns the error of a cancelled transaction, with the reason of each
// action.
func transactionCancelled(reasons []types.CancellationReason) error {
	codes := make([]string, len(reasons))
	for i, r := range reasons {
		codes[i] = *r.Code
	}
	return &types.TransactionCanceledException{CancellationReasons: reasons,
		Message: aws.String(
			"Transaction cancelled, please refer cancellation reasons for specific reasons [" +
				strings.Join(codes, ", ") + "]")}
}

// contentHash returns a hash of a transaction's actions that does not depend on the order of maps.
func (db *DB) contentHash(changes []*pendingWrite) uint64 {
	var h maphash.Hash
	h.SetSeed(db.seed)
	for _, c := range changes {
		for _, s := range []string{c.t.name, c.pk, c.sk, aws.ToString(c.condition),
			aws.ToString(c.updating)} {
			_, _ = h.WriteString(s) // a hash takes all
			_ = h.WriteByte(0)
		}
		maphash.WriteComparable(&h, [3]bool{c.check, c.update, c.put != nil})
		sum := db.itemHash(c.put) ^ db.itemHash(c.values)
		for placeholder, name := range c.names {
			sum += maphash.String(db.seed, placeholder+"\x00"+name)
		}
		maphash.WriteComparable(&h, sum)
	}
	return h.Sum64()
}

// itemHash returns a hash of an item: the sum of the hashes of its attributes, because a sum does
// not depend on their order.
func (db *DB) itemHash(it Item) uint64 {
	var total uint64
	for name, v := range it {
		total += maphash.Comparable(db.seed, [2]uint64{maphash.String(db.seed, name), db.valueHash(v)})
	}
	return total
}

// valueHash returns a hash of an attribute value and its type.
func (db *DB) valueHash(v types.AttributeValue) uint64 {
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
		h = db.itemHash(v.Value)
	case *avL:
		for _, e := range v.Value {
			h = maphash.Comparable(db.seed, [2]uint64{h, db.valueHash(e)})
		}
	default:
		for _, m := range setMembers(v) {
			h += maphash.String(db.seed, m)
		}
	}
	return maphash.Comparable(db.seed, [2]uint64{h, maphash.String(db.seed, typeName(v))})
}
