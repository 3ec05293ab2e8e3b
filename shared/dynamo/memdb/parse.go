package memdb

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// reservedText lists the reserved words of DynamoDB, one on each line.
//
//go:embed reserved.txt
var reservedText string

// reservedWords are the words that the service's developer guide forbids as attribute names in an
// expression; a placeholder must replace them.
var reservedWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(reservedText) {
		words[w] = true
	}
	return words
})

// pathElement is one element of a document path: an attribute name, a placeholder of a name, or an
// index of a list.
type pathElement struct {
	name string
	// index is the position in a list; it is -1 for a name.
	index int
}

// path leads from an item's attribute to a nested value, as in a.b[3].
type path []pathElement

// String writes a path as expressions do.
func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case i > 0:
			b.WriteString("." + s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return b.String()
}

// operand is an argument of a condition or an update: a path, the placeholder of a value, or a
// function of further operands.
type operand struct {
	path path
	// value is the placeholder of a value, ":name".
	value string
	// fn is size, if_not_exists or list_append.
	fn   string
	args []operand
}

// condition is a node of a parsed condition: an operator with its arguments, or AND, OR and NOT
// over further conditions.
type condition struct {
	// op is AND, OR or NOT; a comparison (=, <>, <, <=, >, >=, BETWEEN, IN); or the name of a
	// function.
	op   string
	subs []*condition
	args []operand
}

// action is one clause of an update expression, such as SET a = b + :c.
type action struct {
	// verb is SET, REMOVE, ADD or DELETE.
	verb  string
	path  path
	value operand
	// op is + or -, with the operand right, or empty.
	op    string
	right operand
}

// compiledExpression is an expression after parsing; which fields are set depends on its kind.
type compiledExpression struct {
	cond    *condition
	actions []action
	// paths are the attributes of a projection.
	paths []path
	// names and values are the placeholders that the expression uses.
	names  []string
	values []string
}

// expressionKind distinguishes the expressions of a request, which have different grammars.
type expressionKind int

const (
	keyKind expressionKind = iota
	conditionKind
	filterKind
	updateKind
	projectionKind
	expressionKinds
)

// String returns the name of the request's parameter, as the service's error messages use it.
func (k expressionKind) String() string {
	return [expressionKinds]string{"KeyConditionExpression", "ConditionExpression", "FilterExpression",
		"UpdateExpression", "ProjectionExpression"}[k]
}

// expressionTexts and compiledExpressions are the expressions of one request, indexed by their
// kind; an expression that the request lacks is nil.
type (
	expressionTexts     [expressionKinds]*string
	compiledExpressions [expressionKinds]*compiledExpression
)

// expressionCache keeps compiled expressions by their text, because a program sends the same few
// texts again and again.
type expressionCache struct {
	mu    sync.RWMutex
	known map[cacheKey]*compiledExpression
}

type cacheKey struct {
	kind expressionKind
	text string
}

// maxCachedExpressions bounds the cache; this project has some hundred expressions.
const maxCachedExpressions = 10_000

// compile returns the parsed form of an expression, from the cache where it was parsed before; it
// returns nil for a nil text.
func (c *expressionCache) compile(k expressionKind, text *string) (*compiledExpression, error) {
	if text == nil {
		return nil, nil
	}
	key := cacheKey{k, *text}
	c.mu.RLock()
	p := c.known[key]
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := parseExpression(k, *text)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxCachedExpressions {
		c.known = map[cacheKey]*compiledExpression{}
	}
	c.known[key] = p
	return p, nil
}

// maxExpression is the service's limit of an expression in bytes.
const maxExpression = 4096

// parseExpression parses a text by the grammar of its kind.
//
// Errors: a validation error that names the unexpected token.
func parseExpression(k expressionKind, text string) (*compiledExpression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, validationError("Invalid %s: The expression can not be empty;", k)
	}
	if len(text) > maxExpression {
		return nil, validationError("Invalid %s: Expression size has exceeded the maximum allowed size;",
			k)
	}
	p := &parser{kind: k, out: &compiledExpression{}}
	if err := p.tokenize(text); err != nil {
		return nil, err
	}
	var err error
	switch k {
	case updateKind:
		err = p.parseUpdate()
	case projectionKind:
		err = p.parseProjection()
	default:
		p.out.cond, err = p.parseOr()
	}
	if err == nil && p.at < len(p.tokens) {
		err = p.syntaxError()
	}
	return p.out, err
}

// parser reads the tokens of one expression from left to right.
type parser struct {
	kind   expressionKind
	tokens []string
	at     int
	out    *compiledExpression
}

// isWordByte reports whether a byte can be part of a name, a keyword or a placeholder.
func isWordByte(c byte) bool {
	return c == '_' || c == '#' || c == ':' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' ||
		c >= 'A' && c <= 'Z'
}

// tokenize splits an expression into words, operators and punctuation.
func (p *parser) tokenize(text string) error {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case isWordByte(c):
			from := i
			for i < len(text) && (isWordByte(text[i]) || text[i] == '-' && text[from] == '#') {
				i++
			}
			p.tokens = append(p.tokens, text[from:i])
		case strings.HasPrefix(text[i:], "<>"), strings.HasPrefix(text[i:], "<="),
			strings.HasPrefix(text[i:], ">="):
			p.tokens = append(p.tokens, text[i:i+2])
			i += 2
		case strings.IndexByte("=<>(),.[]+-", c) >= 0:
			p.tokens = append(p.tokens, text[i:i+1])
			i++
		default:
			return validationError("Invalid %s: Syntax error; token: %q, near: %q", p.kind, c,
				text[max(0, i-5):min(len(text), i+5)])
		}
	}
	return nil
}

// peekToken returns the next token without consuming it; "" at the end.
func (p *parser) peekToken() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

// nextToken consumes the next token and returns it.
func (p *parser) nextToken() string {
	t := p.peekToken()
	p.at++
	return t
}

// acceptToken consumes the next token if it is t, and reports whether it was. Upper and lower case
// do not matter.
func (p *parser) acceptToken(t string) bool {
	if p.at < len(p.tokens) && strings.EqualFold(p.peekToken(), t) {
		p.at++
		return true
	}
	return false
}

// expectToken consumes the next token.
//
// Errors: a syntax error when the token is not t.
func (p *parser) expectToken(t string) error {
	if !p.acceptToken(t) {
		return p.syntaxError()
	}
	return nil
}

// syntaxError returns the service's error for an unexpected token.
func (p *parser) syntaxError() error {
	token := p.peekToken()
	if token == "" {
		token = "<EOF>"
	}
	return validationError("Invalid %s: Syntax error; token: %q", p.kind, token)
}

// parseOr parses conditions joined by OR, the operator that binds weakest.
func (p *parser) parseOr() (*condition, error) { return p.parseChain("OR", p.parseAnd) }

// parseAnd parses conditions joined by AND.
func (p *parser) parseAnd() (*condition, error) { return p.parseChain("AND", p.parseNot) }

// parseChain parses one or more parts that are joined by the same word, AND or OR.
func (p *parser) parseChain(word string, part func() (*condition, error)) (*condition, error) {
	n, err := part()
	if err != nil {
		return nil, err
	}
	subs := []*condition{n}
	for p.acceptToken(word) {
		if n, err = part(); err != nil {
			return nil, err
		}
		subs = append(subs, n)
	}
	if len(subs) == 1 {
		return subs[0], nil
	}
	return &condition{op: word, subs: subs}, nil
}

// parseNot parses a condition with any number of NOT before it.
func (p *parser) parseNot() (*condition, error) {
	if !p.acceptToken("NOT") {
		return p.parseTest()
	}
	n, err := p.parseNot()
	return &condition{op: "NOT", subs: []*condition{n}}, err
}

// argumentCount returns the number of arguments of a function that is a condition by itself; 0 for
// every other word.
func argumentCount(fn string) int {
	switch fn {
	case "attribute_exists", "attribute_not_exists":
		return 1
	case "attribute_type", "begins_with", "contains":
		return 2
	}
	return 0
}

// parseTest parses a condition in parentheses, a function, or a comparison.
func (p *parser) parseTest() (*condition, error) {
	if p.acceptToken("(") {
		n, err := p.parseOr()
		if err != nil {
			return nil, err
		}
		return n, p.expectToken(")")
	}
	if fn := p.peekToken(); argumentCount(fn) > 0 && p.at+1 < len(p.tokens) &&
		p.tokens[p.at+1] == "(" {
		p.at++
		args, err := p.parseArguments(argumentCount(fn))
		return &condition{op: fn, args: args}, err
	}
	left, err := p.parseOperand()
	if err != nil {
		return nil, err
	}
	return p.parseComparison(left)
}

// parseComparison parses what follows the left operand of a comparison.
func (p *parser) parseComparison(left operand) (*condition, error) {
	switch word := strings.ToUpper(p.nextToken()); word {
	case "=", "<>", "<", "<=", ">", ">=":
		right, err := p.parseOperand()
		return &condition{op: word, args: []operand{left, right}}, err
	case "BETWEEN":
		low, err := p.parseOperand()
		if err != nil {
			return nil, err
		}
		if err := p.expectToken("AND"); err != nil {
			return nil, err
		}
		high, err := p.parseOperand()
		return &condition{op: word, args: []operand{left, low, high}}, err
	case "IN":
		args, err := p.parseArguments(0)
		return &condition{op: word, args: append([]operand{left}, args...)}, err
	}
	p.at--
	return nil, p.syntaxError()
}

// parseArguments parses "(a, b, ...)" and checks that there are n arguments, unless n is 0.
func (p *parser) parseArguments(n int) ([]operand, error) {
	if err := p.expectToken("("); err != nil {
		return nil, err
	}
	var args []operand
	for {
		a, err := p.parseOperand()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
		if !p.acceptToken(",") {
			break
		}
	}
	if n > 0 && len(args) != n {
		return nil, validationError(
			"Invalid %s: Incorrect number of operands for operator or function; number of operands: %d",
			p.kind, len(args))
	}
	return args, p.expectToken(")")
}

// parseOperand parses the placeholder of a value, a function or a path, and records the
// placeholders.
func (p *parser) parseOperand() (operand, error) {
	t := p.peekToken()
	if strings.HasPrefix(t, ":") && len(t) > 1 {
		p.at++
		p.out.values = append(p.out.values, t)
		return operand{value: t}, nil
	}
	if p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "(" {
		var n int
		switch {
		case t == "size":
			n = 1
		case p.kind == updateKind && (t == "if_not_exists" || t == "list_append"):
			n = 2
		default:
			return operand{}, validationError("Invalid %s: Invalid function name; function: %s", p.kind, t)
		}
		p.at++
		args, err := p.parseArguments(n)
		return operand{fn: t, args: args}, err
	}
	where, err := p.parsePath()
	return operand{path: where}, err
}

// parsePath parses a document path such as a.b[3].
func (p *parser) parsePath() (path, error) {
	name, err := p.parseName()
	if err != nil {
		return nil, err
	}
	out := path{name}
	for {
		switch {
		case p.acceptToken("."):
			if name, err = p.parseName(); err != nil {
				return nil, err
			}
			out = append(out, name)
		case p.acceptToken("["):
			i, err := strconv.Atoi(p.nextToken())
			if err != nil || i < 0 {
				p.at--
				return nil, p.syntaxError()
			}
			out = append(out, pathElement{index: i})
			if err := p.expectToken("]"); err != nil {
				return nil, err
			}
		default:
			return out, nil
		}
	}
}

// parseName parses one attribute name or its placeholder.
//
// Errors: a validation error for a reserved word.
func (p *parser) parseName() (pathElement, error) {
	t := p.peekToken()
	switch {
	case t == "" || !isWordByte(t[0]) || t[0] == ':' || t == "#" || t[0] >= '0' && t[0] <= '9':
		return pathElement{}, p.syntaxError()
	case t[0] == '#':
		p.out.names = append(p.out.names, t)
	case reservedWords()[strings.ToUpper(t)]:
		return pathElement{},
			validationError("Invalid %s: Attribute name is a reserved keyword; reserved keyword: %s",
				p.kind, t)
	}
	p.at++
	return pathElement{name: t, index: -1}, nil
}

// parseProjection parses the list of paths of a projection.
func (p *parser) parseProjection() error {
	for {
		where, err := p.parsePath()
		if err != nil {
			return err
		}
		p.out.paths = append(p.out.paths, where)
		if !p.acceptToken(",") {
			return nil
		}
	}
}

// parseUpdate parses the sections SET, REMOVE, ADD and DELETE of an update, each of which may occur
// once.
func (p *parser) parseUpdate() error {
	seen := map[string]bool{}
	for p.at < len(p.tokens) {
		verb := strings.ToUpper(p.peekToken())
		switch verb {
		case "SET", "REMOVE", "ADD", "DELETE":
			p.at++
		default:
			return p.syntaxError()
		}
		if seen[verb] {
			return validationError(
				"Invalid %s: The %q section can only be used once in an update expression;",
				p.kind, verb)
		}
		seen[verb] = true
		for {
			a, err := p.parseAction(verb)
			if err != nil {
				return err
			}
			p.out.actions = append(p.out.actions, a)
			if !p.acceptToken(",") {
				break
			}
		}
	}
	return nil
}

// parseAction parses one clause of the section of an update that begins with verb.
func (p *parser) parseAction(verb string) (action, error) {
	where, err := p.parsePath()
	a := action{verb: verb, path: where}
	if err != nil || verb == "REMOVE" {
		return a, err
	}
	if verb == "SET" {
		if err := p.expectToken("="); err != nil {
			return a, err
		}
	}
	if a.value, err = p.parseOperand(); err != nil {
		return a, err
	}
	if verb != "SET" && a.value.value == "" {
		return a, validationError("Invalid %s: %s takes a value", p.kind, verb)
	}
	if op := p.peekToken(); verb == "SET" && (op == "+" || op == "-") {
		p.at++
		a.op = op
		a.right, err = p.parseOperand()
	}
	return a, err
}
