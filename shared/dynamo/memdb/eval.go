package memdb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// requestScope holds the placeholders of one request, by which the paths and values of its
// expressions are found.
type requestScope struct {
	kind  expressionKind
	names map[string]string
	// values are canonical copies where they may be stored.
	values Item
}

// compileExpressions compiles the expressions of a request and refuses placeholders that are
// undefined or unused. compileExpressions returns the values in canonical form.
func (db *DB) compileExpressions(names map[string]string, values Item,
	given expressionTexts) (compiledExpressions, Item, error) {
	var out compiledExpressions
	for k, text := range given {
		p, err := db.parsed.compile(expressionKind(k), text)
		if err != nil {
			return out, nil, err
		}
		out[k] = p
	}
	if err := checkPlaceholders(names, values, &out); err != nil {
		return out, nil, err
	}
	kept := make(Item, len(values))
	for name, v := range values {
		k, err := canonicalValue(v, 1)
		if err != nil {
			return out, nil, err
		}
		kept[name] = k
	}
	return out, kept, nil
}

// checkPlaceholders compares the placeholders that a request defines with those that its
// expressions use.
//
// Errors: a validation error for an undefined and for an unused placeholder.
func checkPlaceholders(names map[string]string, values Item, all *compiledExpressions) error {
	for k, p := range all {
		if p == nil {
			continue
		}
		for _, n := range p.names {
			if _, ok := names[n]; !ok {
				return validationError(
					"Invalid %s: An expression attribute name used in the document path is not "+
						"defined; attribute name: %s", expressionKind(k), n)
			}
		}
		for _, v := range p.values {
			if _, ok := values[v]; !ok {
				return validationError(
					"Invalid %s: An expression attribute value used in expression is not defined; "+
						"attribute value: %s", expressionKind(k), v)
			}
		}
	}
	if unused := firstUnused(names, all, func(p *compiledExpression) []string {
		return p.names
	}); unused != "" {
		return validationError(
			"Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}",
			unused)
	}
	if unused := firstUnused(values, all, func(p *compiledExpression) []string {
		return p.values
	}); unused != "" {
		return validationError(
			"Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}",
			unused)
	}
	return nil
}

// firstUnused returns the first placeholder, in alphabetical order, that no expression uses; ""
// when all are used.
func firstUnused[V any](given map[string]V, all *compiledExpressions,
	of func(*compiledExpression) []string) string {
	unused := ""
	for placeholder := range given {
		use := func(p *compiledExpression) bool { return p != nil && slices.Contains(of(p), placeholder) }
		if !slices.ContainsFunc(all[:], use) && (unused == "" || placeholder < unused) {
			unused = placeholder
		}
	}
	return unused
}

// resolveName returns the attribute name of a path element, for which the request may have defined
// a placeholder.
func (s *requestScope) resolveName(st pathElement) string {
	if strings.HasPrefix(st.name, "#") {
		return s.names[st.name]
	}
	return st.name
}

// valueAtPath returns the value at a path of a row; nil when there is none.
func (s *requestScope) valueAtPath(r *row, p path) types.AttributeValue {
	v := r.attribute(s.resolveName(p[0]))
	for _, st := range p[1:] {
		switch c := v.(type) {
		case *avM:
			if st.index >= 0 {
				return nil
			}
			v = c.Value[s.resolveName(st)]
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

// operandValue returns the value of an operand of a condition; nil when it does not exist.
func (s *requestScope) operandValue(r *row, o operand) types.AttributeValue {
	switch {
	case o.value != "":
		return s.values[o.value]
	case o.fn == "size":
		return evaluateSize(s.operandValue(r, o.args[0]))
	default:
		return s.valueAtPath(r, o.path)
	}
}

// evaluateSize returns the result of the function size; nil for a type without a size.
func evaluateSize(v types.AttributeValue) types.AttributeValue {
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
		n = len(setMembers(v))
	}
	if n < 0 {
		return nil
	}
	return &avN{Value: strconv.Itoa(n)}
}

// checkOperandTypes refuses values of a type that an operator can never take, whatever the item is,
// as the service does before it reads.
func (s *requestScope) checkOperandTypes(n *condition) error {
	if n == nil {
		return nil
	}
	for _, sub := range n.subs {
		if err := s.checkOperandTypes(sub); err != nil {
			return err
		}
	}
	for i, a := range n.args {
		if a.value == "" {
			continue
		}
		kind := typeName(s.values[a.value])
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
			return validationError(
				"Invalid %s: Incorrect operand type for operator or function; operator or "+
					"function: %s, operand type: %s", s.kind, n.op, kind)
		}
	}
	return s.checkBetweenBounds(n)
}

// checkBetweenBounds refuses a BETWEEN whose lower bound is above the upper bound.
func (s *requestScope) checkBetweenBounds(n *condition) error {
	if n.op != "BETWEEN" || n.args[1].value == "" || n.args[2].value == "" {
		return nil
	}
	c, ok := compareValues(s.values[n.args[1].value], s.values[n.args[2].value])
	if !ok || c > 0 {
		return validationError(
			"Invalid %s: The BETWEEN operator requires upper bound to be greater than or "+
				"equal to lower bound", s.kind)
	}
	return nil
}

// isMet reports whether a row meets a condition; the row is nil when the item does not exist.
func (s *requestScope) isMet(n *condition, r *row) bool {
	switch n.op {
	case "AND":
		return !slices.ContainsFunc(n.subs, func(sub *condition) bool { return !s.isMet(sub, r) })
	case "OR":
		return slices.ContainsFunc(n.subs, func(sub *condition) bool { return s.isMet(sub, r) })
	case "NOT":
		return !s.isMet(n.subs[0], r)
	case "attribute_exists":
		return s.operandValue(r, n.args[0]) != nil
	case "attribute_not_exists":
		return s.operandValue(r, n.args[0]) == nil
	}
	args := make([]types.AttributeValue, len(n.args))
	for i, a := range n.args {
		args[i] = s.operandValue(r, a)
	}
	return evaluateOperator(n.op, args)
}

// evaluateOperator applies a comparison or a function to its arguments, of which missing ones are
// nil.
func evaluateOperator(op string, args []types.AttributeValue) bool {
	first := args[0]
	switch op {
	case "=":
		return first != nil && args[1] != nil && equalValues(first, args[1])
	// a missing attribute is different from every value
	case "<>":
		return first == nil || args[1] == nil || !equalValues(first, args[1])
	case "IN":
		return first != nil && slices.ContainsFunc(args[1:], func(v types.AttributeValue) bool {
			return v != nil && equalValues(first, v)
		})
	case "BETWEEN":
		low, ok1 := compareValues(first, args[1])
		high, ok2 := compareValues(first, args[2])
		return ok1 && ok2 && low >= 0 && high <= 0
	case "begins_with":
		return beginsWith(first, args[1])
	case "contains":
		return contains(first, args[1])
	case "attribute_type":
		s, ok := args[1].(*avS)
		return ok && first != nil && typeName(first) == s.Value
	}
	c, ok := compareValues(first, args[1])
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

// beginsWith reports whether a string or bytes begin with a prefix of the same type.
func beginsWith(v, prefix types.AttributeValue) bool {
	if v == nil || prefix == nil || typeName(v) != typeName(prefix) {
		return false
	}
	whole, ok := keyText(v)
	start, _ := keyText(prefix)
	return ok && strings.HasPrefix(whole, start)
}

// contains reports whether a list or set has an element, or whether a text has a part.
func contains(v, part types.AttributeValue) bool {
	switch v := v.(type) {
	case *avL:
		return slices.ContainsFunc(v.Value, func(e types.AttributeValue) bool {
			return part != nil && equalValues(e, part)
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
		return ok && slices.Contains(setMembers(v), string(p.Value))
	}
	return false
}

// projectItem copies the parts of a row that a projection selects; a nil projection selects the
// whole row.
func (s *requestScope) projectItem(r *row, p *compiledExpression) Item {
	if p == nil {
		return r.item()
	}
	out := &avM{Value: Item{}}
	for _, where := range p.paths {
		if v := s.valueAtPath(r, where); v != nil {
			s.setProjected(out, where, v)
		}
	}
	return out.Value
}

// setProjected sets a value at a path of the projected item. Elements of lists keep their order,
// not their positions, as in the service.
func (s *requestScope) setProjected(root *avM, where path, v types.AttributeValue) {
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
			name := s.resolveName(st)
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
