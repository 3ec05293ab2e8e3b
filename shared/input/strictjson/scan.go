package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"fenzhang/shared/fault"
)

// document is a parsed JSON text: its values as a tree of nodes, and its problems.
type document struct {
	data     []byte
	nodes    []node
	problems []fault.Field
}

// node is one value. node refers to other nodes by their positions; the children are linked in the
// order of the text.
type node struct {
	// start and end are the positions of the value's text.
	start, end int
	// parent, first child and next sibling are positions of other nodes, or none.
	parent, first, next int
	// name is the unescaped name, when the node is a member of an object.
	name []byte
	// index is the position, when the node is an element of a list.
	index int
	// text is the unescaped text of a string.
	text []byte
}

const (
	root = 0
	none = -1
)

// rawText returns the JSON text of a node.
func (d *document) rawText(at int) []byte { return d.data[d.nodes[at].start:d.nodes[at].end] }

// isNull reports whether a node is null; no other value begins with n.
func (d *document) isNull(at int) bool { return d.data[d.nodes[at].start] == 'n' }

// addProblem records a problem of a field, up to maxProblems.
func (d *document) addProblem(path, text string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, fault.Field{Field: path, Problem: text})
	}
}

// fieldPath returns the path from the root to a node, such as list.1.flag. fieldPath is built only
// when a problem is reported.
func (d *document) fieldPath(at int) string {
	n := &d.nodes[at]
	switch {
	case n.parent == none:
		return ""
	case n.name == nil:
		return joinPath(d.fieldPath(n.parent), strconv.Itoa(n.index))
	default:
		return joinPath(d.fieldPath(n.parent), string(n.name))
	}
}

// joinPath appends a name to a path.
func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// scanner reads the text once, builds the tree, and refuses what encoding/json would accept.
type scanner struct {
	document
	pos int
	// dead is set after a syntax error, which is reported once and ends the scan.
	dead bool
}

// usualNodes is the number of values for which room is made at first; an ordinary body has no more.
const usualNodes = 32

// scanDocument parses a JSON text; its problems are in the document.
func scanDocument(data []byte) *document {
	s := scanner{document: document{data: data, nodes: make([]node, 0, usualNodes)}}
	s.skipSpace()
	s.scanValue(node{parent: none}, 1)
	s.skipSpace()
	// data after the value could be read by another parser
	if len(s.problems) == 0 && s.pos < len(s.data) {
		s.addProblem("", "has data after its end")
	}
	return &s.document
}

// reportSyntaxError records that the text is not valid JSON and moves to its end.
func (s *scanner) reportSyntaxError() {
	if !s.dead {
		s.dead = true
		s.addProblem("", "is not valid JSON near byte "+strconv.Itoa(s.pos))
	}
	s.pos = len(s.data)
}

// skipSpace moves over white space.
func (s *scanner) skipSpace() {
	for s.pos < len(s.data) && strings.IndexByte(" \t\r\n", s.data[s.pos]) >= 0 {
		s.pos++
	}
}

// peekByte returns the next byte without moving; 0 at the end.
func (s *scanner) peekByte() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// scanValue reads the next value into a new node and returns the node's position.
func (s *scanner) scanValue(n node, depth int) int {
	at := len(s.nodes)
	n.start = s.pos
	n.first = none
	n.next = none
	s.nodes = append(s.nodes, n)
	// deep nesting would exhaust the stack of this recursive scan
	if depth > MaxDepth {
		s.addProblem(s.fieldPath(at), fmt.Sprintf("is nested deeper than %d levels", MaxDepth))
		s.dead = true
		s.pos = len(s.data)
		return at
	}
	switch c := s.peekByte(); {
	case c == '{':
		s.scanObject(at, depth)
	case c == '[':
		s.scanList(at, depth)
	case c == '"':
		s.nodes[at].text = s.scanString(at)
	case c == 't' || c == 'f' || c == 'n' || c == '-' || (c >= '0' && c <= '9'):
		s.scanScalar()
	default:
		s.reportSyntaxError()
	}
	s.nodes[at].end = s.pos
	return at
}

// linkNode links a node behind its elder sibling, or as the first child of its parent.
func (s *scanner) linkNode(elder, at int) {
	if elder == none {
		s.nodes[s.nodes[at].parent].first = at
		return
	}
	s.nodes[elder].next = at
}

// scanObject reads the members of an object and reports a name that is given twice.
func (s *scanner) scanObject(at, depth int) {
	var seen nameSet
	elder := none
	s.pos++
	for s.skipSpace(); s.peekByte() != '}'; s.skipSpace() {
		if s.peekByte() != '"' {
			s.reportSyntaxError()
			return
		}
		name := s.scanString(at)
		// two readers could choose different values of the same name
		if seen.addName(name) {
			s.addProblem(joinPath(s.fieldPath(at), string(name)), "is given twice")
		}
		s.skipSpace()
		if s.peekByte() != ':' {
			s.reportSyntaxError()
			return
		}
		s.pos++
		s.skipSpace()
		member := s.scanValue(node{parent: at, name: name}, depth+1)
		s.linkNode(elder, member)
		elder = member
		if !s.skipComma('}') {
			return
		}
	}
	s.pos++
}

// scanList reads the elements of a list.
func (s *scanner) scanList(at, depth int) {
	elder := none
	s.pos++
	i := 0
	for s.skipSpace(); s.peekByte() != ']'; s.skipSpace() {
		element := s.scanValue(node{parent: at, index: i}, depth+1)
		s.linkNode(elder, element)
		elder = element
		i++
		if !s.skipComma(']') {
			return
		}
	}
	s.pos++
}

// skipComma moves over a comma and returns true; it also returns true, without moving, before the
// closing bracket end. A comma before the bracket is a syntax error.
func (s *scanner) skipComma(end byte) bool {
	s.skipSpace()
	switch s.peekByte() {
	case end:
		return true
	case ',':
		s.pos++
		s.skipSpace()
		if s.peekByte() != end {
			return true
		}
	}
	s.reportSyntaxError()
	return false
}

// scanString reads a string and returns it unescaped. Control characters in it, also escaped ones,
// are a problem of the node at position at. A string of plain ASCII is returned without a copy.
func (s *scanner) scanString(at int) []byte {
	start, plain := s.pos, true
	for s.pos++; s.pos < len(s.data) && s.data[s.pos] != '"'; s.pos++ {
		c := s.data[s.pos]
		if c == '\\' {
			s.pos++
		}
		if c == '\\' || c < 0x20 || c >= 0x7f {
			plain = false
		}
	}
	if s.pos >= len(s.data) {
		s.reportSyntaxError()
		return []byte{}
	}
	s.pos++
	if plain {
		return s.data[start+1 : s.pos-1]
	}
	return s.unescapeString(at, s.data[start:s.pos])
}

// unescapeString unescapes a string that has escapes or characters outside of ASCII, and refuses
// control characters.
func (s *scanner) unescapeString(at int, raw []byte) []byte {
	var out string
	if err := json.Unmarshal(raw, &out); err != nil {
		s.addProblem(s.fieldPath(at), "is not a valid string or has control characters")
		return []byte{}
	}
	if strings.ContainsFunc(out, isControl) {
		s.addProblem(s.fieldPath(at), "must not have control characters")
	}
	return []byte(out)
}

// isControl reports whether a character is a control character, a line separator of Unicode, or the
// result of broken UTF-8.
func isControl(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r <= 0x9f) || r == '\u2028' || r == '\u2029' ||
		r == utf8.RuneError
}

// scanScalar moves over a number, true, false or null and checks its syntax.
func (s *scanner) scanScalar() {
	start := s.pos
	for s.pos < len(s.data) && strings.IndexByte(" \t\r\n,]}", s.data[s.pos]) < 0 {
		s.pos++
	}
	// the standard library knows the exact syntax of numbers
	if !json.Valid(s.data[start:s.pos]) {
		s.pos = start
		s.reportSyntaxError()
	}
}

// nameSet holds the names of one object, to find duplicates. nameSet is a list up to fewNames names
// and a map beyond, so that small objects need no map and large ones do not make the search slow.
type nameSet struct {
	few  [][]byte
	many map[string]bool
}

const fewNames = 16

// addName adds a name and reports whether it was there before.
func (n *nameSet) addName(name []byte) bool {
	if n.many != nil {
		before := n.many[string(name)]
		n.many[string(name)] = true
		return before
	}
	for _, other := range n.few {
		if bytes.Equal(other, name) {
			return true
		}
	}
	if n.few == nil {
		n.few = make([][]byte, 0, fewNames)
	}
	n.few = append(n.few, name)
	// beyond this size a map is faster than a list
	if len(n.few) == fewNames {
		n.many = make(map[string]bool, 2*fewNames)
		for _, other := range n.few {
			n.many[string(other)] = true
		}
	}
	return false
}
