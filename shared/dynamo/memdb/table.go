package memdb

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// row is one kept item. It is never changed: a write puts another in its place, so readers need no
// copy of it.
type row struct {
	pk, sk string
	attrs  packedItem
	n      int // of attributes
	size   int // bytes, as the service bills them
}

func compareRows(a, b *row) int {
	return cmp.Or(strings.Compare(a.pk, b.pk), strings.Compare(a.sk, b.sk))
}

// attribute gives an attribute, nil for none.
func (r *row) attribute(name string) types.AttributeValue {
	if r == nil {
		return nil
	}
	return r.attrs.attribute(name).unpack()
}

// item is the row for a caller; nil for none.
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

// hasSameContent tells whether two rows have the same content.
func (r *row) hasSameContent(o *row) bool { return r != nil && o != nil && r.attrs == o.attrs }

// keyNames are the key attributes of a table or an index; sort is empty where there is none.
type keyNames struct{ hash, sort string }

func (k keyNames) isKey(name string) bool {
	return name == k.hash || k.sort != "" && name == k.sort
}

// table is one table.
type table struct {
	name   string
	keys   keyNames
	kinds  map[string]types.ScalarAttributeType // of the key attributes of table and indexes
	base   *index
	gsis   []*index
	stream bool

	items   int
	bytes   int64
	records []streamRecord // not yet drained
}

// index is a table's own order, or that of a global secondary index. An index is up to date with
// each write, which the service does not promise and callers may not use.
type index struct {
	name     string
	keys     keyNames
	all      bool
	includes []string // with KEYS_ONLY and INCLUDE: what it holds beside the keys
	parts    map[string]*partition
}

// partition is one partition, in the order of the sort keys.
type partition struct{ entries []entry }

type entry struct {
	sk  string
	row *row
}

func compareEntries(a, b entry) int {
	return cmp.Or(strings.Compare(a.sk, b.sk), compareRows(a.row, b.row))
}

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

// findIndex finds a global secondary index; the table's own order has no name.
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

// keyText is a key attribute's value as the engine orders it.
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

// parseKey reads a Key: the key attributes and nothing else.
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

// newRow checks an item and keeps it.
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

// packRow makes a row of kept values, and checks what holds for a whole item.
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

// position is where a row stands in an index; ok is false when it lacks a key of it.
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

// replaceRow puts after in the place of before; either may be nil.
func (x *index) replaceRow(before, after *row) {
	pk0, sk0, was := x.position(before)
	pk1, sk1, is := x.position(after)
	if was && is && pk0 == pk1 && sk0 == sk1 { // where a row stays, nothing else moves
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

func (p *partition) searchRow(sk string, r *row) (int, bool) {
	return slices.BinarySearchFunc(p.entries, entry{sk, r}, compareEntries)
}

func (x *index) removeRow(pk, sk string, r *row) {
	p := x.parts[pk]
	if i, found := p.searchRow(sk, r); found {
		p.entries = slices.Delete(p.entries, i, i+1)
	}
	if len(p.entries) == 0 {
		delete(x.parts, pk)
	}
}

func (x *index) insertRow(pk, sk string, r *row) {
	p := x.parts[pk]
	if p == nil {
		p = &partition{}
		x.parts[pk] = p
	}
	i, _ := p.searchRow(sk, r)
	p.entries = slices.Insert(p.entries, i, entry{sk, r})
}

// replaceRow puts after in the place of before; either may be nil, and both have the same key.
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
