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

// The names by which files of a pack that are no rules are recognized.
const (
	manifestName = "manifest.yaml"
	ExamplesName = "examples.yaml"
	calendarDir  = "calendar"
)

// LoadCorpus reads, checks and compiles the national pack and the packs of jurisdictions over it.
//
// Errors: a list of type Problems, all of them at once; the file of a local pack's problem begins
// with the pack's name.
func LoadCorpus(national fs.FS, local ...fs.FS) (*tax.Corpus, error) {
	top, packs, err := readAllPacks(national, local)
	if err != nil {
		return nil, err
	}
	return compileCorpus(top, packs)
}

// readAllPacks reads the national pack and then the local ones, and collects the problems of all
// local packs before it fails.
func readAllPacks(national fs.FS, local []fs.FS) (tax.Pack, []tax.Pack, error) {
	top, err := ReadNational(national)
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

// compileCorpus compiles all packs now, so that a fault is found here and not by the first payment.
func compileCorpus(national tax.Pack, packs []tax.Pack) (*tax.Corpus, error) {
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

// ReadNational reads and checks the files of the national pack without compiling them.
//
// Errors: a list of type Problems, all of them at once.
func ReadNational(files fs.FS) (tax.Pack, error) {
	return readPack(files, nil)
}

// ReadLocal reads and checks the files of a jurisdiction's pack, which may use definitions of the
// national pack.
//
// Errors: a list of type Problems, all of them at once; each file begins with the pack's name.
func ReadLocal(files fs.FS, national tax.Pack) (tax.Pack, error) {
	p, err := readPack(files, &national)
	var problems Problems
	if errors.As(err, &problems) {
		for i := range problems {
			problems[i].File = p.ID.Pack + "/" + problems[i].File
		}
		return p, problems
	}
	return p, err
}

// readPack reads every file of a pack; national is nil when the pack is the national one.
func readPack(files fs.FS, above *tax.Pack) (tax.Pack, error) {
	names, err := ListFiles(files)
	if err != nil {
		return tax.Pack{}, err
	}
	l := &packLoader{fileOf: map[string]string{}, national: above}
	if l.pack.ID.SHA256, err = hashFiles(files, names); err != nil {
		return tax.Pack{}, err
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return tax.Pack{}, err
		}
		l.readFile(name, data)
	}
	// the manifest may be absent, or so faulty that no id was read
	if l.pack.ID.Pack == "" {
		l.problems = append(l.problems, Problem{manifestName, 0, "missing, or without pack and version"})
	}
	// only after all files: a definition may be used in a file that is read before its own
	l.checkReferences()
	if len(l.problems) > 0 {
		// stable, so that the problems of one file keep the order of their lines
		sort.SliceStable(l.problems, func(i, j int) bool {
			return l.problems[i].File < l.problems[j].File
		})
		return tax.Pack{ID: l.pack.ID}, l.problems
	}
	return l.pack, nil
}

// hashFiles returns the hash of a pack, which is SHA-256 over the lines "<SHA-256 of a file> <its
// name>" in byte order of the names, as `sha256sum` prints them, so that anybody can compute it.
func hashFiles(files fs.FS, names []string) (string, error) {
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

// ListFiles lists the pack's YAML files in byte order, which is the order of their hashes.
func ListFiles(files fs.FS) ([]string, error) {
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

// packLoader collects the definitions and the problems of one pack.
type packLoader struct {
	pack tax.Pack
	// national is the national pack; nil when the pack that is read is the national one.
	national *tax.Pack
	// fileOf maps locality and id of a definition to its file.
	fileOf   map[string]string
	problems Problems
}

// readFile reads one file of the pack by its name: manifest, examples, holiday notice or rule.
// Examples are read only when they are run.
func (l *packLoader) readFile(name string, data []byte) {
	switch {
	case name == manifestName:
		l.readManifest(data)
	case path.Base(name) == ExamplesName: // read when they are run
	case strings.HasPrefix(name, calendarDir+"/"):
		if _, err := parseNotice(name, data); err != nil {
			l.addProblems(err)
		}
	default:
		l.readRule(name, data)
	}
}

// addProblems adds the problems in an error to those of the pack.
func (l *packLoader) addProblems(err error) {
	var ps Problems
	if !errors.As(err, &ps) {
		ps = Problems{{Text: err.Error()}}
	}
	l.problems = append(l.problems, ps...)
}

// readManifest reads the manifest and checks id, version, jurisdiction and parents of the pack.
func (l *packLoader) readManifest(data []byte) {
	p := &ruleParser{file: manifestName}
	var m manifestKeys
	if n := p.parseDocument(data); n != nil {
		m = p.readManifestKeys(n)
	}
	if p.problems != nil {
		l.problems = append(l.problems, p.problems...)
		return
	}
	if m.pack != "" && m.version != "" {
		l.pack.ID.Pack, l.pack.ID.Version = m.pack, m.version
	}
	l.pack.Jurisdiction = m.jurisdiction
	l.checkManifest(&m)
}

// checkManifest checks jurisdiction and parents of the pack: a local pack has the national pack as
// its only parent, and the national pack has none.
func (l *packLoader) checkManifest(m *manifestKeys) {
	j := &m.jurisdiction
	bad := func(format string, args ...any) {
		l.problems = append(l.problems, Problem{manifestName, 0, fmt.Sprintf(format, args...)})
	}
	if !codePattern.MatchString(j.Code) || j.Title.ZH == "" || j.Title.EN == "" {
		bad("must have a jurisdiction of six digits and a title in zh and en")
	}
	switch {
	case l.national == nil && len(m.parents) > 0:
		bad("the national pack has no parents")
	case l.national != nil && !slices.Equal(m.parents, []string{l.national.ID.Pack}):
		bad("parents must be [%s]", l.national.ID.Pack)
	case l.national != nil &&
		!slices.Contains([]string{"municipality", "province", "autonomous_region",
			"separately_planned_city", "corps"}, j.Kind):
		bad("kind %q is none of municipality, province, autonomous_region, "+
			"separately_planned_city, corps", j.Kind)
	case l.national != nil && !slices.Contains([]string{"confirmed", "partial", "unconfirmed"},
		j.Confidence):
		bad("confidence %q is none of confirmed, partial, unconfirmed", j.Confidence)
	}
}

// codePattern matches an administrative code of six digits.
var codePattern = regexp.MustCompile(`^[0-9]{6}$`)

// readRule reads a rule file and adds its definition to the pack. A locality must be the folder of
// the file, and an id may be defined once for each locality.
func (l *packLoader) readRule(name string, data []byte) {
	d, problems := ParseRule(name, data)
	l.problems = append(l.problems, problems...)
	// a file that could not be read is no definition; its problems are recorded already
	if d.ID == "" {
		return
	}
	folder, _, _ := strings.Cut(name, "/")
	if (d.Locality != "" || codePattern.MatchString(folder)) &&
		(d.Locality != folder || l.national == nil) {
		l.problems = append(l.problems,
			Problem{name, 0, fmt.Sprintf("locality %q must be the folder of the file, in a local pack",
				d.Locality)})
	}
	key := d.Locality + " " + d.ID
	if other := l.fileOf[key]; other != "" {
		l.problems = append(l.problems,
			Problem{name, 0, fmt.Sprintf("id %s is also that of %s", d.ID, other)})
		return
	}
	l.fileOf[key] = name
	l.pack.Definitions = append(l.pack.Definitions, d)
}

// checkReferences checks that every definition that a method uses exists in this pack or in the
// national one, and is of the kind that its role needs.
func (l *packLoader) checkReferences() {
	kinds := map[string]tax.Kind{}
	if l.national != nil {
		for _, d := range l.national.Definitions {
			kinds[d.ID] = d.Kind
		}
	}
	for _, d := range l.pack.Definitions {
		kinds[d.ID] = d.Kind
	}
	for i := range l.pack.Definitions {
		d := &l.pack.Definitions[i]
		if _, ok := kinds[d.Wording]; d.Wording != "" && !ok {
			l.addDefinitionProblem(d, "wording %s, which no file defines", d.Wording)
		}
		for i := range d.Values {
			v := &d.Values[i]
			l.checkUsedDefinitions(d, &v.Method, kinds)
			for _, r := range v.Readings {
				l.checkUsedDefinitions(d, &r.Method, kinds)
			}
		}
	}
}

// addDefinitionProblem adds a problem of the file in which a definition is.
func (l *packLoader) addDefinitionProblem(d *tax.Definition, format string, args ...any) {
	l.problems = append(l.problems,
		Problem{l.fileOf[d.Locality+" "+d.ID], 0, fmt.Sprintf(format, args...)})
}

// checkUsedDefinitions checks the roles of one method against the kinds of the definitions in them.
func (l *packLoader) checkUsedDefinitions(d *tax.Definition, m *tax.Method,
	kinds map[string]tax.Kind) {
	needed, optional, _ := tax.MethodRoles(m.Name)
	for role, used := range m.Uses {
		want, ok := needed[role]
		if !ok {
			want, ok = optional[role]
		}
		kind, exists := kinds[used]
		switch {
		case !ok:
			l.addDefinitionProblem(d, "method %s has no role %q", m.Name, role)
		case !exists:
			l.addDefinitionProblem(d, "role %s uses %s, which no file defines", role, used)
		case kind != want:
			l.addDefinitionProblem(d, "role %s wants a definition of kind %s, %s is of kind %s", role, want,
				used, kind)
		}
	}
}
