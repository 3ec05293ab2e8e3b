package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
)

// faultyDB is DynamoDB as a function meets it through the AWS SDK: calls take time, other tasks
// run in between, and calls fail in the ways in which DynamoDB fails.
type faultyDB struct {
	w  *World
	db dynamo.API
}

var _ dynamo.API = faultyDB{}

// Database returns the faulty client of DynamoDB that the functions of this world use.
func (w *World) Database() dynamo.API { return faultyDB{w, w.DB} }

// dbCall describes one call of DynamoDB, so that callWithFaults can choose a fault for the call
// and write the call to the trace.
type dbCall struct {
	op        string
	write     bool
	batch     bool
	label     func() string
	visitKeys func(see func(pk string))
}

// sdkTries is how often the SDK makes a call that is throttled or not answered, the first try
// included.
const sdkTries = 3

// callWithFaults makes a call of DynamoDB as the SDK does, with up to sdkTries tries, and lets each
// try meet a fault where the faults of the run say so.
//
// Errors: ErrKilled when the task is killed; the errors of DynamoDB for throttling, conflicts and
// broken connections.
func callWithFaults[O any](ctx context.Context, c faultyDB, k dbCall,
	run func() (O, error)) (O, error) {
	t := TaskOf(ctx)
	if t == nil { // the checks after the run read without faults
		return run()
	}
	for try := 1; ; try++ {
		out, retry, err := tryWithFaults(c.w, t, k, run)
		if !retry {
			return out, err
		}
		// a throttled call is given up early in one of four cases, a lost answer in one of three
		giveUp := 4
		if errors.Is(err, errConnection) {
			giveUp = 3
		}
		if try >= sdkTries || c.w.Chance(giveUp) {
			var none O
			return none, err
		}
	}
}

// tryWithFaults makes one try of a call. It reports whether the SDK would retry the error.
func tryWithFaults[O any](w *World, t *Task, k dbCall, run func() (O, error)) (out O, retry bool,
	err error) {
	if t.Killed {
		return out, false, ErrKilled
	}
	w.Sleep(t, w.DurationBetween(500*time.Microsecond, 6*time.Millisecond))
	w.checkTenantFence(t, k)
	kind := w.drawFault(t, k)
	switch kind {
	case FaultKill:
		if w.Chance(2) && k.write {
			_, _ = run() // the write happens, and the process dies before the answer
			w.Streams.CollectWrites()
		}
		t.Killed = true
		return out, false, ErrKilled
	case FaultStall:
		w.Sleep(t, w.DurationBetween(time.Second, 8*time.Minute))
	case FaultThrottle:
		return out, true,
			&types.ProvisionedThroughputExceededException{Message: aws.String("simulated")}
	case FaultConflict:
		return out, false, conflictError(k)
	}
	w.partial = kind == FaultPartialBatch
	answer, err := run()
	w.partial = false
	if k.write {
		w.Streams.CollectWrites()
		w.Trace.addWrite(t, k, err)
	}
	if kind == FaultLostAnswer {
		return out, true, errConnection
	}
	return answer, false, err
}

// drawFault returns the fault that a call meets, "" for none.
func (w *World) drawFault(t *Task, k dbCall) string {
	if !w.Faults.IsDue() {
		return ""
	}
	kind := w.pickFault(k)
	w.Faults.CountFault(kind)
	w.Trace.Printf("fault", "%s at %s of %s in %s", kind, k.op, k.label(), t.Name)
	return kind
}

// conflictError is the error of DynamoDB when another transaction writes one of the items.
func conflictError(k dbCall) error {
	if k.op == "TransactWriteItems" {
		return &types.TransactionCanceledException{Message: aws.String("simulated"),
			CancellationReasons: []types.CancellationReason{{Code: aws.String("TransactionConflict")}}}
	}
	return &types.TransactionConflictException{Message: aws.String("simulated")}
}

// pickFault picks a fault that a database call can meet: reads never conflict, and only batches
// are written in part.
func (w *World) pickFault(k dbCall) string {
	switch {
	case !k.write:
		return PickRandom(w, []string{FaultKill, FaultThrottle, FaultThrottle, FaultStall})
	case k.batch:
		return PickRandom(w, []string{FaultKill, FaultThrottle, FaultLostAnswer, FaultPartialBatch,
			FaultPartialBatch})
	default:
		return PickRandom(w,
			[]string{FaultKill, FaultKill, FaultLostAnswer, FaultLostAnswer, FaultThrottle,
				FaultConflict,
				FaultConflict, FaultStall})
	}
}

// checkTenantFence checks promise P8: a task that serves a tenant reads and writes no key of
// another tenant. Keys of the pseudo tenant "-" belong to all tenants.
func (w *World) checkTenantFence(t *Task, k dbCall) {
	if t.Tenant == "" {
		return
	}
	k.visitKeys(func(pk string) {
		if !strings.HasPrefix(pk, string("T#"+t.Tenant+"#")) && !strings.HasPrefix(pk, "T#-#") {
			w.ReportBroken("P8", "%s for %s: %s of %s", t.Name, t.Tenant, k.op, pk)
		}
	})
}

// partitionKey returns the partition key of an item or key.
func partitionKey(it map[string]types.AttributeValue) string { return dynamo.TextOf(it, "pk") }

// keyText returns partition key and sort key of an item as one text for the trace.
func keyText(it map[string]types.AttributeValue) string {
	return partitionKey(it) + " " + dynamo.TextOf(it, "sk")
}

// singleItemCall describes a call that reads or writes one item.
func singleItemCall(op string, write bool, it map[string]types.AttributeValue) dbCall {
	return dbCall{op: op, write: write, label: func() string {
		return keyText(it)
	}, visitKeys: func(see func(string)) { see(partitionKey(it)) }}
}

// PutItem makes the call of DynamoDB with faults.
func (c faultyDB) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return callWithFaults(ctx, c, singleItemCall("PutItem", true, in.Item),
		func() (*dynamodb.PutItemOutput, error) {
			return c.db.PutItem(ctx, in, o...)
		})
}

// GetItem makes the call of DynamoDB with faults.
func (c faultyDB) GetItem(ctx context.Context, in *dynamodb.GetItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return callWithFaults(ctx, c, singleItemCall("GetItem", false, in.Key),
		func() (*dynamodb.GetItemOutput, error) {
			return c.db.GetItem(ctx, in, o...)
		})
}

// UpdateItem makes the call of DynamoDB with faults.
func (c faultyDB) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return callWithFaults(ctx, c, singleItemCall("UpdateItem", true, in.Key),
		func() (*dynamodb.UpdateItemOutput, error) {
			return c.db.UpdateItem(ctx, in, o...)
		})
}

// DeleteItem makes the call of DynamoDB with faults.
func (c faultyDB) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return callWithFaults(ctx, c, singleItemCall("DeleteItem", true, in.Key),
		func() (*dynamodb.DeleteItemOutput, error) {
			return c.db.DeleteItem(ctx, in, o...)
		})
}

// Query makes the call of DynamoDB with faults; an index may show its state of some moments ago.
func (c faultyDB) Query(ctx context.Context, in *dynamodb.QueryInput,
	o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	pk := dynamo.TextOf(in.ExpressionAttributeValues, ":pk")
	k := dbCall{op: "Query", label: func() string {
		return pk
	}, visitKeys: func(see func(string)) { see(pk) }}
	return callWithFaults(ctx, c, k, func() (*dynamodb.QueryOutput, error) {
		out, err := c.db.Query(ctx, in, o...)
		if err == nil && in.IndexName != nil && TaskOf(ctx) != nil && c.w.Lag.isBehind() {
			c.w.Lag.showOldState(in, out)
		}
		return out, err
	})
}

// BatchGetItem makes the call of DynamoDB with faults.
func (c faultyDB) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	k := dbCall{op: "BatchGetItem", label: func() string {
		return fmt.Sprint(len(in.RequestItems))
	}, visitKeys: func(see func(string)) {
		for _, r := range in.RequestItems {
			for _, it := range r.Keys {
				see(partitionKey(it))
			}
		}
	}}
	return callWithFaults(ctx, c, k, func() (*dynamodb.BatchGetItemOutput, error) {
		return c.db.BatchGetItem(ctx, in, o...)
	})
}

// BatchWriteItem makes the call of DynamoDB with faults; in some calls the second half of the
// batch stays unprocessed.
func (c faultyDB) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	k := dbCall{op: "BatchWriteItem", write: true, batch: true, label: func() string {
		return "items"
	}, visitKeys: func(see func(string)) {
		for _, rs := range in.RequestItems {
			for _, r := range rs {
				if r.PutRequest != nil {
					see(partitionKey(r.PutRequest.Item))
				}
			}
		}
	}}
	return callWithFaults(ctx, c, k, func() (*dynamodb.BatchWriteItemOutput, error) {
		part, rest := in, map[string][]types.WriteRequest(nil)
		for table, rs := range in.RequestItems {
			if len(rs) > 1 && c.w.partial {
				part = &dynamodb.BatchWriteItemInput{
					RequestItems: map[string][]types.WriteRequest{table: rs[:len(rs)/2]}}
				rest = map[string][]types.WriteRequest{table: rs[len(rs)/2:]}
			}
		}
		out, err := c.db.BatchWriteItem(ctx, part, o...)
		if err == nil && rest != nil {
			out.UnprocessedItems = rest
		}
		return out, err
	})
}

// BatchExecuteStatement makes the call of DynamoDB with faults; in some calls the second half of
// the statements is throttled.
func (c faultyDB) BatchExecuteStatement(ctx context.Context,
	in *dynamodb.BatchExecuteStatementInput,
	o ...func(*dynamodb.Options)) (*dynamodb.BatchExecuteStatementOutput, error) {
	k := dbCall{op: "BatchExecuteStatement", write: true, batch: true, label: func() string {
		return "events"
	}, visitKeys: func(see func(string)) {
		for _, st := range in.Statements {
			if pk, ok := st.Parameters[0].(*types.AttributeValueMemberS); ok {
				see(pk.Value)
			}
		}
	}}
	return callWithFaults(ctx, c, k, func() (*dynamodb.BatchExecuteStatementOutput, error) {
		n := len(in.Statements)
		if n > 1 && c.w.partial {
			n /= 2
		}
		out, err := c.db.BatchExecuteStatement(ctx,
			&dynamodb.BatchExecuteStatementInput{Statements: in.Statements[:n]}, o...)
		for i := n; err == nil && i < len(in.Statements); i++ {
			out.Responses = append(out.Responses,
				types.BatchStatementResponse{
					Error: &types.BatchStatementError{Code: types.BatchStatementErrorCodeEnumThrottlingError,
						Message: aws.String("simulated")}})
		}
		return out, err
	})
}

// TransactWriteItems makes the call of DynamoDB with faults.
func (c faultyDB) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput,
	o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	k := dbCall{op: "TransactWriteItems", write: true, label: func() string {
		return partKeyText(in.TransactItems[0])
	}, visitKeys: func(see func(string)) {
		for _, p := range in.TransactItems {
			see(partitionKey(TransactPartKey(p)))
		}
	}}
	return callWithFaults(ctx, c, k, func() (*dynamodb.TransactWriteItemsOutput, error) {
		return c.db.TransactWriteItems(ctx, in, o...)
	})
}

// TransactPartKey returns the key, or the whole item of a put, of one part of a transaction.
func TransactPartKey(p types.TransactWriteItem) map[string]types.AttributeValue {
	switch {
	case p.Put != nil:
		return p.Put.Item
	case p.Update != nil:
		return p.Update.Key
	case p.Delete != nil:
		return p.Delete.Key
	case p.ConditionCheck != nil:
		return p.ConditionCheck.Key
	}
	return nil
}

// partKeyText returns the key of one part of a transaction as text for the trace.
func partKeyText(p types.TransactWriteItem) string { return keyText(TransactPartKey(p)) }
