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

// document is a JSON text as a tree of nodes, and what is wrong with it.
type document struct {
	data     []byte
	nodes    []node
	problems []fault.Field
}

// node is one value. Its children are linked in the order of the text.
type node struct {
	start, end          int    // of its text
	parent, first, next int    // other nodes, or none
	name                []byte // of an object's member, unescaped
	index               int    // of a list's element
	text                []byte // of a string, unescaped
}

const (
	root = 0
	none = -1
)

func (d *document) rawText(at int) []byte { return d.data[d.nodes[at].start:d.nodes[at].end] }

func (d *document) isNull(at int) bool { return d.data[d.nodes[at].start] == 'n' }

func (d *document) addProblem(path, text string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, fault.Field{Field: path, Problem: text})
	}
}

// fieldPath names a node from the root, "list.1.flag". It is built for problems only.
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

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// scanner walks the text once: it builds the tree and refuses what encoding/json lets through.
type scanner struct {
	document
	pos  int
	dead bool // the syntax is broken; one problem says so
}

// usualNodes is room for the values of an ordinary body.
const usualNodes = 32

func scanDocument(data []byte) *document {
	s := scanner{document: document{data: data, nodes: make([]node, 0, usualNodes)}}
	s.skipSpace()
	s.scanValue(node{parent: none}, 1)
	s.skipSpace()
	if len(s.problems) == 0 && s.pos < len(s.data) {
		s.addProblem("", "has data after its end")
	}
	return &s.document
}

func (s *scanner) reportSyntaxError() {
	if !s.dead {
		s.dead = true
		s.addProblem("", "is not valid JSON near byte "+strconv.Itoa(s.pos))
	}
	s.pos = len(s.data)
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.data) && strings.IndexByte(" \t\r\n", s.data[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *scanner) peekByte() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// scanValue reads the next value into a node of its own and gives the node's place.
func (s *scanner) scanValue(n node, depth int) int {
	at := len(s.nodes)
	n.start = s.pos
	n.first = none
	n.next = none
	s.nodes = append(s.nodes, n)
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

// linkNode hangs a node behind its elder sibling, or first under its parent.
func (s *scanner) linkNode(elder, at int) {
	if elder == none {
		s.nodes[s.nodes[at].parent].first = at
		return
	}
	s.nodes[elder].next = at
}

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

// skipComma steps over a comma that must be followed by another element, or stays before end.
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

// scanString reads a string of or in the node at and refuses control characters in it, also escaped
// ones. Plain ASCII is taken as it stands.
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

func isControl(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r <= 0x9f) || r == '\u2028' || r == '\u2029' ||
		r == utf8.RuneError
}

func (s *scanner) scanScalar() {
	start := s.pos
	for s.pos < len(s.data) && strings.IndexByte(" \t\r\n,]}", s.data[s.pos]) < 0 {
		s.pos++
	}
	if !json.Valid(s.data[start:s.pos]) {
		s.pos = start
		s.reportSyntaxError()
	}
}

// nameSet are the names of one object: a few in a list, many in a map, so that no input makes the
// search slow.
type nameSet struct {
	few  [][]byte
	many map[string]bool
}

const fewNames = 16

// addName tells whether the name was there before.
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
	if len(n.few) == fewNames {
		n.many = make(map[string]bool, 2*fewNames)
		for _, other := range n.few {
			n.many[string(other)] = true
		}
	}
	return false
}
