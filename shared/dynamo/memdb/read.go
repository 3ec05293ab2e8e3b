package memdb

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// GetItem implements dynamo.API: it returns one item, whole or as the projection selects it.
func (db *DB) GetItem(ctx context.Context, in *dynamodb.GetItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	op := Op{Name: "GetItem", Tables: []string{aws.ToString(in.TableName)}, Input: in}
	return runCall(ctx, db, op, func() (*dynamodb.GetItemOutput, error) {
		var projection *compiledExpression
		if in.ProjectionExpression != nil || len(in.ExpressionAttributeNames) > 0 {
			compiled, _, err := db.compileExpressions(in.ExpressionAttributeNames, nil,
				expressionTexts{projectionKind: in.ProjectionExpression})
			if err != nil {
				return nil, err
			}
			projection = compiled[projectionKind]
		}
		t, r, err := db.findItem(in.TableName, in.Key)
		if err != nil {
			return nil, err
		}
		out := &dynamodb.GetItemOutput{}
		size := 0
		if r != nil {
			size = r.size
			out.Item = (&requestScope{names: in.ExpressionAttributeNames}).projectItem(r, projection)
		}
		if in.ReturnConsumedCapacity != "" {
			var u capacityUnits
			u.addUnits(t.name, readUnits(size, in.ConsistentRead), 0)
			out.ConsumedCapacity = u.ofOneTable(in.ReturnConsumedCapacity)
		}
		return out, nil
	})
}

// findItem returns the table and the row of a key; the row is nil when there is no item.
func (db *DB) findItem(name *string, key Item) (*table, *row, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	t, err := db.findTable(name)
	if err != nil {
		return nil, nil, err
	}
	pk, sk, err := t.parseKey(key)
	if err != nil {
		return nil, nil, err
	}
	return t, t.base.findRow(pk, sk), nil
}

// maxPage is the number of bytes after which a page of a query ends.
const maxPage = 1 << 20

// keyRange is the part of an index that a key condition selects: a partition and, in it, the sort
// keys that meet a condition.
type keyRange struct {
	pk string
	// sort is the condition on the sort key; nil selects all of the partition.
	sort *condition
}

// Query implements dynamo.API: it returns one page of the items of a partition, in the order of
// their sort keys.
func (db *DB) Query(ctx context.Context, in *dynamodb.QueryInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	op := Op{Name: "Query", Tables: []string{aws.ToString(in.TableName)}, Input: in}
	return runCall(ctx, db, op, func() (*dynamodb.QueryOutput, error) { return db.runQuery(in) })
}

// runQuery compiles the expressions of a query, checks them and reads one page.
func (db *DB) runQuery(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
	compiled, values, err := db.compileExpressions(in.ExpressionAttributeNames,
		in.ExpressionAttributeValues,
		expressionTexts{keyKind: in.KeyConditionExpression, filterKind: in.FilterExpression,
			projectionKind: in.ProjectionExpression})
	if err != nil {
		return nil, err
	}
	if compiled[keyKind] == nil {
		return nil, validationError(
			"Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	if in.Limit != nil && *in.Limit < 1 {
		return nil, validationError(
			"1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must "+
				"have value greater than or equal to 1", *in.Limit)
	}
	s := &requestScope{kind: keyKind, names: in.ExpressionAttributeNames, values: values}
	db.mu.RLock()
	defer db.mu.RUnlock()
	q, err := db.newPageQuery(in, s, compiled)
	if err != nil {
		return nil, err
	}
	return q.readPage()
}

// newPageQuery finds the table and the index of a query and checks its conditions against the keys
// of the index; the caller holds the lock.
func (db *DB) newPageQuery(in *dynamodb.QueryInput, s *requestScope,
	compiled compiledExpressions) (*pageQuery, error) {
	t, err := db.findTable(in.TableName)
	if err != nil {
		return nil, err
	}
	x, err := t.findIndex(in.IndexName)
	if err != nil {
		return nil, err
	}
	// the service refuses this, because an index lags behind its table
	if x.name != "" && aws.ToBool(in.ConsistentRead) {
		return nil, validationError("Consistent reads are not supported on global secondary indexes")
	}
	sp, err := s.parseKeyCondition(x, compiled[keyKind].cond)
	if err != nil {
		return nil, err
	}
	if err := s.checkOperandTypes(sp.sort); err != nil {
		return nil, err
	}
	q := &pageQuery{in: in, t: t, x: x, s: s, sp: sp, projection: compiled[projectionKind]}
	if f := compiled[filterKind]; f != nil {
		q.filter = f.cond
		fs := *s
		fs.kind = filterKind
		if err := fs.checkOperandTypes(f.cond); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// parseKeyCondition reads a key condition: the partition key must equal a value, and there may be
// one condition on the sort key.
func (s *requestScope) parseKeyCondition(x *index, n *condition) (keyRange, error) {
	parts := []*condition{n}
	if n.op == "AND" {
		parts = n.subs
	}
	var sp keyRange
	found := false
	for _, p := range parts {
		if len(p.args) == 0 || p.args[0].path == nil || len(p.args[0].path) != 1 {
			return sp, validationError("Invalid KeyConditionExpression: a condition on a key is needed")
		}
		switch name := s.resolveName(p.args[0].path[0]); {
		case name == x.keys.hash && p.op == "=" && !found:
			v := s.operandValue(nil, p.args[1])
			text, ok := keyText(v)
			if !ok || text == "" {
				return sp, validationError(
					"One or more parameter values were invalid: Condition parameter type does not match schema " +
						"type")
			}
			sp.pk, found = text, true
		case name == x.keys.sort && name != "" && sp.sort == nil &&
			slices.Contains([]string{"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"}, p.op):
			sp.sort = p
		default:
			return sp, validationError("Query key condition not supported")
		}
	}
	if !found {
		return sp, validationError("Query condition missed key schema element: %s", x.keys.hash)
	}
	return sp, nil
}

// pageQuery is what is needed to read one page of a query.
type pageQuery struct {
	in         *dynamodb.QueryInput
	t          *table
	x          *index
	s          *requestScope
	sp         keyRange
	filter     *condition
	projection *compiledExpression
}

// readPage reads one page: up to the limit of the query, or until maxPage bytes are read.
func (q *pageQuery) readPage() (*dynamodb.QueryOutput, error) {
	entries, err := q.selectedEntries()
	if err != nil {
		return nil, err
	}
	out := &dynamodb.QueryOutput{}
	count := q.in.Select == types.SelectCount
	size := 0
	for i, e := range entries {
		// a page has at least one item, however large it is
		if out.ScannedCount > 0 && size >= maxPage {
			out.LastEvaluatedKey = q.lastEvaluatedKey(entries[i-1].row)
			break
		}
		r := q.x.projectRow(q.t, e.row)
		size += r.size
		out.ScannedCount++
		// a filter applies after the limit: filtered items count as scanned
		if q.filter == nil || q.s.isMet(q.filter, r) {
			out.Count++
			if !count {
				out.Items = append(out.Items, q.s.projectItem(r, q.projection))
			}
		}
		if q.in.Limit != nil && out.ScannedCount == *q.in.Limit {
			out.LastEvaluatedKey = q.lastEvaluatedKey(e.row)
			break
		}
	}
	if !count && out.Items == nil {
		out.Items = []Item{}
	}
	var u capacityUnits
	u.addUnits(q.t.name, readUnits(size, q.in.ConsistentRead), 0)
	out.ConsumedCapacity = u.ofOneTable(q.in.ReturnConsumedCapacity)
	return out, nil
}

// selectedEntries returns the entries that the key condition selects after the start key, in the
// order of the query. The caller must not change the slice, which may be that of the partition.
func (q *pageQuery) selectedEntries() ([]entry, error) {
	p := q.x.parts[q.sp.pk]
	var all []entry
	if p != nil {
		all = p.entries
	}
	from, to := 0, len(all)
	if q.sp.sort != nil {
		from, to = q.sortKeyBounds(all)
	}
	forward := q.in.ScanIndexForward == nil || *q.in.ScanIndexForward
	if q.in.ExclusiveStartKey != nil {
		start, err := q.parseStartKey()
		if err != nil {
			return nil, err
		}
		i, found := slices.BinarySearchFunc(all, start, compareEntries)
		if forward {
			if found {
				i++
			}
			from = max(from, i)
		} else {
			to = min(to, i)
		}
	}
	if from >= to {
		return nil, nil
	}
	if forward {
		return all[from:to], nil
	}
	// the partition's own entries must stay in order, so a copy of them is reversed
	reversed := slices.Clone(all[from:to])
	slices.Reverse(reversed)
	return reversed, nil
}

// sortKeyBounds returns the positions of the first entry that the condition on the sort key selects
// and of the first one after the last.
func (q *pageQuery) sortKeyBounds(all []entry) (from, to int) {
	arg := func(i int) string {
		text, _ := keyText(q.s.operandValue(nil, q.sp.sort.args[i]))
		return text
	}
	// at returns the position of the first entry whose sort key is not below s
	at := func(s string) int {
		i, _ := slices.BinarySearchFunc(all, s, func(e entry, s string) int {
			return strings.Compare(e.sk, s)
		})
		return i
	}
	// behind returns the position of the first entry whose sort key is above s
	behind := func(s string) int {
		i, _ := slices.BinarySearchFunc(all, s, func(e entry, s string) int {
			if e.sk <= s {
				return -1
			}
			return 1
		})
		return i
	}
	switch q.sp.sort.op {
	case "=":
		return at(arg(1)), behind(arg(1))
	case "<":
		return 0, at(arg(1))
	case "<=":
		return 0, behind(arg(1))
	case ">":
		return behind(arg(1)), len(all)
	case ">=":
		return at(arg(1)), len(all)
	case "BETWEEN":
		return at(arg(1)), behind(arg(2))
	}
	// begins_with is the only operator left: it selects the sort keys with a prefix
	prefix := arg(1)
	from = at(prefix)
	to = from
	n, _ := slices.BinarySearchFunc(all[from:], prefix, func(e entry, prefix string) int {
		if strings.HasPrefix(e.sk, prefix) {
			return -1
		}
		return 1
	})
	return from, to + n
}

// lastEvaluatedKey returns the key after which the next page of the query begins.
func (q *pageQuery) lastEvaluatedKey(r *row) Item {
	names := []string{q.t.keys.hash, q.t.keys.sort, q.x.keys.hash, q.x.keys.sort}
	return r.selectAttributes(slices.DeleteFunc(names, func(n string) bool { return n == "" }))
}

// parseStartKey reads ExclusiveStartKey. The row in the returned entry has a primary key and no
// attributes, which is enough to search for its position.
func (q *pageQuery) parseStartKey() (entry, error) {
	key := q.in.ExclusiveStartKey
	pk, sk, err := q.t.primaryKey(key)
	if err != nil {
		return entry{}, validationError("The provided starting key is invalid: %v", err)
	}
	for name := range key {
		if !q.t.keys.isKey(name) && !q.x.keys.isKey(name) {
			return entry{}, validationError("The provided starting key is invalid")
		}
	}
	e := entry{sk: sk, row: &row{pk: pk, sk: sk}}
	hash, _ := keyText(key[q.x.keys.hash])
	if hash != q.sp.pk {
		return entry{}, validationError(
			"The provided starting key is outside query boundaries based on provided conditions")
	}
	if q.x.name != "" {
		e.sk = ""
		if q.x.keys.sort != "" {
			var ok bool
			if e.sk, ok = keyText(key[q.x.keys.sort]); !ok {
				return entry{}, validationError("The provided starting key is invalid")
			}
		}
	}
	return e, nil
}
