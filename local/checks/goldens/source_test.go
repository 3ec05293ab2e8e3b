package goldens

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module is the name that our import paths begin with.
const module = "fenzhang"

// source is one package of the code that runs on AWS, with the types of all its expressions.
type source struct {
	label string // the package's name; a command is named by its folder
	path  string
	dir   string
	files []*ast.File
	types *types.Package
	info  *types.Info
}

// listed is a package as `go list` describes it.
type listed struct {
	ImportPath, Name, Dir, Export string
	GoFiles, Imports              []string
}

// kit is what tests need and no function carries.
func (l listed) kit() bool {
	return slices.Contains(l.Imports, "testing") || strings.HasSuffix(l.Name, "test") || l.Name == "memdb"
}

func (l listed) ours() bool { return strings.HasPrefix(l.ImportPath, module+"/") }

// list asks the Go tool for our packages and all that they need, what is needed first.
func list() ([]listed, error) {
	var problems strings.Builder
	cmd := exec.Command("go", "list", "-export", "-deps", "-pgo=off", "-json=ImportPath,Name,Dir,GoFiles,Imports,Export",
		module+"/shared/...", module+"/functions/...")
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, problems.String())
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
}

// reader checks our packages from their source and takes all others as the compiler has left them.
type reader struct {
	fset    *token.FileSet
	exports map[string]string
	checked map[string]*types.Package
	others  types.Importer
}

func (r *reader) Import(path string) (*types.Package, error) {
	if p := r.checked[path]; p != nil {
		return p, nil
	}
	return r.others.Import(path)
}

func (r *reader) open(path string) (io.ReadCloser, error) { return os.Open(r.exports[path]) }

func (r *reader) check(l listed) (*source, error) {
	s := &source{label: l.Name, path: l.ImportPath, dir: l.Dir, info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{},
		Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}, Instances: map[*ast.Ident]types.Instance{}}}
	if l.Name == "main" {
		s.label = path.Base(l.ImportPath)
	}
	for _, name := range l.GoFiles {
		f, err := parser.ParseFile(r.fset, filepath.Join(l.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, f)
	}
	var err error
	s.types, err = (&types.Config{Importer: r}).Check(l.ImportPath, r.fset, s.files, s.info)
	r.checked[l.ImportPath] = s.types
	return s, err
}

// load reads all packages below shared and functions once.
var load = sync.OnceValues(func() ([]*source, error) {
	all, err := list()
	if err != nil {
		return nil, err
	}
	r := &reader{fset: token.NewFileSet(), exports: map[string]string{}, checked: map[string]*types.Package{}}
	r.others = importer.ForCompiler(r.fset, "gc", r.open)
	var out []*source
	for _, l := range all {
		r.exports[l.ImportPath] = l.Export
		if !l.ours() {
			continue
		}
		s, err := r.check(l)
		if err != nil {
			return nil, err
		}
		if !l.kit() {
			out = append(out, s)
		}
	}
	return out, nil
})

func sources(t *testing.T) []*source {
	t.Helper()
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// named finds the package of a name.
func named(t *testing.T, name string) *source {
	t.Helper()
	for _, s := range sources(t) {
		if s.label == name {
			return s
		}
	}
	t.Fatalf("there is no package %s", name)
	return nil
}

// text gives the value of a constant text.
func (s *source) text(e ast.Expr) (string, bool) {
	v := s.info.Types[e].Value
	if v == nil || v.Kind() != constant.String {
		return "", false
	}
	return constant.StringVal(v), true
}

// walk visits all nodes of a package.
func (s *source) walk(visit func(ast.Node)) {
	for _, f := range s.files {
		ast.Inspect(f, func(n ast.Node) bool {
			if n != nil {
				visit(n)
			}
			return true
		})
	}
}

// callee is the function that a call names, in its generic form; nil where it is none of a name.
func (s *source) callee(call *ast.CallExpr) *types.Func {
	fun := ast.Unparen(call.Fun)
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun = x.X
	case *ast.IndexListExpr:
		fun = x.X
	}
	var id *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return nil
	}
	f, ok := s.info.Uses[id].(*types.Func)
	if !ok {
		return nil
	}
	return f.Origin()
}

// is tells whether a type is the named one of a package, by the names of both.
func is(t types.Type, pkg, name string) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Name() == name && n.Obj().Pkg() != nil && n.Obj().Pkg().Name() == pkg
}
