package goldens

import (
	"go/ast"
	"go/types"
	"strconv"
	"testing"

	"fenzhang/shared/fault"
)

// refusal is one place in the code that makes a refusal. What is no constant there is a parameter of the function
// around it, and then each of its calls is a place of its own.
type refusal struct {
	code, reason ast.Expr
	known        string // the code, where a function further in names it
	in           *source
	within       *ast.FuncDecl
	depth        int
}

// call is one call of a function.
type call struct {
	*ast.CallExpr
	in     *source
	within *ast.FuncDecl
}

// around visits all nodes of a package with the function that they are in.
func (s *source) around(visit func(ast.Node, *ast.FuncDecl)) {
	for _, f := range s.files {
		for _, d := range f.Decls {
			fn, _ := d.(*ast.FuncDecl)
			ast.Inspect(d, func(n ast.Node) bool {
				if n != nil {
					visit(n, fn)
				}
				return true
			})
		}
	}
}

func TestCodesAndReasonsAreStable(t *testing.T) {
	lines, all := set{}, sources(t)
	calls := map[string][]call{}
	var open []refusal
	for _, s := range all {
		s.around(func(n ast.Node, fn *ast.FuncDecl) {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f := s.callee(n); f != nil {
					calls[f.FullName()] = append(calls[f.FullName()], call{n, s, fn})
				}
			case *ast.CompositeLit:
				if is(s.info.Types[n].Type, "fault", "Error") {
					r := refusal{in: s, within: fn}
					s.literal(n, func(field string, value ast.Expr) {
						switch field {
						case "Error.Code":
							r.code = value
						case "Error.Reason":
							r.reason = value
						}
					})
					if r.code != nil {
						open = append(open, r)
					}
				}
			}
		})
	}
	for len(open) > 0 {
		r := open[0]
		open = open[1:]
		code, reason := r.number(), r.in.reason(r.reason)
		if code != "" && reason != "" {
			lines.add(code, reason)
			continue
		}
		if r.depth > 5 {
			t.Fatalf("a refusal of %s cannot be read", r.in.label)
		}
		more := r.callers(t, calls)
		if more == nil { // a word that the rules name, or that another refusal brings along
			lines.add(code, "*", r.in.label)
		}
		open = append(open, more...)
	}
	for c := range 9999 {
		if status := fault.New(fault.Code(c), "", "").Status(); status != 500 || c == int(fault.System) {
			lines.add(strconv.Itoa(c), "is answered with", strconv.Itoa(status))
		}
	}
	compare(t, "refusals.txt", lines.sorted())
}

// callers are the places that call the function around r, with their values in the place of its parameters.
func (r refusal) callers(t *testing.T, calls map[string][]call) []refusal {
	if r.within == nil {
		return nil
	}
	fn, ok := r.in.info.Defs[r.within.Name].(*types.Func)
	code, reason := r.in.parameter(r.within, r.code), r.in.parameter(r.within, r.reason)
	if !ok || code < 0 && reason < 0 {
		return nil
	}
	var out []refusal
	for _, c := range calls[fn.FullName()] {
		next := refusal{known: r.number(), in: c.in, within: c.within, depth: r.depth + 1}
		if code >= 0 {
			next.code = c.Args[code]
		}
		if reason >= 0 {
			next.reason = c.Args[reason]
		} else {
			t.Fatalf("package %s makes a refusal with a fixed reason and another code", r.in.label)
		}
		out = append(out, next)
	}
	return out
}

// parameter is the number of the parameter that an expression is, or -1.
func (s *source) parameter(fn *ast.FuncDecl, e ast.Expr) int {
	id, ok := e.(*ast.Ident)
	if !ok {
		return -1
	}
	at := 0
	for _, f := range fn.Type.Params.List {
		for _, name := range f.Names {
			if s.info.Defs[name] == s.info.Uses[id] {
				return at
			}
			at++
		}
	}
	return -1
}

// number is the code, "" while it is not known.
func (r refusal) number() string {
	if r.known != "" || r.code == nil {
		return r.known
	}
	if v := r.in.info.Types[r.code].Value; v != nil {
		return v.String()
	}
	return ""
}

func (s *source) reason(e ast.Expr) string {
	if e == nil {
		return "-"
	}
	v, _ := s.text(e)
	return v
}
