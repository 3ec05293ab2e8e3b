package dynamo

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/fault/awsfault"
)

// PartitionQuery returns a strongly consistent query of the items of one partition whose sort keys
// begin with prefix; the prefix "" selects all of them. The caller may change the query, for
// example its order.
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

// QueryItems iterates over all items of a query. QueryItems requests a page from DynamoDB only when
// the items of the page before are used up, so that a caller who stops early causes no further
// reads.
//
// Errors: fault.Unavailable when a page cannot be read; the iteration ends with that error.
func QueryItems(ctx context.Context, db dynamodb.QueryAPIClient,
	in *dynamodb.QueryInput) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		// the paginator copies the query, so that the caller can use it again
		for pages := dynamodb.NewQueryPaginator(db, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(nil, awsfault.Classify(err))
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

// QueryPage reads one page of a query whose partition key is the expression value :pk: at most
// limit items whose sort keys follow the sort key after, or the first items when after is "".
// QueryPage returns the items and the sort key after which the next page begins, "" on the last
// page. A query of an index can read its first page only, because the start of another page would
// need the key attributes of the index too.
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
		return nil, "", awsfault.Classify(err)
	}
	return out.Items, TextOf(out.LastEvaluatedKey, "sk"), nil
}
