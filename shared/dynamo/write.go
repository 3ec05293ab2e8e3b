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

const (
	// A transaction is written at most conflictTries times while another transaction holds one of its
	// items: such a conflict ends soon and the SDK does not retry it. The waits take about a second.
	// For all other errors otherTries is enough, because the SDK has retried them before.
	conflictTries = 10
	otherTries    = 3
)

// Transact writes all parts in one transaction, or none of them. After an error that may pass, or a
// lost answer, it sends the parts again with the same token, so that DynamoDB writes them once
// however many tries arrive. The caller chooses a new token for each transaction.
//
// Errors: *ConditionError when a condition failed; fault.Unavailable when the error did not pass
// within the tries, and then it is unknown whether the parts were written; fault.System for other
// errors.
func Transact(ctx context.Context, db API, token string, parts []types.TransactWriteItem) error {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: parts,
		ClientRequestToken: aws.String(token), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
	// the token makes a repeated transaction succeed without effect when the first try was carried out
	again := func(tries int, err error) bool {
		return awsfault.IsPassing(err) && tries < maxTries(err)
	}
	err := pace.Retry(ctx, again, func() error {
		_, err := db.TransactWriteItems(ctx, in)
		return err
	})
	if refused := AsConditionError(err); refused != nil {
		return refused
	}
	return awsfault.Classify(err)
}

// maxTries returns how often a transaction that failed with err is written at most.
func maxTries(err error) int {
	var cancelled *types.TransactionCanceledException
	var conflict *types.TransactionConflictException
	if errors.As(err, &cancelled) || errors.As(err, &conflict) {
		return conflictTries
	}
	return otherTries
}

// PutNew returns the transaction part that writes an item which must not exist yet. When it exists,
// the ConditionError carries the existing item.
func PutNew(table string, it Item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: aws.String(table), Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}

// ConditionError reports that conditions of a write failed and that nothing was written.
type ConditionError struct {
	// Found has one element for each part of the write. For a part whose condition failed it is the
	// existing item, or an empty item when none existed or the part did not request it. For the other
	// parts it is nil.
	Found []Item
}

// Error implements error.
func (r *ConditionError) Error() string { return "dynamo: a condition failed" }

// IsWrittenBy reports whether an existing item carries the id of this act in the given attribute.
// Then an earlier try of this same write succeeded and only its answer was lost. The act "" matches
// no item.
func (r *ConditionError) IsWrittenBy(attribute, act string) bool {
	for _, found := range r.Found {
		if act != "" && TextOf(found, attribute) == act {
			return true
		}
	}
	return false
}

// AsConditionError reads the failed conditions from the error of a single write, of a transaction,
// or of Transact. AsConditionError returns nil when no condition failed.
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

// failedConditions reads the existing items from the reasons for which DynamoDB cancelled a
// transaction; it returns nil when no condition was among the reasons.
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

// emptyIfNil returns an empty item instead of nil, so that a failed condition without an item
// differs from a condition that held.
func emptyIfNil(it Item) Item {
	if it == nil {
		return Item{}
	}
	return it
}

// WriteOutcome translates the error of a write into what its caller has to know. WriteOutcome
// returns nil when the item is written, also by an earlier try of the same act; optimistic.ErrRival
// when another act's item was found; and otherwise the fault that awsfault.Classify makes.
// attribute is the name under which the written items carry the id of their act.
func WriteOutcome(err error, attribute, act string) error {
	refused := AsConditionError(err)
	switch {
	case refused == nil:
		return awsfault.Classify(err)
	case refused.IsWrittenBy(attribute, act):
		return nil
	}
	return optimistic.ErrRival
}
