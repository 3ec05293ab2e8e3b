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

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/dynamo/memdb"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/dynamotest"
)

// partly carries out at most most parts of each batch, and all of them after the first so many.
func partly(db *memdb.DB, most, calls int) *int {
	made := 0
	db.Processed = func(_ context.Context, _ memdb.Op, n int) int {
		if made++; made > calls {
			return n
		}
		return min(n, most)
	}
	return &made
}

func items(n int) []dynamo.Item {
	out := make([]dynamo.Item, n)
	for i := range out {
		out[i] = dynamo.Key(keys.Key{PK: "a", SK: fmt.Sprintf("%03d", i)})
	}
	return out
}

func TestABatchIsSentUntilAllOfItIsDone(t *testing.T) {
	tables, waits := dynamotest.OpenInMemory(t), []time.Duration{}
	ctx := pace.WithPause(t.Context(), func(_ context.Context, most time.Duration) error {
		waits = append(waits, most)
		return nil
	})
	const n = 230
	partly(tables.Memory, 20, 3)
	if err := dynamo.BatchPut(ctx, tables.Client, tables.Control, items(n)); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 2 || waits[1] > waits[0]*2 {
		t.Errorf("waits %v", waits)
	}
	partly(tables.Memory, 7, 2)
	var read []string
	err := dynamo.BatchGet(ctx, tables.Client, tables.Control, items(n+5), func(it dynamo.Item) error {
		read = append(read, dynamo.TextOf(it, "sk"))
		return nil
	})
	slices.Sort(read)
	if err != nil || len(slices.Compact(read)) != n {
		t.Errorf("%d items read, %v", len(read), err)
	}
}

func TestABatchThatIsNeverDoneIsUnavailable(t *testing.T) {
	tables := dynamotest.OpenInMemory(t)
	ctx := pace.WithPause(t.Context(), func(context.Context, time.Duration) error { return nil })
	made := partly(tables.Memory, 0, 1000)
	if err := dynamo.BatchPut(ctx, tables.Client, tables.Control, items(1)); !fault.HasCode(err, fault.Unavailable) || *made != dynamo.BatchTries {
		t.Errorf("%v after %d calls", err, *made)
	}
	made = partly(tables.Memory, 0, 1000)
	err := dynamo.BatchGet(ctx, tables.Client, tables.Control, items(1), func(dynamo.Item) error { return nil })
	if !fault.HasCode(err, fault.Unavailable) || *made != dynamo.BatchTries {
		t.Errorf("%v after %d calls", err, *made)
	}
}

func TestABatchEndsWithItsFirstError(t *testing.T) {
	tables, errStop := dynamotest.OpenInMemory(t), errors.New("stop")
	if err := dynamo.BatchPut(t.Context(), tables.Client, tables.Control, items(3)); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := dynamo.BatchGet(t.Context(), tables.Client, tables.Control, items(3), func(dynamo.Item) error {
		seen++
		return errStop
	})
	if !errors.Is(err, errStop) || seen != 1 {
		t.Errorf("%v after %d items", err, seen)
	}
	calls := 0
	tables.Memory.Before = func(context.Context, memdb.Op) error {
		calls++
		return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	if err := dynamo.BatchPut(t.Context(), tables.Client, tables.Control, items(3)); !fault.HasCode(err, fault.Unavailable) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
