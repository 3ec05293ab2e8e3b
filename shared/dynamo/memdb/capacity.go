package memdb

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// capacityUnits counts capacity by table, in order of first use.
type capacityUnits struct{ tables []tableUnits }

type tableUnits struct {
	name        string
	base, index float64
}

func (u *capacityUnits) addUnits(table string, base, index float64) {
	i := slices.IndexFunc(u.tables, func(t tableUnits) bool { return t.name == table })
	if i < 0 {
		i, u.tables = len(u.tables), append(u.tables, tableUnits{name: table})
	}
	u.tables[i].base += base
	u.tables[i].index += index
}

// perTable answers a call over several tables, if the caller asked.
func (u *capacityUnits) perTable(asked types.ReturnConsumedCapacity) []types.ConsumedCapacity {
	if asked == "" || asked == types.ReturnConsumedCapacityNone {
		return nil
	}
	var out []types.ConsumedCapacity
	slices.SortFunc(u.tables, func(a, b tableUnits) int { return strings.Compare(a.name, b.name) })
	for _, t := range u.tables {
		c := types.ConsumedCapacity{TableName: aws.String(t.name),
			CapacityUnits: aws.Float64(t.base + t.index)}
		if asked == types.ReturnConsumedCapacityIndexes {
			c.Table = &types.Capacity{CapacityUnits: aws.Float64(t.base)}
		}
		out = append(out, c)
	}
	return out
}

// ofOneTable answers a call over one table.
func (u *capacityUnits) ofOneTable(asked types.ReturnConsumedCapacity) *types.ConsumedCapacity {
	all := u.perTable(asked)
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

func startedUnits(bytes, unit int) float64 { return float64(max(1, (bytes+unit-1)/unit)) }

// addWrite counts a write: one unit for each begun KB of the larger of old and new, and what its
// indexes take.
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

// writeUnits are the index writes that a write of a row causes: none where nothing of the index
// changes, two where the row moves within it. They are done behind the call, so a transaction does
// not double them.
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

// isProjected tells whether an index holds an attribute.
func (x *index) isProjected(t *table, name string) bool {
	return x.all || t.keys.isKey(name) || x.keys.isKey(name) || slices.Contains(x.includes, name)
}

func (x *index) projectedSize(t *table, r *row) int {
	n := 0
	for name, v := range r.attrs.attributes() {
		if x.isProjected(t, name) {
			n += len(name) + v.billedSize()
		}
	}
	return n
}

// hasSameProjection tells whether an index holds the same of two rows that stand in the same place
// of it.
func (x *index) hasSameProjection(a, b *row) bool {
	if x.all {
		return a.hasSameContent(b)
	}
	return !slices.ContainsFunc(x.includes, func(name string) bool {
		return a.attrs.attribute(name) != b.attrs.attribute(name)
	})
}

// projectRow is a row as an index holds it.
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

// readUnits are those of a read of so many bytes: 4 KB a unit, half of it when it need not be
// consistent.
func readUnits(bytes int, consistent *bool) float64 {
	n := startedUnits(bytes, 4096)
	if !aws.ToBool(consistent) {
		n /= 2
	}
	return n
}
