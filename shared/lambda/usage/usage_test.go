package usage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/usage"
)

func TestCallsAreCountedInTheirOwnContext(t *testing.T) {
	l := dynamotest.OpenInMemory(t)
	db := usage.CountingClient(l.Client)
	k := keys.PayoutKey("mcn-a", "pk-1")
	ctx, tally := usage.WithTally(t.Context())
	_, other := usage.WithTally(t.Context())
	if _, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &l.Control, Item: dynamo.Key(k)}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &l.Control, Key: dynamo.Key(k)}); err != nil {
		t.Fatal(err)
	}
	if got, want := tally.Units(), (usage.Units{Read: 0.5, Write: 1}); got != want {
		t.Errorf("consumed %v, want %v", got, want)
	}
	if got := other.Units(); got != (usage.Units{}) {
		t.Errorf("another call is charged %v", got)
	}
	in := &dynamodb.PutItemInput{TableName: &l.Control, Item: dynamo.Key(k)}
	if _, err := db.PutItem(t.Context(), in); err != nil || in.ReturnConsumedCapacity != "" {
		t.Errorf("a call that nobody counts asks for %q: %v", in.ReturnConsumedCapacity, err)
	}
}

type handler func(context.Context) ([]byte, error)

func (h handler) Invoke(ctx context.Context, _ []byte) ([]byte, error) { return h(ctx) }

// invoke runs a handler and reads its one line.
func invoke(t *testing.T, h handler) map[string]any {
	t.Helper()
	var log bytes.Buffer
	now := time.Unix(1_795_312_860, 0)
	clock := func() time.Time {
		now = now.Add(7 * time.Millisecond)
		return now
	}
	u := usage.Handler{Handler: h, Log: slog.New(slog.NewJSONHandler(&log, nil)), Function: "settle-incentive", MemoryMB: "256", Now: clock}
	_, _ = u.Invoke(t.Context(), []byte("12345"))
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%s: %v", log.Bytes(), err)
	}
	return line
}

// The line is what costs are shared out by: its fields keep their names.
func TestEachInvocationIsOneLine(t *testing.T) {
	line := invoke(t, func(ctx context.Context) ([]byte, error) {
		usage.AttributeTo(ctx, "mcn-a")
		usage.AttributeTo(ctx, "mcn-a")
		return []byte("123"), nil
	})
	want := map[string]any{"msg": "usage", "tenant": "mcn-a", "function": "settle-incentive", "ms": 7.0, "memory_mb": "256", "read_units": 0.0, "write_units": 0.0,
		"messages": 2.0, "bytes_in": 5.0, "bytes_out": 3.0, "failed": false}
	for name, v := range want {
		if line[name] != v {
			t.Errorf("%s is %v, want %v", name, line[name], v)
		}
	}
	if len(line) != len(want)+2 { // time and level
		t.Errorf("the line has other fields: %v", line)
	}
	line = invoke(t, func(ctx context.Context) ([]byte, error) {
		usage.AttributeTo(ctx, "mcn-a")
		usage.AttributeTo(ctx, "mcn-b")
		usage.AttributeTo(ctx, "mcn-a")
		return nil, errors.New("failed")
	})
	if line["tenant"] != "several" || line["messages"] != 3.0 || line["failed"] != true {
		t.Errorf("an invocation for two tenants that fails: %v", line)
	}
}
