package incentivedb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
)

// table is a client of the incentives table.
type table struct {
	client dynamo.API
	name   string
}

// Events stores recorded events and lists the events that wait for a strategy. It implements
// incentive.Events and incentive.Parked.
type Events struct{ table }

// NewEvents returns the store of the events in a table.
func NewEvents(client dynamo.API, name string) *Events { return &Events{table{client, name}} }

// callsAtOnce is the largest number of DynamoDB calls that run at the same time for one batch of
// events.
const callsAtOnce = 4

// AddEvents implements incentive.Events.
func (s *Events) AddEvents(ctx context.Context, tenant ident.Tenant,
	events []incentive.Recorded) []incentive.StoreOutcome {
	if len(events) == 1 {
		return []incentive.StoreOutcome{s.addEvent(ctx, tenant, &events[0])}
	}
	out := make([]incentive.StoreOutcome, len(events))
	var group errgroup.Group
	group.SetLimit(pace.Parallelism(ctx, callsAtOnce))
	for from := 0; from < len(events); from += dynamo.ItemsPerWrite {
		to := min(from+dynamo.ItemsPerWrite, len(events))
		group.Go(func() error {
			s.addBatch(ctx, tenant, events[from:to], out[from:to])
			return nil
		})
	}
	_ = group.Wait() // out holds the outcome of each event
	return out
}

// addEvent stores one event with a conditional put.
func (s *Events) addEvent(ctx context.Context, tenant ident.Tenant,
	r *incentive.Recorded) incentive.StoreOutcome {
	it, err := eventItem(tenant, r)
	if err != nil {
		return incentive.StoreOutcome{Err: err}
	}
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.name, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return incentive.StoreOutcome{First: *r}
	}
	// The id exists: the stored event is in the refusal, so no further read is needed.
	if taken := dynamo.AsConditionError(err); taken != nil {
		return existingOutcome(r.EventID, taken.Found[0])
	}
	return incentive.StoreOutcome{Err: awsfault.Classify(err)}
}

// existingOutcome returns the outcome for an event whose id exists already.
func existingOutcome(event string, it item) incentive.StoreOutcome {
	first, err := readRecorded(event, stored(it))
	return incentive.StoreOutcome{First: first, Err: err}
}

// addBatch stores up to dynamo.ItemsPerWrite events in one call; throttled events are sent again,
// and events whose id exists are read.
func (s *Events) addBatch(ctx context.Context, tenant ident.Tenant, events []incentive.Recorded,
	out []incentive.StoreOutcome) {
	left := make([]int, len(events))
	for i := range left {
		left[i] = i
	}
	var taken []int
	again := func(tries int, _ error) bool { return tries < dynamo.BatchTries }
	_ = pace.Retry(ctx, again, func() error { // out holds the outcome of each event
		left, taken = s.insertBatch(ctx, tenant, events, left, taken, out)
		if len(left) > 0 {
			return errLeft
		}
		return nil
	})
	if len(taken) > 0 {
		s.readExisting(ctx, tenant, events, taken, out)
	}
}

// errLeft reports that some events of a batch were throttled and must be sent again.
var errLeft = errors.New("incentivedb: some events were throttled")

// insertBatch tries to store the events with the indexes in left. It returns the indexes to try
// again, whose Err holds the reason, and appends to taken the indexes of the events whose id
// exists.
func (s *Events) insertBatch(ctx context.Context, tenant ident.Tenant,
	events []incentive.Recorded, left,
	taken []int, out []incentive.StoreOutcome) (again, nowTaken []int) {
	responses, err := s.executeInserts(ctx, tenant, events, left)
	if err != nil {
		// The SDK has retried the call. Events that it stored nevertheless are recognised by their write
		// id when the sender sends them again.
		for _, i := range left {
			out[i].Err = err
		}
		return nil, taken
	}
	for n, i := range left {
		switch e := responses[n].Error; {
		case e == nil:
			out[i] = incentive.StoreOutcome{First: events[i]}
		case e.Code == types.BatchStatementErrorCodeEnumDuplicateItem:
			taken = append(taken, i)
		default:
			out[i].Err = awsfault.ClassifyCode(string(e.Code), aws.ToString(e.Message))
			if awsfault.IsPassingCode(string(e.Code)) {
				again = append(again, i)
			}
		}
	}
	return again, taken
}

// executeInserts sends the insert statements of the events with the indexes in left in one call.
func (s *Events) executeInserts(ctx context.Context, tenant ident.Tenant,
	events []incentive.Recorded, left []int) ([]types.BatchStatementResponse, error) {
	statements := make([]types.BatchStatementRequest, len(left))
	for n, i := range left {
		it, err := eventItem(tenant, &events[i])
		if err != nil {
			return nil, err
		}
		statements[n] = s.newInsertStatement(it)
	}
	answer, err := s.client.BatchExecuteStatement(ctx,
		&dynamodb.BatchExecuteStatementInput{Statements: statements})
	if err != nil {
		return nil, awsfault.Classify(err)
	}
	if len(answer.Responses) != len(left) {
		return nil, awsfault.Classify(fmt.Errorf("incentivedb: %d answers to %d statements",
			len(answer.Responses), len(left)))
	}
	return answer.Responses, nil
}

// insertOrder is the order of an event's attributes in a statement. It must not be changed, so that
// statements with the same attributes are equal.
var insertOrder = [...]string{
	"pk", "sk", attrCreator, attrAction, attrAt, attrQuantity, attrPlatform, attrDetails, attrDigest,
	attrRecorded, attrWrite,
	attrKind, attrValue, attrStrategy, attrVersion, attrCap, attrParked,
}

// newInsertStatement returns a conditional put in PartiQL: INSERT fails when the key exists. Items
// with the same attributes have the same statement text.
func (s *Events) newInsertStatement(it item) types.BatchStatementRequest {
	var text strings.Builder
	text.WriteString(`INSERT INTO "`)
	text.WriteString(s.name)
	text.WriteString(`" VALUE {`)
	parameters := make([]types.AttributeValue, 0, len(it))
	for _, name := range insertOrder {
		v, ok := it[name]
		if !ok {
			continue
		}
		if len(parameters) > 0 {
			text.WriteByte(',')
		}
		text.WriteString("'" + name + "':?")
		parameters = append(parameters, v)
	}
	text.WriteByte('}')
	return types.BatchStatementRequest{Statement: aws.String(text.String()), Parameters: parameters}
}

// readExisting reads the events whose ids existed before this call.
func (s *Events) readExisting(ctx context.Context, tenant ident.Tenant, events []incentive.Recorded,
	places []int, out []incentive.StoreOutcome) {
	place := make(map[string]int, len(places)) // partition key -> place
	ask := make([]item, len(places))
	for n, i := range places {
		k := keys.Event(tenant, events[i].EventID)
		place[k.PK], ask[n] = i, dynamo.Key(k)
		// Every outcome is an error until its event was read.
		out[i].Err = fault.Temporary(errUnread)
	}
	err := dynamo.BatchGet(ctx, s.client, s.name, ask, func(it item) error {
		i := place[stored(it).text("pk")]
		out[i] = existingOutcome(events[i].EventID, it)
		return nil
	})
	for _, i := range places {
		if err != nil && errors.Is(out[i].Err, errUnread) {
			out[i].Err = err
		}
	}
}

// errUnread reports that an event whose id exists could not be read.
var errUnread = errors.New("incentivedb: an event that exists could not be read")
