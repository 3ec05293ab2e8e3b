package incentivedb

import (
	"context"
	"encoding/json"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivetest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/money"
)

func TestStoreKeepsThePromises(t *testing.T) {
	incentivetest.TestStore(t, func(t *testing.T) incentivetest.Store {
		l := dynamotest.Open(t)
		events, days := NewEvents(l.Client, l.Incentives), NewDays(l.Client, l.Incentives)
		return incentivetest.Store{Events: events, Parked: events, Chunks: days, Days: days}
	})
}

func TestDayCloseTellsWhatIsAccrued(t *testing.T) {
	l := dynamotest.Open(t)
	days := NewDays(l.Client, l.Incentives)
	r := incentivetest.SampleEvent("ev-1")
	d := incentive.CreatorDay{Tenant: "demo", Creator: r.CreatorID, Day: r.Day()}
	if err := days.AddEntries(t.Context(), map[incentive.CreatorDay][]incentive.Entry{d: {{EventID: "ev-1", Grant: r.Grant}}}); err != nil {
		t.Fatal(err)
	}
	closed := dynamo.Key(keys.DayClose(d.Tenant, d.Day, d.Creator))
	closed[attrRevision], closed[attrCash], closed["closed_at"] = dynamo.Number(3), dynamo.Number(1234), dynamo.Text("2026-08-04T00:30:00+08:00")
	if _, err := l.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &l.Incentives, Item: closed}); err != nil {
		t.Fatal(err)
	}
	want := incentive.PriorAccrual{Revision: 3, Cash: money.Fen(1234)}
	entries, got, err := days.ReadCreatorDay(t.Context(), d)
	if err != nil || got != want || len(entries) != 1 {
		t.Errorf("read %+v and %+v (%v)", entries, got, err)
	}
	n := uint64(0)
	for shard := range uint32(keys.DayShards) {
		err := days.ReadShard(t.Context(), d.Tenant, d.Day, shard, func(creator ident.Creator, entries []incentive.Entry, got incentive.PriorAccrual) error {
			n++
			if creator != d.Creator || got != want || len(entries) != 1 {
				t.Errorf("shard gives %s %+v %+v", creator, entries, got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("the creator was given %d times", n)
	}
}

// throttling answers each call so often with a throttled part.
type throttling struct {
	dynamo.API
	refusals int
	err      error
}

func (f *throttling) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchExecuteStatementOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.refusals == 0 {
		return f.API.BatchExecuteStatement(ctx, in, o...)
	}
	f.refusals--
	out, err := f.API.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: in.Statements[:1]}, o...)
	if err != nil {
		return nil, err
	}
	for range in.Statements[1:] {
		out.Responses = append(out.Responses, types.BatchStatementResponse{Error: &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumThrottlingError}})
	}
	return out, nil
}

func (f *throttling) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	if f.refusals == 0 {
		return f.API.BatchWriteItem(ctx, in, o...)
	}
	f.refusals--
	return &dynamodb.BatchWriteItemOutput{UnprocessedItems: in.RequestItems}, nil
}

func samples(n int) []incentive.Recorded {
	out := make([]incentive.Recorded, n)
	for i := range out {
		out[i] = incentivetest.SampleEvent("ev-" + strconv.Itoa(i))
	}
	return out
}

func TestThrottledEventsAreSentAgainAndThenGivenUp(t *testing.T) {
	l := dynamotest.Open(t)
	at := 0
	ctx := pace.WithPause(t.Context(), func(context.Context, time.Duration) error { at++; return nil })
	store := NewEvents(&throttling{API: l.Client, refusals: 2}, l.Incentives)
	for i, got := range store.AddEvents(ctx, "demo", samples(5)) {
		if got.Err != nil || got.First.EventID != "ev-"+strconv.Itoa(i) {
			t.Errorf("event %d: %+v", i, got)
		}
	}
	if at != 2 {
		t.Errorf("paused %d times, want 2", at)
	}
	store = NewEvents(&throttling{API: l.Client, refusals: 1000}, l.Incentives)
	lost := 0
	for _, got := range store.AddEvents(ctx, "other", samples(25)) {
		if got.Err != nil {
			lost++
			if !fault.HasCode(got.Err, fault.Unavailable) {
				t.Errorf("error %v", got.Err)
			}
		}
	}
	if lost != 25-dynamo.BatchTries { // each attempt stores one
		t.Errorf("%d events given up", lost)
	}
}

func TestFailedCallStoresNothingAndSaysSo(t *testing.T) {
	store := NewEvents(&throttling{err: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}}, "incentives")
	for _, got := range store.AddEvents(t.Context(), "demo", samples(30)) {
		if !fault.HasCode(got.Err, fault.Unavailable) {
			t.Errorf("got %+v", got)
		}
	}
}

func TestThrottledChunksAreWrittenAgain(t *testing.T) {
	l := dynamotest.Open(t)
	days := NewDays(&throttling{API: l.Client, refusals: 2}, l.Incentives)
	ctx := pace.WithPause(t.Context(), func(context.Context, time.Duration) error { return nil })
	r := incentivetest.SampleEvent("ev-1")
	d := incentive.CreatorDay{Tenant: "demo", Creator: r.CreatorID, Day: r.Day()}
	entries := map[incentive.CreatorDay][]incentive.Entry{d: {{EventID: "ev-1", Grant: r.Grant}}}
	if err := days.AddEntries(ctx, entries); err != nil {
		t.Fatal(err)
	}
	if got, _, err := days.ReadCreatorDay(t.Context(), d); err != nil || len(got) != 1 {
		t.Errorf("read %+v (%v)", got, err)
	}
	days = NewDays(&throttling{API: l.Client, refusals: dynamo.BatchTries}, l.Incentives)
	if err := days.AddEntries(ctx, entries); err == nil {
		t.Error("chunks that were never written are no success: the stream must bring them again")
	}
}

// image is an item as the stream writes it.
func image(t *testing.T, it item) map[string]events.DynamoDBAttributeValue {
	t.Helper()
	out := map[string]events.DynamoDBAttributeValue{}
	for name, v := range it {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			out[name] = events.NewStringAttribute(v.Value)
		case *types.AttributeValueMemberN:
			out[name] = events.NewNumberAttribute(v.Value)
		default:
			t.Fatalf("attribute %s has type %T", name, v)
		}
	}
	return out
}

func TestFromStream(t *testing.T) {
	rewarded, waiting := incentivetest.SampleEvent("ev-1"), incentivetest.SampleEvent("ev-2")
	waiting.Grant, waiting.Parked = nil, true
	for _, want := range []incentive.Recorded{rewarded, waiting} {
		it, err := eventItem("demo", &want)
		if err != nil {
			t.Fatal(err)
		}
		var record events.DynamoDBEventRecord
		record.Change.NewImage = image(t, it)
		body, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		var arrived events.DynamoDBEventRecord
		if err := json.Unmarshal(body, &arrived); err != nil {
			t.Fatal(err)
		}
		got, ok, err := ParseStreamRecord(arrived)
		if err != nil || !ok || got.Tenant != "demo" || got.Event.EventID != want.EventID || !got.Event.OccurredAt.Equal(want.OccurredAt) ||
			got.Event.CreatorID != want.CreatorID || (got.Grant == nil) != want.Parked || (got.Grant != nil && *got.Grant != *want.Grant) {
			t.Errorf("got %+v %v (%v)", got, ok, err)
		}
	}
}

func TestFromStreamTellsEventsFromTheRest(t *testing.T) {
	chunk := dynamo.Key(keys.DayChunk("demo", incentivetest.SampleEvent("x").Day(), "c-1", "abc"))
	chunk[attrEntries] = dynamo.Text("@\nev-1\n")
	broken := dynamo.Key(keys.Event("demo", "ev-1"))
	broken[attrAt] = dynamo.Text("yesterday")
	for name, c := range map[string]struct {
		it      item
		ok, bad bool
	}{
		"deleted": {nil, false, false},
		"chunk":   {chunk, false, false},
		"day":     {dynamo.Key(keys.EventDay("demo", incentivetest.SampleEvent("x").Day())), false, false},
		"broken":  {broken, true, true},
	} {
		var record events.DynamoDBEventRecord
		record.Change.NewImage = image(t, c.it)
		if got, ok, err := ParseStreamRecord(record); ok != c.ok || (err != nil) != c.bad || (c.bad && got.Tenant != "demo") {
			t.Errorf("%s: %+v %v (%v)", name, got, ok, err)
		}
	}
}
