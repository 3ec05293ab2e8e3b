package memdb

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Limits of batches.
const (
	batchWrites = 25
	batchReads  = 100
)

// place names an item, to find repeats.
type place struct{ table, pk, sk string }

// BatchWriteItem implements dynamo.API. Tables are taken in order of their names, requests in their
// own.
func (db *DB) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	tables := slices.Sorted(maps.Keys(in.RequestItems))
	op := Op{Name: "BatchWriteItem", Tables: tables, Write: true, Input: in}
	return call(ctx, db, op, func() (*dynamodb.BatchWriteItemOutput, error) {
		changes, err := db.batchOf(in, tables)
		if err != nil {
			return nil, err
		}
		n := db.done(ctx, op, len(changes))
		var u units
		db.mu.Lock()
		defer db.mu.Unlock()
		for _, c := range changes[:n] {
			before, after, err := c.decide()
			if err != nil {
				return nil, err
			}
			db.write(c.t, before, after)
			u.written(c.t, before, after, 1)
		}
		out := &dynamodb.BatchWriteItemOutput{UnprocessedItems: map[string][]types.WriteRequest{},
			ConsumedCapacity: u.list(in.ReturnConsumedCapacity)}
		for _, name := range tables {
			requests := in.RequestItems[name]
			taken := min(n, len(requests))
			if n -= taken; taken < len(requests) {
				out.UnprocessedItems[name] = slices.Clone(requests[taken:])
			}
		}
		return out, nil
	})
}

func (db *DB) batchOf(in *dynamodb.BatchWriteItemInput, tables []string) ([]*change, error) {
	var changes []*change
	seen := map[place]bool{}
	for _, name := range tables {
		for _, r := range in.RequestItems[name] {
			c := &change{table: aws.String(name)}
			switch {
			case r.PutRequest != nil && r.DeleteRequest == nil:
				c.put = r.PutRequest.Item
			case r.DeleteRequest != nil && r.PutRequest == nil:
				c.key = r.DeleteRequest.Key
			default:
				return nil, invalid(
					"Supplied AttributeValue has more than one datatypes set, must contain exactly one of the " +
						"supported datatypes")
			}
			if err := db.prepare(c); err != nil {
				return nil, err
			}
			at := place{name, c.pk, c.sk}
			if seen[at] {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			seen[at] = true
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 || len(changes) > batchWrites {
		return nil, invalid("BatchWriteItem takes 1 to %d requests, not %d", batchWrites, len(changes))
	}
	return changes, nil
}

// BatchGetItem implements dynamo.API. It answers in the order of the keys, on which callers may not
// rely.
func (db *DB) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	tables := slices.Sorted(maps.Keys(in.RequestItems))
	op := Op{Name: "BatchGetItem", Tables: tables, Input: in}
	return call(ctx, db, op, func() (*dynamodb.BatchGetItemOutput, error) {
		total := 0
		for _, name := range tables {
			total += len(in.RequestItems[name].Keys)
		}
		if total == 0 || total > batchReads {
			return nil, invalid("Too many items requested for the BatchGetItem call")
		}
		n := db.done(ctx, op, total)
		out := &dynamodb.BatchGetItemOutput{Responses: map[string][]Item{},
			UnprocessedKeys: map[string]types.KeysAndAttributes{}}
		var u units
		for _, name := range tables {
			request := in.RequestItems[name]
			taken := min(n, len(request.Keys))
			items, err := db.getSome(name, request, taken, &u)
			if err != nil {
				return nil, err
			}
			out.Responses[name] = items
			if n -= taken; taken < len(request.Keys) {
				rest := request
				rest.Keys = slices.Clone(request.Keys[taken:])
				out.UnprocessedKeys[name] = rest
			}
		}
		out.ConsumedCapacity = u.list(in.ReturnConsumedCapacity)
		return out, nil
	})
}

// getSome reads the first n keys of a request, after checking all.
func (db *DB) getSome(name string, request types.KeysAndAttributes, n int,
	u *units) ([]Item, error) {
	compiled, _, err := db.expressions(request.ExpressionAttributeNames, nil,
		texts{projectionKind: request.ProjectionExpression})
	if err != nil {
		return nil, err
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	t, err := db.table(&name)
	if err != nil {
		return nil, err
	}
	s := &scope{names: request.ExpressionAttributeNames}
	seen, items := map[place]bool{}, []Item{}
	for i, key := range request.Keys {
		pk, sk, err := t.exactKey(key)
		if err != nil {
			return nil, err
		}
		at := place{name, pk, sk}
		if seen[at] {
			return nil, invalid("Provided list of item keys contains duplicates")
		}
		seen[at] = true
		if i >= n {
			continue
		}
		r := t.base.find(pk, sk)
		size := 0
		if r != nil {
			size = r.size
			items = append(items, s.project(r, compiled[projectionKind]))
		}
		u.add(name, readUnits(size, request.ConsistentRead), 0)
	}
	return items, nil
}

// BatchExecuteStatement implements dynamo.API for statements of the form INSERT INTO "table" VALUE
// {'a':?,'b':?}: each one is a put of an item that must not exist, and has its own outcome.
func (db *DB) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.BatchExecuteStatementOutput, error) {
	op := Op{Name: "BatchExecuteStatement", Write: true, Input: in}
	inserts := make([]insert, len(in.Statements))
	var wrong error
	for i, st := range in.Statements {
		var err error
		if inserts[i], err = readInsert(aws.ToString(st.Statement)); err != nil && wrong == nil {
			wrong = err
		}
		if name := inserts[i].table; !slices.Contains(op.Tables, name) {
			op.Tables = append(op.Tables, name)
		}
	}
	return call(ctx, db, op, func() (*dynamodb.BatchExecuteStatementOutput, error) {
		if wrong != nil {
			return nil, wrong
		}
		if len(inserts) == 0 || len(inserts) > batchWrites {
			return nil, invalid("BatchExecuteStatement takes 1 to %d statements, not %d", batchWrites,
				len(inserts))
		}
		n := db.done(ctx, op, len(inserts))
		out := &dynamodb.BatchExecuteStatementOutput{}
		var u units
		for i, ins := range inserts {
			answer := types.BatchStatementResponse{TableName: aws.String(ins.table)}
			if i < n {
				answer.Error = db.insert(ins, in.Statements[i].Parameters, &u)
			} else {
				answer.Error = statementError(types.BatchStatementErrorCodeEnumThrottlingError,
					"Throughput exceeds the current capacity")
			}
			out.Responses = append(out.Responses, answer)
		}
		out.ConsumedCapacity = u.list(in.ReturnConsumedCapacity)
		return out, nil
	})
}

func statementError(code types.BatchStatementErrorCodeEnum,
	message string) *types.BatchStatementError {
	return &types.BatchStatementError{Code: code, Message: aws.String(message)}
}

func (db *DB) insert(ins insert, parameters []types.AttributeValue,
	u *units) *types.BatchStatementError {
	if len(parameters) != len(ins.names) {
		return statementError(types.BatchStatementErrorCodeEnumValidationError,
			"Number of parameters in request and statement don't match.")
	}
	it := make(Item, len(ins.names))
	for i, name := range ins.names {
		it[name] = parameters[i]
	}
	c := &change{table: aws.String(ins.table), put: it}
	if err := db.prepare(c); err != nil {
		return statementError(types.BatchStatementErrorCodeEnumValidationError, err.Error())
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if c.t.base.find(c.pk, c.sk) != nil {
		return statementError(types.BatchStatementErrorCodeEnumDuplicateItem,
			"Duplicate primary key exists in table")
	}
	db.write(c.t, nil, c.row)
	u.written(c.t, nil, c.row, 1)
	return nil
}

// insert is a parsed INSERT statement.
type insert struct {
	table string
	names []string
}

func readInsert(text string) (insert, error) {
	wrong := invalid("Statement wasn't well formed, can't be processed: %s", text)
	rest, ok := strings.CutPrefix(text, `INSERT INTO "`)
	table, rest, quoted := strings.Cut(rest, `"`)
	rest, valued := strings.CutPrefix(strings.TrimSpace(rest), "VALUE {")
	body, closed := strings.CutSuffix(strings.TrimSpace(rest), "}")
	if !ok || !quoted || !valued || !closed {
		return insert{}, wrong
	}
	ins := insert{table: table}
	for _, member := range strings.Split(body, ",") {
		name, mark, ok := strings.Cut(strings.TrimSpace(member), ":")
		name = strings.TrimSpace(name)
		if !ok || strings.TrimSpace(mark) != "?" || len(name) < 3 || name[0] != '\'' ||
			name[len(name)-1] != '\'' {
			return insert{}, wrong
		}
		ins.names = append(ins.names, name[1:len(name)-1])
	}
	return ins, nil
}
