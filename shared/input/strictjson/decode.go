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

// decoder fills Go values from the nodes of a document and continues after a wrong field, so that
// one problem does not hide another.
type decoder struct{ *document }

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// decodeValue fills v from the node at position at, by the kind of v.
func (d decoder) decodeValue(at int, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[string]() && d.nodes[at].text != nil:
		v.SetString(string(d.nodes[at].text))
	// types such as amounts and dates know their own strict form
	case v.CanAddr() && v.Addr().Type().Implements(unmarshaler):
		d.decodeLeaf(at, v)
	case v.Kind() == reflect.Pointer:
		// null leaves a pointer nil, as an absent field does
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

// decodeLeaf lets encoding/json fill v, which is no struct, list or map, or has its own
// UnmarshalJSON.
func (d decoder) decodeLeaf(at int, v reflect.Value) {
	if err := json.Unmarshal(d.rawText(at), v.Addr().Interface()); err != nil {
		d.addProblem(d.fieldPath(at), problemText(err, v))
	}
}

// problemText returns the sentence that clients see for an error of encoding/json. Errors of our
// own types are sentences already; those of encoding/json would show Go types.
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

// childNodes returns the positions of the children of an object or list; ok is false when the node
// does not begin with open.
func (d decoder) childNodes(at int, open byte) (nodes []int, ok bool) {
	if d.data[d.nodes[at].start] != open {
		return nil, false
	}
	for child := d.nodes[at].first; child != none; child = d.nodes[child].next {
		nodes = append(nodes, child)
	}
	return nodes, true
}

// memberNodes returns the members of an object sorted by name, the order in which problems are
// reported.
func (d decoder) memberNodes(at int) ([]int, bool) {
	nodes, ok := d.childNodes(at, '{')
	slices.SortFunc(nodes, func(a, b int) int {
		return bytes.Compare(d.nodes[a].name, d.nodes[b].name)
	})
	return nodes, ok
}

// decodeObject fills the struct v from an object and reports unknown fields.
func (d decoder) decodeObject(at int, v reflect.Value) {
	members, ok := d.memberNodes(at)
	if !ok {
		d.addProblem(d.fieldPath(at), "must be an object")
		return
	}
	fields := fieldsOf(v.Type())
	for _, m := range members {
		index, known := fields[string(d.nodes[m].name)]
		// a misspelled field would otherwise be ignored silently
		if !known {
			d.addProblem(d.fieldPath(m), "is not a known field")
			continue
		}
		d.decodeValue(m, v.FieldByIndex(index))
	}
}

// fieldsByType caches the fields of struct types. fieldsByType grows with the types of the program,
// not with its input.
var fieldsByType sync.Map // reflect.Type -> map[string][]int

// fieldsOf maps the JSON names of a struct type to its fields, including those of embedded structs.
func fieldsOf(t reflect.Type) map[string][]int {
	if known, ok := fieldsByType.Load(t); ok {
		return known.(map[string][]int)
	}
	fields := map[string][]int{}
	collectFields(t, nil, fields)
	fieldsByType.Store(t, fields)
	return fields
}

// collectFields adds the fields of a struct type to into; above is the position of the struct in
// the outermost one.
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

// decodeList fills the slice v from a list.
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

// decodeMap fills the map v from an object whose names are the keys.
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
