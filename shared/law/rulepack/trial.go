package rulepack

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"fenzhang/rules"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/tax"
)

// National is the name of the pack from which all others inherit.
const National = "national"

// Packs are the files of packs that are compiled together, by the name of the pack.
type Packs map[string]fs.FS

// EmbeddedPacks returns the packs that are compiled into the binary.
func EmbeddedPacks() (Packs, error) {
	list, err := fs.ReadDir(rules.Files, ".")
	if err != nil {
		return nil, fmt.Errorf("rulepack: %w", err)
	}
	packs := Packs{}
	for _, d := range list {
		if !d.IsDir() {
			continue
		}
		files, err := fs.Sub(rules.Files, d.Name())
		if err != nil {
			return nil, fmt.Errorf("rulepack: %w", err)
		}
		packs[d.Name()] = files
	}
	return packs, nil
}

// WithPack returns a copy of the packs in which one pack is added or replaced.
func (p Packs) WithPack(name string, files fs.FS) Packs {
	out := maps.Clone(p)
	out[name] = files
	return out
}

// packHead is the part of a pack's manifest.yaml that names the pack. Compiling the pack checks the
// rest of that file.
type packHead struct {
	Pack         string   `yaml:"pack"`
	Jurisdiction string   `yaml:"jurisdiction"`
	Version      string   `yaml:"version"`
	Parents      []string `yaml:"parents"`
}

// headName is the file in which a pack names itself, its version and its parents.
const headName = "manifest.yaml"

// readPackHead reads and checks the names in a pack's manifest.yaml.
func readPackHead(files fs.FS) (packHead, error) {
	var h packHead
	data, err := readFile(files, headName)
	if err != nil {
		return h, fmt.Errorf("rulepack: %s: %w", headName, err)
	}
	if err := yaml.Unmarshal(data, &h); err != nil {
		return h, fmt.Errorf("rulepack: %s: %w", headName, err)
	}
	if !nameShape.MatchString(h.Pack) || !placeShape.MatchString(h.Jurisdiction) ||
		!versionShape.MatchString(h.Version) {
		return h, errNameShape
	}
	return h, nil
}

// DescribePack makes the unsigned manifest of a pack's files. packs are the packs from which it may
// inherit.
func DescribePack(files fs.FS, packs Packs) (Manifest, error) {
	h, err := readPackHead(files)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{Pack: h.Pack, Jurisdiction: h.Jurisdiction, Version: h.Version, Parents: []Parent{}}
	for _, name := range h.Parents {
		parent, ok := packs[name]
		if !ok {
			return m, fmt.Errorf("rulepack: parent %s is not here", name)
		}
		id, err := IdentifyPack(parent)
		if err != nil {
			return m, fmt.Errorf("rulepack: parent %s: %w", name, err)
		}
		m.Parents = append(m.Parents, Parent(id))
	}
	if m.Files, err = listFiles(files); err != nil {
		return m, err
	}
	return m.withSortedLists(), nil
}

// listFiles lists the .yaml files of a pack with their hashes.
func listFiles(files fs.FS) ([]File, error) {
	var out []File
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		data, err := readFile(files, name)
		if err == nil {
			out = append(out, File{Path: name, SHA256: sha256Hex(data)})
		}
		return err
	})
	return out, err
}

// IdentifyPack returns the id of the pack that consists of these files.
func IdentifyPack(files fs.FS) (tax.PackID, error) {
	h, err := readPackHead(files)
	if err != nil {
		return tax.PackID{}, err
	}
	l, err := listFiles(files)
	return Manifest{Pack: h.Pack, Version: h.Version, Files: l}.PackID(), err
}

// TrialResult is the result of compiling packs and running their examples.
type TrialResult struct {
	Corpus   *tax.Corpus
	Examples int // number of examples that passed
	Skipped  int // number of examples on taxes that the engine does not compute
}

// TryFiles checks that the files are the pack of the manifest, compiles them together with the
// packs in force, and runs the examples of the pack and of all packs that inherit from it.
//
// Errors: the first file, value or example that is wrong; one is enough to refuse the whole pack.
func (m Manifest) TryFiles(files fs.FS, inForce Packs) (TrialResult, error) {
	if err := m.CheckFiles(files); err != nil {
		return TrialResult{}, err
	}
	h, err := readPackHead(files)
	if err != nil {
		return TrialResult{}, fmt.Errorf("rulepack: %w", err)
	}
	if h.Pack != m.Pack || h.Version != m.Version || h.Jurisdiction != m.Jurisdiction {
		return TrialResult{}, fmt.Errorf(
			"rulepack: the files are pack %s %s of %s, the manifest says %s %s of %s", h.Pack, h.Version,
			h.Jurisdiction, m.Pack, m.Version, m.Jurisdiction)
	}
	if err := m.checkParentNames(h.Parents); err != nil {
		return TrialResult{}, err
	}
	return TryPacks(inForce.WithPack(m.Pack, files), m.Pack)
}

// checkParentNames checks that the manifest and the files name the same parents.
func (m Manifest) checkParentNames(named []string) error {
	var stated []string
	for _, p := range m.Parents {
		stated = append(stated, p.Pack)
	}
	slices.Sort(stated)
	named = slices.Sorted(slices.Values(named))
	if !slices.Equal(stated, named) {
		return fmt.Errorf("rulepack: the files inherit from %v, the manifest says %v", named, stated)
	}
	return nil
}

// TryPacks compiles the packs and runs the examples of the changed pack and of the packs that
// inherit from it.
func TryPacks(packs Packs, changed string) (TrialResult, error) {
	corpus, err := CompilePacks(packs)
	if err != nil {
		return TrialResult{}, fmt.Errorf("rulepack: %w", err)
	}
	out := TrialResult{Corpus: corpus}
	for _, name := range slices.Sorted(maps.Keys(packs)) {
		h, err := readPackHead(packs[name])
		if err != nil {
			return TrialResult{}, fmt.Errorf("rulepack: %s: %w", name, err)
		}
		if name != changed && !slices.Contains(h.Parents, changed) {
			continue
		}
		if err := out.runExamples(name, packs[name]); err != nil {
			return TrialResult{}, err
		}
	}
	// A pack without examples proves nothing, so it is not accepted.
	if out.Examples == 0 {
		return TrialResult{}, errors.New("rulepack: no example says what the rules give")
	}
	return out, nil
}

// runExamples runs the examples of one pack and counts them; a failing example is an error.
func (t *TrialResult) runExamples(pack string, files fs.FS) error {
	examples, err := example.ReadExamples(files)
	if err != nil {
		return fmt.Errorf("rulepack: %w", err)
	}
	for _, x := range examples {
		switch o := example.Check(t.Corpus, x); o.State {
		case example.Passed:
			t.Examples++
		case example.Skipped:
			t.Skipped++
		default:
			return fmt.Errorf("rulepack: example %s of pack %s fails: %s", x.ID, pack,
				strings.Join(o.Mismatch, "; "))
		}
	}
	return nil
}
