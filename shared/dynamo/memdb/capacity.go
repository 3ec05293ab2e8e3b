package memdb

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// capacityUnits adds up the consumed capacity of one call by table.
type capacityUnits struct{ tables []tableUnits }

// tableUnits is the capacity that a call consumed on a table itself and on its indexes.
type tableUnits struct {
	name        string
	base, index float64
}

// addUnits adds consumed capacity to a table's sums.
func (u *capacityUnits) addUnits(table string, base, index float64) {
	i := slices.IndexFunc(u.tables, func(t tableUnits) bool { return t.name == table })
	if i < 0 {
		i, u.tables = len(u.tables), append(u.tables, tableUnits{name: table})
	}
	u.tables[i].base += base
	u.tables[i].index += index
}

// perTable returns the consumed capacity of each table for the answer of a call; nil when the
// caller did not request it.
func (u *capacityUnits) perTable(requested types.ReturnConsumedCapacity) []types.ConsumedCapacity {
	if requested == "" || requested == types.ReturnConsumedCapacityNone {
		return nil
	}
	var out []types.ConsumedCapacity
	slices.SortFunc(u.tables, func(a, b tableUnits) int { return strings.Compare(a.name, b.name) })
	for _, t := range u.tables {
		c := types.ConsumedCapacity{TableName: aws.String(t.name),
			CapacityUnits: aws.Float64(t.base + t.index)}
		if requested == types.ReturnConsumedCapacityIndexes {
			c.Table = &types.Capacity{CapacityUnits: aws.Float64(t.base)}
		}
		out = append(out, c)
	}
	return out
}

// ofOneTable returns the consumed capacity of a call on a single table; nil when the caller did not
// request it.
func (u *capacityUnits) ofOneTable(requested types.ReturnConsumedCapacity) *types.ConsumedCapacity {
	all := u.perTable(requested)
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

// startedUnits returns how many units of the given size so many bytes take, counting a started unit
// as a whole one.
func startedUnits(bytes, unit int) float64 { return float64(max(1, (bytes+unit-1)/unit)) }

// addWrite counts a write: one unit for each started KB of the larger of the old and the new item,
// times factor, which is 2 in a transaction, and the writes of the indexes.
func (u *capacityUnits) addWrite(t *table, before, after *row, factor float64) {
	size := 0
	for _, r := range []*row{before, after} {
		if r != nil {
			size = max(size, r.size)
		}
	}
	var index float64
	for _, x := range t.gsis {
		index += x.writeUnits(t, before, after)
	}
	u.addUnits(t.name, factor*startedUnits(size, 1024), index)
}

// writeUnits returns the capacity that a write of a row consumes in an index: none when the index
// holds the same as before, and a delete and a put when the row moves within the index. Indexes are
// updated after the call, so a transaction does not double their cost.
func (x *index) writeUnits(t *table, before, after *row) float64 {
	pk0, sk0, was := x.position(before)
	pk1, sk1, is := x.position(after)
	switch {
	case was && is && pk0 == pk1 && sk0 == sk1:
		if x.hasSameProjection(before, after) {
			return 0
		}
		return startedUnits(max(x.projectedSize(t, before), x.projectedSize(t, after)), 1024)
	case was && is:
		return startedUnits(x.projectedSize(t, before), 1024) +
			startedUnits(x.projectedSize(t, after), 1024)
	case was:
		return startedUnits(x.projectedSize(t, before), 1024)
	case is:
		return startedUnits(x.projectedSize(t, after), 1024)
	}
	return 0
}

// isProjected reports whether an index holds an attribute.
func (x *index) isProjected(t *table, name string) bool {
	return x.all || t.keys.isKey(name) || x.keys.isKey(name) || slices.Contains(x.includes, name)
}

// projectedSize returns the size of a row in an index, in bytes.
func (x *index) projectedSize(t *table, r *row) int {
	n := 0
	for name, v := range r.attrs.attributes() {
		if x.isProjected(t, name) {
			n += len(name) + v.billedSize()
		}
	}
	return n
}

// hasSameProjection reports whether an index holds the same of two rows with the same position.
func (x *index) hasSameProjection(a, b *row) bool {
	if x.all {
		return a.hasSameContent(b)
	}
	return !slices.ContainsFunc(x.includes, func(name string) bool {
		return a.attrs.attribute(name) != b.attrs.attribute(name)
	})
}

// projectRow returns a row as an index holds it, with the projected attributes only.
func (x *index) projectRow(t *table, r *row) *row {
	if x.all {
		return r
	}
	out, held := &row{pk: r.pk, sk: r.sk}, make([]byte, 0, 256)
	for name, v := range r.attrs.attributes() {
		if x.isProjected(t, name) {
			held = appendWithLength(appendWithLength(held, name), string(v))
			out.n, out.size = out.n+1, out.size+len(name)+v.billedSize()
		}
	}
	out.attrs = packedItem(held)
	return out
}

// readUnits returns the capacity that a read of so many bytes consumes: one unit for each started 4
// KB, and half of it for an eventually consistent read.
func readUnits(bytes int, consistent *bool) float64 {
	n := startedUnits(bytes, 4096)
	if !aws.ToBool(consistent) {
		n /= 2
	}
	return n
}
