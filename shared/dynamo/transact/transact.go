// Package transact writes DynamoDB transactions: what may pass is tried again with the same token, and a failed
// condition is reported with the items that stood in the way.
package transact

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault/awsfault"
)

// API is the part of the DynamoDB client that is needed.
type API interface {
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Refused reports that conditions failed and nothing was written. Old has, for each part of the transaction whose
// condition failed, the item that was found (empty when none was); other parts are nil.
type Refused struct {
	Old []map[string]types.AttributeValue
}

func (r *Refused) Error() string { return "transact: a condition failed" }

// How often a transaction is written at most. A conflict ends soon, and the SDK does not retry it; the waits take about
// a second. Everything else the SDK has retried itself before we see it.
const (
	conflictTries = 10
	otherTries    = 3
)

// Write writes all parts or nothing. An error that may pass, and an answer that was lost, are tried again with the
// same token, so that DynamoDB writes the parts once however many tries reached it; token is new for each call.
//
// Errors: *Refused when a condition failed; fault.Unavailable when what may pass did not, and then it is not known
// whether the parts were written; fault.System for other errors.
func Write(ctx context.Context, db API, token string, parts []types.TransactWriteItem) error {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: parts, ClientRequestToken: aws.String(token), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
	again := func(n int, err error) bool { return awsfault.Passing(err) && n < tries(err) }
	err := pace.Retry(ctx, again, func() error {
		_, err := db.TransactWriteItems(ctx, in)
		return err
	})
	if refused := conditions(err); refused != nil {
		return refused
	}
	return awsfault.Of(err)
}

// tries is how often a transaction that ended in err is written at most.
func tries(err error) int {
	var cancelled *types.TransactionCanceledException
	var conflict *types.TransactionConflictException
	if errors.As(err, &cancelled) || errors.As(err, &conflict) {
		return conflictTries
	}
	return otherTries
}

// conditions gives the failed conditions of a cancelled transaction, or nil when there are none.
func conditions(err error) *Refused {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return nil
	}
	var refused *Refused
	for i, reason := range cancelled.CancellationReasons {
		if aws.ToString(reason.Code) != "ConditionalCheckFailed" {
			continue
		}
		if refused == nil {
			refused = &Refused{Old: make([]map[string]types.AttributeValue, len(cancelled.CancellationReasons))}
		}
		refused.Old[i] = reason.Item
		if reason.Item == nil {
			refused.Old[i] = map[string]types.AttributeValue{}
		}
	}
	return refused
}

// PutNew is the part that writes an item which must not exist, and asks for the one that does.
func PutNew(table string, it map[string]types.AttributeValue) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: aws.String(table), Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}
