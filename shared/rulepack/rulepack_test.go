package rulepack_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"fenzhang/rules"
	"fenzhang/shared/rulepack"
)

// national copies the pack of the repository, so that a test can spoil it.
func national(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(rules.National(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(rules.National(), name)
		out[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func describe(t testing.TB, files fs.FS) rulepack.Manifest {
	t.Helper()
	m, err := rulepack.Describe(files)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = rulepack.Parse(raw); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOurOwnPackIsVerified(t *testing.T) {
	files := national(t)
	v, err := describe(t, files).Verify(files)
	if err != nil || v.ID.Pack != "national" || v.Examples == 0 {
		t.Errorf("got %+v %v", v, err)
	}
}

func TestSpoiledPacksAreRefused(t *testing.T) {
	const brackets = "iit/brackets_labor.yaml"
	for _, c := range []struct {
		name  string
		spoil func(files fstest.MapFS, m *rulepack.Manifest)
		says  string
	}{
		{"another byte", func(files fstest.MapFS, _ *rulepack.Manifest) {
			files[brackets] = &fstest.MapFile{Data: append(files[brackets].Data, '\n')}
		}, "is not the file of the manifest"},
		{"a file gone", func(files fstest.MapFS, _ *rulepack.Manifest) { delete(files, brackets) }, brackets},
		{"another version", func(_ fstest.MapFS, m *rulepack.Manifest) { m.Version = "2099.1" }, "the manifest says"},
		{"a broken rule with a right hash", func(files fstest.MapFS, m *rulepack.Manifest) {
			files[brackets] = &fstest.MapFile{Data: []byte("id: x\n")}
			*m = rehash(t, files, *m)
		}, "rulepack: "},
		{"a wrong example with a right hash", func(files fstest.MapFS, m *rulepack.Manifest) {
			for name, f := range files {
				if strings.HasSuffix(name, "examples.yaml") {
					files[name] = &fstest.MapFile{Data: bytes.ReplaceAll(f.Data, []byte(`withheld: "`), []byte(`withheld: "9`))}
				}
			}
			*m = rehash(t, files, *m)
		}, "fails"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := national(t)
			m := describe(t, files)
			c.spoil(files, &m)
			if _, err := m.Verify(files); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// rehash makes a manifest that fits spoiled files.
func rehash(t *testing.T, files fstest.MapFS, m rulepack.Manifest) rulepack.Manifest {
	t.Helper()
	clean := national(t)
	for name, f := range files {
		if !bytes.Equal(f.Data, clean[name].Data) {
			for i := range m.Files {
				if m.Files[i].Path == name {
					m.Files[i].SHA256 = sha256Hex(f.Data)
				}
			}
		}
	}
	return m
}

func TestManifestForm(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, c := range []struct {
		raw  string
		good bool
	}{
		{`{"pack":"national","version":"2026.11.22","files":[{"path":"a/b.yaml","sha256":"` + hash + `"}]}`, true},
		{`{"pack":"national","version":"2026.11.22","files":[]}`, false},
		{`{"pack":"national","version":"../x","files":[{"path":"a.yaml","sha256":"` + hash + `"}]}`, false},
		{`{"pack":"national","version":"1","files":[{"path":"../a.yaml","sha256":"` + hash + `"}]}`, false},
		{`{"pack":"national","version":"1","files":[{"path":"/a.yaml","sha256":"` + hash + `"}]}`, false},
		{`{"pack":"national","version":"1","files":[{"path":"a.txt","sha256":"` + hash + `"}]}`, false},
		{`{"pack":"national","version":"1","files":[{"path":"a.yaml","sha256":"xyz"}]}`, false},
		{`{"pack":"national","version":"1","files":[{"path":"a.yaml","sha256":"` + hash + `"},{"path":"a.yaml","sha256":"` + hash + `"}]}`, false},
		{`{"pack":"national","version":"1","more":1,"files":[{"path":"a.yaml","sha256":"` + hash + `"}]}`, false},
		{``, false},
	} {
		if _, err := rulepack.Parse([]byte(c.raw)); (err == nil) != c.good {
			t.Errorf("%s: %v", c.raw, err)
		}
	}
}

func TestArchiveDependsOnThePackAlone(t *testing.T) {
	files := national(t)
	m := describe(t, files)
	one, err := m.Archive(files.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	m.Files[0], m.Files[1] = m.Files[1], m.Files[0]
	two, err := m.Archive(files.ReadFile)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("two archives of one pack differ: %v", err)
	}
	z, err := rulepack.Open(one)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := m.Verify(z); err != nil || v.Examples == 0 {
		t.Errorf("the archive is not the pack: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"pack":"national","version":"1","files":[{"path":"a.yaml","sha256":"` + strings.Repeat("ab", 32) + `"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := rulepack.Parse(raw)
		if err != nil {
			return
		}
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rulepack.Parse(out); err != nil {
			t.Errorf("%s was taken and %s was not: %v", raw, out, err)
		}
	})
}

func sha256Hex(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
