// Package rulepack checks a policy pack that somebody hands in: a signed manifest that names every
// file and the parents with their SHA-256, the files themselves, and the examples that stand beside
// the rules.
package rulepack

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/law/tax"
)

// ManifestName is the name of the manifest beside a pack's files.
const ManifestName = "manifest.json"

// State is where a version of a pack stands in its life.
type State string

// The states, in their order. A revoked version never comes back.
const (
	Draft State = "draft" // verified and stored, computes nothing
	// computes beside the active one; differences are kept, money does not see it
	Shadow State = "shadow"
	Active State = "active" // computes
	// must not compute again; stays stored, because what it taxed must be explained
	Revoked State = "revoked"
)

// Manifest says what a pack consists of and who vouches for it.
type Manifest struct {
	Pack         string   `json:"pack"`
	Jurisdiction string   `json:"jurisdiction"` // six digits; 000000 for the national pack
	Version      string   `json:"version"`      // numbers joined by dots, compared number by number
	Parents      []Parent `json:"parents"`
	Files        []File   `json:"files"`
	// the state that is asked for; draft when left out
	State     State      `json:"state,omitempty"`
	Signature *Signature `json:"signature,omitempty"`
}

// Parent is a pack whose rules this one inherits, as it was when this one was checked. In force it
// may be that version or a later one: the examples of this pack are run again whenever a parent
// changes.
type Parent struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // over the files of the parent, lower-case hex
}

// File is one file of a pack.
type File struct {
	Path   string `json:"path"`   // below the manifest's folder
	SHA256 string `json:"sha256"` // lower-case hex
}

// maxFiles bounds what one manifest can make a reader fetch, and maxFile the bytes of each.
const (
	maxFiles = 2000
	maxFile  = 1 << 20
)

var (
	nameShape    = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	placeShape   = regexp.MustCompile(`^[0-9]{6}$`)
	versionShape = regexp.MustCompile(`^[0-9]{1,8}(\.[0-9]{1,8}){0,3}$`)
	sha256Shape  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	errNoFiles   = errors.New("rulepack: the manifest names no files, or too many")
	errNameShape = errors.New(
		"rulepack: manifest: the pack must be lower-case letters, digits, dashes and underscores, its " +
			"jurisdiction six digits, its version numbers joined by dots")
	errState = errors.New("rulepack: manifest: the state asked for must be draft, shadow or active")
)

// ParseManifest reads a manifest and checks its form, not its signature.
func ParseManifest(raw []byte) (Manifest, error) {
	var m Manifest
	if problems := strictjson.Decode(raw, &m); len(problems) > 0 {
		return m, fmt.Errorf("rulepack: manifest: %s %s", problems[0].Field, problems[0].Problem)
	}
	if !nameShape.MatchString(m.Pack) || !placeShape.MatchString(m.Jurisdiction) ||
		!versionShape.MatchString(m.Version) {
		return m, errNameShape
	}
	if !slices.Contains([]State{"", Draft, Shadow, Active}, m.State) {
		return m, errState
	}
	return m.withSortedLists(), cmp.Or(m.checkParents(), m.checkFileList())
}

func (m Manifest) checkParents() error {
	seen := map[string]bool{m.Pack: true}
	for _, p := range m.Parents {
		if !nameShape.MatchString(p.Pack) || !versionShape.MatchString(p.Version) ||
			!sha256Shape.MatchString(p.SHA256) || seen[p.Pack] {
			return fmt.Errorf(
				"rulepack: manifest: parent %q: it must stand once, with version and SHA-256, and be another "+
					"pack", p.Pack)
		}
		seen[p.Pack] = true
	}
	return nil
}

func (m Manifest) checkFileList() error {
	if len(m.Files) == 0 || len(m.Files) > maxFiles {
		return errNoFiles
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if !fs.ValidPath(f.Path) || path.Ext(f.Path) != ".yaml" || seen[f.Path] ||
			!sha256Shape.MatchString(f.SHA256) {
			return fmt.Errorf(
				"rulepack: manifest: file %q: the path must be a .yaml file below the manifest and stand "+
					"once, the hash SHA-256 in lower-case hex", f.Path)
		}
		seen[f.Path] = true
	}
	return nil
}

// WantedState is the state that the manifest asks for.
func (m Manifest) WantedState() State { return cmp.Or(m.State, Draft) }

// PackID names the pack as results of computations do: the hash is over the lines "<SHA-256>
// <path>" of all files, as `sha256sum` prints them, in byte order of the paths.
func (m Manifest) PackID() tax.PackID {
	h := sha256.New()
	for _, f := range m.withSortedLists().Files {
		_, _ = fmt.Fprintf(h, "%s  %s\n", f.SHA256, f.Path) // a hash takes every write
	}
	return tax.PackID{Pack: m.Pack, Version: m.Version, SHA256: hex.EncodeToString(h.Sum(nil))}
}

// withSortedLists is the manifest with its lists in the one order that is signed.
func (m Manifest) withSortedLists() Manifest {
	// a list, also when it is empty
	m.Files, m.Parents = slices.Clone(m.Files), append([]Parent{}, m.Parents...)
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(m.Parents, func(a, b Parent) int { return strings.Compare(a.Pack, b.Pack) })
	return m
}

// signedBytes is what is signed: the manifest without its signature, lists sorted, as compact JSON in
// field order.
func (m Manifest) signedBytes() ([]byte, error) {
	c := m.withSortedLists()
	c.Signature = nil
	out, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("rulepack: %w", err)
	}
	return out, nil
}

// HasSameContent tells that two manifests name the same pack with the same files and parents; state
// and signature may differ.
func (m Manifest) HasSameContent(other Manifest) bool {
	a, b := m.withSortedLists(), other.withSortedLists()
	return a.Pack == b.Pack && a.Jurisdiction == b.Jurisdiction && a.Version == b.Version &&
		slices.Equal(a.Files, b.Files) && slices.Equal(a.Parents, b.Parents)
}

// CheckFiles holds every file of the manifest against its hash. The error names the first that is
// missing or different.
func (m Manifest) CheckFiles(files fs.FS) error {
	for _, f := range m.Files {
		data, err := readFile(files, f.Path)
		if err != nil {
			return fmt.Errorf("rulepack: %s: %w", f.Path, err)
		}
		if sha256Hex(data) != f.SHA256 {
			return fmt.Errorf("rulepack: %s is not the file of the manifest: its SHA-256 is %s", f.Path,
				sha256Hex(data))
		}
	}
	return nil
}

// readFile reads a file that must be small, without trusting its size.
func readFile(files fs.FS, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = cmp.Or(err, f.Close()); err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	return data, nil
}

func sha256Hex(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// CompareVersions orders versions number by number: 2026.9.1 lies before 2026.11.22. Numbers that
// are left out are zero; a part that is no number counts as zero.
func CompareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if c := cmp.Compare(versionPart(as, i), versionPart(bs, i)); c != 0 {
			return c
		}
	}
	return 0
}

func versionPart(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.Atoi(parts[i])
	if err != nil {
		return 0
	}
	return n
}
