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

// switchFile is a Go file that is added to the package under test: it reads the active mutant from
// the environment and notes which mutants a test has reached.
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

// laboratory holds the tests that look for the mutants of one package, compiled together with all
// of these mutants.
type laboratory struct {
	folder  string // the folder of the package
	work    string // the folder of the files that are written
	mutants []mutant
	suites  []suite
}

// suite is the tests of one package, either the quick or the slow ones.
type suite struct {
	folder, binary string
	tests          []testFunction
}

// testFunction is one test function, how long it takes, and which mutants it reaches.
type testFunction struct {
	name    string
	took    time.Duration
	reaches map[int]bool
}

// newLaboratory compiles the tests of a package, and those of its witnesses, and runs each test on
// the unchanged code.
func newLaboratory(ctx context.Context, s subject, work string) (*laboratory, error) {
	l := &laboratory{folder: filepath.FromSlash(s.folder), work: work}
	overlay, err := l.writeOverlay(ctx)
	if err != nil {
		return nil, err
	}
	for i, folder := range append([]string{s.folder}, s.witnesses...) {
		binary := filepath.Join(work, strconv.Itoa(i)+".test")
		tests := suite{folder: filepath.FromSlash(folder), binary: binary}
		err := runGoTool(ctx, tests.folder, io.Discard,
			"test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, ".")
		if err != nil {
			return nil, fmt.Errorf("compile the mutants of %s: %w", s.folder, err)
		}
		if err := l.measureBaseline(ctx, tests); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// runGoTool runs the go command in a folder; its error holds what the command printed to stderr.
func runGoTool(ctx context.Context, folder string, out io.Writer, args ...string) error {
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

// listedPackage is the description of a package by go list.
type listedPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// writeOverlay writes the changed source files of the package and a file for the -overlay flag of
// the go command, which puts them in the place of the originals. It returns the path of the
// overlay file.
func (l *laboratory) writeOverlay(ctx context.Context) (overlay string, err error) {
	own, exports, err := l.describePackage(ctx)
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
	// the overlay adds a file that does not exist in the folder
	replace[filepath.Join(own.Dir, "mutant_switch.go")] = name
	added := fmt.Appendf(nil, switchFile, pkg.Name(), len(l.mutants)+1)
	if err := os.WriteFile(name, added, 0o600); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	overlay = filepath.Join(l.work, "overlay.json")
	return overlay, errors.Join(err, os.WriteFile(overlay, data, 0o600))
}

// describePackage describes the package under test and returns the file of export data of every
// package that it needs.
func (l *laboratory) describePackage(
	ctx context.Context) (own listedPackage, exports map[string]string, err error) {
	var out bytes.Buffer
	const fields = "-json=ImportPath,Dir,Export,GoFiles,DepOnly"
	if err := runGoTool(ctx, l.folder, &out, "list", "-export", "-deps", fields, "."); err != nil {
		return own, nil, err
	}
	exports = map[string]string{}
	for d := json.NewDecoder(&out); d.More(); {
		var p listedPackage
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

// rewriteFile writes the changed form of one source file and returns its path.
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
	// build constraints, which stand before the package clause
	head := string(source[:r.files.Position(f.Package).Offset])
	body := r.rewriteText(f)
	l.mutants = r.mutants
	name := filepath.Join(l.work, r.file)
	return name, os.WriteFile(name, []byte(head+body), 0o600)
}

// measureBaseline runs each test alone on the unchanged code, and notes which mutants the test
// reaches. Quick tests become a suite that runs before the slow ones.
func (l *laboratory) measureBaseline(ctx context.Context, s suite) error {
	out, err := s.testCommand(ctx, 0, "-test.list", "^(Test|Fuzz|Example)").Output()
	if err != nil {
		return err
	}
	first, then := s, s
	for _, name := range strings.Fields(string(out)) {
		t, err := s.measureTest(ctx, name, filepath.Join(l.work, "reached"))
		switch {
		case err != nil:
			return err
		case t.took <= quickTestLimit:
			first.tests = append(first.tests, t)
		default:
			then.tests = append(then.tests, t)
		}
	}
	l.suites = append(l.suites, first, then)
	return nil
}

// measureTest runs one test on the unchanged code.
//
// Errors: an error when the test fails there.
func (s suite) measureTest(ctx context.Context, name, notes string) (testFunction, error) {
	t := testFunction{name: name, reaches: map[int]bool{}}
	cmd := s.testCommand(ctx, 0, "-test.run", "^"+name+"$")
	cmd.Env = append(cmd.Env, "MUTANT_REACHED="+notes)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return t, fmt.Errorf("%s fails on the unchanged code: %w\n%s", name, err, out)
	}
	t.took = time.Since(began)
	data, err := os.ReadFile(notes) //nolint:gosec // written by the test above
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

// testCommand returns the command that runs the compiled tests with one active mutant, 0 for none.
// The command is limited to 8 GB of memory where the system has ulimit, because a mutant may loop
// forever. The tests use tables in memory, and a property test keeps no record of a failing run:
// later runs of the unchanged code and of other mutants would replay it.
func (s suite) testCommand(ctx context.Context, active int, args ...string) *exec.Cmd {
	const bounded = `ulimit -v 8388608 2>/dev/null; exec "$0" "$@"`
	args = append([]string{"-c", bounded, s.binary}, args...)
	//nolint:gosec // the words are those of this program
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Dir = s.folder
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "FENZHANG_TEST_")
	})
	cmd.Env = append(cmd.Env, "MUTANT="+strconv.Itoa(active),
		dynamotest.EndpointVariable+"="+dynamotest.OnlyMemory, "RAPID_NOFAILFILE=true")
	return cmd
}

// fate is the result of trying a mutant.
type fate int

const (
	notCovered fate = iota
	lived
	killed
	timedOut
)

// String returns the name of a fate in the list of survivors.
func (f fate) String() string {
	return [...]string{"not covered", "lived", "killed", "timed out"}[f]
}

const (
	leastTimeLimit = 5 * time.Second // every mutant has this much time
	slowdownLimit  = 10              // a mutant may take this many times as long as the unchanged code
)

// quickTestLimit is the longest duration of a test that runs before the slow ones: most mutants
// are killed by a quick test.
const quickTestLimit = 200 * time.Millisecond

// runMutant runs the tests that reach a mutant, suite by suite until one fails.
func (l *laboratory) runMutant(ctx context.Context, id int) (fate, error) {
	found := notCovered
	for _, s := range l.suites {
		f, err := s.runMutant(ctx, id)
		if err != nil || f == killed || f == timedOut {
			return f, err
		}
		found = max(found, f)
	}
	return found, nil
}

// runMutant runs the tests of one suite that reach a mutant.
func (s suite) runMutant(ctx context.Context, id int) (fate, error) {
	limit := leastTimeLimit
	var names []string
	for _, t := range s.tests {
		if t.reaches[id] {
			names = append(names, t.name)
			limit += slowdownLimit * t.took
		}
	}
	if names == nil {
		return notCovered, nil
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pattern := "^(" + strings.Join(names, "|") + ")$"
	err := s.testCommand(limited, id, "-test.failfast", "-test.run", pattern).Run()
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

// excusedMutants returns the numbers of the mutants that are listed as equivalent: with them the
// code does the same as before. Each line of the list has the form "KEY because REASON".
//
// Errors: an error when a line has no reason or no such mutant exists.
func excusedMutants(text, folder string, mutants []mutant) (map[int]bool, error) {
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
