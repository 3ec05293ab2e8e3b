package memdb

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// apply makes the row that an update leaves. All operands are those of the row before it; nil is an
// item that does not exist yet. touched are the top-level attributes that the update names.
func (s *scope) apply(t *table, before *row, key Item,
	p *parsed) (after *row, touched []string, err error) {
	var work Item
	if before == nil {
		work = Item{}
		for name, v := range key {
			if work[name], err = keep(v, 1); err != nil {
				return nil, nil, err
			}
		}
	} else {
		work = before.item()
	}
	if p != nil {
		if touched, err = s.changes(t, before, work, p); err != nil {
			return nil, nil, err
		}
	}
	after, err = t.rowOf(work)
	return after, touched, err
}

func (s *scope) changes(t *table, before *row, work Item, p *parsed) ([]string, error) {
	if err := s.overlaps(p.actions); err != nil {
		return nil, err
	}
	results := make([]types.AttributeValue, len(p.actions))
	var touched []string
	for i, a := range p.actions {
		name := s.name(a.path[0])
		if t.keys.has(name) {
			return nil, invalid(
				"One or more parameter values were invalid: Cannot update attribute %s. This attribute is "+
					"part of the key", name)
		}
		touched = append(touched, name)
		var err error
		if results[i], err = s.result(before, a); err != nil {
			return nil, err
		}
	}
	for i, a := range p.actions {
		if err := s.put(work, a.path, results[i]); err != nil {
			return nil, err
		}
	}
	return touched, nil
}

// overlaps refuses two actions of which one changes what the other does.
func (s *scope) overlaps(actions []action) error {
	for i, a := range actions {
		for _, b := range actions[:i] {
			n := min(len(a.path), len(b.path))
			same := func(x, y step) bool {
				return x.index == y.index && (x.index >= 0 || s.name(x) == s.name(y))
			}
			if slices.EqualFunc(a.path[:n], b.path[:n], same) {
				return invalid("Invalid UpdateExpression: Two document paths overlap with each other; must "+
					"remove or rewrite one of these paths; path one: [%s], path two: [%s]",
					b.path, a.path)
			}
		}
	}
	return nil
}

// wrongType is the answer to an operand that the item makes impossible.
func wrongType() error {
	return invalid("An operand in the update expression has an incorrect data type")
}

// result is what an action leaves at its path; nil removes it.
func (s *scope) result(before *row, a action) (types.AttributeValue, error) {
	switch a.verb {
	case "REMOVE":
		return nil, nil
	case "ADD":
		return addition(s.at(before, a.path), s.values[a.value.value])
	case "DELETE":
		return deletion(s.at(before, a.path), s.values[a.value.value])
	}
	left, err := s.setOperand(before, a.value)
	if err != nil || a.op == "" {
		return left, err
	}
	right, err := s.setOperand(before, a.right)
	if err != nil {
		return nil, err
	}
	x, ok1 := left.(*avN)
	y, ok2 := right.(*avN)
	if !ok1 || !ok2 {
		return nil, wrongType()
	}
	n, err := sum(x.Value, y.Value, a.op == "-")
	return &avN{Value: n}, err
}

func (s *scope) setOperand(before *row, o operand) (types.AttributeValue, error) {
	switch {
	case o.fn == "if_not_exists":
		if o.args[0].path == nil {
			return nil, invalid(
				"Invalid UpdateExpression: Operator or function requires a document path; operator or " +
					"function: if_not_exists")
		}
		if v := s.at(before, o.args[0].path); v != nil {
			return v, nil
		}
		return s.setOperand(before, o.args[1])
	case o.fn == "list_append":
		return s.appended(before, o)
	case o.fn != "":
		return nil, invalid(
			"Invalid UpdateExpression: The function is not allowed in an update expression; function: %s",
			o.fn)
	}
	v := s.value(before, o)
	if v == nil {
		return nil, invalid(
			"The provided expression refers to an attribute that does not exist in the item")
	}
	return v, nil
}

func (s *scope) appended(before *row, o operand) (types.AttributeValue, error) {
	var all []types.AttributeValue
	for _, arg := range o.args {
		v, err := s.setOperand(before, arg)
		if err != nil {
			return nil, err
		}
		l, ok := v.(*avL)
		if !ok {
			return nil, wrongType()
		}
		all = append(all, l.Value...)
	}
	return &avL{Value: all}, nil
}

func addition(old, more types.AttributeValue) (types.AttributeValue, error) {
	switch m := more.(type) {
	case *avN:
		if old == nil {
			return m, nil
		}
		n, ok := old.(*avN)
		if !ok {
			return nil, wrongType()
		}
		total, err := sum(n.Value, m.Value, false)
		return &avN{Value: total}, err
	case *avSS, *avNS, *avBS:
		if old == nil {
			return m, nil
		}
		if kindOf(old) != kindOf(m) {
			return nil, wrongType()
		}
		all := append(members(old), members(m)...)
		slices.Sort(all)
		return setLike(m, slices.Compact(all)), nil
	}
	return nil, invalid(
		"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, "+
			"operand type: %s", kindOf(more))
}

func deletion(old, less types.AttributeValue) (types.AttributeValue, error) {
	switch less.(type) {
	case *avSS, *avNS, *avBS:
	default:
		return nil, invalid(
			"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, "+
				"operand type: %s", kindOf(less))
	}
	if old == nil {
		return nil, nil
	}
	if kindOf(old) != kindOf(less) {
		return nil, wrongType()
	}
	gone := members(less)
	left := slices.DeleteFunc(members(old), func(m string) bool { return slices.Contains(gone, m) })
	if len(left) == 0 {
		return nil, nil
	}
	return setLike(old, left), nil
}

// put sets or removes the value at a path of the working item. Documents on the way are copied, as
// rows never change.
func (s *scope) put(work Item, p path, v types.AttributeValue) error {
	name := s.name(p[0])
	if len(p) == 1 {
		if v == nil {
			delete(work, name)
		} else {
			work[name] = v
		}
		return nil
	}
	changed, err := s.within(work[name], p[1:], v)
	if err == nil {
		work[name] = changed
	}
	return err
}

func (s *scope) within(at types.AttributeValue, p path,
	v types.AttributeValue) (types.AttributeValue, error) {
	notThere := invalid("The document path provided in the update expression is invalid for update")
	switch c := at.(type) {
	case *avM:
		if p[0].index >= 0 {
			return nil, notThere
		}
		m, name := maps.Clone(c.Value), s.name(p[0])
		err := s.child(m[name], p, v, func(child types.AttributeValue) {
			if child == nil {
				delete(m, name)
				return
			}
			m[name] = child
		})
		return &avM{Value: m}, err
	case *avL:
		i := p[0].index
		if i < 0 {
			return nil, notThere
		}
		l := slices.Clone(c.Value)
		var old types.AttributeValue
		if i < len(l) {
			old = l[i]
		}
		err := s.child(old, p, v, func(child types.AttributeValue) {
			switch {
			case child == nil && i < len(l):
				l = slices.Delete(l, i, i+1)
			case child != nil && i < len(l):
				l[i] = child
			case child != nil:
				l = append(l, child)
			}
		})
		return &avL{Value: l}, err
	}
	return nil, notThere
}

// child goes one step down and sets what comes back.
func (s *scope) child(old types.AttributeValue, p path, v types.AttributeValue,
	set func(types.AttributeValue)) error {
	if len(p) == 1 {
		set(v)
		return nil
	}
	changed, err := s.within(old, p[1:], v)
	if err == nil {
		set(changed)
	}
	return err
}
