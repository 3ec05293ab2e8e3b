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

func (d decoder) decode(at int, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[string]() && d.nodes[at].text != nil:
		v.SetString(string(d.nodes[at].text))
	case v.CanAddr() && v.Addr().Type().Implements(unmarshaler):
		d.leaf(at, v)
	case v.Kind() == reflect.Pointer:
		if d.isNull(at) {
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.decode(at, v.Elem())
	case v.Kind() == reflect.Struct:
		d.object(at, v)
	case v.Kind() == reflect.Slice && v.Type() != reflect.TypeFor[json.RawMessage]():
		d.array(at, v)
	case v.Kind() == reflect.Map:
		d.table(at, v)
	default:
		d.leaf(at, v)
	}
}

func (d decoder) leaf(at int, v reflect.Value) {
	if err := json.Unmarshal(d.raw(at), v.Addr().Interface()); err != nil {
		d.problem(d.path(at), sentence(err, v))
	}
}

// sentence keeps the words of our own types and hides those of encoding/json.
func sentence(err error, v reflect.Value) string {
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

// children are the nodes of an object or list; ok is false when the node is something else.
func (d decoder) children(at int, open byte) (nodes []int, ok bool) {
	if d.data[d.nodes[at].start] != open {
		return nil, false
	}
	for child := d.nodes[at].first; child != none; child = d.nodes[child].next {
		nodes = append(nodes, child)
	}
	return nodes, true
}

// members are an object's children in the order of their names, in which problems are told.
func (d decoder) members(at int) ([]int, bool) {
	nodes, ok := d.children(at, '{')
	slices.SortFunc(nodes, func(a, b int) int {
		return bytes.Compare(d.nodes[a].name, d.nodes[b].name)
	})
	return nodes, ok
}

func (d decoder) object(at int, v reflect.Value) {
	members, ok := d.members(at)
	if !ok {
		d.problem(d.path(at), "must be an object")
		return
	}
	fields := fieldsOf(v.Type())
	for _, m := range members {
		index, known := fields[string(d.nodes[m].name)]
		if !known {
			d.problem(d.path(m), "is not a known field")
			continue
		}
		d.decode(m, v.FieldByIndex(index))
	}
}

// structs remembers the fields of struct types; it grows with the program's types, not with its
// input.
var structs sync.Map // reflect.Type -> map[string][]int

// fieldsOf maps json names to fields, embedded structs included.
func fieldsOf(t reflect.Type) map[string][]int {
	if known, ok := structs.Load(t); ok {
		return known.(map[string][]int)
	}
	fields := map[string][]int{}
	collect(t, nil, fields)
	structs.Store(t, fields)
	return fields
}

func collect(t reflect.Type, above []int, into map[string][]int) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		index := append(slices.Clone(above), i)
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			collect(f.Type, index, into)
		case f.IsExported() && name != "" && name != "-":
			into[name] = index
		}
	}
}

func (d decoder) array(at int, v reflect.Value) {
	elements, ok := d.children(at, '[')
	if !ok {
		d.problem(d.path(at), "must be a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(elements), len(elements))
	for i, e := range elements {
		d.decode(e, out.Index(i))
	}
	v.Set(out)
}

func (d decoder) table(at int, v reflect.Value) {
	members, ok := d.members(at)
	if !ok {
		d.problem(d.path(at), "must be an object")
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(members))
	for _, m := range members {
		e := reflect.New(v.Type().Elem()).Elem()
		d.decode(m, e)
		out.SetMapIndex(reflect.ValueOf(string(d.nodes[m].name)).Convert(v.Type().Key()), e)
	}
	v.Set(out)
}
