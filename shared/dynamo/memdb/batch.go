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
	// The service limits a batch to batchWrites writes or batchReads reads.
	batchWrites = 25
	batchReads  = 100
)

// itemPlace identifies an item across tables, so that a request that names an item twice can be
// refused.
type itemPlace struct{ table, pk, sk string }

// BatchWriteItem implements dynamo.API. BatchWriteItem processes tables in the order of their
// names, and the requests of a table in the order of the input.
func (db *DB) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	tables := slices.Sorted(maps.Keys(in.RequestItems))
	op := Op{Name: "BatchWriteItem", Tables: tables, Write: true, Input: in}
	return runCall(ctx, db, op, func() (*dynamodb.BatchWriteItemOutput, error) {
		changes, err := db.prepareBatch(in, tables)
		if err != nil {
			return nil, err
		}
		n := db.processedParts(ctx, op, len(changes))
		var u capacityUnits
		db.mu.Lock()
		defer db.mu.Unlock()
		for _, c := range changes[:n] {
			before, after, err := c.evaluate()
			if err != nil {
				return nil, err
			}
			db.replaceRow(c.t, before, after)
			u.addWrite(c.t, before, after, 1)
		}
		out := &dynamodb.BatchWriteItemOutput{UnprocessedItems: map[string][]types.WriteRequest{},
			ConsumedCapacity: u.perTable(in.ReturnConsumedCapacity)}
		for _, name := range tables {
			requests := in.RequestItems[name]
			taken := min(n, len(requests))
			// what the hook left over is returned for another try
			if n -= taken; taken < len(requests) {
				out.UnprocessedItems[name] = slices.Clone(requests[taken:])
			}
		}
		return out, nil
	})
}

// prepareBatch prepares the puts and deletes of a batch and refuses a batch that names an item
// twice.
func (db *DB) prepareBatch(in *dynamodb.BatchWriteItemInput,
	tables []string) ([]*pendingWrite, error) {
	var changes []*pendingWrite
	seen := map[itemPlace]bool{}
	for _, name := range tables {
		for _, r := range in.RequestItems[name] {
			c := &pendingWrite{table: aws.String(name)}
			switch {
			case r.PutRequest != nil && r.DeleteRequest == nil:
				c.put = r.PutRequest.Item
			case r.DeleteRequest != nil && r.PutRequest == nil:
				c.key = r.DeleteRequest.Key
			default:
				return nil, validationError(
					"Supplied AttributeValue has more than one datatypes set, must contain exactly one of the " +
						"supported datatypes")
			}
			if err := db.prepareWrite(c); err != nil {
				return nil, err
			}
			at := itemPlace{name, c.pk, c.sk}
			if seen[at] {
				return nil, validationError("Provided list of item keys contains duplicates")
			}
			seen[at] = true
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 || len(changes) > batchWrites {
		return nil, validationError("BatchWriteItem takes 1 to %d requests, not %d", batchWrites,
			len(changes))
	}
	return changes, nil
}

// BatchGetItem implements dynamo.API. BatchGetItem answers in the order of the keys; callers must
// not rely on the order, because the service promises none.
func (db *DB) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	tables := slices.Sorted(maps.Keys(in.RequestItems))
	op := Op{Name: "BatchGetItem", Tables: tables, Input: in}
	return runCall(ctx, db, op, func() (*dynamodb.BatchGetItemOutput, error) {
		total := 0
		for _, name := range tables {
			total += len(in.RequestItems[name].Keys)
		}
		if total == 0 || total > batchReads {
			return nil, validationError("Too many items requested for the BatchGetItem call")
		}
		n := db.processedParts(ctx, op, total)
		out := &dynamodb.BatchGetItemOutput{Responses: map[string][]Item{},
			UnprocessedKeys: map[string]types.KeysAndAttributes{}}
		var u capacityUnits
		for _, name := range tables {
			request := in.RequestItems[name]
			taken := min(n, len(request.Keys))
			items, err := db.readKeys(name, request, taken, &u)
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
		out.ConsumedCapacity = u.perTable(in.ReturnConsumedCapacity)
		return out, nil
	})
}

// readKeys reads the items of the first n keys of a request. All keys are checked, because the
// service refuses a wrong key before it reads.
func (db *DB) readKeys(name string, request types.KeysAndAttributes, n int,
	u *capacityUnits) ([]Item, error) {
	compiled, _, err := db.compileExpressions(request.ExpressionAttributeNames, nil,
		expressionTexts{projectionKind: request.ProjectionExpression})
	if err != nil {
		return nil, err
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	t, err := db.findTable(&name)
	if err != nil {
		return nil, err
	}
	s := &requestScope{names: request.ExpressionAttributeNames}
	seen, items := map[itemPlace]bool{}, []Item{}
	for i, key := range request.Keys {
		pk, sk, err := t.parseKey(key)
		if err != nil {
			return nil, err
		}
		at := itemPlace{name, pk, sk}
		if seen[at] {
			return nil, validationError("Provided list of item keys contains duplicates")
		}
		seen[at] = true
		// the hook Processed leaves this key unprocessed, so it is checked and not read
		if i >= n {
			continue
		}
		r := t.base.findRow(pk, sk)
		size := 0
		if r != nil {
			size = r.size
			items = append(items, s.projectItem(r, compiled[projectionKind]))
		}
		u.addUnits(name, readUnits(size, request.ConsistentRead), 0)
	}
	return items, nil
}

// BatchExecuteStatement implements dynamo.API for statements of the form INSERT INTO "table" VALUE
// {'a':?,'b':?}. Each statement puts an item that must not exist, and has an outcome independent of
// the others.
func (db *DB) BatchExecuteStatement(ctx context.Context, in *dynamodb.BatchExecuteStatementInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.BatchExecuteStatementOutput, error) {
	op := Op{Name: "BatchExecuteStatement", Write: true, Input: in}
	inserts := make([]insert, len(in.Statements))
	var wrong error
	for i, st := range in.Statements {
		var err error
		if inserts[i], err = parseInsert(aws.ToString(st.Statement)); err != nil && wrong == nil {
			wrong = err
		}
		if name := inserts[i].table; !slices.Contains(op.Tables, name) {
			op.Tables = append(op.Tables, name)
		}
	}
	return runCall(ctx, db, op, func() (*dynamodb.BatchExecuteStatementOutput, error) {
		if wrong != nil {
			return nil, wrong
		}
		if len(inserts) == 0 || len(inserts) > batchWrites {
			return nil, validationError("BatchExecuteStatement takes 1 to %d statements, not %d",
				batchWrites,
				len(inserts))
		}
		n := db.processedParts(ctx, op, len(inserts))
		out := &dynamodb.BatchExecuteStatementOutput{}
		var u capacityUnits
		for i, ins := range inserts {
			answer := types.BatchStatementResponse{TableName: aws.String(ins.table)}
			if i < n {
				answer.Error = db.insertItem(ins, in.Statements[i].Parameters, &u)
			} else {
				answer.Error = statementError(types.BatchStatementErrorCodeEnumThrottlingError,
					"Throughput exceeds the current capacity")
			}
			out.Responses = append(out.Responses, answer)
		}
		out.ConsumedCapacity = u.perTable(in.ReturnConsumedCapacity)
		return out, nil
	})
}

// statementError returns the error of one statement inside an answer with status 200.
func statementError(code types.BatchStatementErrorCodeEnum,
	message string) *types.BatchStatementError {
	return &types.BatchStatementError{Code: code, Message: aws.String(message)}
}

// insertItem carries out one INSERT statement; it returns nil when the item was written.
func (db *DB) insertItem(ins insert, parameters []types.AttributeValue,
	u *capacityUnits) *types.BatchStatementError {
	if len(parameters) != len(ins.names) {
		return statementError(types.BatchStatementErrorCodeEnumValidationError,
			"Number of parameters in request and statement don't match.")
	}
	it := make(Item, len(ins.names))
	for i, name := range ins.names {
		it[name] = parameters[i]
	}
	c := &pendingWrite{table: aws.String(ins.table), put: it}
	if err := db.prepareWrite(c); err != nil {
		return statementError(types.BatchStatementErrorCodeEnumValidationError, err.Error())
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if c.t.base.findRow(c.pk, c.sk) != nil {
		return statementError(types.BatchStatementErrorCodeEnumDuplicateItem,
			"Duplicate primary key exists in table")
	}
	db.replaceRow(c.t, nil, c.row)
	u.addWrite(c.t, nil, c.row, 1)
	return nil
}

// insert is a parsed INSERT statement: the table and the names of the attributes, whose values are
// the parameters.
type insert struct {
	table string
	names []string
}

// parseInsert parses an INSERT statement.
//
// Errors: a validation error for any other statement.
func parseInsert(text string) (insert, error) {
	wrong := validationError("Statement wasn't well formed, can't be processed: %s", text)
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
