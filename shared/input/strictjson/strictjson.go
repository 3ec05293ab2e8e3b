// Package strictjson reads JSON from clients. Package strictjson refuses ambiguous input (duplicate
// keys, unknown fields, control characters, trailing data, deep nesting) and reports all problems
// at once, each with its field.
package strictjson

import (
	"reflect"
	"unicode/utf8"

	"fenzhang/shared/fault"
)

// MaxDepth is the greatest number of nested objects and lists.
const MaxDepth = 32

// maxProblems is the greatest number of reported problems, so that a hostile input does not receive
// a long answer.
const maxProblems = 100

// Decode reads one JSON value into the value that into points to, and returns all problems; when
// there are none, the value was read. Struct fields are matched by their exact JSON name; absent
// fields keep their value.
func Decode(data []byte, into any) []fault.Field {
	if !utf8.Valid(data) {
		return []fault.Field{{Field: "", Problem: "must be UTF-8"}}
	}
	doc := scanDocument(data)
	// a text with errors in its structure is not decoded, since its values may be wrong
	if len(doc.problems) > 0 {
		return doc.problems
	}
	d := decoder{doc}
	d.decodeValue(root, reflect.ValueOf(into).Elem())
	return d.problems
}
