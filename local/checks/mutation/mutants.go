package mutation

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// mutant is one operator that is replaced by another.
type mutant struct {
	file, function string
	line           int
	was, is        string
}

// key names a mutant without its line, which moves when something else changes.
func (m mutant) key() string {
	return fmt.Sprintf("%s: %s: %s -> %s", m.file, m.function, m.was, m.is)
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s -> %s", m.file, m.line, m.function, m.was, m.is)
}

// replacements gives the operators that each operator is replaced by: the edge of a comparison
// moves, a comparison is negated, a calculation becomes its opposite.
func replacements(op token.Token) []token.Token {
	return map[token.Token][]token.Token{
		token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
		token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
		token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
		token.ADD: {token.SUB}, token.SUB: {token.ADD},
		token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
		token.INC: {token.DEC}, token.DEC: {token.INC},
	}[op]
}

// rewriter writes source text in which each operator that has mutants asks which of them is active.
// So a package is compiled once for all of its mutants.
type rewriter struct {
	files    *token.FileSet
	info     *types.Info
	pkg      *types.Package
	imported map[string]string // by path, the name in this file
	source   []byte
	file     string
	function string
	mutants  []mutant
}

// text is the source of a node with its operators rewritten.
func (r *rewriter) text(n ast.Node) string {
	var out strings.Builder
	at := n.Pos()
	ast.Inspect(n, func(c ast.Node) bool {
		if f, ok := c.(*ast.FuncDecl); ok {
			r.function = f.Name.Name
		}
		changed, ok := r.rewrite(c)
		if ok {
			out.WriteString(r.original(at, c.Pos()) + changed)
			at = c.End()
		}
		return !ok
	})
	return out.String() + r.original(at, n.End())
}

func (r *rewriter) original(from, to token.Pos) string {
	return string(r.source[r.files.Position(from).Offset:r.files.Position(to).Offset])
}

func (r *rewriter) rewrite(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		return r.binary(n)
	case *ast.UnaryExpr:
		return r.negative(n)
	case *ast.ForStmt:
		return r.loop(n)
	case *ast.IncDecStmt:
		return r.step(n), true
	}
	return "", false
}

// binary turns a comparison or a calculation into a function that is called at once and evaluates
// only what is active.
func (r *rewriter) binary(n *ast.BinaryExpr) (string, bool) {
	result, ok := r.typeOf(n)
	others := replacements(n.Op)
	if !ok || others == nil {
		return "", false
	}
	left, right := r.text(n.X), r.text(n.Y)
	var out strings.Builder
	fmt.Fprintf(&out, "(func() %s {", result)
	for _, op := range others {
		after := n.OpPos + token.Pos(len(n.Op.String()))
		is := r.original(n.X.Pos(), n.OpPos) + op.String() + r.original(after, n.Y.End())
		fmt.Fprintf(&out, "if mutantIs(%d) { return %s %s %s }; ", r.add(n, is), left, op, right)
	}
	fmt.Fprintf(&out, "return %s %s %s }())", left, n.Op, right)
	return out.String(), true
}

// negative turns -x into x.
func (r *rewriter) negative(n *ast.UnaryExpr) (string, bool) {
	result, ok := r.typeOf(n)
	if n.Op != token.SUB || !ok {
		return "", false
	}
	id, operand := r.add(n, r.original(n.X.Pos(), n.X.End())), r.text(n.X)
	const form = "(func() %s { if mutantIs(%d) { return %s }; return -%s }())"
	return fmt.Sprintf(form, result, id, operand, operand), true
}

// loop rewrites the head of a loop that counts: its step must stay one simple statement.
func (r *rewriter) loop(n *ast.ForStmt) (string, bool) {
	post, ok := n.Post.(*ast.IncDecStmt)
	if !ok {
		return "", false
	}
	head := "for "
	if n.Init != nil {
		head += r.text(n.Init)
	}
	head += "; "
	if n.Cond != nil {
		head += r.text(n.Cond)
	}
	x := r.text(post.X)
	is := replacements(post.Tok)[0]
	id := r.add(post, x+is.String())
	const form = "%s; func() { if mutantIs(%d) { %s%s } else { %s%s } }() %s"
	return fmt.Sprintf(form, head, id, x, is, x, post.Tok, r.text(n.Body)), true
}

func (r *rewriter) step(n *ast.IncDecStmt) string {
	x, is := r.text(n.X), replacements(n.Tok)[0]
	id := r.add(n, r.original(n.X.Pos(), n.X.End())+is.String())
	return fmt.Sprintf("if mutantIs(%d) { %s%s } else { %s%s }", id, x, is, x, n.Tok)
}

// typeOf writes the type of an expression as this file can name it: a truth value or a number that
// is no constant.
func (r *rewriter) typeOf(e ast.Expr) (name string, ok bool) {
	v := r.info.Types[e]
	if v.Type == nil || v.Value != nil {
		return "", false
	}
	basic, ok := v.Type.Underlying().(*types.Basic)
	if !ok || basic.Info()&(types.IsBoolean|types.IsNumeric) == 0 {
		return "", false
	}
	name = types.TypeString(types.Default(v.Type), func(p *types.Package) string {
		if p == r.pkg {
			return ""
		}
		if r.imported[p.Path()] == "" {
			ok = false
		}
		return r.imported[p.Path()]
	})
	return name, ok
}

// add records a mutant and returns its number; the first is 1.
func (r *rewriter) add(n ast.Node, is string) int {
	r.mutants = append(r.mutants, mutant{
		file: r.file, function: r.function, line: r.files.Position(n.Pos()).Line,
		was: oneLine(r.original(n.Pos(), n.End())), is: oneLine(is),
	})
	return len(r.mutants)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
