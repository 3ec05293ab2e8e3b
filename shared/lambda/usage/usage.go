// Package usage counts what one invocation consumes, for the `usage` log lines from which costs are
// shared out to tenants.
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

// Tally is the consumption of one invocation. It is safe for concurrent use.
type Tally struct {
	mu       sync.Mutex
	tenant   ident.Tenant
	messages int
	units    Units
}

// Units are DynamoDB's capacity units; they are fractions by nature and no money.
type Units struct{ Read, Write float64 }

type tallyKey struct{}

// WithTally gives a context whose consumption is counted.
func WithTally(ctx context.Context) (context.Context, *Tally) {
	t := &Tally{}
	return context.WithValue(ctx, tallyKey{}, t), t
}

// AttributeTo attributes the invocation to a tenant. An invocation that serves several is shared
// out by its messages.
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

// Units gives what was consumed so far.
func (t *Tally) Units() Units {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.units
}

func (t *Tally) addUnits(u Units) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.units.Read += u.Read
	t.units.Write += u.Write
}

// CountCapacity makes a client ask for the capacity that each call consumes and add it to its
// context's tally.
func CountCapacity(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("usage", countCall),
			middleware.Before)
	})
}

func countCall(ctx context.Context, in middleware.InitializeInput,
	next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	t, ok := ctx.Value(tallyKey{}).(*Tally)
	if !ok {
		return next.HandleInitialize(ctx, in)
	}
	requestCapacity(in.Parameters)
	out, meta, err := next.HandleInitialize(ctx, in)
	if err == nil {
		t.addUnits(consumedCapacity(out.Result))
	}
	return out, meta, err
}

// requestCapacity sets the request's wish to hear its capacity.
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

// consumedCapacity reads the capacity from an answer.
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

func totalUnits(all []types.ConsumedCapacity) float64 {
	var s float64
	for _, c := range all {
		if c.CapacityUnits != nil {
			s += *c.CapacityUnits
		}
	}
	return s
}

// Handler logs one `usage` line for each invocation of the handler it holds.
type Handler struct {
	lambda.Handler
	Log      *slog.Logger
	Function string
	MemoryMB string
	Now      func() time.Time
}

// Invoke runs the handler and tells what it took.
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
