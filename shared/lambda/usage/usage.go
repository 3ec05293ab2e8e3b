// Package usage measures what an invocation of a function consumes: time, DynamoDB capacity,
// messages and bytes. Handler writes it into one log line with the message "usage", from which the
// costs are allocated to tenants.
package usage

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"fenzhang/shared/ident"
)

// Tally adds up the consumption of one invocation. Tally is safe for concurrent use.
type Tally struct {
	mu       sync.Mutex
	tenant   ident.Tenant
	messages int
	units    Units
}

// Units are DynamoDB capacity units. They are fractions by nature and no money, so they may be
// floats.
type Units struct{ Read, Write float64 }

// tallyKey is the key of the tally in a context.
type tallyKey struct{}

// WithTally returns a context with a new tally, to which all calls under that context are added.
func WithTally(ctx context.Context) (context.Context, *Tally) {
	t := &Tally{}
	return context.WithValue(ctx, tallyKey{}, t), t
}

// AttributeTo attributes the invocation under ctx to a tenant. When an invocation serves several
// tenants, its line names the tenant "several", and the number of messages serves to allocate its
// cost.
func AttributeTo(ctx context.Context, tenant ident.Tenant) {
	t, ok := ctx.Value(tallyKey{}).(*Tally)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.messages++
	if t.tenant != "" && t.tenant != tenant {
		tenant = "several"
	}
	t.tenant = tenant
}

// Units returns the capacity that was consumed so far.
func (t *Tally) Units() Units {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.units
}

// addUnits adds the capacity of one call.
func (t *Tally) addUnits(u Units) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.units.Read += u.Read
	t.units.Write += u.Write
}

// CountCapacity is an option of the DynamoDB client. With it, the client requests the consumed
// capacity of every call and adds it to the tally of the call's context.
func CountCapacity(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("usage", countCall),
			middleware.Before)
	})
}

// countCall is the middleware of CountCapacity. Without a tally in the context it leaves the call
// unchanged.
func countCall(ctx context.Context, in middleware.InitializeInput,
	next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	t, ok := ctx.Value(tallyKey{}).(*Tally)
	if !ok {
		return next.HandleInitialize(ctx, in)
	}
	requestCapacity(in.Parameters)
	out, meta, err := next.HandleInitialize(ctx, in)
	// a failed call reports no capacity
	if err == nil {
		t.addUnits(consumedCapacity(out.Result))
	}
	return out, meta, err
}

// requestCapacity sets in a request that the answer shall contain the consumed capacity.
func requestCapacity(input any) {
	const total = types.ReturnConsumedCapacityTotal
	switch in := input.(type) {
	case *dynamodb.PutItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.UpdateItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.DeleteItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.BatchWriteItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.TransactWriteItemsInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.BatchExecuteStatementInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.GetItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.QueryInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.BatchGetItemInput:
		in.ReturnConsumedCapacity = total
	}
}

// consumedCapacity reads the consumed capacity from the answer of a call.
func consumedCapacity(output any) Units {
	one := func(c *types.ConsumedCapacity) []types.ConsumedCapacity {
		if c == nil {
			return nil
		}
		return []types.ConsumedCapacity{*c}
	}
	switch out := output.(type) {
	case *dynamodb.PutItemOutput:
		return Units{Write: totalUnits(one(out.ConsumedCapacity))}
	case *dynamodb.UpdateItemOutput:
		return Units{Write: totalUnits(one(out.ConsumedCapacity))}
	case *dynamodb.DeleteItemOutput:
		return Units{Write: totalUnits(one(out.ConsumedCapacity))}
	case *dynamodb.BatchWriteItemOutput:
		return Units{Write: totalUnits(out.ConsumedCapacity)}
	case *dynamodb.TransactWriteItemsOutput:
		return Units{Write: totalUnits(out.ConsumedCapacity)}
	case *dynamodb.BatchExecuteStatementOutput:
		return Units{Write: totalUnits(out.ConsumedCapacity)}
	case *dynamodb.GetItemOutput:
		return Units{Read: totalUnits(one(out.ConsumedCapacity))}
	case *dynamodb.QueryOutput:
		return Units{Read: totalUnits(one(out.ConsumedCapacity))}
	case *dynamodb.BatchGetItemOutput:
		return Units{Read: totalUnits(out.ConsumedCapacity)}
	}
	return Units{}
}

// totalUnits adds up the consumed capacity of several tables.
func totalUnits(all []types.ConsumedCapacity) float64 {
	var s float64
	for _, c := range all {
		if c.CapacityUnits != nil {
			s += *c.CapacityUnits
		}
	}
	return s
}

// Handler wraps the handler of a function and writes one `usage` line for each invocation.
type Handler struct {
	lambda.Handler
	Log      *slog.Logger
	Function string
	MemoryMB string
	Now      func() time.Time
}

// Invoke calls the wrapped handler and logs what the call consumed, also when it failed.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	began := h.Now()
	ctx, t := WithTally(ctx)
	out, err := h.Handler.Invoke(ctx, payload)
	u := t.Units()
	h.Log.InfoContext(ctx, "usage", "tenant", t.tenant, "function", h.Function, "ms",
		h.Now().Sub(began).Milliseconds(), "memory_mb", h.MemoryMB,
		"read_units", u.Read, "write_units", u.Write, "messages", t.messages, "bytes_in", len(payload),
		"bytes_out", len(out), "failed", err != nil)
	return out, err
}
