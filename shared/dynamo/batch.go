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

// Limits of the calls of DynamoDB.
const (
	keysPerRead   = 100 // of BatchGetItem
	ItemsPerWrite = 25  // of BatchWriteItem and BatchExecuteStatement
)

// BatchTries is how often a batch is sent at most while DynamoDB leaves parts of it undone.
const BatchTries = 6

// BatchReader is the part of the client that reads many items.
type BatchReader interface {
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput,
		...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
}

// BatchWriter is the part of the client that writes many items.
type BatchWriter interface {
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput,
		...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
}

// BatchGet reads the items of keys in any order, consistently; items that do not exist are left
// out. It stops at the first error of each.
//
// Errors: fault.Unavailable when some could not be read; what each returns.
func BatchGet(ctx context.Context, db BatchReader, table string, keys []Item,
	each func(Item) error) error {
	for part := range slices.Chunk(keys, keysPerRead) {
		var items []Item
		err := sendUntilProcessed(ctx, part, func(left []Item) ([]Item, error) {
			ask := map[string]types.KeysAndAttributes{table: {Keys: left, ConsistentRead: aws.Bool(true)}}
			out, err := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
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

// BatchPut writes items without a condition, some before others.
//
// Errors: fault.Unavailable when some may not be written.
func BatchPut(ctx context.Context, db BatchWriter, table string, items []Item) error {
	requests := make([]types.WriteRequest, len(items))
	for i, it := range items {
		requests[i] = types.WriteRequest{PutRequest: &types.PutRequest{Item: it}}
	}
	for part := range slices.Chunk(requests, ItemsPerWrite) {
		err := sendUntilProcessed(ctx, part,
			func(left []types.WriteRequest) ([]types.WriteRequest, error) {
				ask := map[string][]types.WriteRequest{table: left}
				out, err := db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: ask})
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

// errUnprocessed reports that DynamoDB left parts of a batch undone and named no error, as it does
// under load.
var errUnprocessed = errors.New("dynamo: parts of the batch were left unprocessed")

// sendUntilProcessed sends a batch, and what send returns of it as undone again, with waits
// between. Only undone parts are sent again: the SDK has retried errors of the whole batch itself.
func sendUntilProcessed[Part any](ctx context.Context, batch []Part,
	send func([]Part) ([]Part, error)) error {
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
	return awsfault.Of(err)
}
