package rulepack

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
)

// BuildArchive puts the manifest and its files into a zip. read returns the content of a file. The
// bytes of the zip depend only on the manifest and the files.
func (m Manifest) BuildArchive(read func(name string) ([]byte, error)) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	m = m.withSortedLists()
	manifest, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("rulepack: %w", err)
	}
	if err := addFile(z, ManifestName, manifest); err != nil {
		return nil, err
	}
	for _, f := range m.Files {
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

// addFile adds a file to the zip without a modification time, so that the same pack always gives
// the same archive.
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

// Bundle is a pack read from an archive whose signature and hashes have been checked.
type Bundle struct {
	Manifest Manifest
	Files    fs.FS
}

// OpenArchive reads an archive and checks the form and the signature of its manifest and the hash
// of every file, even if the archive comes from the own bucket. OpenArchive does not compile the
// rules.
func OpenArchive(archive []byte, trusted Trusted) (Bundle, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return Bundle{}, fmt.Errorf("rulepack: archive: %w", err)
	}
	raw, err := readFile(z, ManifestName)
	if err != nil {
		return Bundle{}, fmt.Errorf("rulepack: archive: %s: %w", ManifestName, err)
	}
	m, err := ParseManifest(raw)
	if err != nil {
		return Bundle{}, err
	}
	if err := m.CheckSignature(trusted); err != nil {
		return Bundle{}, err
	}
	if err := m.CheckFiles(z); err != nil {
		return Bundle{}, err
	}
	return Bundle{m, z}, m.refuseUnlistedFiles(z)
}

// refuseUnlistedFiles returns an error if the archive has a file that the signed manifest does not
// list, because the compiler would read that file too.
func (m Manifest) refuseUnlistedFiles(z *zip.Reader) error {
	named := map[string]bool{ManifestName: true}
	for _, f := range m.Files {
		named[f.Path] = true
	}
	for _, f := range z.File {
		if !named[f.Name] {
			return fmt.Errorf("rulepack: archive: %s is not named by the manifest", f.Name)
		}
		// A second file of the same name is refused as well: readers may disagree on which one counts.
		delete(named, f.Name)
	}
	return nil
}
