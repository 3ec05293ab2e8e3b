// Package memdb is an engine that behaves as DynamoDB does, in memory: the same calls, conditions,
// errors and streams as the service, in one process and without a clock, so that a simulation can
// run the real stores and decide which call fails and when.
//
// memdb exists because the stores need more of the service than its answers: the errors as the SDK
// returns them, with cancellation reasons and items; request tokens; hooks between any two calls;
// streams and consumed capacity. The project uses nine calls of DynamoDB and their expressions, so
// the engine stays small. A differential test runs the same random calls on this engine and on the
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

// Item is an item as the SDK represents it.
type Item = map[string]types.AttributeValue

// Op describes one call of the engine to its hooks, which inject faults.
type Op struct {
	// Name is the name of the call: PutItem, TransactWriteItems and so on.
	Name string
	// Tables are the tables of the call, in the order in which it mentions them.
	Tables []string
	Write  bool
	// Input is the SDK's input of the call, which hooks must not change.
	Input any
}

// DB is a set of tables. DB is safe for concurrent use; each call and each transaction is atomic.
// Its fields must be set before the first call.
type DB struct {
	// Before runs before each call. When it returns an error, the call returns that error and changes
	// nothing, as after throttling, a conflict or the end of the process.
	Before func(ctx context.Context, op Op) error
	// After runs when the engine has carried out or refused a call. When it returns an error, the call
	// returns that error in place of its answer: the answer was lost, or the process ended.
	After func(ctx context.Context, op Op) error
	// Processed returns how many of the n parts of a batch are processed; the engine reports the other
	// parts as unprocessed. Without this hook all parts are processed.
	Processed func(ctx context.Context, op Op, n int) int
	// Now sets the time of stream records; without it they carry no time.
	Now func() time.Time

	mu     sync.RWMutex
	tables map[string]*table
	tokens tokens
	// sequence numbers the stream records.
	sequence uint64
	parsed   expressionCache
	seed     maphash.Seed
}

var _ dynamo.API = (*DB)(nil)

// New returns an engine without tables.
func New() *DB {
	return &DB{tables: map[string]*table{}, tokens: tokens{known: map[string]uint64{}},
		seed: maphash.MakeSeed()}
}

// CreateTable makes a table with the keys, indexes and stream of the input. Key attributes must be
// of type S or B; no table of this project has a number as a key.
//
// Errors: ResourceInUseException when the table exists; a validation error when the input is wrong.
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

// Items iterates over the items that a table has at the start of the iteration, in the order of
// their keys.
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

// sortedRows returns the rows of a table in the order of their keys, and none for an unknown table.
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

// CountItems returns the number of items of a table and their size in bytes as the service counts
// it.
func (db *DB) CountItems(name string) (items int, bytes int64) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if t := db.tables[name]; t != nil {
		items, bytes = t.items, t.bytes
	}
	return items, bytes
}

// findTable returns the table with the given name; the caller holds the lock.
func (db *DB) findTable(name *string) (*table, error) {
	t := db.tables[aws.ToString(name)]
	if t == nil {
		return nil, &types.ResourceNotFoundException{Message: aws.String("Requested resource not found")}
	}
	return t, nil
}

// runCall carries out one call of the engine between its hooks Before and After.
func runCall[Out any](ctx context.Context, db *DB, op Op, do func() (*Out, error)) (*Out, error) {
	if err := ctx.Err(); err != nil {
		return nil, callError(op.Name, err)
	}
	if db.Before != nil {
		if err := db.Before(ctx, op); err != nil {
			return nil, callError(op.Name, err)
		}
	}
	// After runs for a refused call too: its answer may be lost like any other
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

// callError adds the name of the failed call to an error; errors.As still finds the SDK's error.
func callError(op string, err error) error { return fmt.Errorf("memdb: %s: %w", op, err) }

// processedParts asks the hook Processed how many of the n parts of a batch are processed.
func (db *DB) processedParts(ctx context.Context, op Op, n int) int {
	if db.Processed == nil {
		return n
	}
	return min(max(db.Processed(ctx, op, n), 0), n)
}

// tokens remembers the latest request tokens with the content of their transactions, as the service
// does for ten minutes.
type tokens struct {
	// known maps a token to the hash of its transaction.
	known map[string]uint64
	order []string
	next  int
}

// remembered is the number of request tokens that are kept; then the oldest is overwritten.
const remembered = 1 << 16

// remember stores a token with the hash of its transaction and drops the oldest token when the list
// is full.
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
