package goldens

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"testing"
)

// word is what a program compares and stores; a text with spaces is for people.
var word = regexp.MustCompile(`^[A-Za-z0-9~][A-Za-z0-9_.:#~/@-]{0,63}$`)

// TestWordsAreStoredAsEver lists every constant of a text type of its own (statuses, states, kinds, items, roles,
// queues), and every other constant of a package that is one word (hold reasons, operations, acts, attribute names).
func TestWordsAreStoredAsEver(t *testing.T) {
	lines := set{}
	for _, s := range sources(t) {
		scope := s.types.Scope()
		for _, name := range scope.Names() {
			c, ok := scope.Lookup(name).(*types.Const)
			if !ok || c.Val().Kind() != constant.String || !word.MatchString(constant.StringVal(c.Val())) {
				continue
			}
			kind := "package " + s.label
			if n, ok := types.Unalias(c.Type()).(*types.Named); ok {
				kind = n.Obj().Name()
			}
			lines.add(kind, constant.StringVal(c.Val()))
		}
	}
	compare(t, "words.txt", lines.sorted())
}

// TestFieldsAreGivenTheSameWords lists the words that code writes into the text fields of what is stored or sent, directly
// or through functions that take the value: the names of acts, the owners and reasons of holds, states, kinds.
func TestFieldsAreGivenTheSameWords(t *testing.T) {
	lines, all := set{}, sources(t)
	takes := map[string]map[string]bool{} // of a function and the number of a parameter, the fields that it fills
	for grown := true; grown; {
		grown = false
		for _, s := range all {
			s.around(func(n ast.Node, fn *ast.FuncDecl) {
				s.fields(n, takes, func(field string, value ast.Expr) {
					if v, ok := s.text(value); ok && word.MatchString(v) {
						lines.add(field, v)
					}
					if fn == nil {
						return
					}
					if i := s.parameter(fn, value); i >= 0 {
						name := fmt.Sprint(s.info.Defs[fn.Name].(*types.Func).FullName(), i)
						if takes[name] == nil {
							takes[name] = set{}
						}
						grown = grown || !takes[name][field]
						takes[name][field] = true
					}
				})
			})
		}
	}
	compare(t, "fields.txt", lines.sorted())
}

// fields visits each field of our structs to which a node gives an expression.
func (s *source) fields(n ast.Node, takes map[string]map[string]bool, visit func(field string, value ast.Expr)) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if sent(s.info.Types[n].Type) {
			s.literal(n, visit)
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			sel, ok := left.(*ast.SelectorExpr)
			if !ok || len(n.Lhs) != len(n.Rhs) || n.Tok != token.ASSIGN {
				continue
			}
			if f := s.selected(sel); f != "" {
				visit(f, n.Rhs[i])
			}
		}
	case *ast.CallExpr:
		if f := s.callee(n); f != nil {
			for i, arg := range n.Args {
				for field := range takes[fmt.Sprint(f.FullName(), i)] {
					visit(field, arg)
				}
			}
		}
	}
}

// sent tells whether a type is a struct that is written as JSON, other than a text in two languages.
func sent(t types.Type) bool {
	st, ok := structOf(t)
	if !ok || ownerOf(t) == "Text" {
		return false
	}
	return tagged(st)
}

// literal visits the fields of a struct's literal.
func (s *source) literal(n *ast.CompositeLit, visit func(string, ast.Expr)) {
	owner := ownerOf(s.info.Types[n].Type)
	st, ok := structOf(s.info.Types[n].Type)
	if owner == "" || !ok {
		return
	}
	for i, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			visit(owner+"."+kv.Key.(*ast.Ident).Name, kv.Value)
		} else {
			visit(owner+"."+st.Field(i).Name(), e)
		}
	}
}

func (s *source) selected(sel *ast.SelectorExpr) string {
	chosen := s.info.Selections[sel]
	if chosen == nil || chosen.Kind() != types.FieldVal || !sent(chosen.Recv()) {
		return ""
	}
	owner := ownerOf(chosen.Recv())
	if owner == "" {
		return ""
	}
	return owner + "." + sel.Sel.Name
}

func structOf(t types.Type) (*types.Struct, bool) {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	st, ok := t.Underlying().(*types.Struct)
	return st, ok
}

// ownerOf names one of our own types.
func ownerOf(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || !(listed{ImportPath: n.Obj().Pkg().Path()}).ours() {
		return ""
	}
	return n.Obj().Name()
}
