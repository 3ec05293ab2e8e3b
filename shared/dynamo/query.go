package dynamo

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/fault/awsfault"
)

// PartitionQuery returns the strongly consistent query of all items of one partition whose sort
// keys begin with prefix; "" is every sort key. The caller may still change the query, for example
// its order.
func PartitionQuery(table, partition, prefix string) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                 aws.String(table),
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: Item{":pk": Text(partition)},
	}
	if prefix != "" {
		// DynamoDB refuses an empty string in begins_with
		in.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :sk)")
		in.ExpressionAttributeValues[":sk"] = Text(prefix)
	}
	return in
}

// QueryItems iterates over all items of a query. It requests the next page of DynamoDB only when
// the items of the page before are used up, so a caller that leaves the loop saves the other pages.
//
// Errors: fault.Unavailable when a page cannot be read; the iteration ends with that error.
func QueryItems(ctx context.Context, db dynamodb.QueryAPIClient,
	in *dynamodb.QueryInput) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		// the paginator copies the input, so that the caller's query can be used again
		for pages := dynamodb.NewQueryPaginator(db, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(nil, awsfault.Of(err))
				return
			}
			for _, it := range page.Items {
				if !yield(it, nil) {
					return
				}
			}
		}
	}
}

// QueryEach calls handle for every item of a query, in the order of the query, and stops at the
// first error.
//
// Errors: fault.Unavailable when a page cannot be read; the errors of handle as they are.
func QueryEach(ctx context.Context, db dynamodb.QueryAPIClient, in *dynamodb.QueryInput,
	handle func(Item) error) error {
	for it, err := range QueryItems(ctx, db, in) {
		if err == nil {
			err = handle(it)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// QueryAll reads every item of a query into memory.
//
// Errors: fault.Unavailable when a page cannot be read.
func QueryAll(ctx context.Context, db dynamodb.QueryAPIClient,
	in *dynamodb.QueryInput) ([]Item, error) {
	var all []Item
	err := QueryEach(ctx, db, in, func(it Item) error {
		all = append(all, it)
		return nil
	})
	return all, err
}

// QueryPage reads one page of a query whose partition key is the value :pk: at most limit items
// that follow the sort key after, or the first ones when after is "". The string that it returns is
// the sort key after which the next page begins; it is "" on the last page. An index has further
// key attributes, so of a query of an index QueryPage can read the first page only.
//
// Errors: fault.Unavailable when the page cannot be read.
func QueryPage(ctx context.Context, db dynamodb.QueryAPIClient, in *dynamodb.QueryInput,
	after string, limit int) ([]Item, string, error) {
	page := *in
	page.Limit = aws.Int32(int32(limit))
	if after != "" {
		page.ExclusiveStartKey = Item{"pk": in.ExpressionAttributeValues[":pk"], "sk": Text(after)}
	}
	out, err := db.Query(ctx, &page)
	if err != nil {
		return nil, "", awsfault.Of(err)
	}
	return out.Items, TextOf(out.LastEvaluatedKey, "sk"), nil
}
