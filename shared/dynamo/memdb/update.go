package memdb

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// applyUpdate returns the row that an update leaves and the names of the top-level attributes that
// it changes. All operands are read from the row before the update; before is nil when the item
// does not exist.
func (s *requestScope) applyUpdate(t *table, before *row, key Item,
	p *compiledExpression) (after *row, touched []string, err error) {
	var work Item
	if before == nil {
		work = Item{}
		for name, v := range key {
			if work[name], err = canonicalValue(v, 1); err != nil {
				return nil, nil, err
			}
		}
	} else {
		work = before.item()
	}
	if p != nil {
		if touched, err = s.applyActions(t, before, work, p); err != nil {
			return nil, nil, err
		}
	}
	after, err = t.packRow(work)
	return after, touched, err
}

// applyActions carries out the actions of an update on the item work and returns the names of the
// changed attributes. applyActions computes all results before it sets the first one, because every
// operand means the value before the update.
func (s *requestScope) applyActions(t *table, before *row, work Item,
	p *compiledExpression) ([]string, error) {
	if err := s.refuseOverlaps(p.actions); err != nil {
		return nil, err
	}
	results := make([]types.AttributeValue, len(p.actions))
	var touched []string
	for i, a := range p.actions {
		name := s.resolveName(a.path[0])
		if t.keys.isKey(name) {
			return nil, validationError(
				"One or more parameter values were invalid: Cannot update attribute %s. This attribute is "+
					"part of the key", name)
		}
		touched = append(touched, name)
		var err error
		if results[i], err = s.actionResult(before, a); err != nil {
			return nil, err
		}
	}
	for i, a := range p.actions {
		if err := s.setAtPath(work, a.path, results[i]); err != nil {
			return nil, err
		}
	}
	return touched, nil
}

// refuseOverlaps refuses an update in which one action would change a value that another one
// changes too.
func (s *requestScope) refuseOverlaps(actions []action) error {
	for i, a := range actions {
		for _, b := range actions[:i] {
			n := min(len(a.path), len(b.path))
			same := func(x, y pathElement) bool {
				return x.index == y.index && (x.index >= 0 || s.resolveName(x) == s.resolveName(y))
			}
			if slices.EqualFunc(a.path[:n], b.path[:n], same) {
				return validationError(
					"Invalid UpdateExpression: Two document paths overlap with each other; must "+
						"remove or rewrite one of these paths; path one: [%s], path two: [%s]",
					b.path, a.path)
			}
		}
	}
	return nil
}

// wrongTypeError is the service's answer when the type of an existing attribute makes an operation
// impossible.
func wrongTypeError() error {
	return validationError("An operand in the update expression has an incorrect data type")
}

// actionResult returns the value that an action leaves at its path; nil removes the attribute.
func (s *requestScope) actionResult(before *row, a action) (types.AttributeValue, error) {
	switch a.verb {
	case "REMOVE":
		return nil, nil
	case "ADD":
		return valueAfterAdd(s.valueAtPath(before, a.path), s.values[a.value.value])
	case "DELETE":
		return valueAfterDelete(s.valueAtPath(before, a.path), s.values[a.value.value])
	}
	left, err := s.evaluateSetOperand(before, a.value)
	if err != nil || a.op == "" {
		return left, err
	}
	right, err := s.evaluateSetOperand(before, a.right)
	if err != nil {
		return nil, err
	}
	x, ok1 := left.(*avN)
	y, ok2 := right.(*avN)
	if !ok1 || !ok2 {
		return nil, wrongTypeError()
	}
	n, err := addNumbers(x.Value, y.Value, a.op == "-")
	return &avN{Value: n}, err
}

// evaluateSetOperand returns the value of an operand of SET, which may be if_not_exists or
// list_append.
func (s *requestScope) evaluateSetOperand(before *row, o operand) (types.AttributeValue, error) {
	switch {
	case o.fn == "if_not_exists":
		if o.args[0].path == nil {
			return nil, validationError(
				"Invalid UpdateExpression: Operator or function requires a document path; operator or " +
					"function: if_not_exists")
		}
		if v := s.valueAtPath(before, o.args[0].path); v != nil {
			return v, nil
		}
		return s.evaluateSetOperand(before, o.args[1])
	case o.fn == "list_append":
		return s.evaluateListAppend(before, o)
	case o.fn != "":
		return nil, validationError(
			"Invalid UpdateExpression: The function is not allowed in an update expression; function: %s",
			o.fn)
	}
	v := s.operandValue(before, o)
	if v == nil {
		return nil, validationError(
			"The provided expression refers to an attribute that does not exist in the item")
	}
	return v, nil
}

// evaluateListAppend returns the elements of both lists of list_append in one list.
func (s *requestScope) evaluateListAppend(before *row, o operand) (types.AttributeValue, error) {
	var all []types.AttributeValue
	for _, arg := range o.args {
		v, err := s.evaluateSetOperand(before, arg)
		if err != nil {
			return nil, err
		}
		l, ok := v.(*avL)
		if !ok {
			return nil, wrongTypeError()
		}
		all = append(all, l.Value...)
	}
	return &avL{Value: all}, nil
}

// valueAfterAdd returns the result of ADD: the sum of two numbers, or the union of two sets.
func valueAfterAdd(old, more types.AttributeValue) (types.AttributeValue, error) {
	switch m := more.(type) {
	case *avN:
		if old == nil {
			return m, nil
		}
		n, ok := old.(*avN)
		if !ok {
			return nil, wrongTypeError()
		}
		total, err := addNumbers(n.Value, m.Value, false)
		return &avN{Value: total}, err
	case *avSS, *avNS, *avBS:
		if old == nil {
			return m, nil
		}
		if typeName(old) != typeName(m) {
			return nil, wrongTypeError()
		}
		all := append(setMembers(old), setMembers(m)...)
		slices.Sort(all)
		return newSetOfKind(m, slices.Compact(all)), nil
	}
	return nil, validationError(
		"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, "+
			"operand type: %s", typeName(more))
}

// valueAfterDelete returns the result of DELETE: the set old without the members of removed; nil
// when no member is left.
func valueAfterDelete(old, removed types.AttributeValue) (types.AttributeValue, error) {
	switch removed.(type) {
	case *avSS, *avNS, *avBS:
	default:
		return nil, validationError(
			"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, "+
				"operand type: %s", typeName(removed))
	}
	if old == nil {
		return nil, nil
	}
	if typeName(old) != typeName(removed) {
		return nil, wrongTypeError()
	}
	removedMembers := setMembers(removed)
	left := slices.DeleteFunc(setMembers(old), func(m string) bool {
		return slices.Contains(removedMembers, m)
	})
	// an empty set cannot be stored, so the attribute is removed
	if len(left) == 0 {
		return nil, nil
	}
	return newSetOfKind(old, left), nil
}

// setAtPath sets the value at a path of the item work, or removes it when v is nil. Maps and lists
// on the way are copied, because rows are never changed.
func (s *requestScope) setAtPath(work Item, p path, v types.AttributeValue) error {
	name := s.resolveName(p[0])
	if len(p) == 1 {
		if v == nil {
			delete(work, name)
		} else {
			work[name] = v
		}
		return nil
	}
	changed, err := s.setInDocument(work[name], p[1:], v)
	if err == nil {
		work[name] = changed
	}
	return err
}

// setInDocument returns a copy of a map or list in which the value at a path is v.
//
// Errors: a validation error when the path leads nowhere.
func (s *requestScope) setInDocument(at types.AttributeValue, p path,
	v types.AttributeValue) (types.AttributeValue, error) {
	notThere := validationError(
		"The document path provided in the update expression is invalid for update")
	switch c := at.(type) {
	case *avM:
		if p[0].index >= 0 {
			return nil, notThere
		}
		m, name := maps.Clone(c.Value), s.resolveName(p[0])
		err := s.setInChild(m[name], p, v, func(child types.AttributeValue) {
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
		err := s.setInChild(old, p, v, func(child types.AttributeValue) {
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

// setInChild sets the value at a path below one element of a map or list, and hands the changed
// element to set.
func (s *requestScope) setInChild(old types.AttributeValue, p path, v types.AttributeValue,
	set func(types.AttributeValue)) error {
	if len(p) == 1 {
		set(v)
		return nil
	}
	changed, err := s.setInDocument(old, p[1:], v)
	if err == nil {
		set(changed)
	}
	return err
}
