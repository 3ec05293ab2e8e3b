package goldens

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
)

// TestRoutesAndTheirRolesStay lists every route that a function serves, as clients call it, with the roles that may;
// the contract must have the same routes.
func TestRoutesAndTheirRolesStay(t *testing.T) {
	lines, served := set{}, set{}
	for _, s := range sources(t) {
		s.walk(func(n ast.Node) {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || !is(s.info.Types[lit].Type, "httpapi", "Route") || len(lit.Elts) == 0 {
				return
			}
			r := route{t: t, in: s, roles: []string{"nobody"}}
			s.literal(lit, r.take)
			for _, path := range r.paths {
				served.add(r.method, path)
				lines.add(r.method, path+":", strings.Join(r.roles, " "))
			}
		})
	}
	documented, err := contracttest.ContractRoutes()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(documented)
	for _, d := range differences(documented, served.sorted()) {
		t.Errorf("the contract against what functions serve: %s", d)
	}
	compare(t, "routes.txt", lines.sorted())
}

// Every route names its roles, none twice, and the list is read as it was written.
func TestRoutesAreReadFromTheList(t *testing.T) {
	all := Routes()
	if len(all) != strings.Count(routes, "\n") {
		t.Errorf("%d routes in %d lines", len(all), strings.Count(routes, "\n"))
	}
	open := []string{"GET /healthz", "GET /v1/openapi.json", "POST /v1/payouts/callbacks/{gateway}"}
	for r, roles := range all {
		if slices.Contains(open, r) != (len(roles) == 0) {
			t.Errorf("%s is for %v", r, roles)
		}
		for _, role := range roles {
			if !slices.Contains(identity.AllRoles(), role) {
				t.Errorf("%s is for %s, which is no role", r, role)
			}
		}
	}
}

// route is what a literal says; a part that cannot be read fails the test, so that no route is left out.
type route struct {
	t      *testing.T
	in     *source
	method string
	paths  []string
	roles  []string
}

func (r *route) take(field string, value ast.Expr) {
	switch field {
	case "Route.Method":
		r.method = r.in.values(r.t, value)[0]
	case "Route.Path":
		r.paths = r.in.values(r.t, value)
	case "Route.Open":
		r.roles = []string{Open}
	case "Route.Roles":
		r.roles = ordered(r.in.values(r.t, value))
	}
}

// ordered puts roles into the order of the contract's table, each once.
func ordered(roles []string) []string {
	var out []string
	for _, role := range identity.AllRoles() {
		if slices.Contains(roles, string(role)) {
			out = append(out, string(role))
		}
	}
	return out
}

// values are the texts that an expression can be: a constant, a sum, a list, a variable that is set once, an element
// of a list that is looped over, or what a function without parameters returns.
func (s *source) values(t *testing.T, e ast.Expr) []string {
	if v, ok := s.text(e); ok {
		return []string{v}
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		return sums(s.values(t, e.X), s.values(t, e.Y))
	case *ast.CompositeLit:
		var out []string
		for _, of := range e.Elts {
			out = append(out, s.values(t, of)...)
		}
		return out
	case *ast.Ident:
		if from := s.set(e); from != nil {
			return s.values(t, from)
		}
	case *ast.SelectorExpr:
		return s.members(t, e)
	case *ast.CallExpr:
		return s.returned(t, e)
	}
	t.Fatalf("package %s: a part of a route cannot be read; write it as a constant, or teach this test: %s", s.label, types.ExprString(e))
	return nil
}

func sums(left, right []string) []string {
	var out []string
	for _, a := range left {
		for _, b := range right {
			out = append(out, a+b)
		}
	}
	return out
}

// set finds what a variable of a function was set to.
func (s *source) set(id *ast.Ident) (from ast.Expr) {
	s.walk(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if l, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE && len(n.Lhs) == len(n.Rhs) && s.info.Defs[l] == s.info.Uses[id] {
					from = n.Rhs[i]
				}
			}
		case *ast.RangeStmt:
			if l, ok := n.Value.(*ast.Ident); ok && s.info.Defs[l] == s.info.Uses[id] {
				from = n.X
			}
		}
	})
	return from
}

// members are the values of a field in all elements of a list that is looped over.
func (s *source) members(t *testing.T, e *ast.SelectorExpr) []string {
	id, _ := e.X.(*ast.Ident)
	call, _ := s.set(id).(*ast.CallExpr)
	in, body := s.body(t, call)
	var out []string
	for _, of := range body.(*ast.CompositeLit).Elts {
		in.literal(of.(*ast.CompositeLit), func(field string, value ast.Expr) {
			if strings.HasSuffix(field, "."+e.Sel.Name) {
				out = append(out, in.values(t, value)...)
			}
		})
	}
	return out
}

// returned are the values of a call.
func (s *source) returned(t *testing.T, call *ast.CallExpr) []string {
	if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "append" {
		var out []string
		for _, arg := range call.Args {
			out = append(out, s.values(t, arg)...)
		}
		return out
	}
	in, body := s.body(t, call)
	return in.values(t, body)
}

// body is what the function of a call returns, with its package.
func (s *source) body(t *testing.T, call *ast.CallExpr) (*source, ast.Expr) {
	f := s.callee(call)
	for _, in := range sources(t) {
		if f == nil || in.types != f.Pkg() {
			continue
		}
		for _, file := range in.files {
			for _, d := range file.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && in.info.Defs[fn.Name] == f {
					if ret, ok := fn.Body.List[len(fn.Body.List)-1].(*ast.ReturnStmt); ok {
						return in, ret.Results[0]
					}
				}
			}
		}
	}
	t.Fatalf("package %s: a part of a route comes from a call that cannot be read: %s", s.label, types.ExprString(call))
	return nil, nil
}
