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

// IndexLag is how global indexes are behind their table: an item stands in an index some moments
// after it was written, and some moments longer under what it said before.
type IndexLag struct {
	Most   time.Duration // by how much an index is behind at most; 0 in runs without this fault
	w      *World
	under  map[string]places // by partition key of an item: where it stands in each index
	recent []shift
}

// places are the partitions of an item in the indexes of settlements.
type places [3]string

// shift is an item that has come to another partition of an index, or into the index.
type shift struct {
	at            int64
	index         int
	item, opened  string // partition key of the item, sort key of the index
	before, after string // partitions of the index
}

// indexNumber gives the number of an index and the attribute that says where an item stands in it.
func indexNumber(name string) (int, string) {
	switch name {
	case "by-taxpayer":
		return 0, "tp_pk"
	case "by-creator":
		return 1, "cr_pk"
	}
	return 2, "op_pk"
}

// recordWrites takes up what was written now.
func (l *IndexLag) recordWrites(written []events.DynamoDBEventRecord) {
	now := l.w.now
	l.recent = slices.DeleteFunc(l.recent, func(s shift) bool {
		return now-s.at > int64(l.Most)
	})
	for i := range written {
		image := written[i].Change.NewImage
		opened, listed := image["at"]
		if !listed {
			continue // figures and acts stand in no index
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

// showOldState leaves of what stands in an index what it shows by now.
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
				l.w.Faults.Count(FaultIndexBehind)
			}
		case s.before:
			l.w.Faults.Count(FaultIndexBehind)
			out.Items = append(out.Items,
				map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: s.item},
					"sk":      &types.AttributeValueMemberS{Value: "META"},
					"at":      &types.AttributeValueMemberS{Value: s.opened},
					attribute: &types.AttributeValueMemberS{Value: partition}})
		}
	}
}

// isBehind tells whether indexes are behind now.
func (l *IndexLag) isBehind() bool { return l.Most > 0 && !l.w.Faults.Over }
