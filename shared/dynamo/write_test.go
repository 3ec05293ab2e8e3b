package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/dynamo/memdb"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/dynamotest"
)

// tries is what a call of Write did: the tokens of its tries, and the longest waits between them.
type tries struct {
	tokens []string
	waits  []time.Duration
	err    error
}

// write writes one new item while the first failures tries meet err, before or after the transaction is done.
func write(t *testing.T, err error, failures int, after bool) (tries, []map[string]types.AttributeValue) {
	t.Helper()
	tables, out, done := dynamotest.OpenInMemory(t), tries{}, 0
	tables.Memory.Before = func(_ context.Context, op memdb.Op) error {
		out.tokens = append(out.tokens, aws.ToString(op.Input.(*dynamodb.TransactWriteItemsInput).ClientRequestToken))
		if !after && len(out.tokens) <= failures {
			return err
		}
		return nil
	}
	tables.Memory.After = func(context.Context, memdb.Op) error {
		if done++; after && done <= failures {
			return err
		}
		return nil
	}
	ctx := pace.WithPause(t.Context(), func(_ context.Context, most time.Duration) error {
		out.waits = append(out.waits, most)
		return nil
	})
	part := dynamo.PutNew(tables.Control, dynamo.Key(keys.Key{PK: "a", SK: "b"}))
	out.err = dynamo.Transact(ctx, tables.Client, "token", []types.TransactWriteItem{part})
	return out, slices.Collect(tables.Memory.Items(tables.Control))
}

func TestWhatMayPassIsTriedAgainWithTheSameToken(t *testing.T) {
	conflict := &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{{Code: aws.String("TransactionConflict")}}}
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for name, c := range map[string]struct {
		err         error
		failures    int
		after       bool
		tries       int
		want        fault.Code // 0 for success
		itemsStored int
	}{
		"throttled twice":             {&types.ThrottlingException{}, 2, false, 3, 0, 1},
		"throttled for long":          {&types.ThrottlingException{}, 99, false, 3, fault.Unavailable, 0},
		"their error for long":        {&types.InternalServerError{}, 99, false, 3, fault.Unavailable, 0},
		"a conflict nine times":       {conflict, 9, false, 10, 0, 1},
		"a conflict for long":         {conflict, 99, false, 10, fault.Unavailable, 0},
		"an answer lost":              {reset, 1, true, 2, 0, 1},
		"all answers lost":            {reset, 99, true, 3, fault.Unavailable, 1},
		"a transaction that is wrong": {&smithy.GenericAPIError{Code: "ValidationException"}, 99, false, 1, fault.System, 0},
		"a token used before":         {&types.IdempotentParameterMismatchException{}, 99, false, 1, fault.System, 0},
	} {
		got, items := write(t, c.err, c.failures, c.after)
		if len(got.tokens) != c.tries || slices.ContainsFunc(got.tokens, func(token string) bool { return token != "token" }) {
			t.Errorf("%s: tries %v, want %d", name, got.tokens, c.tries)
		}
		if (got.err == nil) != (c.want == 0) || got.err != nil && !fault.HasCode(got.err, c.want) || len(items) != c.itemsStored {
			t.Errorf("%s: %v with %d items stored", name, got.err, len(items))
		}
		if len(got.waits) != c.tries-1 || !slices.IsSorted(got.waits) {
			t.Errorf("%s: waits %v", name, got.waits)
		}
	}
}

func TestAnEndedCallIsNotTriedAgain(t *testing.T) {
	tables, met := dynamotest.OpenInMemory(t), 0
	ctx, end := context.WithCancel(t.Context())
	tables.Memory.Before = func(context.Context, memdb.Op) error {
		met++
		end()
		return &types.ThrottlingException{}
	}
	part := dynamo.PutNew(tables.Control, dynamo.Key(keys.Key{PK: "a", SK: "b"}))
	err := dynamo.Transact(ctx, tables.Client, "token", []types.TransactWriteItem{part})
	if !fault.HasCode(err, fault.Unavailable) || !errors.Is(err, context.Canceled) || met != 1 {
		t.Errorf("%v after %d tries", err, met)
	}
}

// A failed condition is decided, whatever else was in the way, and brings the item that was found.
func TestAFailedConditionBringsWhatWasFound(t *testing.T) {
	tables := dynamotest.OpenInMemory(t)
	old := dynamo.Key(keys.Key{PK: "a", SK: "b"})
	old["w"] = dynamo.Text("mine")
	parts := func(sk string) []types.TransactWriteItem {
		return []types.TransactWriteItem{dynamo.PutNew(tables.Control, dynamo.Key(keys.Key{PK: "a", SK: sk})), dynamo.PutNew(tables.Control, old)}
	}
	if err := dynamo.Transact(t.Context(), tables.Client, "one", parts("c")); err != nil {
		t.Fatal(err)
	}
	var refused *dynamo.ConditionError
	err := dynamo.Transact(t.Context(), tables.Client, "two", parts("d"))
	if !errors.As(err, &refused) || len(refused.Found) != 2 || refused.Found[0] != nil || dynamo.TextOf(refused.Found[1], "w") != "mine" {
		t.Errorf("%v %+v", err, refused)
	}
}

func TestFailedConditionsAreReadInOneWay(t *testing.T) {
	mine, other := dynamo.Item{"w": dynamo.Text("mine")}, dynamo.Item{"w": dynamo.Text("other")}
	failed := func(items ...dynamo.Item) error {
		cancelled := &types.TransactionCanceledException{}
		for _, it := range items {
			reason := types.CancellationReason{Code: aws.String("None")}
			if it != nil {
				reason = types.CancellationReason{Code: aws.String("ConditionalCheckFailed"), Item: it}
			}
			cancelled.CancellationReasons = append(cancelled.CancellationReasons, reason)
		}
		return fmt.Errorf("write: %w", cancelled)
	}
	one := func(it dynamo.Item) error { return &types.ConditionalCheckFailedException{Item: it} }
	for name, c := range map[string]struct {
		err  error
		act  string
		want error // nil for success; a fault by its code
	}{
		"done":                           {nil, "mine", nil},
		"one item of this act":           {one(mine), "mine", nil},
		"one item of somebody else":      {one(other), "mine", optimistic.ErrRival},
		"one item, not asked for":        {one(nil), "mine", optimistic.ErrRival},
		"no act":                         {one(dynamo.Item{}), "", optimistic.ErrRival},
		"a transaction of this act":      {failed(nil, mine), "mine", nil},
		"a transaction of somebody else": {failed(other, nil), "mine", optimistic.ErrRival},
		"what Transact made of it":       {&dynamo.ConditionError{Found: []dynamo.Item{mine}}, "mine", nil},
		"cancelled, but by no condition": {failed(nil, nil), "mine", &fault.Error{Code: fault.Unavailable}},
		"a throttle":                     {&types.ThrottlingException{}, "mine", &fault.Error{Code: fault.Unavailable}},
		"a request that is wrong":        {&smithy.GenericAPIError{Code: "ValidationException"}, "mine", &fault.Error{Code: fault.System}},
	} {
		if got := dynamo.WriteOutcome(c.err, "w", c.act); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
