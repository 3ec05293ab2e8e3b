package taxpack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"fenzhang/shared/law/tax"
)

// Names of files that are no rules.
const (
	manifestName = "manifest.yaml"
	ExamplesName = "examples.yaml"
	calendarDir  = "calendar"
)

// LoadCorpus reads, checks and compiles the national pack and the packs of jurisdictions over it.
//
// Errors: Problems, all of them at once, each file with its pack before it.
func LoadCorpus(national fs.FS, local ...fs.FS) (*tax.Corpus, error) {
	top, packs, err := readAll(national, local)
	if err != nil {
		return nil, err
	}
	return compile(top, packs)
}

// readAll reads the national pack and then the local ones.
func readAll(national fs.FS, local []fs.FS) (tax.Pack, []tax.Pack, error) {
	top, err := Read(national)
	if err != nil {
		return top, nil, err
	}
	packs := make([]tax.Pack, len(local))
	var problems Problems
	for i, files := range local {
		packs[i], err = ReadLocal(files, top)
		var more Problems
		switch {
		case errors.As(err, &more):
			problems = append(problems, more...)
		case err != nil:
			return top, nil, err
		}
	}
	if problems != nil {
		return top, nil, problems
	}
	return top, packs, nil
}

func compile(national tax.Pack, packs []tax.Pack) (*tax.Corpus, error) {
	local := make([]tax.LocalPack, len(packs))
	for i, p := range packs {
		local[i] = tax.NewLoadedPack(p)
	}
	c, err := tax.NewCorpus(national, local...)
	if err == nil {
		err = c.CompileAll()
	}
	if err != nil {
		return nil, Problems{{File: national.ID.Pack, Text: err.Error()}}
	}
	return c, nil
}

// Read reads and checks the files of the national pack without compiling them.
//
// Errors: Problems, all of them at once.
func Read(files fs.FS) (tax.Pack, error) {
	return read(files, nil)
}

// ReadLocal reads and checks the files of a jurisdiction's pack, which may use what the national
// pack defines.
//
// Errors: Problems, all of them at once, each file with its pack before it.
func ReadLocal(files fs.FS, national tax.Pack) (tax.Pack, error) {
	p, err := read(files, &national)
	var problems Problems
	if errors.As(err, &problems) {
		for i := range problems {
			problems[i].File = p.ID.Pack + "/" + problems[i].File
		}
		return p, problems
	}
	return p, err
}

func read(files fs.FS, above *tax.Pack) (tax.Pack, error) {
	names, err := Files(files)
	if err != nil {
		return tax.Pack{}, err
	}
	l := &loader{where: map[string]string{}, above: above}
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
		sort.SliceStable(l.problems, func(i, j int) bool {
			return l.problems[i].File < l.problems[j].File
		})
		return tax.Pack{ID: l.pack.ID}, l.problems
	}
	return l.pack, nil
}

// hash names the content of the files: SHA-256 over the lines "<SHA-256 of a file> <its name>", in
// byte order of the names, as `sha256sum` prints them.
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

// Files lists the pack's files in byte order, which is the order of their hashes.
func Files(files fs.FS) ([]string, error) {
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
	above    *tax.Pack         // the national pack; nil when this is it
	where    map[string]string // locality and id of a definition -> file
	problems Problems
}

func (l *loader) file(name string, data []byte) {
	switch {
	case name == manifestName:
		l.manifest(data)
	case path.Base(name) == ExamplesName: // read when they are run
	case strings.HasPrefix(name, calendarDir+"/"):
		if _, err := parseNotice(name, data); err != nil {
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
	p := &parser{file: manifestName}
	var m manifest
	if n := p.root(data); n != nil {
		m = p.manifest(n)
	}
	if p.problems != nil {
		l.problems = append(l.problems, p.problems...)
		return
	}
	if m.pack != "" && m.version != "" {
		l.pack.ID.Pack, l.pack.ID.Version = m.pack, m.version
	}
	j := m.jurisdiction
	l.pack.Jurisdiction = j
	bad := func(format string, args ...any) {
		l.problems = append(l.problems, Problem{manifestName, 0, fmt.Sprintf(format, args...)})
	}
	if !codePattern.MatchString(j.Code) || j.Title.ZH == "" || j.Title.EN == "" {
		bad("must have a jurisdiction of six digits and a title in zh and en")
	}
	switch {
	case l.above == nil && len(m.parents) > 0:
		bad("the national pack has no parents")
	case l.above != nil && !slices.Equal(m.parents, []string{l.above.ID.Pack}):
		bad("parents must be [%s]", l.above.ID.Pack)
	case l.above != nil &&
		!slices.Contains([]string{"municipality", "province", "autonomous_region",
			"separately_planned_city", "corps"}, j.Kind):
		bad("kind %q is none of municipality, province, autonomous_region, separately_planned_city, corps", j.Kind)
	case l.above != nil && !slices.Contains([]string{"confirmed", "partial", "unconfirmed"},
		j.Confidence):
		bad("confidence %q is none of confirmed, partial, unconfirmed", j.Confidence)
	}
}

// codePattern is an administrative code.
var codePattern = regexp.MustCompile(`^[0-9]{6}$`)

func (l *loader) rule(name string, data []byte) {
	d, problems := ParseRule(name, data)
	l.problems = append(l.problems, problems...)
	if d.ID == "" {
		return
	}
	folder, _, _ := strings.Cut(name, "/")
	if (d.Locality != "" || codePattern.MatchString(folder)) &&
		(d.Locality != folder || l.above == nil) {
		l.problems = append(l.problems,
			Problem{name, 0, fmt.Sprintf("locality %q must be the folder of the file, in a local pack",
				d.Locality)})
	}
	key := d.Locality + " " + d.ID
	if other := l.where[key]; other != "" {
		l.problems = append(l.problems,
			Problem{name, 0, fmt.Sprintf("id %s is also that of %s", d.ID, other)})
		return
	}
	l.where[key] = name
	l.pack.Definitions = append(l.pack.Definitions, d)
}

// references checks that every used definition exists and is of the kind its role wants.
func (l *loader) references() {
	kinds := map[string]tax.Kind{}
	if l.above != nil {
		for _, d := range l.above.Definitions {
			kinds[d.ID] = d.Kind
		}
	}
	for _, d := range l.pack.Definitions {
		kinds[d.ID] = d.Kind
	}
	for i := range l.pack.Definitions {
		d := &l.pack.Definitions[i]
		if _, ok := kinds[d.Wording]; d.Wording != "" && !ok {
			l.bad(d, "wording %s, which no file defines", d.Wording)
		}
		for i := range d.Values {
			v := &d.Values[i]
			l.uses(d, &v.Method, kinds)
			for _, r := range v.Readings {
				l.uses(d, &r.Method, kinds)
			}
		}
	}
}

func (l *loader) bad(d *tax.Definition, format string, args ...any) {
	l.problems = append(l.problems,
		Problem{l.where[d.Locality+" "+d.ID], 0, fmt.Sprintf(format, args...)})
}

func (l *loader) uses(d *tax.Definition, m *tax.Method, kinds map[string]tax.Kind) {
	needed, optional, _ := tax.MethodRoles(m.Name)
	for role, used := range m.Uses {
		want, ok := needed[role]
		if !ok {
			want, ok = optional[role]
		}
		kind, exists := kinds[used]
		switch {
		case !ok:
			l.bad(d, "method %s has no role %q", m.Name, role)
		case !exists:
			l.bad(d, "role %s uses %s, which no file defines", role, used)
		case kind != want:
			l.bad(d, "role %s wants a definition of kind %s, %s is of kind %s", role, want, used, kind)
		}
	}
}
