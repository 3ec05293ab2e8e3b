package usage

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/dynamo"
)

// CountingClient counts the consumed capacity of an engine that is no client of the SDK, such as
// the one in memory, as CountCapacity does for the SDK's client.
func CountingClient(db dynamo.API) dynamo.API { return countingClient{db} }

// countingClient implements dynamo.API around another client.
type countingClient struct{ db dynamo.API }

type options = func(*dynamodb.Options)

// countThrough makes one call, requests its consumed capacity, and adds it to the tally of the
// context.
func countThrough[In, Out any](ctx context.Context, in *In,
	do func(context.Context, *In, ...options) (*Out, error), o []options) (*Out, error) {
	t, ok := ctx.Value(tallyKey{}).(*Tally)
	if !ok {
		return do(ctx, in, o...)
	}
	requestCapacity(in)
	out, err := do(ctx, in, o...)
	if err == nil {
		t.addUnits(consumedCapacity(out))
	}
	return out, err
}

func (c countingClient) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	o ...options) (*dynamodb.PutItemOutput, error) {
	return countThrough(ctx, in, c.db.PutItem, o)
}

func (c countingClient) GetItem(ctx context.Context, in *dynamodb.GetItemInput,
	o ...options) (*dynamodb.GetItemOutput, error) {
	return countThrough(ctx, in, c.db.GetItem, o)
}

func (c countingClient) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput,
	o ...options) (*dynamodb.UpdateItemOutput, error) {
	return countThrough(ctx, in, c.db.UpdateItem, o)
}

func (c countingClient) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput,
	o ...options) (*dynamodb.DeleteItemOutput, error) {
	return countThrough(ctx, in, c.db.DeleteItem, o)
}

func (c countingClient) Query(ctx context.Context, in *dynamodb.QueryInput,
	o ...options) (*dynamodb.QueryOutput, error) {
	return countThrough(ctx, in, c.db.Query, o)
}

func (c countingClient) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput,
	o ...options) (*dynamodb.BatchGetItemOutput, error) {
	return countThrough(ctx, in, c.db.BatchGetItem, o)
}

func (c countingClient) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	o ...options) (*dynamodb.BatchWriteItemOutput, error) {
	return countThrough(ctx, in, c.db.BatchWriteItem, o)
}

func (c countingClient) BatchExecuteStatement(ctx context.Context,
	in *dynamodb.BatchExecuteStatementInput,
	o ...options) (*dynamodb.BatchExecuteStatementOutput, error) {
	return countThrough(ctx, in, c.db.BatchExecuteStatement, o)
}

func (c countingClient) TransactWriteItems(ctx context.Context,
	in *dynamodb.TransactWriteItemsInput,
	o ...options) (*dynamodb.TransactWriteItemsOutput, error) {
	return countThrough(ctx, in, c.db.TransactWriteItems, o)
}
