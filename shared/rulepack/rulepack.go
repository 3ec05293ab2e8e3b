// Package rulepack checks a policy pack that somebody hands in: a manifest that names every file with its SHA-256,
// the files themselves, and the examples that stand beside the rules.
package rulepack

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"fenzhang/shared/strictjson"
	"fenzhang/shared/tax"
	"fenzhang/shared/taxpack"
)

// ManifestName is the name of the manifest beside a pack's files.
const ManifestName = "manifest.json"

// Manifest says what a pack consists of.
type Manifest struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
	Files   []File `json:"files"`
}

// File is one file of a pack.
type File struct {
	Path   string `json:"path"`   // below the manifest's folder
	SHA256 string `json:"sha256"` // lower-case hex
}

// maxFiles bounds what one manifest can make a reader fetch.
const maxFiles = 2000

var (
	nameShape    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	sha256Shape  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	errNoFiles   = errors.New("rulepack: the manifest names no files, or too many")
	errNameShape = errors.New("rulepack: pack and version must be lower-case letters, digits, dots, dashes and underscores")
)

// Parse reads a manifest and checks its form.
func Parse(raw []byte) (Manifest, error) {
	var m Manifest
	if problems := strictjson.Decode(raw, &m); len(problems) > 0 {
		return m, fmt.Errorf("rulepack: manifest: %s %s", problems[0].Field, problems[0].Problem)
	}
	if !nameShape.MatchString(m.Pack) || !nameShape.MatchString(m.Version) {
		return m, errNameShape
	}
	if len(m.Files) == 0 || len(m.Files) > maxFiles {
		return m, errNoFiles
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if !fs.ValidPath(f.Path) || path.Ext(f.Path) != ".yaml" || seen[f.Path] || !sha256Shape.MatchString(f.SHA256) {
			return m, fmt.Errorf("rulepack: manifest: file %q: the path must be a .yaml file below the manifest and stand once, the hash SHA-256 in lower-case hex", f.Path)
		}
		seen[f.Path] = true
	}
	return m, nil
}

// Describe makes the manifest of a pack's files.
func Describe(files fs.FS) (Manifest, error) {
	pack, err := taxpack.Read(files)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{Pack: pack.ID.Pack, Version: pack.ID.Version}
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err == nil {
			m.Files = append(m.Files, File{Path: name, SHA256: sum(data)})
		}
		return err
	})
	return m, err
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// Verified is a pack that may be stored.
type Verified struct {
	ID       tax.PackID
	Examples int // that passed
	Skipped  int // of kinds of tax that the engine does not compute yet
}

// Verify checks files against their manifest, reads and compiles the rules, and runs the examples. The error says
// what is wrong; a pack with one wrong hash, value or example is refused as a whole.
func (m Manifest) Verify(files fs.FS) (Verified, error) {
	for _, f := range m.Files {
		data, err := fs.ReadFile(files, f.Path)
		if err != nil {
			return Verified{}, fmt.Errorf("rulepack: %s: %w", f.Path, err)
		}
		if sum(data) != f.SHA256 {
			return Verified{}, fmt.Errorf("rulepack: %s is not the file of the manifest: its SHA-256 is %s", f.Path, sum(data))
		}
	}
	engine, err := taxpack.Load(files)
	if err != nil {
		return Verified{}, fmt.Errorf("rulepack: %w", err)
	}
	v := Verified{ID: engine.Pack()}
	if v.ID.Pack != m.Pack || v.ID.Version != m.Version {
		return Verified{}, fmt.Errorf("rulepack: the files are pack %s %s, the manifest says %s %s", v.ID.Pack, v.ID.Version, m.Pack, m.Version)
	}
	examples, err := taxpack.Examples(files)
	if err != nil {
		return Verified{}, fmt.Errorf("rulepack: %w", err)
	}
	for _, x := range examples {
		switch o := taxpack.Check(engine, x); o.State {
		case taxpack.Passed:
			v.Examples++
		case taxpack.Skipped:
			v.Skipped++
		default:
			return Verified{}, fmt.Errorf("rulepack: example %s fails: %s", x.ID, strings.Join(o.Mismatch, "; "))
		}
	}
	return v, nil
}

// Archive puts manifest and files, got by read, into a zip whose bytes depend on them alone.
func (m Manifest) Archive(read func(name string) ([]byte, error)) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	list := slices.Clone(m.Files)
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	manifest, err := json.Marshal(Manifest{m.Pack, m.Version, list})
	if err != nil {
		return nil, fmt.Errorf("rulepack: %w", err)
	}
	if err := addFile(z, ManifestName, manifest); err != nil {
		return nil, err
	}
	for _, f := range list {
		data, err := read(f.Path)
		if err != nil {
			return nil, fmt.Errorf("rulepack: %s: %w", f.Path, err)
		}
		if err := addFile(z, f.Path, data); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("rulepack: %w", err)
	}
	return out.Bytes(), nil
}

// Open gives the files of an archive.
func Open(archive []byte) (fs.FS, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("rulepack: %w", err)
	}
	return z, nil
}

// addFile adds a file without its time, so that the same pack is the same archive.
func addFile(z *zip.Writer, name string, data []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil {
		return fmt.Errorf("rulepack: %s: %w", name, err)
	}
	return nil
}
