package main

import (
	"slices"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// lag is how global indexes are behind their table: an item stands in an index some moments after it was written, and
// some moments longer under what it said before.
type lag struct {
	w      *world
	under  map[string]map[string]string // by partition key of an item and attribute: where the item stands in an index
	recent []shift
}

// shift is an item that has come to another partition of an index, or into the index.
type shift struct {
	at            int64
	attribute     string
	item, opened  string // partition key of the item, sort key of the index
	before, after string // partitions of the index
}

// indexes are the partition keys of the indexes of settlements.
func indexes() map[string]string {
	return map[string]string{"by-taxpayer": "tp_pk", "by-creator": "cr_pk", "by-opening": "op_pk"}
}

// note takes up what was written now.
func (l *lag) note(written []events.DynamoDBEventRecord) {
	now := l.w.s.now
	l.recent = slices.DeleteFunc(l.recent, func(s shift) bool { return now-s.at > int64(l.w.turns.lag) })
	for i := range written {
		image := written[i].Change.NewImage
		item := written[i].Change.Keys["pk"].String()
		for _, attribute := range indexes() {
			value, ok := image[attribute]
			if !ok {
				continue
			}
			if l.under[item] == nil {
				l.under[item] = map[string]string{}
			}
			if before := l.under[item][attribute]; before != value.String() {
				l.under[item][attribute] = value.String()
				l.recent = append(l.recent, shift{now, attribute, item, image["at"].String(), before, value.String()})
			}
		}
	}
}

// shows gives what an index shows by now of what stands in it.
func (l *lag) shows(in *dynamodb.QueryInput, out *dynamodb.QueryOutput) {
	attribute := indexes()[aws.ToString(in.IndexName)]
	behind := l.w.s.now - int64(l.w.s.between(0, l.w.turns.lag))
	partition := textOf(in.ExpressionAttributeValues, ":pk")
	for _, s := range l.recent {
		if s.at <= behind || s.attribute != attribute {
			continue
		}
		switch partition {
		case s.after:
			n := len(out.Items)
			out.Items = slices.DeleteFunc(out.Items, func(it map[string]types.AttributeValue) bool { return pkOf(it) == s.item })
			if len(out.Items) < n {
				l.w.faults.count(faultIndex)
			}
		case s.before:
			l.w.faults.count(faultIndex)
			out.Items = append(out.Items, map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: s.item}, "sk": &types.AttributeValueMemberS{Value: "META"},
				"at": &types.AttributeValueMemberS{Value: s.opened}, attribute: &types.AttributeValueMemberS{Value: partition}})
		}
	}
}

// lagging tells whether indexes are behind in this run.
func (l *lag) lagging() bool { return l.w.turns.lag > 0 && !l.w.faults.over }
