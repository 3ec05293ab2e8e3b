package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault/awsfault"
)

// How often a transaction is written at most. A conflict ends soon, and the SDK does not retry it;
// the waits take about a second. Everything else the SDK has retried itself before we see it.
const (
	conflictTries = 10
	otherTries    = 3
)

// Transact writes all parts or nothing. An error that may pass, and an answer that was lost, are
// tried again with the same token, so that DynamoDB writes the parts once however many tries
// reached it; token is new for each call.
//
// Errors: *Refused when a condition failed; fault.Unavailable when what may pass did not, and then
// it is not known whether the parts were written; fault.System for other errors.
func Transact(ctx context.Context, db API, token string, parts []types.TransactWriteItem) error {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: parts,
		ClientRequestToken: aws.String(token), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
	again := func(n int, err error) bool { return awsfault.IsPassing(err) && n < maxTries(err) }
	err := pace.Retry(ctx, again, func() error {
		_, err := db.TransactWriteItems(ctx, in)
		return err
	})
	if refused := AsConditionError(err); refused != nil {
		return refused
	}
	return awsfault.Of(err)
}

// maxTries is how often a transaction that ended in err is written at most.
func maxTries(err error) int {
	var cancelled *types.TransactionCanceledException
	var conflict *types.TransactionConflictException
	if errors.As(err, &cancelled) || errors.As(err, &conflict) {
		return conflictTries
	}
	return otherTries
}

// PutNew is the part that writes an item which must not exist, and asks for the one that does.
func PutNew(table string, it Item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: aws.String(table), Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}

// ConditionError reports that conditions failed and nothing was written. Found has, for each part
// of the write whose condition failed, the item that was found, which is empty when there was none
// or it was not asked for; the other parts are nil.
type ConditionError struct{ Found []Item }

// Error implements error.
func (r *ConditionError) Error() string { return "dynamo: a condition failed" }

// IsWrittenBy reports whether an item that was found carries the act in an attribute: this very
// write was done before, and only its answer was lost. "" is no act.
func (r *ConditionError) IsWrittenBy(attribute, act string) bool {
	for _, found := range r.Found {
		if act != "" && TextOf(found, attribute) == act {
			return true
		}
	}
	return false
}

// AsConditionError reads the failed conditions from the error of a write of one item, of a
// transaction, or of Transact; nil when no condition failed.
func AsConditionError(err error) *ConditionError {
	var refused *ConditionError
	var one *types.ConditionalCheckFailedException
	var cancelled *types.TransactionCanceledException
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &one):
		return &ConditionError{Found: []Item{emptyIfNil(one.Item)}}
	case errors.As(err, &cancelled):
		return failedConditions(cancelled.CancellationReasons)
	}
	return nil
}

func failedConditions(reasons []types.CancellationReason) *ConditionError {
	refused, failed := &ConditionError{Found: make([]Item, len(reasons))}, false
	for i, reason := range reasons {
		if aws.ToString(reason.Code) == "ConditionalCheckFailed" {
			refused.Found[i], failed = emptyIfNil(reason.Item), true
		}
	}
	if !failed {
		return nil
	}
	return refused
}

func emptyIfNil(it Item) Item {
	if it == nil {
		return Item{}
	}
	return it
}

// WriteOutcome makes of the error of a write what its caller needs to know: nil when the write is
// done, also by an earlier try of the same act; optimistic.ErrRival when somebody else's item was
// in the way; otherwise what awsfault makes of it. The act stands in an attribute of the items
// written.
func WriteOutcome(err error, attribute, act string) error {
	refused := AsConditionError(err)
	switch {
	case refused == nil:
		return awsfault.Of(err)
	case refused.IsWrittenBy(attribute, act):
		return nil
	}
	return optimistic.ErrRival
}
