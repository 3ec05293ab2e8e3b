package incomedb

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/income"
)

// ReadLines reads the lines that lie in a bucket, sorted by day and id.
func (s *Store) ReadLines(ctx context.Context, b income.Bucket) ([]income.Line, error) {
	var found []income.Line
	for own := range b.LinesByMonth {
		err := s.queryLedger(ctx,
			&dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :sk)"),
				ExpressionAttributeValues: item{":pk": dynamo.Text(keys.CreatorBook(b.Tenant, b.CreatorID)),
					":sk": dynamo.Text(keys.IncomeTypePrefix(own, b.IncomeType))}},
			func(it item) error {
				// Late lines of the same service period lie in other buckets.
				if dynamo.TextOf(it, attrBucket) != b.CyclePeriod().String() {
					return nil
				}
				var l income.Line
				if err := json.Unmarshal([]byte(dynamo.TextOf(it, attrDoc)), &l); err != nil {
					return fault.Internal(err)
				}
				found = append(found, l)
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(x, y income.Line) int {
		return cmp.Or(cmp.Compare(x.OccurredOn.String(), y.OccurredOn.String()),
			cmp.Compare(x.LineID, y.LineID))
	})
	return found, nil
}
