package memdb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// pendingWrite is a put, an update, a delete or a condition check of one item, whose expressions
// are compiled before the engine's lock is taken.
type pendingWrite struct {
	table *string
	// put is the item of a put; it is nil for the other writes.
	put    Item
	key    Item
	update bool
	// check marks a condition check, which writes nothing.
	check     bool
	names     map[string]string
	values    Item
	condition *string
	updating  *string
	onFailure types.ReturnValuesOnConditionCheckFailure

	compiled compiledExpressions
	kept     Item
	t        *table
	// row is the packed item of a put.
	row     *row
	pk, sk  string
	touched []string
}

// prepareWrite compiles and checks everything of a write that does not depend on the existing item.
func (db *DB) prepareWrite(c *pendingWrite) (err error) {
	db.mu.RLock()
	c.t, err = db.findTable(c.table)
	db.mu.RUnlock()
	if err != nil {
		return err
	}
	if c.put != nil {
		if c.row, err = c.t.newRow(c.put); err != nil {
			return err
		}
		c.pk, c.sk = c.row.pk, c.row.sk
	} else if c.pk, c.sk, err = c.t.parseKey(c.key); err != nil {
		return err
	}
	// most writes of a batch have no expression to compile
	if c.condition == nil && c.updating == nil && len(c.names)+len(c.values) == 0 {
		return nil
	}
	texts := expressionTexts{conditionKind: c.condition, updateKind: c.updating}
	if c.compiled, c.kept, err = db.compileExpressions(c.names, c.values, texts); err != nil {
		return err
	}
	if p := c.compiled[conditionKind]; p != nil {
		return c.newScope(conditionKind).checkOperandTypes(p.cond)
	}
	return nil
}

// newScope returns the placeholders of the write's expressions of one kind.
func (c *pendingWrite) newScope(k expressionKind) *requestScope {
	return &requestScope{kind: k, names: c.names, values: c.kept}
}

// conditionFailed returns the error of a failed condition, with the existing item when the caller
// asked for it.
func (c *pendingWrite) conditionFailed(before *row) error {
	err := &types.ConditionalCheckFailedException{
		Message: aws.String("The conditional request failed")}
	if c.onFailure == types.ReturnValuesOnConditionCheckFailureAllOld {
		err.Item = before.item()
	}
	return err
}

// evaluate checks the condition against the existing item and returns the rows before and after the
// write; the caller holds the lock.
func (c *pendingWrite) evaluate() (before, after *row, err error) {
	before = c.t.base.findRow(c.pk, c.sk)
	if p := c.compiled[conditionKind]; p != nil && !c.newScope(conditionKind).isMet(p.cond, before) {
		return before, nil, c.conditionFailed(before)
	}
	switch {
	case c.check:
		return before, before, nil
	case c.put != nil:
		return before, c.row, nil
	case c.update:
		after, c.touched, err = c.newScope(updateKind).applyUpdate(c.t, before, c.key,
			c.compiled[updateKind])
		return before, after, err
	default:
		return before, nil, nil
	}
}

// writeOne carries out one write that is not part of a transaction or batch.
func (db *DB) writeOne(c *pendingWrite) (before, after *row, u capacityUnits, err error) {
	if err = db.prepareWrite(c); err != nil {
		return nil, nil, u, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if before, after, err = c.evaluate(); err != nil {
		return before, nil, u, err
	}
	db.replaceRow(c.t, before, after)
	u.addWrite(c.t, before, after, 1)
	return before, after, u, nil
}

// PutItem implements dynamo.API: it replaces an item, or creates it.
func (db *DB) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	op := Op{Name: "PutItem", Tables: []string{aws.ToString(in.TableName)}, Write: true, Input: in}
	return runCall(ctx, db, op, func() (*dynamodb.PutItemOutput, error) {
		if in.Item == nil {
			return nil, validationError("Item is required")
		}
		if !isAllowedReturnValue(in.ReturnValues, types.ReturnValueNone, types.ReturnValueAllOld) {
			return nil, validationError("Return values set to invalid value")
		}
		before, _, u, err := db.writeOne(
			&pendingWrite{table: in.TableName, put: in.Item, condition: in.ConditionExpression,
				names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues,
				onFailure: in.ReturnValuesOnConditionCheckFailure})
		if err != nil {
			return nil, err
		}
		out := &dynamodb.PutItemOutput{ConsumedCapacity: u.ofOneTable(in.ReturnConsumedCapacity)}
		if in.ReturnValues == types.ReturnValueAllOld {
			out.Attributes = before.item()
		}
		return out, nil
	})
}

// DeleteItem implements dynamo.API: it deletes an item; an item that does not exist is no error.
func (db *DB) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	op := Op{Name: "DeleteItem", Tables: []string{aws.ToString(in.TableName)}, Write: true, Input: in}
	return runCall(ctx, db, op, func() (*dynamodb.DeleteItemOutput, error) {
		if !isAllowedReturnValue(in.ReturnValues, types.ReturnValueNone, types.ReturnValueAllOld) {
			return nil, validationError("Return values set to invalid value")
		}
		before, _, u, err := db.writeOne(
			&pendingWrite{table: in.TableName, key: in.Key, condition: in.ConditionExpression,
				names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues,
				onFailure: in.ReturnValuesOnConditionCheckFailure})
		if err != nil {
			return nil, err
		}
		out := &dynamodb.DeleteItemOutput{ConsumedCapacity: u.ofOneTable(in.ReturnConsumedCapacity)}
		if in.ReturnValues == types.ReturnValueAllOld {
			out.Attributes = before.item()
		}
		return out, nil
	})
}

// UpdateItem implements dynamo.API: it changes the attributes that the update expression mentions,
// and creates the item when it does not exist.
func (db *DB) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	op := Op{Name: "UpdateItem", Tables: []string{aws.ToString(in.TableName)}, Write: true, Input: in}
	return runCall(ctx, db, op, func() (*dynamodb.UpdateItemOutput, error) {
		c := &pendingWrite{table: in.TableName, key: in.Key, update: true, updating: in.UpdateExpression,
			condition: in.ConditionExpression,
			names:     in.ExpressionAttributeNames, values: in.ExpressionAttributeValues,
			onFailure: in.ReturnValuesOnConditionCheckFailure}
		before, after, u, err := db.writeOne(c)
		if err != nil {
			return nil, err
		}
		out := &dynamodb.UpdateItemOutput{ConsumedCapacity: u.ofOneTable(in.ReturnConsumedCapacity)}
		switch in.ReturnValues {
		case types.ReturnValueAllOld:
			out.Attributes = before.item()
		case types.ReturnValueAllNew:
			out.Attributes = after.item()
		case types.ReturnValueUpdatedOld:
			out.Attributes = before.selectAttributes(c.touched)
		case types.ReturnValueUpdatedNew:
			out.Attributes = after.selectAttributes(c.touched)
		default: // NONE: the answer holds no attributes
		}
		return out, nil
	})
}

// selectAttributes copies the attributes with the given names; it returns nil when the row has none
// of them.
func (r *row) selectAttributes(names []string) Item {
	var out Item
	for _, name := range names {
		if v := r.attribute(name); v != nil {
			if out == nil {
				out = Item{}
			}
			out[name] = v
		}
	}
	return out
}

// isAllowedReturnValue reports whether the call supports the requested return value; every call
// supports none.
func isAllowedReturnValue(v types.ReturnValue, allowed ...types.ReturnValue) bool {
	for _, a := range allowed {
		if v == a {
			return true
		}
	}
	return v == ""
}
