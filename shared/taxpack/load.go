package taxpack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"

	"fenzhang/shared/tax"
)

// Names of files that are no rules.
const (
	manifestName = "manifest.yaml"
	examplesName = "examples.yaml"
	calendarDir  = "calendar"
)

// Load reads a whole pack below the root of files, checks it and compiles it.
//
// Errors: Problems, all of them at once.
func Load(files fs.FS) (*tax.Engine, error) {
	p, err := Read(files)
	if err != nil {
		return nil, err
	}
	return compile(p)
}

func compile(p tax.Pack) (*tax.Engine, error) {
	e, err := tax.Compile(p)
	if err != nil {
		return nil, Problems{{File: p.ID.Pack, Text: err.Error()}}
	}
	return e, nil
}

// Read reads and checks the files of a pack without compiling them.
func Read(files fs.FS) (tax.Pack, error) {
	names, err := yamlFiles(files)
	if err != nil {
		return tax.Pack{}, err
	}
	l := &loader{where: map[string]string{}}
	if l.pack.ID.SHA256, err = hash(files, names); err != nil {
		return tax.Pack{}, err
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return tax.Pack{}, err
		}
		l.file(name, data)
	}
	if l.pack.ID.Pack == "" {
		l.problems = append(l.problems, Problem{manifestName, 0, "missing, or without pack and version"})
	}
	l.references()
	if len(l.problems) > 0 {
		sort.SliceStable(l.problems, func(i, j int) bool { return l.problems[i].File < l.problems[j].File })
		return tax.Pack{}, l.problems
	}
	return l.pack, nil
}

// hash names the content of the files: SHA-256 over the lines "<SHA-256 of a file>  <its name>", in byte order of
// the names, as `sha256sum` prints them.
func hash(files fs.FS, names []string) (string, error) {
	sum := sha256.New()
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(data), name) // a hash takes every write
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// yamlFiles lists the pack's files in byte order, which is the order of their hashes.
func yamlFiles(files fs.FS) ([]string, error) {
	var names []string
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".yaml") {
			names = append(names, name)
		}
		return err
	})
	sort.Strings(names)
	return names, err
}

// loader collects definitions and problems.
type loader struct {
	pack     tax.Pack
	where    map[string]string // definition id -> file
	problems Problems
}

func (l *loader) file(name string, data []byte) {
	switch {
	case name == manifestName:
		l.manifest(data)
	case path.Base(name) == examplesName:
		if _, err := ParseExamples(name, data); err != nil {
			l.fail(err)
		}
	case strings.HasPrefix(name, calendarDir+"/"):
		if _, err := parseYear(name, data); err != nil {
			l.fail(err)
		}
	default:
		l.rule(name, data)
	}
}

func (l *loader) fail(err error) {
	var ps Problems
	if !errors.As(err, &ps) {
		ps = Problems{{Text: err.Error()}}
	}
	l.problems = append(l.problems, ps...)
}

func (l *loader) manifest(data []byte) {
	var m manifest
	if err := unmarshal(data, &m); err != nil {
		l.problems = append(l.problems, yamlProblem(manifestName, err))
		return
	}
	if m.Pack != "" && m.Version != "" {
		l.pack.ID.Pack, l.pack.ID.Version = m.Pack, m.Version
	}
}

func (l *loader) rule(name string, data []byte) {
	d, problems := ParseRule(name, data)
	l.problems = append(l.problems, problems...)
	if d.ID == "" {
		return
	}
	if other := l.where[d.ID]; other != "" {
		l.problems = append(l.problems, Problem{name, 0, fmt.Sprintf("id %s is also that of %s", d.ID, other)})
		return
	}
	l.where[d.ID] = name
	l.pack.Definitions = append(l.pack.Definitions, d)
}

// references checks that every used definition exists and is of the kind its role wants.
func (l *loader) references() {
	kinds := map[string]tax.Kind{}
	for _, d := range l.pack.Definitions {
		kinds[d.ID] = d.Kind
	}
	for _, d := range l.pack.Definitions {
		for i := range d.Values {
			v := &d.Values[i]
			l.uses(d.ID, &v.Method, kinds)
			for _, r := range v.Readings {
				l.uses(d.ID, &r.Method, kinds)
			}
		}
	}
}

func (l *loader) uses(id string, m *tax.Method, kinds map[string]tax.Kind) {
	needed, optional, _ := tax.RolesOf(m.Name)
	for role, used := range m.Uses {
		want, ok := needed[role]
		if !ok {
			want, ok = optional[role]
		}
		kind, exists := kinds[used]
		switch {
		case !ok:
			l.problems = append(l.problems, Problem{l.where[id], 0, fmt.Sprintf("method %s has no role %q", m.Name, role)})
		case !exists:
			l.problems = append(l.problems, Problem{l.where[id], 0, fmt.Sprintf("role %s uses %s, which no file defines", role, used)})
		case kind != want:
			l.problems = append(l.problems, Problem{l.where[id], 0, fmt.Sprintf("role %s wants a definition of kind %s, %s is of kind %s", role, want, used, kind)})
		}
	}
}

// unmarshal reads one YAML document strictly. Files of the pack are small; a large one is refused before it is read.
func unmarshal(data []byte, into any) error {
	if len(data) > maxFile {
		return fmt.Errorf("larger than %d bytes", maxFile)
	}
	return yaml.UnmarshalWithOptions(data, into, yaml.Strict())
}

// maxFile is the most bytes that a rule file may have.
const maxFile = 1 << 20
