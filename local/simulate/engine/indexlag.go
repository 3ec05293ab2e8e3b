package engine

import (
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
)

// IndexLag makes the global secondary indexes of DynamoDB lag behind their table, as real ones do:
// an item appears in an index some moments after it was written, and stays for some moments under
// its former partition.
type IndexLag struct {
	Most   time.Duration // the longest delay of an index; 0 in runs without this fault
	w      *World
	under  map[string]places // by partition key of an item: its partitions in the indexes
	recent []shift
}

// places are the partitions under which an item appears in the three indexes of the settlements
// table; "" where it does not appear.
type places [3]string

// shift is the move of an item to another partition of an index, or into the index.
type shift struct {
	at            int64
	index         int
	item, opened  string // partition key of the item; sort key in the index
	before, after string // partitions of the index
}

// indexNumber returns the position of an index in places, and the attribute that holds its
// partition key.
func indexNumber(name string) (int, string) {
	switch name {
	case "by-taxpayer":
		return 0, "tp_pk"
	case "by-creator":
		return 1, "cr_pk"
	}
	return 2, "op_pk"
}

// recordWrites notes which items have moved to another partition of an index by the writes that
// just happened.
func (l *IndexLag) recordWrites(written []events.DynamoDBEventRecord) {
	now := l.w.now
	l.recent = slices.DeleteFunc(l.recent, func(s shift) bool {
		return now-s.at > int64(l.Most)
	})
	for i := range written {
		image := written[i].Change.NewImage
		opened, listed := image["at"]
		if !listed {
			continue // figures and acts are in no index
		}
		item := written[i].Change.Keys["pk"].String()
		before := l.under[item]
		after := places{image["tp_pk"].String(), image["cr_pk"].String(), image["op_pk"].String()}
		for n := range after {
			if before[n] != after[n] {
				l.recent = append(l.recent, shift{now, n, item, opened.String(), before[n], after[n]})
			}
		}
		l.under[item] = after
	}
}

// showOldState changes the answer to a query of an index into what a lagging index would answer:
// items that moved in recently are left out, items that moved out recently are still shown.
func (l *IndexLag) showOldState(in *dynamodb.QueryInput, out *dynamodb.QueryOutput) {
	index, attribute := indexNumber(aws.ToString(in.IndexName))
	behind := l.w.now - int64(l.w.DurationBetween(0, l.Most))
	partition := dynamo.TextOf(in.ExpressionAttributeValues, ":pk")
	for _, s := range l.recent {
		if s.at <= behind || s.index != index {
			continue
		}
		switch partition {
		case s.after:
			n := len(out.Items)
			out.Items = slices.DeleteFunc(out.Items, func(it map[string]types.AttributeValue) bool {
				return partitionKey(it) == s.item
			})
			if len(out.Items) < n {
				l.w.Faults.CountFault(FaultIndexBehind)
			}
		case s.before:
			l.w.Faults.CountFault(FaultIndexBehind)
			out.Items = append(out.Items,
				map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: s.item},
					"sk":      &types.AttributeValueMemberS{Value: "META"},
					"at":      &types.AttributeValueMemberS{Value: s.opened},
					attribute: &types.AttributeValueMemberS{Value: partition}})
		}
	}
}

// isBehind reports whether indexes lag in this run, and faults still happen.
func (l *IndexLag) isBehind() bool { return l.Most > 0 && !l.w.Faults.Over }
