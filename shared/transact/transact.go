// Package transact writes DynamoDB transactions: conflicts and throttles are retried with the same token, and a
// failed condition is told with the items that stood in the way.
package transact

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/fault"
	"fenzhang/shared/pace"
)

// API is the part of the DynamoDB client that is needed.
type API interface {
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Refused tells that conditions failed and nothing was written. Old has, for each part of the transaction whose
// condition failed, the item that was found (empty when none was); other parts are nil.
type Refused struct {
	Old []map[string]types.AttributeValue
}

func (r *Refused) Error() string { return "transact: a condition failed" }

// attempts bounds the retries of conflicts: with full jitter up to 2^8 ms they take about a second.
const attempts = 10

// Write writes all parts or nothing. token makes the SDK's own retries one transaction; it is new for each call
// of Write and kept over its retries.
//
// Errors: *Refused when a condition failed; fault.Unavailable when conflicts or throttles did not end.
func Write(ctx context.Context, db API, token string, parts []types.TransactWriteItem) error {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: parts, ClientRequestToken: aws.String(token), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
	for n := 0; ; n++ {
		_, err := db.TransactWriteItems(ctx, in)
		if err == nil {
			return nil
		}
		var cancelled *types.TransactionCanceledException
		if errors.As(err, &cancelled) {
			if refused := conditions(cancelled); refused != nil {
				return refused
			}
		}
		if !passing(err, cancelled) {
			return fault.Internal(err)
		}
		if n+1 == attempts {
			return fault.Later(err)
		}
		if err := pace.Wait(ctx, time.Millisecond<<min(n+3, 8)); err != nil {
			return fault.Later(err)
		}
	}
}

// conditions gives the failed conditions, or nil when there are none.
func conditions(c *types.TransactionCanceledException) *Refused {
	var found *Refused
	for i, r := range c.CancellationReasons {
		if aws.ToString(r.Code) == "ConditionalCheckFailed" {
			if found == nil {
				found = &Refused{Old: make([]map[string]types.AttributeValue, len(c.CancellationReasons))}
			}
			found.Old[i] = r.Item
			if r.Item == nil {
				found.Old[i] = map[string]types.AttributeValue{}
			}
		}
	}
	return found
}

// passing tells whether trying again may help: a conflict, a throttle, or a transaction still in progress.
func passing(err error, c *types.TransactionCanceledException) bool {
	if c != nil {
		for _, r := range c.CancellationReasons {
			switch aws.ToString(r.Code) {
			case "None", "", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			default:
				return false
			}
		}
		return true
	}
	var conflict *types.TransactionConflictException
	var going *types.TransactionInProgressException
	var through *types.ProvisionedThroughputExceededException
	var limit *types.RequestLimitExceeded
	return errors.As(err, &conflict) || errors.As(err, &going) || errors.As(err, &through) || errors.As(err, &limit)
}

// PutNew is the part that writes an item which must not exist, and asks for the one that does.
func PutNew(table string, it map[string]types.AttributeValue) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: aws.String(table), Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}
