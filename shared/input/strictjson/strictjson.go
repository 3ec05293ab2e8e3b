// Package strictjson reads JSON from outside: it refuses what is ambiguous (duplicate keys, unknown
// fields, control characters, trailing data, deep nesting) and tells all problems at once, each
// with its field.
package strictjson

import (
	"reflect"
	"unicode/utf8"

	"fenzhang/shared/fault"
)

// MaxDepth is the deepest nesting that is read.
const MaxDepth = 32

// maxProblems bounds the list of problems of one body, so that a hostile one gets no long answer.
const maxProblems = 100

// Decode reads one JSON value into the pointer into and gives all problems found; an empty list
// means that the value was read. Struct fields are matched by their exact json name; absent fields
// stay as they were.
func Decode(data []byte, into any) []fault.Field {
	if !utf8.Valid(data) {
		return []fault.Field{{Field: "", Problem: "must be UTF-8"}}
	}
	doc := scanDocument(data)
	if len(doc.problems) > 0 {
		return doc.problems
	}
	d := decoder{doc}
	d.decodeValue(root, reflect.ValueOf(into).Elem())
	return d.problems
}
