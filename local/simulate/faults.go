package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
)

// The kinds of faults.
const (
	faultKill      = "kill"          // the process ends between two calls
	faultLost      = "lost answer"   // the call was done, the answer never came
	faultThrottle  = "throttle"      // refused for now
	faultConflict  = "conflict"      // another transaction is at work on an item
	faultPartial   = "partial batch" // only a part of a batch was taken
	faultStall     = "stall"         // the process stands still for minutes
	faultDuplicate = "duplicate"     // delivered again after it was done
	faultDelay     = "delay"         // delivered late, others overtake it
	faultRecord    = "lost record"   // a stream record was given up
	faultSend      = "send failed"   // a queue took some or none of the messages
	// a gateway says nothing, says it late, or does not know what it knows
	faultGateway  = "gateway lie"
	faultReturn   = "late return"    // money comes back after it was paid
	faultVault    = "vault down"     // the payee's account cannot be read
	faultSkew     = "clock skew"     // a machine's clock is wrong
	faultClick    = "double click"   // a person does it twice, or on an old view
	faultMonthEnd = "month end"      // the month changes between two steps
	faultIndex    = "index behind"   // an index does not show what was just written
	faultNight    = "repeated night" // a nightly job runs twice, or for one cohort at a time
)

var errKilled = errors.New("simulate: the process was killed")

// errConnection is a connection that breaks, as the SDK reports it after its last attempt.
var errConnection error = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// faults decides which call meets which fault: about one in mean, and none once the trouble is
// over.
type faults struct {
	s       *scheduler
	over    bool
	gap     int // calls until the next one
	mean    int
	counted map[string]int
	trace   *trace
}

func newFaults(s *scheduler, tr *trace) *faults {
	f := &faults{s: s, mean: 60 + s.rng.IntN(100), counted: map[string]int{}, trace: tr}
	f.rest()
	return f
}

// rest decides how long nothing happens: faults come alone, or several close together.
func (f *faults) rest() {
	f.gap = 1 + f.s.rng.IntN(2*f.mean)
	if f.s.chance(4) {
		f.gap = 1 + f.s.rng.IntN(4)
	}
}

// due tells whether this call meets a fault.
func (f *faults) due() bool {
	if f.over {
		return false
	}
	f.gap--
	if f.gap > 0 {
		return false
	}
	f.rest()
	return true
}

// chance is true once in n times while there is trouble, and counts it.
func (f *faults) chance(n int, kind string) bool {
	if f.over || !f.s.chance(n) {
		return false
	}
	f.count(kind)
	return true
}

func (f *faults) count(kind string) { f.counted[kind]++ }

func (f *faults) total() int {
	sum := 0
	for _, n := range f.counted {
		sum += n
	}
	return sum
}

// client is DynamoDB as a function meets it over the network, by its SDK: it takes time, others get
// in between, and it fails in the ways that it does.
type client struct {
	w  *world
	db dynamo.API
}

var _ dynamo.API = client{}

// call is one call of the service.
type call struct {
	op    string
	write bool
	batch bool
	what  func() string
	keys  func(see func(pk string))
}

const sdkTries = 3 // of the SDK, the first included

// do runs a call with what may happen to it.
func do[O any](ctx context.Context, c client, k call, run func() (O, error)) (O, error) {
	var none O
	t := taskOf(ctx)
	if t == nil { // the check afterwards looks without trouble
		return run()
	}
	w := c.w
	for try := 1; ; try++ {
		if t.dead {
			return none, errKilled
		}
		w.s.wait(t, w.s.between(500*time.Microsecond, 6*time.Millisecond))
		w.fence(t, k)
		kind := ""
		if w.faults.due() {
			kind = w.kindFor(k)
		}
		if kind != "" {
			w.faults.count(kind)
			w.trace.add("fault", "%s at %s of %s in %s", kind, k.op, k.what(), t.name)
		}
		switch kind {
		case faultKill:
			if w.s.chance(2) && k.write {
				_, _ = run() // nobody hears the answer
				w.streams.look()
			}
			t.dead = true
			return none, errKilled
		case faultStall:
			w.s.wait(t, w.s.between(time.Second, 8*time.Minute))
		case faultThrottle:
			if try < sdkTries && !w.s.chance(4) {
				continue
			}
			return none, &types.ProvisionedThroughputExceededException{Message: aws.String("simulated")}
		case faultConflict:
			if k.op == "TransactWriteItems" {
				return none, &types.TransactionCanceledException{Message: aws.String("simulated"),
					CancellationReasons: []types.CancellationReason{{Code: aws.String("TransactionConflict")}}}
			}
			return none, &types.TransactionConflictException{Message: aws.String("simulated")}
		}
		w.partial = kind == faultPartial
		out, err := run()
		w.partial = false
		if k.write {
			w.streams.look()
			w.trace.op(t, k, err)
		}
		if kind == faultLost {
			if try < sdkTries && !w.s.chance(3) {
				continue
			}
			return none, errConnection
		}
		return out, err
	}
}

// kindFor picks a fault that this call can meet.
func (w *world) kindFor(k call) string {
	switch {
	case !k.write:
		return one(w.s, []string{faultKill, faultThrottle, faultThrottle, faultStall})
	case k.batch:
		return one(w.s, []string{faultKill, faultThrottle, faultLost, faultPartial, faultPartial})
	default:
		return one(w.s, []string{faultKill, faultKill, faultLost, faultLost, faultThrottle, faultConflict,
			faultConflict, faultStall})
	}
}

// fence checks promise P8: a task that serves a tenant touches no key of another one.
func (w *world) fence(t *task, k call) {
	if t.tenant == "" {
		return
	}
	k.keys(func(pk string) {
		if !strings.HasPrefix(pk, string("T#"+t.tenant+"#")) && !strings.HasPrefix(pk, "T#-#") {
			w.broken("P8", "%s for %s: %s of %s", t.name, t.tenant, k.op, pk)
		}
	})
}

func pkOf(it map[string]types.AttributeValue) string { return textOf(it, "pk") }

func keyText(it map[string]types.AttributeValue) string { return pkOf(it) + " " + textOf(it, "sk") }

func textOf(it map[string]types.AttributeValue, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func single(op string, write bool, it map[string]types.AttributeValue) call {
	return call{op: op, write: write, what: func() string {
		return keyText(it)
	}, keys: func(see func(string)) { see(pkOf(it)) }}
}

func (c client) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return do(ctx, c, single("PutItem", true, in.Item), func() (*dynamodb.PutItemOutput, error) {
		return c.db.PutItem(ctx, in, o...)
	})
}

func (c client) GetItem(ctx context.Context, in *dynamodb.GetItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return do(ctx, c, single("GetItem", false, in.Key), func() (*dynamodb.GetItemOutput, error) {
		return c.db.GetItem(ctx, in, o...)
	})
}

func (c client) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return do(ctx, c, single("UpdateItem", true, in.Key), func() (*dynamodb.UpdateItemOutput, error) {
		return c.db.UpdateItem(ctx, in, o...)
	})
}

func (c client) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return do(ctx, c, single("DeleteItem", true, in.Key), func() (*dynamodb.DeleteItemOutput, error) {
		return c.db.DeleteItem(ctx, in, o...)
	})
}

func (c client) Query(ctx context.Context, in *dynamodb.QueryInput,
	o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	pk := textOf(in.ExpressionAttributeValues, ":pk")
	k := call{op: "Query", what: func() string { return pk }, keys: func(see func(string)) { see(pk) }}
	return do(ctx, c, k, func() (*dynamodb.QueryOutput, error) {
		out, err := c.db.Query(ctx, in, o...)
		if err == nil && in.IndexName != nil && taskOf(ctx) != nil && c.w.lag.lagging() {
			c.w.lag.shows(in, out)
		}
		return out, err
	})
}

func (c client) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	k := call{op: "BatchGetItem", what: func() string {
		return fmt.Sprint(len(in.RequestItems))
	}, keys: func(see func(string)) {
		for _, r := range in.RequestItems {
			for _, it := range r.Keys {
				see(pkOf(it))
			}
		}
	}}
	return do(ctx, c, k, func() (*dynamodb.BatchGetItemOutput, error) {
		return c.db.BatchGetItem(ctx, in, o...)
	})
}

func (c client) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	o ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	k := call{op: "BatchWriteItem", write: true, batch: true, what: func() string {
		return "items"
	}, keys: func(see func(string)) {
		for _, rs := range in.RequestItems {
			for _, r := range rs {
				if r.PutRequest != nil {
					see(pkOf(r.PutRequest.Item))
				}
			}
		}
	}}
	return do(ctx, c, k, func() (*dynamodb.BatchWriteItemOutput, error) {
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

func (c client) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput,
	o ...func(*dynamodb.Options)) (*dynamodb.BatchExecuteStatementOutput, error) {
	k := call{op: "BatchExecuteStatement", write: true, batch: true, what: func() string {
		return "events"
	}, keys: func(see func(string)) {
		for _, st := range in.Statements {
			if pk, ok := st.Parameters[0].(*types.AttributeValueMemberS); ok {
				see(pk.Value)
			}
		}
	}}
	return do(ctx, c, k, func() (*dynamodb.BatchExecuteStatementOutput, error) {
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

func (c client) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput,
	o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	k := call{op: "TransactWriteItems", write: true, what: func() string {
		return partText(in.TransactItems[0])
	}, keys: func(see func(string)) {
		for _, p := range in.TransactItems {
			see(pkOf(partKey(p)))
		}
	}}
	return do(ctx, c, k, func() (*dynamodb.TransactWriteItemsOutput, error) {
		return c.db.TransactWriteItems(ctx, in, o...)
	})
}

func partKey(p types.TransactWriteItem) map[string]types.AttributeValue {
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

func partText(p types.TransactWriteItem) string { return keyText(partKey(p)) }
