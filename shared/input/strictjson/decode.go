package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// decoder fills Go values node by node, so that one bad field does not hide another.
type decoder struct{ *document }

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func (d decoder) decodeValue(at int, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[string]() && d.nodes[at].text != nil:
		v.SetString(string(d.nodes[at].text))
	case v.CanAddr() && v.Addr().Type().Implements(unmarshaler):
		d.decodeLeaf(at, v)
	case v.Kind() == reflect.Pointer:
		if d.isNull(at) {
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.decodeValue(at, v.Elem())
	case v.Kind() == reflect.Struct:
		d.decodeObject(at, v)
	case v.Kind() == reflect.Slice && v.Type() != reflect.TypeFor[json.RawMessage]():
		d.decodeList(at, v)
	case v.Kind() == reflect.Map:
		d.decodeMap(at, v)
	default:
		d.decodeLeaf(at, v)
	}
}

func (d decoder) decodeLeaf(at int, v reflect.Value) {
	if err := json.Unmarshal(d.rawText(at), v.Addr().Interface()); err != nil {
		d.addProblem(d.fieldPath(at), problemText(err, v))
	}
}

// problemText keeps the words of our own types and hides those of encoding/json.
func problemText(err error, v reflect.Value) string {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return strings.TrimPrefix(err.Error(), "json: ")
	}
	switch v.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	default:
		return "must be a whole number in range"
	}
}

// childNodes are the nodes of an object or list; ok is false when the node is something else.
func (d decoder) childNodes(at int, open byte) (nodes []int, ok bool) {
	if d.data[d.nodes[at].start] != open {
		return nil, false
	}
	for child := d.nodes[at].first; child != none; child = d.nodes[child].next {
		nodes = append(nodes, child)
	}
	return nodes, true
}

// memberNodes are an object's children in the order of their names, in which problems are told.
func (d decoder) memberNodes(at int) ([]int, bool) {
	nodes, ok := d.childNodes(at, '{')
	slices.SortFunc(nodes, func(a, b int) int {
		return bytes.Compare(d.nodes[a].name, d.nodes[b].name)
	})
	return nodes, ok
}

func (d decoder) decodeObject(at int, v reflect.Value) {
	members, ok := d.memberNodes(at)
	if !ok {
		d.addProblem(d.fieldPath(at), "must be an object")
		return
	}
	fields := fieldsOf(v.Type())
	for _, m := range members {
		index, known := fields[string(d.nodes[m].name)]
		if !known {
			d.addProblem(d.fieldPath(m), "is not a known field")
			continue
		}
		d.decodeValue(m, v.FieldByIndex(index))
	}
}

// fieldsByType remembers the fields of struct types; it grows with the program's types, not with
// its input.
var fieldsByType sync.Map // reflect.Type -> map[string][]int

// fieldsOf maps json names to fields, embedded structs included.
func fieldsOf(t reflect.Type) map[string][]int {
	if known, ok := fieldsByType.Load(t); ok {
		return known.(map[string][]int)
	}
	fields := map[string][]int{}
	collectFields(t, nil, fields)
	fieldsByType.Store(t, fields)
	return fields
}

func collectFields(t reflect.Type, above []int, into map[string][]int) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		index := append(slices.Clone(above), i)
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			collectFields(f.Type, index, into)
		case f.IsExported() && name != "" && name != "-":
			into[name] = index
		}
	}
}

func (d decoder) decodeList(at int, v reflect.Value) {
	elements, ok := d.childNodes(at, '[')
	if !ok {
		d.addProblem(d.fieldPath(at), "must be a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(elements), len(elements))
	for i, e := range elements {
		d.decodeValue(e, out.Index(i))
	}
	v.Set(out)
}

func (d decoder) decodeMap(at int, v reflect.Value) {
	members, ok := d.memberNodes(at)
	if !ok {
		d.addProblem(d.fieldPath(at), "must be an object")
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(members))
	for _, m := range members {
		e := reflect.New(v.Type().Elem()).Elem()
		d.decodeValue(m, e)
		out.SetMapIndex(reflect.ValueOf(string(d.nodes[m].name)).Convert(v.Type().Key()), e)
	}
	v.Set(out)
}
