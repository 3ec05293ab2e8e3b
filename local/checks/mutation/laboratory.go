package mutation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fenzhang/shared/lambda/dynamotest"
)

// switchFile is added to the package: it reads from the environment which mutant is active, and
// notes which operators a run has reached.
const switchFile = `package %s

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

var (
	mutantActive, _ = strconv.Atoi(os.Getenv("MUTANT"))
	mutantReached   [%d]atomic.Bool
	mutantNotes     = func() *os.File {
		f, _ := os.Create(os.Getenv("MUTANT_REACHED"))
		return f
	}()
)

func mutantIs(n int) bool {
	if mutantNotes != nil && !mutantReached[n].Swap(true) {
		fmt.Fprintln(mutantNotes, n)
	}
	return n == mutantActive
}
`

// laboratory holds the tests that look for the mutants of one package, compiled with all of these.
type laboratory struct {
	folder  string // of the package
	work    string // of the files made here
	mutants []mutant
	suites  []suite
}

// suite is the tests of one package that take about as long.
type suite struct {
	folder, binary string
	tests          []test
}

// test is one test function, how long it takes, and which mutants it reaches.
type test struct {
	name    string
	took    time.Duration
	reaches map[int]bool
}

// newLaboratory compiles the tests of a package, and of others that look for its mutants too, and
// runs each test on the unchanged code.
func newLaboratory(ctx context.Context, s subject, work string) (*laboratory, error) {
	l := &laboratory{folder: filepath.FromSlash(s.folder), work: work}
	overlay, err := l.rewrite(ctx)
	if err != nil {
		return nil, err
	}
	for i, folder := range append([]string{s.folder}, s.witnesses...) {
		binary := filepath.Join(work, strconv.Itoa(i)+".test")
		tests := suite{folder: filepath.FromSlash(folder), binary: binary}
		err := goTool(ctx, tests.folder, io.Discard,
			"test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, ".")
		if err != nil {
			return nil, fmt.Errorf("compile the mutants of %s: %w", s.folder, err)
		}
		if err := l.baseline(ctx, tests); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// goTool runs the Go tool in a folder.
func goTool(ctx context.Context, folder string, out io.Writer, args ...string) error {
	//nolint:gosec // the words are those of this program
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stdout = folder, out
	var problems bytes.Buffer
	cmd.Stderr = &problems
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, &problems)
	}
	return nil
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// rewrite writes the changed files and an overlay that puts them in place of the package's own.
func (l *laboratory) rewrite(ctx context.Context) (overlay string, err error) {
	own, exports, err := l.list(ctx)
	if err != nil {
		return "", err
	}
	set := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range own.GoFiles {
		f, err := parser.ParseFile(set, filepath.Join(own.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return "", err
		}
		parsed = append(parsed, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	imports := importer.ForCompiler(set, "gc", open)
	pkg, err := (&types.Config{Importer: imports}).Check(own.ImportPath, set, parsed, info)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for i, f := range parsed {
		path := filepath.Join(own.Dir, own.GoFiles[i])
		r := &rewriter{files: set, info: info, pkg: pkg, mutants: l.mutants}
		if replace[path], err = l.rewriteFile(r, f, path); err != nil {
			return "", err
		}
	}
	name := filepath.Join(l.work, "mutant_switch.go")
	replace[filepath.Join(own.Dir, "mutant_switch.go")] = name
	added := fmt.Appendf(nil, switchFile, pkg.Name(), len(l.mutants)+1)
	if err := os.WriteFile(name, added, 0o600); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	overlay = filepath.Join(l.work, "overlay.json")
	return overlay, errors.Join(err, os.WriteFile(overlay, data, 0o600))
}

// list describes the package and names the compiled form of everything that it needs.
func (l *laboratory) list(ctx context.Context) (own listed, exports map[string]string, err error) {
	var out bytes.Buffer
	const fields = "-json=ImportPath,Dir,Export,GoFiles,DepOnly"
	if err := goTool(ctx, l.folder, &out, "list", "-export", "-deps", fields, "."); err != nil {
		return own, nil, err
	}
	exports = map[string]string{}
	for d := json.NewDecoder(&out); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			return own, nil, err
		}
		exports[p.ImportPath] = p.Export
		if !p.DepOnly {
			own = p
		}
	}
	return own, exports, nil
}

func (l *laboratory) rewriteFile(r *rewriter, f *ast.File, path string) (string, error) {
	source, err := os.ReadFile(path) //nolint:gosec // a file of this repository
	if err != nil {
		return "", err
	}
	r.source = source
	r.file = filepath.Base(path)
	r.imported = map[string]string{}
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return "", err
		}
		r.imported[p] = p[strings.LastIndexByte(p, '/')+1:]
		if i.Name != nil {
			r.imported[p] = i.Name.Name
		}
	}
	head := string(source[:r.files.Position(f.Package).Offset]) // build constraints
	body := r.text(f)
	l.mutants = r.mutants
	name := filepath.Join(l.work, r.file)
	return name, os.WriteFile(name, []byte(head+body), 0o600)
}

// baseline runs each test alone on the unchanged code, and notes what it reaches. Quick tests
// become a suite of their own, before the others.
func (l *laboratory) baseline(ctx context.Context, s suite) error {
	out, err := s.command(ctx, 0, "-test.list", "^(Test|Fuzz|Example)").Output()
	if err != nil {
		return err
	}
	first, then := s, s
	for _, name := range strings.Fields(string(out)) {
		t, err := s.measure(ctx, name, filepath.Join(l.work, "reached"))
		switch {
		case err != nil:
			return err
		case t.took <= quick:
			first.tests = append(first.tests, t)
		default:
			then.tests = append(then.tests, t)
		}
	}
	l.suites = append(l.suites, first, then)
	return nil
}

// measure runs one test on the unchanged code.
func (s suite) measure(ctx context.Context, name, notes string) (test, error) {
	t := test{name: name, reaches: map[int]bool{}}
	cmd := s.command(ctx, 0, "-test.run", "^"+name+"$")
	cmd.Env = append(cmd.Env, "MUTANT_REACHED="+notes)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return t, fmt.Errorf("%s fails on the unchanged code: %w\n%s", name, err, out)
	}
	t.took = time.Since(began)
	data, err := os.ReadFile(notes) //nolint:gosec // written a moment ago
	if err != nil {
		return t, err
	}
	for _, line := range strings.Fields(string(data)) {
		id, err := strconv.Atoi(line)
		if err != nil {
			return t, err
		}
		t.reaches[id] = true
	}
	return t, nil
}

// command runs the compiled tests in their folder, with a bound on memory where the system has one:
// a mutant may never end. Stores are in memory.
func (s suite) command(ctx context.Context, active int, args ...string) *exec.Cmd {
	const bounded = `ulimit -v 8388608 2>/dev/null; exec "$0" "$@"`
	args = append([]string{"-c", bounded, s.binary}, args...)
	//nolint:gosec // the words are those of this program
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Dir = s.folder
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "FENZHANG_TEST_")
	})
	cmd.Env = append(cmd.Env, "MUTANT="+strconv.Itoa(active),
		dynamotest.EndpointVariable+"="+dynamotest.OnlyMemory)
	return cmd
}

// fate is what became of a mutant.
type fate int

const (
	notCovered fate = iota
	lived
	killed
	timedOut
)

// String says it as the list of survivors does.
func (f fate) String() string {
	return [...]string{"not covered", "lived", "killed", "timed out"}[f]
}

const (
	patience = 5 * time.Second // that each mutant has at least
	slower   = 10              // times as long as the unchanged code a mutant may take
)

// quick is the longest time of a test that is run before the others: most mutants need no more.
const quick = 200 * time.Millisecond

// try runs the tests that reach a mutant while it is active, suite by suite until one notices.
func (l *laboratory) try(ctx context.Context, id int) (fate, error) {
	found := notCovered
	for _, s := range l.suites {
		f, err := s.try(ctx, id)
		if err != nil || f == killed || f == timedOut {
			return f, err
		}
		found = max(found, f)
	}
	return found, nil
}

// try runs the tests of one suite that reach a mutant.
func (s suite) try(ctx context.Context, id int) (fate, error) {
	limit := patience
	var names []string
	for _, t := range s.tests {
		if t.reaches[id] {
			names = append(names, t.name)
			limit += slower * t.took
		}
	}
	if names == nil {
		return notCovered, nil
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pattern := "^(" + strings.Join(names, "|") + ")$"
	err := s.command(limited, id, "-test.failfast", "-test.run", pattern).Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return lived, ctx.Err()
	case limited.Err() != nil:
		return timedOut, nil
	case errors.As(err, &exit):
		return killed, nil
	}
	return lived, err
}

// equivalent removes the mutants that a file says change nothing; its lines are "key: because
// reason". A line that fits no mutant is an error.
func equivalent(text, folder string, mutants []mutant) (map[int]bool, error) {
	excused, unused := map[int]bool{}, map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		rest, ours := strings.CutPrefix(line, folder+"/")
		if line == "" || strings.HasPrefix(line, "#") || !ours {
			continue
		}
		key, reason, ok := strings.Cut(rest, " because ")
		if !ok || reason == "" {
			return nil, fmt.Errorf("no reason: %s", line)
		}
		if !strings.Contains(strings.SplitN(key, ":", 2)[0], "/") {
			unused[key] = true
		}
	}
	known := maps.Clone(unused)
	for i, m := range mutants {
		if known[m.key()] {
			excused[i+1] = true
			delete(unused, m.key())
		}
	}
	for key := range unused {
		return nil, fmt.Errorf("%s has no mutant %s any more", folder, key)
	}
	return excused, nil
}
