package tax

import (
	"fmt"
	"slices"
	"strings"

	"fenzhang/shared/money"
)

// Rule files say when a rule is meant as a small typed expression over facts:
//
//	kind in [natural_person, student_intern] and item == labor and not agency_filing
//	way == quota and (period == month or revenue >= 90000.00)
//
// "or" binds weakest, then "and", then "not"; a yes-or-no fact stands alone; words are compared
// with ==, != and in [..], amounts of yuan with all six signs. An empty expression always holds.

// maxExpression bounds the source of one expression, in bytes, and maxDepth its nesting.
const (
	maxExpression = 2000
	maxDepth      = 16
)

// op is what a node of an expression does.
type op uint8

const (
	opAlways op = iota
	opOr
	opAnd
	opNot
	opTrue
	opIn
	opNotIn
	opLess
	opLessEqual
	opMore
	opMoreEqual
	opEqual
	opNotEqual
)

// signs are the signs of comparison with what they mean for words and for amounts.
var signs = []struct {
	text          string
	words, amount op
}{{"==", opIn, opEqual}, {"!=", opNotIn, opNotEqual}, {"<=", opAlways, opLessEqual},
	{">=", opAlways, opMoreEqual}, {"<", opAlways, opLess}, {">", opAlways, opMore}}

// expression is a compiled condition.
type expression struct {
	op    op
	fact  factKey
	words []string
	limit money.Amount
	parts []expression
}

// answerer gives the facts that an expression asks about.
type answerer interface {
	fact(k factKey) string
	figure(k factKey) money.Amount
}

// holds tells whether the expression is true of the facts.
func (x *expression) holds(a answerer) bool {
	switch x.op {
	case opAlways:
		return true
	case opOr:
		for i := range x.parts {
			if x.parts[i].holds(a) {
				return true
			}
		}
		return false
	case opAnd:
		for i := range x.parts {
			if !x.parts[i].holds(a) {
				return false
			}
		}
		return true
	case opNot:
		return !x.parts[0].holds(a)
	case opTrue:
		return a.fact(x.fact) == yes
	case opIn, opNotIn:
		return x.names(a.fact(x.fact)) == (x.op == opIn)
	}
	return x.compares(a.figure(x.fact).Cmp(x.limit))
}

// asks tells whether the expression speaks of a fact.
func (x *expression) asks(k factKey) bool {
	return (x.op > opNot && x.fact == k) || slices.ContainsFunc(x.parts, func(p expression) bool {
		return p.asks(k)
	})
}

func (x *expression) names(word string) bool {
	for _, w := range x.words {
		if w == word {
			return true
		}
	}
	return false
}

// compares tells whether the order of figure and limit is the one that is asked for.
func (x *expression) compares(order int) bool {
	switch x.op {
	case opLess:
		return order < 0
	case opLessEqual:
		return order <= 0
	case opMore:
		return order > 0
	case opMoreEqual:
		return order >= 0
	case opNotEqual:
		return order != 0
	}
	return order == 0
}

// CheckExpression tells what is wrong with a condition of a rule file; nil means nothing.
func CheckExpression(source string) error {
	_, err := compileExpression(source)
	return err
}

// compileExpression reads a condition and checks every fact and word in it.
func compileExpression(source string) (expression, error) {
	if len(source) > maxExpression {
		return expression{}, fmt.Errorf("the condition is longer than %d bytes", maxExpression)
	}
	r := &expressionReader{source: source}
	r.next()
	if r.token == "" && r.err == nil {
		return expression{}, nil
	}
	x := r.or(0)
	if r.err == nil && r.token != "" {
		r.fail("%q is one word too many", r.token)
	}
	if r.err != nil {
		return expression{}, r.err
	}
	return x, nil
}

// expressionReader reads one expression from left to right.
type expressionReader struct {
	source string
	at     int // where the rest begins
	start  int // where the token begins
	token  string
	err    error
}

func (r *expressionReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("column %d: "+format, append([]any{r.start + 1}, args...)...)
	}
}

// next reads a token: a sign, or a word of letters, digits, dots and underscores; "" is the end.
func (r *expressionReader) next() {
	for r.at < len(r.source) && (r.source[r.at] == ' ' || r.source[r.at] == '\n') {
		r.at++
	}
	r.start = r.at
	rest := r.source[r.at:]
	n := wordLength(rest)
	if n == 0 {
		for _, s := range []string{"==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","} {
			if strings.HasPrefix(rest, s) {
				n = len(s)
				break
			}
		}
	}
	if n == 0 && rest != "" {
		r.fail("%q means nothing here", rest[:1])
		n = len(rest)
	}
	r.token, r.at = rest[:n], r.at+n
}

func wordLength(s string) int {
	n := strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.'
	})
	if n < 0 {
		return len(s)
	}
	return n
}

func (r *expressionReader) accept(token string) bool {
	if r.err != nil || r.token != token {
		return false
	}
	r.next()
	return true
}

func (r *expressionReader) want(token string) {
	if !r.accept(token) {
		r.fail("%q must stand here", token)
	}
}

func (r *expressionReader) or(depth int) expression {
	return r.chain("or", opOr, depth, r.and)
}

func (r *expressionReader) and(depth int) expression {
	return r.chain("and", opAnd, depth, r.not)
}

func (r *expressionReader) chain(word string, o op, depth int,
	part func(int) expression) expression {
	first := part(depth)
	if r.token != word {
		return first
	}
	all := expression{op: o, parts: []expression{first}}
	for r.accept(word) {
		all.parts = append(all.parts, part(depth))
	}
	return all
}

func (r *expressionReader) not(depth int) expression {
	if depth > maxDepth {
		r.fail("nested deeper than %d", maxDepth)
		return expression{}
	}
	switch {
	case r.accept("not"):
		return expression{op: opNot, parts: []expression{r.not(depth + 1)}}
	case r.accept("("):
		x := r.or(depth + 1)
		r.want(")")
		return x
	}
	return r.comparison()
}

// comparison reads what is said about one fact.
func (r *expressionReader) comparison() expression {
	k, ok := factNamed(r.token)
	if !ok {
		r.fail("no fact %q", r.token)
		return expression{}
	}
	r.next()
	switch {
	case factTable[k].amount:
		return r.figure(k)
	case r.accept("in"):
		return r.list(k, opIn)
	}
	for _, s := range signs {
		if s.words != opAlways && r.accept(s.text) {
			return expression{op: s.words, fact: k, words: []string{r.word(k)}}
		}
	}
	if !factTable[k].yesNo() {
		r.fail("%s must be compared with ==, != or in [..]", factTable[k].name)
	}
	return expression{op: opTrue, fact: k}
}

func (r *expressionReader) figure(k factKey) expression {
	for _, s := range signs {
		if !r.accept(s.text) {
			continue
		}
		limit, err := money.Parse(r.token)
		if err != nil {
			r.fail("%s is compared with yuan like 100000.00, not %q", factTable[k].name, r.token)
		}
		r.next()
		return expression{op: s.amount, fact: k, limit: limit}
	}
	r.fail("%s must be compared with ==, !=, <, <=, > or >=", factTable[k].name)
	return expression{}
}

func (r *expressionReader) list(k factKey, o op) expression {
	r.want("[")
	x := expression{op: o, fact: k, words: []string{r.word(k)}}
	for r.accept(",") {
		x.words = append(x.words, r.word(k))
	}
	r.want("]")
	return x
}

// word reads a value of a fact and checks that the fact can have it.
func (r *expressionReader) word(k factKey) string {
	w, f := r.token, &factTable[k]
	switch {
	case w == "" || wordLength(w) == 0:
		r.fail("a value of %s must stand here", f.name)
	case f.values != nil && !slices.Contains(f.values, w):
		r.fail("%s is never %q, only one of %v", f.name, w, f.values)
	}
	r.next()
	return w
}
