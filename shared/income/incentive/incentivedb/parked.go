package incentivedb

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
)

// parkedPage is the number of waiting events in one page.
const parkedPage = 200

// ParkEvents implements incentive.Parked.
func (s *Events) ParkEvents(ctx context.Context, tenant ident.Tenant,
	events []incentive.Event) error {
	items := make([]item, 0, len(events))
	seen := make(map[keys.Key]bool, len(events))
	for _, e := range events {
		k := keys.ParkedEvent(tenant, e.ActionType, e.EventID)
		// DynamoDB refuses a batch that writes the same item twice.
		if seen[k] {
			continue
		}
		seen[k] = true
		it := dynamo.Key(k)
		writeEvent(it, e)
		items = append(items, it)
	}
	return s.putItems(ctx, items)
}

// ListParked implements incentive.Parked; the cursor is the id of the last event of the previous
// page.
func (s *Events) ListParked(ctx context.Context, tenant ident.Tenant, action,
	cursor string) ([]incentive.Event, string, error) {
	in := dynamo.PartitionQuery(s.name, keys.ParkedEvents(tenant, action), "")
	// an eventually consistent read costs half; the next run sees what is missing
	in.ConsistentRead = nil
	items, next, err := dynamo.QueryPage(ctx, s.client, in, cursor, parkedPage)
	if err != nil {
		return nil, "", err
	}
	events := make([]incentive.Event, 0, len(items))
	for _, it := range items {
		e, err := readEvent(stored(it).text("sk"), stored(it))
		if err != nil {
			return nil, "", err
		}
		events = append(events, e)
	}
	return events, next, nil
}

// StoreReward implements incentive.Parked. The mark of parking stays in the event, because its
// first answer reported it as parked.
func (s *Events) StoreReward(ctx context.Context, tenant ident.Tenant, event string,
	g incentive.Grant) (incentive.Grant, error) {
	values, set := item{}, ""
	grant := item{}
	writeGrant(grant, &g)
	for name, v := range grant {
		values[":"+name] = v
		set += ", " + name + " = :" + name
	}
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: dynamo.Key(keys.Event(tenant, event)),
		UpdateExpression: aws.String("SET" + set[1:]),
		ConditionExpression: aws.String("attribute_exists(pk) AND attribute_not_exists(" +
			attrKind + ")"),
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	rewarded := dynamo.AsConditionError(err)
	if rewarded == nil {
		return g, awsfault.Classify(err)
	}
	// The update was refused: the event has a reward already, which is in the refusal.
	first, err := readGrant(stored(rewarded.Found[0]))
	if err != nil || first == nil {
		return incentive.Grant{},
			fmt.Errorf("incentivedb: event %s of %s is listed as parked and cannot be rewarded: %w", event,
				tenant, errItem)
	}
	return *first, nil
}

// UnparkEvent implements incentive.Parked.
func (s *Events) UnparkEvent(ctx context.Context, tenant ident.Tenant, e incentive.Event) error {
	_, err := s.client.DeleteItem(ctx,
		&dynamodb.DeleteItemInput{TableName: &s.name,
			Key: dynamo.Key(keys.ParkedEvent(tenant, e.ActionType, e.EventID))})
	return awsfault.Classify(err)
}
