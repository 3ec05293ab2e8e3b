package dynamo

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault/awsfault"
)

const (
	// keysPerRead is DynamoDB's limit of keys in one BatchGetItem.
	keysPerRead = 100
	// ItemsPerWrite is DynamoDB's limit of items in one BatchWriteItem or BatchExecuteStatement.
	ItemsPerWrite = 25
)

// BatchTries is how often a batch is sent at most while DynamoDB leaves parts of it unprocessed.
const BatchTries = 6

// BatchReader is the call of the DynamoDB client that reads many items at once.
type BatchReader interface {
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput,
		...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
}

// BatchWriter is the call of the DynamoDB client that writes many items at once.
type BatchWriter interface {
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput,
		...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
}

// BatchGet reads the items of the given keys in any order, with strong consistency, and calls each
// for every item found. A key without an item is skipped. BatchGet stops at the first error of
// each.
//
// Errors: fault.Unavailable when some items could not be read; the errors of each as they are.
func BatchGet(ctx context.Context, db BatchReader, table string, keys []Item,
	each func(Item) error) error {
	for part := range slices.Chunk(keys, keysPerRead) {
		// all items of a part are read before each is called, so that a retry cannot hand an item out
		// twice
		var items []Item
		err := sendUntilProcessed(ctx, part, func(left []Item) ([]Item, error) {
			request := map[string]types.KeysAndAttributes{
				table: {Keys: left, ConsistentRead: aws.Bool(true)}}
			out, err := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: request})
			if err != nil {
				return nil, err
			}
			items = append(items, out.Responses[table]...)
			return out.UnprocessedKeys[table].Keys, nil
		})
		if err != nil {
			return err
		}
		for _, it := range items {
			if err := each(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// BatchPut writes items without a condition. When it fails, some of the items may be written.
//
// Errors: fault.Unavailable when some items may be missing.
func BatchPut(ctx context.Context, db BatchWriter, table string, items []Item) error {
	requests := make([]types.WriteRequest, len(items))
	for i, it := range items {
		requests[i] = types.WriteRequest{PutRequest: &types.PutRequest{Item: it}}
	}
	for part := range slices.Chunk(requests, ItemsPerWrite) {
		err := sendUntilProcessed(ctx, part,
			func(left []types.WriteRequest) ([]types.WriteRequest, error) {
				request := map[string][]types.WriteRequest{table: left}
				out, err := db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: request})
				if err != nil {
					return nil, err
				}
				return out.UnprocessedItems[table], nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// errUnprocessed reports that DynamoDB left parts of a batch unprocessed without an error code, as
// it does under load.
var errUnprocessed = errors.New("dynamo: parts of the batch were left unprocessed")

// sendUntilProcessed sends a batch and then, after a wait, the parts that send returns as
// unprocessed, until none is left. sendUntilProcessed repeats unprocessed parts only, because the
// SDK has already retried errors of the whole call.
func sendUntilProcessed[Part any](ctx context.Context, batch []Part,
	send func([]Part) ([]Part, error)) error {
	// only unprocessed parts are a reason to send again
	again := func(tries int, err error) bool {
		return errors.Is(err, errUnprocessed) && tries < BatchTries
	}
	left := batch
	err := pace.Retry(ctx, again, func() (err error) {
		if left, err = send(left); err == nil && len(left) > 0 {
			err = errUnprocessed
		}
		return err
	})
	if errors.Is(err, errUnprocessed) {
		return awsfault.UnprocessedParts("dynamo", len(left))
	}
	return awsfault.Classify(err)
}
