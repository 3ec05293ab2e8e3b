// Package rulepack checks a policy pack that a publisher hands in: its signed manifest, which lists
// every file and the parent packs with their SHA-256; the files; and the worked examples beside the
// rules.
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

// ManifestName is the file name of the signed manifest in a pack's folder.
const ManifestName = "manifest.json"

// State is the state of a version of a pack: draft, shadow, active or revoked.
type State string

// The states of a version, in their usual order. A revoked version can never become active again.
const (
	// Draft: verified and stored, not used by any computation.
	Draft State = "draft"
	// Shadow: computes beside the active version; the differences are recorded, no payment uses them.
	Shadow State = "shadow"
	// Active: used by all computations.
	Active State = "active"
	// Revoked: must not be used again; it stays stored, because the taxes that it computed must be
	// explained for years.
	Revoked State = "revoked"
)

// Manifest says which files and parents a pack consists of and which key has signed it.
type Manifest struct {
	Pack         string   `json:"pack"`
	Jurisdiction string   `json:"jurisdiction"` // six digits; 000000 for the national pack
	Version      string   `json:"version"`      // numbers joined by dots, compared number by number
	Parents      []Parent `json:"parents"`
	Files        []File   `json:"files"`
	// State is the state that the publisher wants; draft if it is left out.
	State     State      `json:"state,omitempty"`
	Signature *Signature `json:"signature,omitempty"`
}

// Parent is a pack whose rules this one inherits, in the version that this pack was checked with.
// The version in force may be that one or a later one: the examples of this pack run again whenever
// a parent changes.
type Parent struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // hash of the parent's files in lower-case hex, see Manifest.PackID
}

// File is one file of a pack.
type File struct {
	Path   string `json:"path"`   // below the manifest's folder
	SHA256 string `json:"sha256"` // lower-case hex
}

// maxFiles limits the number of files that one manifest makes a reader fetch, maxFile the size of
// each file in bytes.
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

// ParseManifest reads a manifest and checks its form. ParseManifest does not check the signature.
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

// checkParents checks the form of the list of parents: no parent twice, and none that is the pack
// itself.
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

// checkFileList checks the form of the list of files. Only .yaml files below the manifest's folder
// are allowed, each of them once.
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

// WantedState returns the state that the publisher wants for the version; draft if the manifest
// names none.
func (m Manifest) WantedState() State { return cmp.Or(m.State, Draft) }

// PackID returns the id by which results of computations name the pack. The hash in a pack id is
// the SHA-256 of the lines "<SHA-256> <path>" of all files, as sha256sum prints them, sorted by the
// bytes of the path.
func (m Manifest) PackID() tax.PackID {
	h := sha256.New()
	for _, f := range m.withSortedLists().Files {
		_, _ = fmt.Fprintf(h, "%s  %s\n", f.SHA256, f.Path) // a hash takes every write
	}
	return tax.PackID{Pack: m.Pack, Version: m.Version, SHA256: hex.EncodeToString(h.Sum(nil))}
}

// withSortedLists returns a copy of the manifest with files and parents sorted. The signature of a
// manifest is made over the sorted lists.
func (m Manifest) withSortedLists() Manifest {
	// Parents must never be nil: the JSON of an empty list is [], and the signature covers the JSON.
	m.Files, m.Parents = slices.Clone(m.Files), append([]Parent{}, m.Parents...)
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(m.Parents, func(a, b Parent) int { return strings.Compare(a.Pack, b.Pack) })
	return m
}

// signedBytes returns the bytes that are signed: compact JSON of the manifest without its
// signature, lists sorted, fields in the order of the struct.
func (m Manifest) signedBytes() ([]byte, error) {
	c := m.withSortedLists()
	c.Signature = nil
	out, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("rulepack: %w", err)
	}
	return out, nil
}

// HasSameContent reports whether two manifests name the same version of a pack with the same files
// and parents. The state and the signature of the manifests may differ.
func (m Manifest) HasSameContent(other Manifest) bool {
	a, b := m.withSortedLists(), other.withSortedLists()
	return a.Pack == b.Pack && a.Jurisdiction == b.Jurisdiction && a.Version == b.Version &&
		slices.Equal(a.Files, b.Files) && slices.Equal(a.Parents, b.Parents)
}

// CheckFiles compares every file of the manifest with its hash. The error of CheckFiles names the
// first file that is missing or different.
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

// readFile reads a file of at most maxFile bytes. readFile counts the bytes itself, because the
// size that an archive states may be false.
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

// sha256Hex returns the SHA-256 of data in lower-case hex.
func sha256Hex(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// CompareVersions compares two versions of a pack number by number and returns -1, 0 or 1: 2026.9.1
// is lower than 2026.11.22. In a version, a number that is left out and a part that is no number
// count as zero.
func CompareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if c := cmp.Compare(versionPart(as, i), versionPart(bs, i)); c != 0 {
			return c
		}
	}
	return 0
}

// versionPart returns the number at an index of a split version.
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
