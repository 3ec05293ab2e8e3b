package usage

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/dynamo"
)

// Counted counts what goes through an engine that is no client of the SDK, as Count does for one.
func Counted(db dynamo.API) dynamo.API { return counted{db} }

type counted struct{ db dynamo.API }

type options = func(*dynamodb.Options)

// through asks for the capacity of one call and adds it to its context's tally.
func through[In, Out any](ctx context.Context, in *In,
	do func(context.Context, *In, ...options) (*Out, error), o []options) (*Out, error) {
	t, ok := ctx.Value(key{}).(*Tally)
	if !ok {
		return do(ctx, in, o...)
	}
	ask(in)
	out, err := do(ctx, in, o...)
	if err == nil {
		t.add(told(out))
	}
	return out, err
}

func (c counted) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	o ...options) (*dynamodb.PutItemOutput, error) {
	return through(ctx, in, c.db.PutItem, o)
}

func (c counted) GetItem(ctx context.Context, in *dynamodb.GetItemInput,
	o ...options) (*dynamodb.GetItemOutput, error) {
	return through(ctx, in, c.db.GetItem, o)
}

func (c counted) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput,
	o ...options) (*dynamodb.UpdateItemOutput, error) {
	return through(ctx, in, c.db.UpdateItem, o)
}

func (c counted) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput,
	o ...options) (*dynamodb.DeleteItemOutput, error) {
	return through(ctx, in, c.db.DeleteItem, o)
}

func (c counted) Query(ctx context.Context, in *dynamodb.QueryInput,
	o ...options) (*dynamodb.QueryOutput, error) {
	return through(ctx, in, c.db.Query, o)
}

func (c counted) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput,
	o ...options) (*dynamodb.BatchGetItemOutput, error) {
	return through(ctx, in, c.db.BatchGetItem, o)
}

func (c counted) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	o ...options) (*dynamodb.BatchWriteItemOutput, error) {
	return through(ctx, in, c.db.BatchWriteItem, o)
}

func (c counted) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput,
	o ...options) (*dynamodb.BatchExecuteStatementOutput, error) {
	return through(ctx, in, c.db.BatchExecuteStatement, o)
}

func (c counted) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput,
	o ...options) (*dynamodb.TransactWriteItemsOutput, error) {
	return through(ctx, in, c.db.TransactWriteItems, o)
}
