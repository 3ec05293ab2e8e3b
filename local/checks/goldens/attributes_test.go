package goldens

import (
	"go/ast"
	"go/types"
	"strings"
	"testing"
)

// TestAttributesKeepTheirNames lists the names under which each package writes or reads the attributes of items: the
// constant keys of a map of attribute values, directly or through functions that take the name.
func TestAttributesKeepTheirNames(t *testing.T) {
	lines, all := set{}, sources(t)
	takes := map[string]map[int]bool{} // of a function, the parameters that are names of attributes
	for {
		grown := false
		for _, s := range all {
			s.around(func(n ast.Node, fn *ast.FuncDecl) {
				s.names(n, takes, func(name ast.Expr) {
					if text, ok := s.text(name); ok {
						if !strings.HasPrefix(text, ":") && text != "" {
							lines.add(s.label, text)
						}
						return
					}
					if fn == nil {
						return
					}
					if i := s.parameter(fn, name); i >= 0 {
						f := s.info.Defs[fn.Name].(*types.Func).FullName()
						if takes[f] == nil {
							takes[f] = map[int]bool{}
						}
						grown = grown || !takes[f][i]
						takes[f][i] = true
					}
				})
			})
		}
		if !grown {
			break
		}
	}
	compare(t, "attributes.txt", lines.sorted())
}

// names visits the expressions of a node that name an attribute.
func (s *source) names(n ast.Node, takes map[string]map[int]bool, visit func(ast.Expr)) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if !attributes(s.info.Types[n].Type) {
			return
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				visit(kv.Key)
			}
		}
	case *ast.IndexExpr:
		if attributes(s.info.Types[n.X].Type) {
			visit(n.Index)
		}
	case *ast.CallExpr:
		if f := s.callee(n); f != nil {
			for i := range takes[f.FullName()] {
				if i < len(n.Args) {
					visit(n.Args[i])
				}
			}
		}
	}
}

// attributes tells whether a type is a map of attribute values, as tables or streams give them.
func attributes(t types.Type) bool {
	if t == nil {
		return false
	}
	m, ok := t.Underlying().(*types.Map)
	return ok && (is(m.Elem(), "types", "AttributeValue") || is(m.Elem(), "events", "DynamoDBAttributeValue"))
}
