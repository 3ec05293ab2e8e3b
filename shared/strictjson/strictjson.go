// Package strictjson reads JSON from outside: it refuses what is ambiguous (duplicate keys, unknown fields,
// control characters, trailing data, deep nesting) and tells all problems at once, each with its field.
package strictjson

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fenzhang/shared/fault"
)

// MaxDepth is the deepest nesting that is read.
const MaxDepth = 32

// maxProblems bounds the list of problems of one body, so that a hostile one gets no long answer.
const maxProblems = 100

// Decode reads one JSON value into the pointer into and gives all problems found; an empty list means that
// the value was read. Struct fields are matched by their exact json name; absent fields stay as they were.
func Decode(data []byte, into any) []fault.Field {
	if !utf8.Valid(data) {
		return []fault.Field{{Field: "", Problem: "must be UTF-8"}}
	}
	s := scanner{data: data}
	s.space()
	s.value("", 1)
	s.space()
	if len(s.problems) == 0 && s.pos < len(s.data) {
		s.problem("", "has data after its end")
	}
	if len(s.problems) > 0 {
		return s.problems
	}
	d := decoder{}
	d.decode("", data, reflect.ValueOf(into).Elem())
	return d.problems
}

type list struct{ problems []fault.Field }

func (l *list) problem(path, text string) {
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, fault.Field{Field: path, Problem: text})
	}
}

// scanner walks the text once for what encoding/json lets through.
type scanner struct {
	list
	data []byte
	pos  int
	dead bool // the syntax is broken; one problem says so
}

func (s *scanner) broken() {
	if !s.dead {
		s.dead = true
		s.problem("", "is not valid JSON near byte "+strconv.Itoa(s.pos))
	}
	s.pos = len(s.data)
}

func (s *scanner) space() {
	for s.pos < len(s.data) && strings.IndexByte(" \t\r\n", s.data[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) value(path string, depth int) {
	if depth > MaxDepth {
		s.problem(path, fmt.Sprintf("is nested deeper than %d levels", MaxDepth))
		s.dead = true
		s.pos = len(s.data)
		return
	}
	switch c := s.peek(); {
	case c == '{':
		s.object(path, depth)
	case c == '[':
		s.array(path, depth)
	case c == '"':
		s.text(path)
	case c == 't' || c == 'f' || c == 'n' || c == '-' || (c >= '0' && c <= '9'):
		s.scalar()
	default:
		s.broken()
	}
}

func (s *scanner) object(path string, depth int) {
	seen := map[string]bool{}
	s.pos++
	for s.space(); s.peek() != '}'; s.space() {
		if s.peek() != '"' {
			s.broken()
			return
		}
		name := s.text(path)
		if seen[name] {
			s.problem(join(path, name), "is given twice")
		}
		seen[name] = true
		s.space()
		if s.peek() != ':' {
			s.broken()
			return
		}
		s.pos++
		s.space()
		s.value(join(path, name), depth+1)
		if !s.next('}') {
			return
		}
	}
	s.pos++
}

func (s *scanner) array(path string, depth int) {
	s.pos++
	i := 0
	for s.space(); s.peek() != ']'; s.space() {
		s.value(join(path, strconv.Itoa(i)), depth+1)
		i++
		if !s.next(']') {
			return
		}
	}
	s.pos++
}

// next steps over a comma that must be followed by another element, or stays before end.
func (s *scanner) next(end byte) bool {
	s.space()
	switch s.peek() {
	case end:
		return true
	case ',':
		s.pos++
		s.space()
		if s.peek() != end {
			return true
		}
	}
	s.broken()
	return false
}

// text reads a string and refuses control characters in it, also escaped ones.
func (s *scanner) text(path string) string {
	start := s.pos
	for s.pos++; s.pos < len(s.data) && s.data[s.pos] != '"'; s.pos++ {
		if s.data[s.pos] == '\\' {
			s.pos++
		}
	}
	if s.pos >= len(s.data) {
		s.broken()
		return ""
	}
	s.pos++
	raw := s.data[start:s.pos]
	var out string
	if err := json.Unmarshal(raw, &out); err != nil {
		s.problem(path, "is not a valid string or has control characters")
		return ""
	}
	if strings.ContainsFunc(out, isControl) {
		s.problem(path, "must not have control characters")
	}
	return out
}

func isControl(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r <= 0x9f) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

func (s *scanner) scalar() {
	start := s.pos
	for s.pos < len(s.data) && strings.IndexByte(" \t\r\n,]}", s.data[s.pos]) < 0 {
		s.pos++
	}
	if !json.Valid(s.data[start:s.pos]) {
		s.pos = start
		s.broken()
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// decoder fills Go values field by field, so that one bad field does not hide another.
type decoder struct{ list }

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func (d *decoder) decode(path string, raw json.RawMessage, v reflect.Value) {
	switch {
	case v.CanAddr() && v.Addr().Type().Implements(unmarshaler):
		d.leaf(path, raw, v)
	case v.Kind() == reflect.Pointer:
		if string(raw) == "null" {
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.decode(path, raw, v.Elem())
	case v.Kind() == reflect.Struct:
		d.object(path, raw, v)
	case v.Kind() == reflect.Slice && v.Type() != reflect.TypeFor[json.RawMessage]():
		d.array(path, raw, v)
	case v.Kind() == reflect.Map:
		d.table(path, raw, v)
	default:
		d.leaf(path, raw, v)
	}
}

func (d *decoder) leaf(path string, raw json.RawMessage, v reflect.Value) {
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		d.problem(path, sentence(err, v))
	}
}

// sentence keeps the words of our own types and hides those of encoding/json.
func sentence(err error, v reflect.Value) string {
	if _, ok := err.(*json.UnmarshalTypeError); !ok {
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

func (d *decoder) object(path string, raw json.RawMessage, v reflect.Value) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		d.problem(path, "must be an object")
		return
	}
	fields := map[string]reflect.Value{}
	collect(v, fields)
	for _, name := range sortedNames(members) {
		f, ok := fields[name]
		if !ok {
			d.problem(join(path, name), "is not a known field")
			continue
		}
		d.decode(join(path, name), members[name], f)
	}
}

// collect maps json names to fields, embedded structs included.
func collect(v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			collect(v.Field(i), into)
		case f.IsExported() && name != "" && name != "-":
			into[name] = v.Field(i)
		}
	}
}

func (d *decoder) array(path string, raw json.RawMessage, v reflect.Value) {
	var members []json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		d.problem(path, "must be a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(members), len(members))
	for i, m := range members {
		d.decode(join(path, strconv.Itoa(i)), m, out.Index(i))
	}
	v.Set(out)
}

func (d *decoder) table(path string, raw json.RawMessage, v reflect.Value) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		d.problem(path, "must be an object")
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(members))
	for _, name := range sortedNames(members) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.decode(join(path, name), members[name], e)
		out.SetMapIndex(reflect.ValueOf(name), e)
	}
	v.Set(out)
}

func sortedNames(m map[string]json.RawMessage) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
