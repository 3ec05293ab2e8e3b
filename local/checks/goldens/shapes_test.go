package goldens

import (
	"go/ast"
	"go/types"
	"reflect"
	"strings"
	"testing"
)

// TestJSONKeepsItsShape lists the fields of everything that is written or read as JSON: messages on queues and the
// bus, audit records, stored documents, bodies of requests and answers. A type that writes itself stands
// with its name. Packages are left out, so that a type may move.
func TestJSONKeepsItsShape(t *testing.T) {
	lines := set{}
	for _, s := range sources(t) {
		for _, f := range s.files {
			var stack []ast.Node
			ast.Inspect(f, func(n ast.Node) bool {
				if n == nil {
					stack = stack[:len(stack)-1]
					return true
				}
				stack = append(stack, n)
				if st, ok := n.(*ast.StructType); ok {
					if typ, ok := s.info.Types[st].Type.(*types.Struct); ok {
						shape(typ, place(stack), lines)
					}
				}
				return true
			})
		}
	}
	compare(t, "shapes.txt", lines.sorted())
}

// place names a struct by the types, fields or functions around it.
func place(stack []ast.Node) string {
	var names []string
	for _, n := range stack {
		switch n := n.(type) {
		case *ast.TypeSpec:
			names = append(names, n.Name.Name)
		case *ast.FuncDecl:
			names = append(names, n.Name.Name+"()")
		case *ast.Field:
			for _, id := range n.Names {
				names = append(names, id.Name)
			}
		}
	}
	return strings.Join(names, ".")
}

// shape lists the fields of a struct of which at least one has a name in JSON.
func shape(st *types.Struct, owner string, lines set) {
	if !tagged(st) {
		return
	}
	for i := range st.NumFields() {
		f := st.Field(i)
		name, options, _ := strings.Cut(reflect.StructTag(st.Tag(i)).Get("json"), ",")
		switch {
		case name == "-" || !f.Exported() && !f.Embedded():
			continue
		case name == "" && f.Embedded():
			name = "all of"
		case name == "":
			name = f.Name()
		}
		lines.add(strings.TrimSpace(owner + " " + name + " " + kind(f.Type()) + " " + options))
	}
}

func tagged(st *types.Struct) bool {
	for i := range st.NumFields() {
		if _, ok := reflect.StructTag(st.Tag(i)).Lookup("json"); ok {
			return true
		}
	}
	return false
}

// kind is what a type is in JSON.
func kind(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		return kind(p.Elem()) + "|null"
	}
	if n, ok := types.Unalias(t).(*types.Named); ok && (writes(n) || isStruct(n)) {
		if n.Obj().Name() == "Fraction" {
			return "Rate" // the tax program's form of a rate; money.TestRateTexts holds both to one text
		}
		return n.Obj().Name()
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsString != 0:
			return "text"
		case u.Info()&types.IsBoolean != 0:
			return "bool"
		default:
			return "number"
		}
	case *types.Slice:
		return "[" + kind(u.Elem()) + "]"
	case *types.Array:
		return "[" + kind(u.Elem()) + "]"
	case *types.Map:
		return "{" + kind(u.Elem()) + "}"
	case *types.Struct:
		return "object"
	default:
		return "any"
	}
}

func isStruct(n *types.Named) bool { _, ok := n.Underlying().(*types.Struct); return ok }

// writes tells whether a type has a JSON form of its own.
func writes(n *types.Named) bool {
	for _, name := range []string{"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText"} {
		if o, _, _ := types.LookupFieldOrMethod(types.NewPointer(n), true, nil, name); o != nil {
			return true
		}
	}
	return false
}
