// Package yamldoc reads small YAML files strictly. A file holds one document without references, so
// that a reader sees every value in the place where it applies.
package yamldoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// The limits of a document. Files of rules are far below them.
	maxBytes = 1 << 20
	// maxDepth bounds how deep mappings and lists are nested.
	maxDepth = 32
	// maxKeys bounds the keys of one mapping.
	maxKeys = 1000
)

// Error describes what is wrong with a document.
type Error struct {
	// Line is the line of the problem; 0 means the whole document.
	Line int
	Text string
}

// Error returns the problem with its line.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// errorAt returns an Error with the line of a node.
func errorAt(n *yaml.Node, format string, args ...any) error {
	return &Error{n.Line, fmt.Sprintf(format, args...)}
}

// Parse reads a document and returns its root. Parse refuses aliases, anchors, tags, merge keys,
// keys that are not scalars, and duplicate keys, so that the caller meets only mappings, lists and
// scalars.
//
// Errors: *Error.
func Parse(data []byte) (*yaml.Node, error) {
	if len(data) > maxBytes {
		return nil, &Error{Text: fmt.Sprintf("larger than %d bytes", maxBytes)}
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &Error{Text: "holds no document"}
	case err != nil:
		return nil, syntaxError(err)
	}
	switch err := d.Decode(&more); {
	case err == nil:
		// a second document would be ignored by most readers
		return nil, errorAt(&more, "holds a second document")
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(err)
	}
	root := doc.Content[0]
	return root, checkNode(root, 0)
}

// syntaxError reads the line and the problem from an error of the parser, "yaml: line 3: did not
// find ...".
func syntaxError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, problem, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil && problem != "" {
			return &Error{line, problem}
		}
	}
	return &Error{Text: text}
}

// checkNode checks a node and everything below it.
func checkNode(n *yaml.Node, depth int) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return errorAt(n, "aliases are not read")
	case n.Anchor != "":
		return errorAt(n, "anchors are not read")
	case n.Style&yaml.TaggedStyle != 0:
		return errorAt(n, "tag %s is not read", n.Tag)
	case depth > maxDepth:
		return errorAt(n, "nested deeper than %d", maxDepth)
	case n.Kind == yaml.MappingNode:
		if err := checkKeys(n); err != nil {
			return err
		}
	}
	for _, part := range n.Content {
		if err := checkNode(part, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkKeys checks the keys of a mapping and compares all pairs; there are too few for a map to be
// worth its memory.
func checkKeys(n *yaml.Node) error {
	if len(n.Content) > 2*maxKeys {
		return errorAt(n, "more than %d keys", maxKeys)
	}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" || k.Tag == "!!null" {
			return errorAt(k, "a key must be a word")
		}
		for j := 0; j < i; j += 2 {
			if before := n.Content[j]; before.Value == k.Value {
				return errorAt(k, "key %q stands on line %d already", k.Value, before.Line)
			}
		}
	}
	return nil
}

// JSON writes what Parse returned as JSON, in the order of the document. Whole numbers are written
// as in the document. A number with a decimal point is refused, because readers of JSON would round
// it.
//
// Errors: *Error.
func JSON(root *yaml.Node) ([]byte, error) { return appendJSON(nil, root) }

// appendJSON appends a node as JSON to b.
func appendJSON(b []byte, n *yaml.Node) ([]byte, error) {
	switch n.Kind {
	case yaml.MappingNode:
		return appendMapping(b, n)
	case yaml.SequenceNode:
		return appendList(b, n)
	default:
		return appendScalar(b, n)
	}
}

// appendMapping appends a mapping as a JSON object.
func appendMapping(b []byte, n *yaml.Node) (_ []byte, err error) {
	b = append(b, '{')
	for i := 0; i < len(n.Content); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, n.Content[i].Value), ':')
		if b, err = appendJSON(b, n.Content[i+1]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendList appends a list as a JSON list.
func appendList(b []byte, n *yaml.Node) (_ []byte, err error) {
	b = append(b, '[')
	for i, part := range n.Content {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSON(b, part); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendScalar appends a text, a whole number, a boolean or null; a date is written as a text.
func appendScalar(b []byte, n *yaml.Node) ([]byte, error) {
	switch n.Tag {
	case "!!str", "!!timestamp":
		return appendText(b, n.Value), nil
	case "!!null":
		return append(b, "null"...), nil
	case "!!bool":
		return append(b, strings.ToLower(n.Value)...), nil
	case "!!int":
		if number, err := strconv.ParseInt(n.Value, 10, 64); err == nil &&
			// YAML also writes numbers as 0x1f, 1_000 or 010, which readers understand differently
			strconv.FormatInt(number, 10) == n.Value {
			return append(b, n.Value...), nil
		}
	}
	return nil, errorAt(n, "%s must be a whole number, or text in quotes", n.Value)
}

// appendText appends a text as a JSON string.
func appendText(b []byte, text string) []byte {
	// a Go string can always be encoded
	quoted, _ := json.Marshal(text)
	return append(b, quoted...)
}
