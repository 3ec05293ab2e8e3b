package memdb

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

//go:embed reserved.txt
var reservedText string

// reserved are the words that cannot be attribute names in an expression, by the service's
// developer guide.
var reserved = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(reservedText) {
		words[w] = true
	}
	return words
})

// step is one element of a document path: a name, a placeholder of one, or an index of a list.
type step struct {
	name  string
	index int // -1 for a name
}

type path []step

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

// operand is a path, a value, or a function of operands.
type operand struct {
	path  path
	value string // placeholder
	fn    string // size, if_not_exists, list_append
	args  []operand
}

// node is a condition.
type node struct {
	op   string // AND OR NOT, = <> < <= > >=, BETWEEN IN, or a function's name
	subs []*node
	args []operand
}

// action is one clause of an update.
type action struct {
	verb  string // SET REMOVE ADD DELETE
	path  path
	value operand
	op    string // + or - with right
	right operand
}

// parsed is an expression in its compiled form.
type parsed struct {
	cond    *node
	actions []action
	paths   []path   // of a projection
	names   []string // placeholders used
	values  []string
}

// kind says which grammar an expression has.
type kind int

const (
	keyKind kind = iota
	conditionKind
	filterKind
	updateKind
	projectionKind
	kinds
)

func (k kind) String() string {
	return [kinds]string{"KeyConditionExpression", "ConditionExpression", "FilterExpression",
		"UpdateExpression", "ProjectionExpression"}[k]
}

// texts and expressions are those of one request, by their kind; nil where it has none.
type (
	texts       [kinds]*string
	expressions [kinds]*parsed
)

// cache keeps compiled expressions by their text.
type cache struct {
	mu    sync.RWMutex
	known map[cacheKey]*parsed
}

type cacheKey struct {
	kind kind
	text string
}

// cached bounds the cache; this project has some hundred expressions.
const cached = 10_000

// compile parses an expression, or finds it parsed; nil text gives nil.
func (c *cache) compile(k kind, text *string) (*parsed, error) {
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
	p, err := parse(k, *text)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= cached {
		c.known = map[cacheKey]*parsed{}
	}
	c.known[key] = p
	return p, nil
}

// maxExpression bounds an expression in bytes, as the service does.
const maxExpression = 4096

func parse(k kind, text string) (*parsed, error) {
	if strings.TrimSpace(text) == "" {
		return nil, invalid("Invalid %s: The expression can not be empty;", k)
	}
	if len(text) > maxExpression {
		return nil, invalid("Invalid %s: Expression size has exceeded the maximum allowed size;", k)
	}
	p := &parser{kind: k, out: &parsed{}}
	if err := p.lex(text); err != nil {
		return nil, err
	}
	var err error
	switch k {
	case updateKind:
		err = p.update()
	case projectionKind:
		err = p.projection()
	default:
		p.out.cond, err = p.or()
	}
	if err == nil && p.at < len(p.tokens) {
		err = p.wrong()
	}
	return p.out, err
}

type parser struct {
	kind   kind
	tokens []string
	at     int
	out    *parsed
}

func isWord(c byte) bool {
	return c == '_' || c == '#' || c == ':' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' ||
		c >= 'A' && c <= 'Z'
}

func (p *parser) lex(text string) error {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case isWord(c):
			from := i
			for i < len(text) && (isWord(text[i]) || text[i] == '-' && text[from] == '#') {
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
			return invalid("Invalid %s: Syntax error; token: %q, near: %q", p.kind, c,
				text[max(0, i-5):min(len(text), i+5)])
		}
	}
	return nil
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *parser) next() string {
	t := p.peek()
	p.at++
	return t
}

// take consumes a token if it is the next; words are taken in any case.
func (p *parser) take(t string) bool {
	if p.at < len(p.tokens) && strings.EqualFold(p.peek(), t) {
		p.at++
		return true
	}
	return false
}

func (p *parser) want(t string) error {
	if !p.take(t) {
		return p.wrong()
	}
	return nil
}

func (p *parser) wrong() error {
	token := p.peek()
	if token == "" {
		token = "<EOF>"
	}
	return invalid("Invalid %s: Syntax error; token: %q", p.kind, token)
}

func (p *parser) or() (*node, error) { return p.chain("OR", p.and) }

func (p *parser) and() (*node, error) { return p.chain("AND", p.not) }

func (p *parser) chain(word string, part func() (*node, error)) (*node, error) {
	n, err := part()
	if err != nil {
		return nil, err
	}
	subs := []*node{n}
	for p.take(word) {
		if n, err = part(); err != nil {
			return nil, err
		}
		subs = append(subs, n)
	}
	if len(subs) == 1 {
		return subs[0], nil
	}
	return &node{op: word, subs: subs}, nil
}

func (p *parser) not() (*node, error) {
	if !p.take("NOT") {
		return p.test()
	}
	n, err := p.not()
	return &node{op: "NOT", subs: []*node{n}}, err
}

// arity is the number of arguments of each function that is a condition.
func arity(fn string) int {
	switch fn {
	case "attribute_exists", "attribute_not_exists":
		return 1
	case "attribute_type", "begins_with", "contains":
		return 2
	}
	return 0
}

func (p *parser) test() (*node, error) {
	if p.take("(") {
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		return n, p.want(")")
	}
	if fn := p.peek(); arity(fn) > 0 && p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "(" {
		p.at++
		args, err := p.arguments(arity(fn))
		return &node{op: fn, args: args}, err
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	return p.comparison(left)
}

func (p *parser) comparison(left operand) (*node, error) {
	switch word := strings.ToUpper(p.next()); word {
	case "=", "<>", "<", "<=", ">", ">=":
		right, err := p.operand()
		return &node{op: word, args: []operand{left, right}}, err
	case "BETWEEN":
		low, err := p.operand()
		if err != nil {
			return nil, err
		}
		if err := p.want("AND"); err != nil {
			return nil, err
		}
		high, err := p.operand()
		return &node{op: word, args: []operand{left, low, high}}, err
	case "IN":
		args, err := p.arguments(0)
		return &node{op: word, args: append([]operand{left}, args...)}, err
	}
	p.at--
	return nil, p.wrong()
}

// arguments reads "(a, b, ...)", of a given number if that is not 0.
func (p *parser) arguments(n int) ([]operand, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	var args []operand
	for {
		a, err := p.operand()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
		if !p.take(",") {
			break
		}
	}
	if n > 0 && len(args) != n {
		return nil, invalid(
			"Invalid %s: Incorrect number of operands for operator or function; number of operands: %d",
			p.kind, len(args))
	}
	return args, p.want(")")
}

func (p *parser) operand() (operand, error) {
	t := p.peek()
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
			return operand{}, invalid("Invalid %s: Invalid function name; function: %s", p.kind, t)
		}
		p.at++
		args, err := p.arguments(n)
		return operand{fn: t, args: args}, err
	}
	where, err := p.path()
	return operand{path: where}, err
}

func (p *parser) path() (path, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	out := path{name}
	for {
		switch {
		case p.take("."):
			if name, err = p.name(); err != nil {
				return nil, err
			}
			out = append(out, name)
		case p.take("["):
			i, err := strconv.Atoi(p.next())
			if err != nil || i < 0 {
				p.at--
				return nil, p.wrong()
			}
			out = append(out, step{index: i})
			if err := p.want("]"); err != nil {
				return nil, err
			}
		default:
			return out, nil
		}
	}
}

func (p *parser) name() (step, error) {
	t := p.peek()
	switch {
	case t == "" || !isWord(t[0]) || t[0] == ':' || t == "#" || t[0] >= '0' && t[0] <= '9':
		return step{}, p.wrong()
	case t[0] == '#':
		p.out.names = append(p.out.names, t)
	case reserved()[strings.ToUpper(t)]:
		return step{}, invalid("Invalid %s: Attribute name is a reserved keyword; reserved keyword: %s",
			p.kind, t)
	}
	p.at++
	return step{name: t, index: -1}, nil
}

func (p *parser) projection() error {
	for {
		where, err := p.path()
		if err != nil {
			return err
		}
		p.out.paths = append(p.out.paths, where)
		if !p.take(",") {
			return nil
		}
	}
}

func (p *parser) update() error {
	seen := map[string]bool{}
	for p.at < len(p.tokens) {
		verb := strings.ToUpper(p.peek())
		switch verb {
		case "SET", "REMOVE", "ADD", "DELETE":
			p.at++
		default:
			return p.wrong()
		}
		if seen[verb] {
			return invalid("Invalid %s: The %q section can only be used once in an update expression;",
				p.kind, verb)
		}
		seen[verb] = true
		for {
			a, err := p.action(verb)
			if err != nil {
				return err
			}
			p.out.actions = append(p.out.actions, a)
			if !p.take(",") {
				break
			}
		}
	}
	return nil
}

func (p *parser) action(verb string) (action, error) {
	where, err := p.path()
	a := action{verb: verb, path: where}
	if err != nil || verb == "REMOVE" {
		return a, err
	}
	if verb == "SET" {
		if err := p.want("="); err != nil {
			return a, err
		}
	}
	if a.value, err = p.operand(); err != nil {
		return a, err
	}
	if verb != "SET" && a.value.value == "" {
		return a, invalid("Invalid %s: %s takes a value", p.kind, verb)
	}
	if op := p.peek(); verb == "SET" && (op == "+" || op == "-") {
		p.at++
		a.op = op
		a.right, err = p.operand()
	}
	return a, err
}
