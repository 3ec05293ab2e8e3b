// Package memdb is DynamoDB in memory: the same calls, conditions, errors and streams as the
// service, in one process and without a clock of its own, so that a simulation can run the real
// adapters and decide what fails and when.
//
// It is an engine of its own because the adapters need more of the service than its answers: the
// errors as the SDK gives them, with cancellation reasons and their items, request tokens, hooks
// between any two calls, streams and capacity. What this project uses of it is small: nine calls
// and their expressions. A differential test runs the same random calls on this engine and on the
// local AWS and compares the outcomes.
package memdb

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
)

// Item is one item as the SDK shows it.
type Item = map[string]types.AttributeValue

// Op is one call, as faults see it.
type Op struct {
	Name   string   // PutItem, TransactWriteItems ...
	Tables []string // in order of first mention
	Write  bool
	Input  any // the SDK's input; not to be changed
}

// DB is a set of tables. It is safe for concurrent use; each call is atomic, and so is a
// transaction. The fields are set before the first call.
type DB struct {
	// Before runs before a call. An error is the call's answer, and nothing was applied: a throttle, a
	// conflict, a kill.
	Before func(ctx context.Context, op Op) error
	// After runs when the engine has done or refused a call. An error takes the place of the answer:
	// it was lost, or the process was killed.
	After func(ctx context.Context, op Op) error
	// Done tells how many of the n parts of a batch are carried out; the rest is answered as
	// unprocessed. Nil: all.
	Processed func(ctx context.Context, op Op, n int) int
	// Now stamps stream records; nil leaves them without a time.
	Now func() time.Time

	mu       sync.RWMutex
	tables   map[string]*table
	tokens   tokens
	sequence uint64 // of stream records
	parsed   expressionCache
	seed     maphash.Seed
}

var _ dynamo.API = (*DB)(nil)

// New makes an engine without tables.
func New() *DB {
	return &DB{tables: map[string]*table{}, tokens: tokens{known: map[string]uint64{}},
		seed: maphash.MakeSeed()}
}

// CreateTable makes a table with the keys, indexes and stream of the input. Keys are of type S or
// B, and numbers are refused as keys, which no table of this project has. It fails when the table
// exists or the input is wrong.
func (db *DB) CreateTable(in *dynamodb.CreateTableInput) error {
	t, err := newTable(in)
	if err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.tables[t.name] != nil {
		return &types.ResourceInUseException{Message: aws.String("Table already exists: " + t.name)}
	}
	db.tables[t.name] = t
	return nil
}

// Items iterates over a table's items as they are at the start, in order of their keys.
func (db *DB) Items(name string) iter.Seq[Item] {
	rows := db.sortedRows(name)
	return func(yield func(Item) bool) {
		for _, r := range rows {
			if !yield(r.item()) {
				return
			}
		}
	}
}

func (db *DB) sortedRows(name string) []*row {
	db.mu.RLock()
	defer db.mu.RUnlock()
	t := db.tables[name]
	if t == nil {
		return nil
	}
	var rows []*row
	for _, p := range t.base.parts {
		for _, e := range p.entries {
			rows = append(rows, e.row)
		}
	}
	slices.SortFunc(rows, compareRows)
	return rows
}

// CountItems is the number of a table's items, and their bytes as the service counts them.
func (db *DB) CountItems(name string) (items int, bytes int64) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if t := db.tables[name]; t != nil {
		items, bytes = t.items, t.bytes
	}
	return items, bytes
}

// findTable finds a table; the caller holds the lock.
func (db *DB) findTable(name *string) (*table, error) {
	t := db.tables[aws.ToString(name)]
	if t == nil {
		return nil, &types.ResourceNotFoundException{Message: aws.String("Requested resource not found")}
	}
	return t, nil
}

// runCall runs one call between its hooks.
func runCall[Out any](ctx context.Context, db *DB, op Op, do func() (*Out, error)) (*Out, error) {
	if err := ctx.Err(); err != nil {
		return nil, callError(op.Name, err)
	}
	if db.Before != nil {
		if err := db.Before(ctx, op); err != nil {
			return nil, callError(op.Name, err)
		}
	}
	out, err := do()
	if db.After != nil {
		if lost := db.After(ctx, op); lost != nil {
			return nil, callError(op.Name, lost)
		}
	}
	if err != nil {
		return nil, callError(op.Name, err)
	}
	return out, nil
}

// callError says which call failed; errors.As finds the SDK's error in it.
func callError(op string, err error) error { return fmt.Errorf("memdb: %s: %w", op, err) }

// processedParts asks how many of n parts of a batch are carried out.
func (db *DB) processedParts(ctx context.Context, op Op, n int) int {
	if db.Processed == nil {
		return n
	}
	return min(max(db.Processed(ctx, op, n), 0), n)
}

// tokens remembers the transactions of the latest request tokens, as the service does for ten
// minutes.
type tokens struct {
	known map[string]uint64 // token -> content
	order []string
	next  int
}

// remembered bounds the tokens that are kept.
const remembered = 1 << 16

func (k *tokens) remember(token string, content uint64) {
	if len(k.order) < remembered {
		k.order = append(k.order, token)
	} else {
		delete(k.known, k.order[k.next])
		k.order[k.next] = token
		k.next = (k.next + 1) % remembered
	}
	k.known[token] = content
}
