package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
)

// faultyDB is DynamoDB as a function meets it over the network, by its SDK: it takes time, others
// get in between, and it fails in the ways that it does.
type faultyDB struct {
	w  *World
	db dynamo.API
}

var _ dynamo.API = faultyDB{}

// Database returns the client of DynamoDB that functions of this world use.
func (w *World) Database() dynamo.API { return faultyDB{w, w.DB} }

// dbCall is one call of the service.
type dbCall struct {
	op        string
	write     bool
	batch     bool
	label     func() string
	visitKeys func(see func(pk string))
}

const sdkTries = 3 // of the SDK, the first included

// callWithFaults runs a call with what may happen to it.
func callWithFaults[O any](ctx context.Context, c faultyDB, k dbCall,
	run func() (O, error)) (O, error) {
	var none O
	t := TaskOf(ctx)
	if t == nil { // the check afterwards looks without trouble
		return run()
	}
	w := c.w
	for try := 1; ; try++ {
		if t.Killed {
			return none, ErrKilled
		}
		w.Sleep(t, w.DurationBetween(500*time.Microsecond, 6*time.Millisecond))
		w.checkTenantFence(t, k)
		kind := ""
		if w.Faults.IsDue() {
			kind = w.pickFault(k)
		}
		if kind != "" {
			w.Faults.Count(kind)
			w.Trace.Addf("fault", "%s at %s of %s in %s", kind, k.op, k.label(), t.Name)
		}
		switch kind {
		case FaultKill:
			if w.Chance(2) && k.write {
				_, _ = run() // nobody hears the answer
				w.Streams.CollectWrites()
			}
			t.Killed = true
			return none, ErrKilled
		case FaultStall:
			w.Sleep(t, w.DurationBetween(time.Second, 8*time.Minute))
		case FaultThrottle:
			if try < sdkTries && !w.Chance(4) {
				continue
			}
			return none, &types.ProvisionedThroughputExceededException{Message: aws.String("simulated")}
		case FaultConflict:
			if k.op == "TransactWriteItems" {
				return none, &types.TransactionCanceledException{Message: aws.String("simulated"),
					CancellationReasons: []types.CancellationReason{{Code: aws.String("TransactionConflict")}}}
			}
			return none, &types.TransactionConflictException{Message: aws.String("simulated")}
		}
		w.partial = kind == FaultPartialBatch
		out, err := run()
		w.partial = false
		if k.write {
			w.Streams.CollectWrites()
			w.Trace.addWrite(t, k, err)
		}
		if kind == FaultLostAnswer {
			if try < sdkTries && !w.Chance(3) {
				continue
			}
			return none, errConnection
		}
		return out, err
	}
}

// pickFault picks a fault that this call can meet.
func (w *World) pickFault(k dbCall) string {
	switch {
	case !k.write:
		return PickRandom(w, []string{FaultKill, FaultThrottle, FaultThrottle, FaultStall})
	case k.batch:
		return PickRandom(w, []string{FaultKill, FaultThrottle, FaultLostAnswer, FaultPartialBatch,
			FaultPartialBatch})
	default:
		return PickRandom(w, []string{FaultKill, FaultKill, FaultLostAnswer, FaultLostAnswer, FaultThrottle,
			FaultConflict,
			FaultConflict, FaultStall})
	}
}

// checkTenantFence checks promise P8: a task that serves a tenant touches no key of another one.
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

func partitionKey(it map[string]types.AttributeValue) string { return dynamo.TextOf(it, "pk") }

func keyText(it map[string]types.AttributeValue) string {
	return partitionKey(it) + " " + dynamo.TextOf(it, "sk")
}

func singleItemCall(op string, write bool, it map[string]types.AttributeValue) dbCall {
	return dbCall{op: op, write: write, label: func() string {
		return keyText(it)
	}, visitKeys: func(see func(string)) { see(partitionKey(it)) }}
}

func (c faultyDB) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return callWithFaults(ctx, c, singleItemCall("PutItem", true, in.Item),
		func() (*dynamodb.PutItemOutput, error) {
			return c.db.PutItem(ctx, in, o...)
		})
}

func (c faultyDB) GetItem(ctx context.Context, in *dynamodb.GetItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return callWithFaults(ctx, c, singleItemCall("GetItem", false, in.Key),
		func() (*dynamodb.GetItemOutput, error) {
			return c.db.GetItem(ctx, in, o...)
		})
}

func (c faultyDB) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return callWithFaults(ctx, c, singleItemCall("UpdateItem", true, in.Key),
		func() (*dynamodb.UpdateItemOutput, error) {
			return c.db.UpdateItem(ctx, in, o...)
		})
}

func (c faultyDB) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return callWithFaults(ctx, c, singleItemCall("DeleteItem", true, in.Key),
		func() (*dynamodb.DeleteItemOutput, error) {
			return c.db.DeleteItem(ctx, in, o...)
		})
}

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

func (c faultyDB) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput,
	o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	k := dbCall{op: "TransactWriteItems", write: true, label: func() string {
		return partKeyText(in.TransactItems[0])
	}, visitKeys: func(see func(string)) {
		for _, p := range in.TransactItems {
			see(partitionKey(PartKey(p)))
		}
	}}
	return callWithFaults(ctx, c, k, func() (*dynamodb.TransactWriteItemsOutput, error) {
		return c.db.TransactWriteItems(ctx, in, o...)
	})
}

func PartKey(p types.TransactWriteItem) map[string]types.AttributeValue {
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

func partKeyText(p types.TransactWriteItem) string { return keyText(PartKey(p)) }
