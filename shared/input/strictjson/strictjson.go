// Package strictjson reads JSON from clients. Package strictjson refuses ambiguous input (duplicate
// keys, unknown fields, control characters, trailing data, deep nesting) and reports all problems
// at once, each with its field.
package strictjson

import (
	"bytes"
	"encoding/json"
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

// Member is one member of a JSON object as it was sent.
type Member struct {
	Name  string
	Value json.RawMessage
}

// SplitObject returns the members of a JSON object in their order. A name that is given twice comes
// twice, where encoding/json would keep only the last value. SplitObject checks no value; each is
// for Decode.
//
// Errors: 2001 when data is not valid JSON, or not an object.
func SplitObject(data []byte) ([]Member, error) {
	if !json.Valid(data) {
		return nil, fault.Invalid(fault.Field{Problem: "is not valid JSON"})
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, fault.Invalid(fault.Field{Problem: "must be an object"})
	}
	var members []Member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fault.Internal(err) // the text is valid JSON
		}
		m := Member{Name: name.(string)} // within an object the token before a value is its name
		if err := d.Decode(&m.Value); err != nil {
			return nil, fault.Internal(err)
		}
		members = append(members, m)
	}
	return members, nil
}
