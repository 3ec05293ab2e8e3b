package memdb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// scope resolves an expression's placeholders by a request.
type scope struct {
	kind   kind
	names  map[string]string
	values Item // checked copies where they may be stored
}

// expressions compiles what a request holds, and refuses placeholders that are undefined or that
// nothing uses. It gives the engine's copy of the values.
func (db *DB) expressions(names map[string]string, values Item,
	given texts) (expressions, Item, error) {
	var out expressions
	for k, text := range given {
		p, err := db.parsed.compile(kind(k), text)
		if err != nil {
			return out, nil, err
		}
		out[k] = p
	}
	if err := placeholders(names, values, &out); err != nil {
		return out, nil, err
	}
	kept := make(Item, len(values))
	for name, v := range values {
		k, err := keep(v, 1)
		if err != nil {
			return out, nil, err
		}
		kept[name] = k
	}
	return out, kept, nil
}

// placeholders holds the request's against the expressions'.
func placeholders(names map[string]string, values Item, all *expressions) error {
	for k, p := range all {
		if p == nil {
			continue
		}
		for _, n := range p.names {
			if _, ok := names[n]; !ok {
				return invalid("Invalid %s: An expression attribute name used in the document path is not "+
					"defined; attribute name: %s", kind(k), n)
			}
		}
		for _, v := range p.values {
			if _, ok := values[v]; !ok {
				return invalid("Invalid %s: An expression attribute value used in expression is not defined; "+
					"attribute value: %s", kind(k), v)
			}
		}
	}
	if unused := unusedOf(names, all, func(p *parsed) []string { return p.names }); unused != "" {
		return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}",
			unused)
	}
	if unused := unusedOf(values, all, func(p *parsed) []string { return p.values }); unused != "" {
		return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}",
			unused)
	}
	return nil
}

// unusedOf gives the first placeholder that no expression uses.
func unusedOf[V any](given map[string]V, all *expressions, of func(*parsed) []string) string {
	unused := ""
	for placeholder := range given {
		use := func(p *parsed) bool { return p != nil && slices.Contains(of(p), placeholder) }
		if !slices.ContainsFunc(all[:], use) && (unused == "" || placeholder < unused) {
			unused = placeholder
		}
	}
	return unused
}

// name resolves one element of a path.
func (s *scope) name(st step) string {
	if strings.HasPrefix(st.name, "#") {
		return s.names[st.name]
	}
	return st.name
}

// at finds the value at a path; nil when there is none.
func (s *scope) at(r *row, p path) types.AttributeValue {
	v := r.get(s.name(p[0]))
	for _, st := range p[1:] {
		switch c := v.(type) {
		case *avM:
			if st.index >= 0 {
				return nil
			}
			v = c.Value[s.name(st)]
		case *avL:
			if st.index < 0 || st.index >= len(c.Value) {
				return nil
			}
			v = c.Value[st.index]
		default:
			return nil
		}
	}
	return v
}

// value gives an operand of a condition; nil when it does not exist.
func (s *scope) value(r *row, o operand) types.AttributeValue {
	switch {
	case o.value != "":
		return s.values[o.value]
	case o.fn == "size":
		return sizeFunction(s.value(r, o.args[0]))
	default:
		return s.at(r, o.path)
	}
}

func sizeFunction(v types.AttributeValue) types.AttributeValue {
	n := -1
	switch v := v.(type) {
	case *avS:
		n = len(v.Value)
	case *avB:
		n = len(v.Value)
	case *avL:
		n = len(v.Value)
	case *avM:
		n = len(v.Value)
	case *avSS, *avNS, *avBS:
		n = len(members(v))
	}
	if n < 0 {
		return nil
	}
	return &avN{Value: strconv.Itoa(n)}
}

// check refuses operands whose type the operator can never take, whatever the item.
func (s *scope) check(n *node) error {
	if n == nil {
		return nil
	}
	for _, sub := range n.subs {
		if err := s.check(sub); err != nil {
			return err
		}
	}
	for i, a := range n.args {
		if a.value == "" {
			continue
		}
		kind := kindOf(s.values[a.value])
		bad := false
		switch n.op {
		case "<", "<=", ">", ">=", "BETWEEN":
			bad = kind != "S" && kind != "N" && kind != "B"
		case "begins_with":
			bad = i == 1 && kind != "S" && kind != "B"
		case "attribute_type":
			bad = i == 1 && kind != "S"
		case "attribute_exists", "attribute_not_exists":
			bad = true
		}
		if bad {
			return invalid("Invalid %s: Incorrect operand type for operator or function; operator or "+
				"function: %s, operand type: %s", s.kind, n.op, kind)
		}
	}
	return s.checkBounds(n)
}

// checkBounds refuses a BETWEEN of two values that nothing can lie between.
func (s *scope) checkBounds(n *node) error {
	if n.op != "BETWEEN" || n.args[1].value == "" || n.args[2].value == "" {
		return nil
	}
	c, ok := order(s.values[n.args[1].value], s.values[n.args[2].value])
	if !ok || c > 0 {
		return invalid("Invalid %s: The BETWEEN operator requires upper bound to be greater than or "+
			"equal to lower bound", s.kind)
	}
	return nil
}

// holds evaluates a condition on an item that may not exist.
func (s *scope) holds(n *node, r *row) bool {
	switch n.op {
	case "AND":
		return !slices.ContainsFunc(n.subs, func(sub *node) bool { return !s.holds(sub, r) })
	case "OR":
		return slices.ContainsFunc(n.subs, func(sub *node) bool { return s.holds(sub, r) })
	case "NOT":
		return !s.holds(n.subs[0], r)
	case "attribute_exists":
		return s.value(r, n.args[0]) != nil
	case "attribute_not_exists":
		return s.value(r, n.args[0]) == nil
	}
	args := make([]types.AttributeValue, len(n.args))
	for i, a := range n.args {
		args[i] = s.value(r, a)
	}
	return compareBy(n.op, args)
}

func compareBy(op string, args []types.AttributeValue) bool {
	first := args[0]
	switch op {
	case "=":
		return first != nil && args[1] != nil && equal(first, args[1])
	case "<>": // a missing attribute differs from every value
		return first == nil || args[1] == nil || !equal(first, args[1])
	case "IN":
		return first != nil && slices.ContainsFunc(args[1:], func(v types.AttributeValue) bool {
			return v != nil && equal(first, v)
		})
	case "BETWEEN":
		low, ok1 := order(first, args[1])
		high, ok2 := order(first, args[2])
		return ok1 && ok2 && low >= 0 && high <= 0
	case "begins_with":
		return beginsWith(first, args[1])
	case "contains":
		return contains(first, args[1])
	case "attribute_type":
		s, ok := args[1].(*avS)
		return ok && first != nil && kindOf(first) == s.Value
	}
	c, ok := order(first, args[1])
	if !ok {
		return false
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	default:
		return c >= 0
	}
}

func beginsWith(v, prefix types.AttributeValue) bool {
	if v == nil || prefix == nil || kindOf(v) != kindOf(prefix) {
		return false
	}
	whole, ok := keyText(v)
	start, _ := keyText(prefix)
	return ok && strings.HasPrefix(whole, start)
}

func contains(v, part types.AttributeValue) bool {
	switch v := v.(type) {
	case *avL:
		return slices.ContainsFunc(v.Value, func(e types.AttributeValue) bool {
			return part != nil && equal(e, part)
		})
	case *avS:
		p, ok := part.(*avS)
		return ok && strings.Contains(v.Value, p.Value)
	case *avB:
		p, ok := part.(*avB)
		return ok && strings.Contains(string(v.Value), string(p.Value))
	case *avSS:
		p, ok := part.(*avS)
		return ok && slices.Contains(v.Value, p.Value)
	case *avNS:
		p, ok := part.(*avN)
		return ok && slices.Contains(v.Value, p.Value)
	case *avBS:
		p, ok := part.(*avB)
		return ok && slices.Contains(members(v), string(p.Value))
	}
	return false
}

// project copies the parts of a row that a projection names; nil projects all.
func (s *scope) project(r *row, p *parsed) Item {
	if p == nil {
		return r.item()
	}
	out := &avM{Value: Item{}}
	for _, where := range p.paths {
		if v := s.at(r, where); v != nil {
			s.graft(out, where, v)
		}
	}
	return out.Value
}

// graft puts a value at a path of a projection. Elements of lists keep their order, not their
// places.
func (s *scope) graft(root *avM, where path, v types.AttributeValue) {
	var at types.AttributeValue = root
	for i, st := range where {
		last := i == len(where)-1
		var child types.AttributeValue
		switch {
		case last:
			child = v
		case where[i+1].index >= 0:
			child = &avL{}
		default:
			child = &avM{Value: Item{}}
		}
		switch c := at.(type) {
		case *avM:
			name := s.name(st)
			if old := c.Value[name]; !last && old != nil {
				child = old
			}
			c.Value[name] = child
		case *avL:
			c.Value = append(c.Value, child)
		}
		at = child
	}
}
