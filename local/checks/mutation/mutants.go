package mutation

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// mutant is one change of the code: an operator is replaced by another.
type mutant struct {
	file, function string
	line           int
	was, is        string
}

// key identifies a mutant without its line number, which changes when other lines are added.
func (m mutant) key() string {
	return fmt.Sprintf("%s: %s: %s -> %s", m.file, m.function, m.was, m.is)
}

// String describes a mutant with its place.
func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s -> %s", m.file, m.line, m.function, m.was, m.is)
}

// replacementOperators returns the operators that replace an operator: the boundary of a
// comparison moves, a comparison is negated, an arithmetic operation becomes its opposite.
func replacementOperators(op token.Token) []token.Token {
	return map[token.Token][]token.Token{
		token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
		token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
		token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
		token.ADD: {token.SUB}, token.SUB: {token.ADD},
		token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
		token.INC: {token.DEC}, token.DEC: {token.INC},
	}[op]
}

// rewriter writes source code in which every operator with mutants asks at run time which mutant
// is active. So a package is compiled only once for all its mutants.
type rewriter struct {
	files    *token.FileSet
	info     *types.Info
	pkg      *types.Package
	imported map[string]string // by import path: the name of the package in this file
	source   []byte
	file     string
	function string
	mutants  []mutant
}

// rewriteText returns the source of a node with its operators rewritten.
func (r *rewriter) rewriteText(n ast.Node) string {
	var out strings.Builder
	at := n.Pos()
	ast.Inspect(n, func(c ast.Node) bool {
		if f, ok := c.(*ast.FuncDecl); ok {
			r.function = f.Name.Name
		}
		changed, ok := r.rewriteNode(c)
		if ok {
			out.WriteString(r.sourceText(at, c.Pos()) + changed)
			at = c.End()
		}
		// the children of a rewritten node were rewritten with it
		return !ok
	})
	return out.String() + r.sourceText(at, n.End())
}

// sourceText returns the unchanged source between two positions.
func (r *rewriter) sourceText(from, to token.Pos) string {
	return string(r.source[r.files.Position(from).Offset:r.files.Position(to).Offset])
}

// rewriteNode rewrites a node that has mutants, and reports whether it has any.
func (r *rewriter) rewriteNode(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		return r.rewriteBinary(n)
	case *ast.UnaryExpr:
		return r.rewriteNegation(n)
	case *ast.ForStmt:
		return r.rewriteLoop(n)
	case *ast.IncDecStmt:
		return r.rewriteIncrement(n), true
	}
	return "", false
}

// rewriteBinary turns a comparison or an arithmetic expression into a function literal that is
// called at once and evaluates the active variant only.
func (r *rewriter) rewriteBinary(n *ast.BinaryExpr) (string, bool) {
	result, ok := r.typeName(n)
	others := replacementOperators(n.Op)
	if !ok || others == nil {
		return "", false
	}
	left, right := r.rewriteText(n.X), r.rewriteText(n.Y)
	var out strings.Builder
	fmt.Fprintf(&out, "(func() %s {", result)
	for _, op := range others {
		after := n.OpPos + token.Pos(len(n.Op.String()))
		is := r.sourceText(n.X.Pos(), n.OpPos) + op.String() + r.sourceText(after, n.Y.End())
		fmt.Fprintf(&out, "if mutantIs(%d) { return %s %s %s }; ", r.addMutant(n, is), left, op, right)
	}
	fmt.Fprintf(&out, "return %s %s %s }())", left, n.Op, right)
	return out.String(), true
}

// rewriteNegation adds the mutant that turns -x into x.
func (r *rewriter) rewriteNegation(n *ast.UnaryExpr) (string, bool) {
	result, ok := r.typeName(n)
	if n.Op != token.SUB || !ok {
		return "", false
	}
	id, operand := r.addMutant(n, r.sourceText(n.X.Pos(), n.X.End())), r.rewriteText(n.X)
	const form = "(func() %s { if mutantIs(%d) { return %s }; return -%s }())"
	return fmt.Sprintf(form, result, id, operand, operand), true
}

// rewriteLoop rewrites a for loop with a counter; its post statement becomes a call, because only
// a simple statement may be there.
func (r *rewriter) rewriteLoop(n *ast.ForStmt) (string, bool) {
	post, ok := n.Post.(*ast.IncDecStmt)
	if !ok {
		return "", false
	}
	head := "for "
	if n.Init != nil {
		head += r.rewriteText(n.Init)
	}
	head += "; "
	if n.Cond != nil {
		head += r.rewriteText(n.Cond)
	}
	x := r.rewriteText(post.X)
	is := replacementOperators(post.Tok)[0]
	id := r.addMutant(post, x+is.String())
	const form = "%s; func() { if mutantIs(%d) { %s%s } else { %s%s } }() %s"
	return fmt.Sprintf(form, head, id, x, is, x, post.Tok, r.rewriteText(n.Body)), true
}

// rewriteIncrement adds the mutant that turns x++ into x--, or the reverse.
func (r *rewriter) rewriteIncrement(n *ast.IncDecStmt) string {
	x, is := r.rewriteText(n.X), replacementOperators(n.Tok)[0]
	id := r.addMutant(n, r.sourceText(n.X.Pos(), n.X.End())+is.String())
	return fmt.Sprintf("if mutantIs(%d) { %s%s } else { %s%s }", id, x, is, x, n.Tok)
}

// typeName returns the type of a boolean or numeric expression as the file can write it. It
// reports false for constants and for types of packages that the file does not import.
func (r *rewriter) typeName(e ast.Expr) (name string, ok bool) {
	v := r.info.Types[e]
	// a constant expression must stay constant: it may be an array length
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

// addMutant records a mutant and returns its number; the first number is 1.
func (r *rewriter) addMutant(n ast.Node, is string) int {
	r.mutants = append(r.mutants, mutant{
		file: r.file, function: r.function, line: r.files.Position(n.Pos()).Line,
		was: joinLines(r.sourceText(n.Pos(), n.End())), is: joinLines(is),
	})
	return len(r.mutants)
}

// joinLines replaces line breaks and repeated spaces by one space.
func joinLines(s string) string { return strings.Join(strings.Fields(s), " ") }
