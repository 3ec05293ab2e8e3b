// Package yamldoc reads small YAML files strictly: one document, in which everything stands where
// it is used and is said once.
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

// The bounds of a document. Files of rules are far below them; what exceeds them is no such file.
const (
	maxBytes = 1 << 20
	maxDepth = 32   // of mappings and lists within each other
	maxKeys  = 1000 // of one mapping
)

// Error is what is wrong with a document.
type Error struct {
	Line int // 0 = the whole document
	Text string
}

// Error gives the problem with its line.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

func errorAt(n *yaml.Node, format string, args ...any) error {
	return &Error{n.Line, fmt.Sprintf(format, args...)}
}

// Parse reads a document and gives its root. Aliases, anchors, tags, merge keys, keys that are no
// words and keys that stand twice in a mapping are refused, so that whoever walks the nodes meets
// only mappings, lists and scalars.
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
		return nil, errorAt(&more, "holds a second document")
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(err)
	}
	root := doc.Content[0]
	return root, checkNode(root, 0)
}

// syntaxError takes line and problem out of an error of the parser, "yaml: line 3: did not find
// ...".
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

// checkNode walks all nodes once.
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

// checkKeys checks the keys of a mapping against each other. There are few: comparing all pairs
// needs no memory.
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

// JSON writes what Parse read as JSON, in the order of the document. Whole numbers stay as they are
// written; a number with a decimal point is refused, since readers of JSON would round it.
//
// Errors: *Error.
func JSON(root *yaml.Node) ([]byte, error) { return appendJSON(nil, root) }

func appendJSON(b []byte, n *yaml.Node) ([]byte, error) {
	switch n.Kind {
	case yaml.MappingNode:
		return appendMapping(b, n)
	case yaml.SequenceNode:
		return appendList(b, n)
	}
	return appendScalar(b, n)
}

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
			strconv.FormatInt(number, 10) == n.Value {
			return append(b, n.Value...), nil
		}
	}
	return nil, errorAt(n, "%s must be a whole number, or text in quotes", n.Value)
}

func appendText(b []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a text can always be written
	return append(b, quoted...)
}
