package tax

import (
	"fmt"
	"slices"
	"strings"

	"fenzhang/shared/money"
)

// A rule file writes the condition of a rule as a small typed expression over facts:
//
//	kind in [natural_person, student_intern] and item == labor and not agency_filing
//	way == quota and (period == month or revenue >= 90000.00)
//
// In such a condition "or" binds weakest, then "and", then "not". A yes-or-no fact is written
// alone. Texts are compared with ==, != and in [..], amounts of yuan with all six signs of
// comparison. An empty condition is always true.

// maxExpression is the most bytes of one condition; maxDepth is how deep it may be nested.
const (
	maxExpression = 2000
	maxDepth      = 16
)

// operator is what one node of a compiled condition does.
type operator uint8

const (
	opAlways operator = iota
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

// signs lists the signs of comparison, each with its operator for texts and for amounts.
var signs = []struct {
	text          string
	words, amount operator
}{{"==", opIn, opEqual}, {"!=", opNotIn, opNotEqual}, {"<=", opAlways, opLessEqual},
	{">=", opAlways, opMoreEqual}, {"<", opAlways, opLess}, {">", opAlways, opMore}}

// expression is the compiled condition of a rule, a tree of operators over facts.
type expression struct {
	op    operator
	fact  factKey
	words []string
	limit money.Amount
	parts []expression
}

// factSource returns the facts about which a condition asks.
type factSource interface {
	factText(k factKey) string
	factMoney(k factKey) money.Amount
}

// isTrue reports whether the condition is true for the facts.
func (x *expression) isTrue(a factSource) bool {
	switch x.op {
	case opAlways:
		return true
	case opOr:
		for i := range x.parts {
			if x.parts[i].isTrue(a) {
				return true
			}
		}
		return false
	case opAnd:
		for i := range x.parts {
			if !x.parts[i].isTrue(a) {
				return false
			}
		}
		return true
	case opNot:
		return !x.parts[0].isTrue(a)
	case opTrue:
		return a.factText(x.fact) == yes
	case opIn, opNotIn:
		return x.hasWord(a.factText(x.fact)) == (x.op == opIn)
	default:
		return x.matchesOrder(a.factMoney(x.fact).Cmp(x.limit))
	}
}

// usesFact reports whether the condition asks about a fact.
func (x *expression) usesFact(k factKey) bool {
	return (x.op > opNot && x.fact == k) || slices.ContainsFunc(x.parts, func(p expression) bool {
		return p.usesFact(k)
	})
}

// hasWord reports whether a text is one of the texts that the condition lists.
func (x *expression) hasWord(word string) bool {
	for _, w := range x.words {
		if w == word {
			return true
		}
	}
	return false
}

// matchesOrder reports whether a comparison result (-1, 0 or 1, amount against limit) fulfils the
// condition's sign.
func (x *expression) matchesOrder(order int) bool {
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
	default:
		return order == 0
	}
}

// CheckExpression returns what is wrong with the condition of a rule file, or nil.
func CheckExpression(source string) error {
	_, err := compileExpression(source)
	return err
}

// compileExpression parses a condition and checks that every fact in it exists and can have the
// values it is compared with.
func compileExpression(source string) (expression, error) {
	if len(source) > maxExpression {
		return expression{}, fmt.Errorf("the condition is longer than %d bytes", maxExpression)
	}
	r := &expressionReader{source: source}
	r.nextToken()
	if r.token == "" && r.err == nil {
		return expression{}, nil
	}
	x := r.parseOr(0)
	if r.err == nil && r.token != "" {
		r.recordError("%q is one word too many", r.token)
	}
	if r.err != nil {
		return expression{}, r.err
	}
	return x, nil
}

// expressionReader parses one condition from left to right. After the first error it parses on
// without effect, so that the error with its column is reported once.
type expressionReader struct {
	source string
	// at is the byte where the unread rest begins; start is where the current token begins.
	at    int
	start int
	token string
	err   error
}

// recordError keeps the first error with the column of the current token.
func (r *expressionReader) recordError(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("column %d: "+format, append([]any{r.start + 1}, args...)...)
	}
}

// nextToken reads the next token: a sign, or letters, digits, dots and underscores; "" is the end.
func (r *expressionReader) nextToken() {
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
		r.recordError("%q means nothing here", rest[:1])
		n = len(rest)
	}
	r.token, r.at = rest[:n], r.at+n
}

// wordLength returns how many leading bytes of s are letters, digits, dots or underscores.
func wordLength(s string) int {
	n := strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.'
	})
	if n < 0 {
		return len(s)
	}
	return n
}

// acceptToken reads on and returns true when the current token is the given one.
func (r *expressionReader) acceptToken(token string) bool {
	if r.err != nil || r.token != token {
		return false
	}
	r.nextToken()
	return true
}

// expectToken records an error when the current token is not the given one.
func (r *expressionReader) expectToken(token string) {
	if !r.acceptToken(token) {
		r.recordError("%q must stand here", token)
	}
}

// parseOr parses conditions joined by "or", which binds weakest.
func (r *expressionReader) parseOr(depth int) expression {
	return r.parseChain("or", opOr, depth, r.parseAnd)
}

// parseAnd parses conditions joined by "and".
func (r *expressionReader) parseAnd(depth int) expression {
	return r.parseChain("and", opAnd, depth, r.parseNot)
}

// parseChain parses parts joined by one word; a single part needs no node.
func (r *expressionReader) parseChain(word string, o operator, depth int,
	part func(int) expression) expression {
	first := part(depth)
	if r.token != word {
		return first
	}
	all := expression{op: o, parts: []expression{first}}
	for r.acceptToken(word) {
		all.parts = append(all.parts, part(depth))
	}
	return all
}

// parseNot parses a negation, a condition in parentheses, or a comparison.
func (r *expressionReader) parseNot(depth int) expression {
	if depth > maxDepth {
		r.recordError("nested deeper than %d", maxDepth)
		return expression{}
	}
	switch {
	case r.acceptToken("not"):
		return expression{op: opNot, parts: []expression{r.parseNot(depth + 1)}}
	case r.acceptToken("("):
		x := r.parseOr(depth + 1)
		r.expectToken(")")
		return x
	}
	return r.parseComparison()
}

// parseComparison parses the condition on one fact.
func (r *expressionReader) parseComparison() expression {
	k, ok := findFact(r.token)
	if !ok {
		r.recordError("no fact %q", r.token)
		return expression{}
	}
	r.nextToken()
	switch {
	case factTable[k].amount:
		return r.parseAmountComparison(k)
	case r.acceptToken("in"):
		return r.parseWordList(k, opIn)
	}
	for _, s := range signs {
		if s.words != opAlways && r.acceptToken(s.text) {
			return expression{op: s.words, fact: k, words: []string{r.parseFactWord(k)}}
		}
	}
	if !factTable[k].isYesNo() {
		r.recordError("%s must be compared with ==, != or in [..]", factTable[k].name)
	}
	return expression{op: opTrue, fact: k}
}

// parseAmountComparison parses a sign and an amount in yuan.
func (r *expressionReader) parseAmountComparison(k factKey) expression {
	for _, s := range signs {
		if !r.acceptToken(s.text) {
			continue
		}
		limit, err := money.Parse(r.token)
		if err != nil {
			r.recordError("%s is compared with yuan like 100000.00, not %q", factTable[k].name, r.token)
		}
		r.nextToken()
		return expression{op: s.amount, fact: k, limit: limit}
	}
	r.recordError("%s must be compared with ==, !=, <, <=, > or >=", factTable[k].name)
	return expression{}
}

// parseWordList parses a list of texts in square brackets.
func (r *expressionReader) parseWordList(k factKey, o operator) expression {
	r.expectToken("[")
	x := expression{op: o, fact: k, words: []string{r.parseFactWord(k)}}
	for r.acceptToken(",") {
		x.words = append(x.words, r.parseFactWord(k))
	}
	r.expectToken("]")
	return x
}

// parseFactWord parses a text and checks that the fact can have it, so that a misspelt value in a
// rule file is an error and not a condition that never matches.
func (r *expressionReader) parseFactWord(k factKey) string {
	w, f := r.token, &factTable[k]
	switch {
	case w == "" || wordLength(w) == 0:
		r.recordError("a value of %s must stand here", f.name)
	case f.values != nil && !slices.Contains(f.values, w):
		r.recordError("%s is never %q, only one of %v", f.name, w, f.values)
	}
	r.nextToken()
	return w
}
