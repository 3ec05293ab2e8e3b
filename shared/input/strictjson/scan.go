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

func (d *document) raw(at int) []byte { return d.data[d.nodes[at].start:d.nodes[at].end] }

func (d *document) isNull(at int) bool { return d.data[d.nodes[at].start] == 'n' }

func (d *document) problem(path, text string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, fault.Field{Field: path, Problem: text})
	}
}

// path names a node from the root, "list.1.flag". It is built for problems only.
func (d *document) path(at int) string {
	n := &d.nodes[at]
	switch {
	case n.parent == none:
		return ""
	case n.name == nil:
		return join(d.path(n.parent), strconv.Itoa(n.index))
	default:
		return join(d.path(n.parent), string(n.name))
	}
}

func join(path, name string) string {
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

func scan(data []byte) *document {
	s := scanner{document: document{data: data, nodes: make([]node, 0, usualNodes)}}
	s.space()
	s.value(node{parent: none}, 1)
	s.space()
	if len(s.problems) == 0 && s.pos < len(s.data) {
		s.problem("", "has data after its end")
	}
	return &s.document
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

// value reads the next value into a node of its own and gives the node's place.
func (s *scanner) value(n node, depth int) int {
	at := len(s.nodes)
	n.start = s.pos
	n.first = none
	n.next = none
	s.nodes = append(s.nodes, n)
	if depth > MaxDepth {
		s.problem(s.path(at), fmt.Sprintf("is nested deeper than %d levels", MaxDepth))
		s.dead = true
		s.pos = len(s.data)
		return at
	}
	switch c := s.peek(); {
	case c == '{':
		s.object(at, depth)
	case c == '[':
		s.array(at, depth)
	case c == '"':
		s.nodes[at].text = s.text(at)
	case c == 't' || c == 'f' || c == 'n' || c == '-' || (c >= '0' && c <= '9'):
		s.scalar()
	default:
		s.broken()
	}
	s.nodes[at].end = s.pos
	return at
}

// link hangs a node behind its elder sibling, or first under its parent.
func (s *scanner) link(elder, at int) {
	if elder == none {
		s.nodes[s.nodes[at].parent].first = at
		return
	}
	s.nodes[elder].next = at
}

func (s *scanner) object(at, depth int) {
	var seen names
	elder := none
	s.pos++
	for s.space(); s.peek() != '}'; s.space() {
		if s.peek() != '"' {
			s.broken()
			return
		}
		name := s.text(at)
		if seen.add(name) {
			s.problem(join(s.path(at), string(name)), "is given twice")
		}
		s.space()
		if s.peek() != ':' {
			s.broken()
			return
		}
		s.pos++
		s.space()
		member := s.value(node{parent: at, name: name}, depth+1)
		s.link(elder, member)
		elder = member
		if !s.next('}') {
			return
		}
	}
	s.pos++
}

func (s *scanner) array(at, depth int) {
	elder := none
	s.pos++
	i := 0
	for s.space(); s.peek() != ']'; s.space() {
		element := s.value(node{parent: at, index: i}, depth+1)
		s.link(elder, element)
		elder = element
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

// text reads a string of or in the node at and refuses control characters in it, also escaped ones.
// Plain ASCII is taken as it stands.
func (s *scanner) text(at int) []byte {
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
		s.broken()
		return []byte{}
	}
	s.pos++
	if plain {
		return s.data[start+1 : s.pos-1]
	}
	return s.unusual(at, s.data[start:s.pos])
}

func (s *scanner) unusual(at int, raw []byte) []byte {
	var out string
	if err := json.Unmarshal(raw, &out); err != nil {
		s.problem(s.path(at), "is not a valid string or has control characters")
		return []byte{}
	}
	if strings.ContainsFunc(out, isControl) {
		s.problem(s.path(at), "must not have control characters")
	}
	return []byte(out)
}

func isControl(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r <= 0x9f) || r == '\u2028' || r == '\u2029' ||
		r == utf8.RuneError
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

// names are the names of one object: a few in a list, many in a map, so that no input makes the
// search slow.
type names struct {
	few  [][]byte
	many map[string]bool
}

const fewNames = 16

// add tells whether the name was there before.
func (n *names) add(name []byte) bool {
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
