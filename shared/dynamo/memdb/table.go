package memdb

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// row is one stored item. A row is never changed: a write replaces it by another row, so that
// readers may use it without a copy and without the lock.
type row struct {
	pk, sk string
	attrs  packedItem
	// n is the number of attributes.
	n int
	// size is the size in bytes as the service bills it.
	size int
}

// compareRows orders rows by partition key and sort key.
func compareRows(a, b *row) int {
	return cmp.Or(strings.Compare(a.pk, b.pk), strings.Compare(a.sk, b.sk))
}

// attribute returns the value of an attribute; nil when the row is nil or lacks it.
func (r *row) attribute(name string) types.AttributeValue {
	if r == nil {
		return nil
	}
	return r.attrs.attribute(name).unpack()
}

// item returns a copy of the row that the caller may change; nil for a nil row.
func (r *row) item() Item {
	if r == nil {
		return nil
	}
	it := make(Item, r.n)
	for name, v := range r.attrs.attributes() {
		it[name] = v.unpack()
	}
	return it
}

// hasSameContent reports whether two rows have equal attributes.
func (r *row) hasSameContent(o *row) bool { return r != nil && o != nil && r.attrs == o.attrs }

// keyNames are the names of the key attributes of a table or an index; sort is empty when it has no
// sort key.
type keyNames struct{ hash, sort string }

// isKey reports whether an attribute is one of the two key attributes.
func (k keyNames) isKey(name string) bool {
	return name == k.hash || k.sort != "" && name == k.sort
}

// table holds the rows of one table in its own order and in the order of each secondary index, and
// the stream records that nobody has taken yet.
type table struct {
	name string
	keys keyNames
	// kinds are the types of the key attributes of the table and of its indexes.
	kinds  map[string]types.ScalarAttributeType
	base   *index
	gsis   []*index
	stream bool

	items int
	bytes int64
	// records are the stream records that TakeStreamRecords has not returned yet.
	records []streamRecord
}

// index holds rows by partition and sort key: of the table itself, or of a global secondary index.
// Every write updates all indexes at once. The service updates secondary indexes a moment later, so
// callers must not rely on this.
type index struct {
	name string
	keys keyNames
	all  bool
	// includes are the attributes that an index with the projection KEYS_ONLY or INCLUDE holds besides
	// the keys.
	includes []string
	parts    map[string]*partition
}

// partition holds the rows with one partition key, in the order of their sort keys.
type partition struct{ entries []entry }

// entry is one row in a partition, with its sort key in this index.
type entry struct {
	sk  string
	row *row
}

// compareEntries orders entries by sort key. Rows with the same sort key, as an index may have, are
// ordered by their primary key.
func compareEntries(a, b entry) int {
	return cmp.Or(strings.Compare(a.sk, b.sk), compareRows(a.row, b.row))
}

// newTable makes an empty table from the input of CreateTable.
func newTable(in *dynamodb.CreateTableInput) (*table, error) {
	t := &table{name: aws.ToString(in.TableName), kinds: map[string]types.ScalarAttributeType{}}
	if t.name == "" {
		return nil, validationError("TableName is required")
	}
	defined := map[string]types.ScalarAttributeType{}
	for _, d := range in.AttributeDefinitions {
		defined[aws.ToString(d.AttributeName)] = d.AttributeType
	}
	var err error
	if t.keys, err = t.parseKeySchema(in.KeySchema, defined); err != nil {
		return nil, err
	}
	t.base = &index{keys: t.keys, all: true, parts: map[string]*partition{}}
	for _, g := range in.GlobalSecondaryIndexes {
		x, err := t.newSecondaryIndex(g, defined)
		if err != nil {
			return nil, err
		}
		t.gsis = append(t.gsis, x)
	}
	t.stream = in.StreamSpecification != nil && aws.ToBool(in.StreamSpecification.StreamEnabled)
	return t, nil
}

// parseKeySchema reads the key attributes of the table or of an index and records their types.
func (t *table) parseKeySchema(schema []types.KeySchemaElement,
	defined map[string]types.ScalarAttributeType) (keyNames, error) {
	var k keyNames
	for _, e := range schema {
		name := aws.ToString(e.AttributeName)
		kind := defined[name]
		if kind != types.ScalarAttributeTypeS && kind != types.ScalarAttributeTypeB {
			return k, validationError("the key attribute %s of %s must be defined with type S or B", name,
				t.name)
		}
		t.kinds[name] = kind
		if e.KeyType == types.KeyTypeHash {
			k.hash = name
		} else {
			k.sort = name
		}
	}
	if k.hash == "" {
		return k, validationError("%s has no partition key", t.name)
	}
	return k, nil
}

// newSecondaryIndex makes an empty global secondary index.
func (t *table) newSecondaryIndex(g types.GlobalSecondaryIndex,
	defined map[string]types.ScalarAttributeType) (*index, error) {
	k, err := t.parseKeySchema(g.KeySchema, defined)
	if err != nil {
		return nil, err
	}
	x := &index{name: aws.ToString(g.IndexName), keys: k, parts: map[string]*partition{}}
	if p := g.Projection; p != nil {
		x.all = p.ProjectionType == types.ProjectionTypeAll
		x.includes = slices.Clone(p.NonKeyAttributes)
	}
	return x, nil
}

// findIndex returns the index with the given name; a nil name means the table itself.
func (t *table) findIndex(name *string) (*index, error) {
	if name == nil {
		return t.base, nil
	}
	for _, x := range t.gsis {
		if x.name == *name {
			return x, nil
		}
	}
	return nil, validationError("The table does not have the specified index: %s", *name)
}

// keyText returns the text by which the engine orders a key attribute; ok is false when a value
// cannot be a key.
func keyText(v types.AttributeValue) (string, bool) {
	switch v := v.(type) {
	case *avS:
		return v.Value, true
	case *avB:
		return string(v.Value), true
	}
	return "", false
}

// primaryKey reads and checks the primary key of an item.
func (t *table) primaryKey(it Item) (pk, sk string, err error) {
	if pk, err = t.keyAttribute(it, t.keys.hash, maxPK); err != nil || t.keys.sort == "" {
		return pk, "", err
	}
	sk, err = t.keyAttribute(it, t.keys.sort, maxSK)
	return pk, sk, err
}

// keyAttribute reads one key attribute and checks its type and its length, at most most bytes.
func (t *table) keyAttribute(it Item, name string, most int) (string, error) {
	v, ok := it[name]
	if !ok {
		return "", validationError(
			"One or more parameter values were invalid: Missing the key %s in the item",
			name)
	}
	if typeName(v) != string(t.kinds[name]) {
		return "", validationError(
			"One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s",
			name, t.kinds[name], typeName(v))
	}
	s, _ := keyText(v)
	if s == "" {
		return "", validationError(
			"One or more parameter values are not valid. The AttributeValue for a key attribute cannot "+
				"contain an empty string value. Key: %s", name)
	}
	if len(s) > most {
		return "", validationError(
			"One or more parameter values were invalid: Size of key %s has exceeded the maximum of %d bytes",
			name, most)
	}
	return s, nil
}

// parseKey reads the Key parameter of a request, which must hold the key attributes and nothing
// else.
func (t *table) parseKey(key Item) (pk, sk string, err error) {
	n := 1
	if t.keys.sort != "" {
		n = 2
	}
	if len(key) != n || key[t.keys.hash] == nil || t.keys.sort != "" && key[t.keys.sort] == nil {
		return "", "", validationError("The provided key element does not match the schema")
	}
	return t.primaryKey(key)
}

// newRow checks an item of a request and packs it into a row.
func (t *table) newRow(it Item) (*row, error) {
	kept := make(Item, len(it))
	for name, v := range it {
		if name == "" {
			return nil, validationError(
				"One or more parameter values were invalid: Attribute name must not be empty")
		}
		var err error
		if kept[name], err = canonicalValue(v, 1); err != nil {
			return nil, err
		}
	}
	return t.packRow(kept)
}

// packRow packs checked values into a row and checks the rules for a whole item: its keys, the keys
// of the indexes, and its size.
func (t *table) packRow(it Item) (*row, error) {
	if _, _, err := t.primaryKey(it); err != nil {
		return nil, err
	}
	r := &row{attrs: packItem(it), n: len(it)}
	for name, v := range r.attrs.attributes() {
		r.size += len(name) + v.billedSize()
		if kind, is := t.kinds[name]; is {
			if typeName(it[name]) != string(kind) {
				return nil, validationError(
					"One or more parameter values were invalid: Type mismatch for Index Key %s Expected: %s "+
						"Actual: %s", name, kind, typeName(it[name]))
			}
			if v.keyText() == "" {
				return nil, validationError(
					"One or more parameter values are not valid. A value specified for a secondary index key is "+
						"not supported. "+
						"The AttributeValue for a key attribute cannot contain an empty string value. IndexKey: %s",
					name)
			}
		}
	}
	if r.size > maxItem {
		return nil, validationError("Item size has exceeded the maximum allowed size")
	}
	r.pk, r.sk = r.attrs.attribute(t.keys.hash).keyText(), r.attrs.attribute(t.keys.sort).keyText()
	return r, nil
}

// findRow returns the row with a primary key; nil when there is none.
func (x *index) findRow(pk, sk string) *row {
	p := x.parts[pk]
	if p == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(p.entries, sk, func(e entry, sk string) int {
		return strings.Compare(e.sk, sk)
	})
	if !ok {
		return nil
	}
	return p.entries[i].row
}

// position returns the keys under which a row is stored in an index; ok is false when the row lacks
// a key attribute of the index, and so is not part of it.
func (x *index) position(r *row) (pk, sk string, ok bool) {
	if r == nil {
		return "", "", false
	}
	if x.name == "" {
		return r.pk, r.sk, true
	}
	pk = r.attrs.attribute(x.keys.hash).keyText()
	if x.keys.sort != "" {
		sk = r.attrs.attribute(x.keys.sort).keyText()
	}
	return pk, sk, pk != "" && (sk != "" || x.keys.sort == "")
}

// replaceRow replaces the row before by the row after in an index; before is nil for a new item and
// after is nil for a deleted one.
func (x *index) replaceRow(before, after *row) {
	pk0, sk0, was := x.position(before)
	pk1, sk1, is := x.position(after)
	// a row that keeps its position is replaced in place: all other entries stay where they are
	if was && is && pk0 == pk1 && sk0 == sk1 {
		p := x.parts[pk0]
		if i, found := p.searchRow(sk0, before); found {
			p.entries[i].row = after
		}
		return
	}
	if was {
		x.removeRow(pk0, sk0, before)
	}
	if is {
		x.insertRow(pk1, sk1, after)
	}
}

// searchRow returns the position of a row in a partition, and whether it is there.
func (p *partition) searchRow(sk string, r *row) (int, bool) {
	return slices.BinarySearchFunc(p.entries, entry{sk, r}, compareEntries)
}

// removeRow takes a row out of an index and drops its partition when it was the last one.
func (x *index) removeRow(pk, sk string, r *row) {
	p := x.parts[pk]
	if i, found := p.searchRow(sk, r); found {
		p.entries = slices.Delete(p.entries, i, i+1)
	}
	if len(p.entries) == 0 {
		delete(x.parts, pk)
	}
}

// insertRow adds a row to an index, and makes its partition when it is the first one.
func (x *index) insertRow(pk, sk string, r *row) {
	p := x.parts[pk]
	if p == nil {
		p = &partition{}
		x.parts[pk] = p
	}
	i, _ := p.searchRow(sk, r)
	p.entries = slices.Insert(p.entries, i, entry{sk, r})
}

// replaceRow replaces the row before by the row after in the table, its indexes and its stream.
// Either may be nil; both have the same primary key.
func (db *DB) replaceRow(t *table, before, after *row) {
	t.base.replaceRow(before, after)
	for _, x := range t.gsis {
		x.replaceRow(before, after)
	}
	if before != nil {
		t.items, t.bytes = t.items-1, t.bytes-int64(before.size)
	}
	if after != nil {
		t.items, t.bytes = t.items+1, t.bytes+int64(after.size)
	}
	db.recordChange(t, before, after)
}
