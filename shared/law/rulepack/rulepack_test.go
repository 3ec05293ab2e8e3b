package rulepack_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"fenzhang/rules"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/vault/sm2signer"
)

// national copies the pack of the repository, so that a test can spoil it.
func national(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(rules.NationalPack(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(rules.NationalPack(), name)
		out[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func embedded(t testing.TB) rulepack.Packs {
	t.Helper()
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		t.Fatal(err)
	}
	return packs
}

func describe(t testing.TB, files fs.FS) rulepack.Manifest {
	t.Helper()
	m, err := rulepack.DescribePack(files, embedded(t))
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, m)
}

// parsed is the manifest as its reader sees it.
func parsed(t testing.TB, m rulepack.Manifest) rulepack.Manifest {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = rulepack.ParseManifest(raw); err != nil {
		t.Fatal(err)
	}
	return m
}

// publisher is a key and those who trust it.
func publisher(t testing.TB) (*sm2signer.Local, rulepack.Trusted) {
	t.Helper()
	key, err := sm2signer.Generate()
	if err != nil {
		t.Fatal(err)
	}
	line, err := key.Public().Line()
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := rulepack.ParseTrusted(line)
	if err != nil {
		t.Fatal(err)
	}
	return key, trusted
}

func signed(t testing.TB, m rulepack.Manifest, key *sm2signer.Local) rulepack.Manifest {
	t.Helper()
	m, err := m.Sign(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, m)
}

func TestOurOwnPacksPass(t *testing.T) {
	for name, files := range embedded(t) {
		m := describe(t, files)
		if id, err := rulepack.IdentifyPack(files); err != nil || id != m.PackID() || m.Pack != name {
			t.Errorf("%s is %v, its manifest says %v, %v", name, id, m.PackID(), err)
		}
	}
	tried, err := describe(t, rules.NationalPack()).TryFiles(rules.NationalPack(), embedded(t)) // runs the examples of all: they inherit it
	if err != nil || tried.Examples == 0 {
		t.Errorf("%d examples, %v", tried.Examples, err)
	}
}

// The name of a pack in manifests and in results of computations must be one: replay finds packs by it.
func TestManifestNamesThePackAsResultsDo(t *testing.T) {
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	packs := embedded(t)
	if len(corpus.PackIDs()) != len(packs) {
		t.Errorf("%d packs computed, %d carried", len(corpus.PackIDs()), len(packs))
	}
	for _, want := range corpus.PackIDs() {
		if got := describe(t, packs[want.Pack]).PackID(); got != want {
			t.Errorf("manifest %v, results %v", got, want)
		}
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
		{"a file too large", func(files fstest.MapFS, _ *rulepack.Manifest) {
			files[brackets] = &fstest.MapFile{Data: bytes.Repeat([]byte("#"), 2<<20)}
		}, "larger than"},
		{"another version", func(_ fstest.MapFS, m *rulepack.Manifest) { m.Version = "2099.1" }, "the manifest says"},
		{"another place", func(_ fstest.MapFS, m *rulepack.Manifest) { m.Jurisdiction = "110000" }, "the manifest says"},
		{"a parent that the files do not name", func(_ fstest.MapFS, m *rulepack.Manifest) {
			m.Parents = []rulepack.Parent{{Pack: "other", Version: "1", SHA256: strings.Repeat("ab", 32)}}
		}, "inherit from"},
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
			if _, err := m.TryFiles(files, embedded(t)); err == nil || !strings.Contains(err.Error(), c.says) {
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
	const head = `{"pack":"national","jurisdiction":"000000","version":"2026.11.22",`
	one := `"files":[{"path":"a/b.yaml","sha256":"` + hash + `"}]`
	parent := `{"pack":"p","version":"1","sha256":"` + hash + `"}`
	for _, c := range []struct {
		raw  string
		good bool
	}{
		{head + one + `}`, true},
		{head + `"parents":[` + parent + `],"state":"shadow",` + one + `}`, true},
		{head + `"files":[]}`, false},
		{`{"pack":"national","version":"1",` + one + `}`, false},
		{`{"pack":"national","jurisdiction":"000000","version":"../x",` + one + `}`, false},
		{`{"pack":"national","jurisdiction":"000000","version":"1-rc",` + one + `}`, false},
		{`{"pack":"../x","jurisdiction":"000000","version":"1",` + one + `}`, false},
		{`{"pack":"a.b","jurisdiction":"000000","version":"1",` + one + `}`, false},
		{head + `"files":[{"path":"../a.yaml","sha256":"` + hash + `"}]}`, false},
		{head + `"files":[{"path":"/a.yaml","sha256":"` + hash + `"}]}`, false},
		{head + `"files":[{"path":"a.txt","sha256":"` + hash + `"}]}`, false},
		{head + `"files":[{"path":"a.yaml","sha256":"xyz"}]}`, false},
		{head + `"files":[{"path":"a.yaml","sha256":"` + hash + `"},{"path":"a.yaml","sha256":"` + hash + `"}]}`, false},
		{head + `"parents":[` + parent + `,` + parent + `],` + one + `}`, false},
		{head + `"parents":[{"pack":"national","version":"1","sha256":"` + hash + `"}],` + one + `}`, false},
		{head + `"parents":[{"pack":"p","version":"1","sha256":"x"}],` + one + `}`, false},
		{head + `"state":"revoked",` + one + `}`, false},
		{head + `"more":1,` + one + `}`, false},
		{``, false},
	} {
		if _, err := rulepack.ParseManifest([]byte(c.raw)); (err == nil) != c.good {
			t.Errorf("%s: %v", c.raw, err)
		}
	}
}

func TestSignatureVouchesForEveryWord(t *testing.T) {
	key, trusted := publisher(t)
	m := signed(t, describe(t, rules.NationalPack()), key)
	if err := m.CheckSignature(trusted); err != nil {
		t.Fatal(err)
	}
	back := m
	back.Files = append(back.Files[1:len(back.Files):len(back.Files)], back.Files[0]) // the order says nothing
	if err := back.CheckSignature(trusted); err != nil {
		t.Errorf("another order: %v", err)
	}
	_, strangers := publisher(t)
	for name, c := range map[string]struct {
		change  func(*rulepack.Manifest)
		trusted rulepack.Trusted
		says    string
	}{
		"unsigned":           {func(m *rulepack.Manifest) { m.Signature = nil }, trusted, "not signed"},
		"wrong key":          {func(*rulepack.Manifest) {}, strangers, "not trusted"},
		"nobody is trusted":  {func(*rulepack.Manifest) {}, rulepack.Trusted{}, "not trusted"},
		"another version":    {func(m *rulepack.Manifest) { m.Version = "2099.1" }, trusted, "is not that of"},
		"another pack":       {func(m *rulepack.Manifest) { m.Pack = "other" }, trusted, "is not that of"},
		"another place":      {func(m *rulepack.Manifest) { m.Jurisdiction = "110000" }, trusted, "is not that of"},
		"another state":      {func(m *rulepack.Manifest) { m.State = rulepack.Active }, trusted, "is not that of"},
		"another hash":       {func(m *rulepack.Manifest) { m.Files[0].SHA256 = strings.Repeat("ab", 32) }, trusted, "is not that of"},
		"one file less":      {func(m *rulepack.Manifest) { m.Files = m.Files[1:] }, trusted, "is not that of"},
		"one parent more":    {func(m *rulepack.Manifest) { m.Parents = append(m.Parents, rulepack.Parent{Pack: "p"}) }, trusted, "is not that of"},
		"another signature":  {func(m *rulepack.Manifest) { m.Signature.Value = "AAAA" }, trusted, "is not that of"},
		"a value of letters": {func(m *rulepack.Manifest) { m.Signature.Value = "no base64!" }, trusted, "signature of the manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			m := signed(t, describe(t, rules.NationalPack()), key)
			c.change(&m)
			if err := m.CheckSignature(c.trusted); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, list := range []string{"x", "AAAA,BBBB"} {
		if _, err := rulepack.ParseTrusted(list); err == nil {
			t.Errorf("%q was taken for keys", list)
		}
	}
	if none, err := rulepack.ParseTrusted(""); err != nil || len(none) != 0 {
		t.Errorf("no keys: %v %v", none, err)
	}
}

func TestArchiveDependsOnThePackAlone(t *testing.T) {
	key, trusted := publisher(t)
	files := national(t)
	m := signed(t, describe(t, files), key)
	one, err := m.BuildArchive(files.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	m.Files[0], m.Files[1] = m.Files[1], m.Files[0]
	two, err := m.BuildArchive(files.ReadFile)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("two archives of one pack differ: %v", err)
	}
	b, err := rulepack.OpenArchive(one, trusted)
	if err != nil {
		t.Fatal(err)
	}
	if tried, err := b.Manifest.TryFiles(b.Files, embedded(t)); err != nil || tried.Examples == 0 || !b.Manifest.HasSameContent(m) {
		t.Errorf("the archive is not the pack: %v", err)
	}
}

func TestChangedArchivesAreRefused(t *testing.T) {
	key, trusted := publisher(t)
	files := national(t)
	m := signed(t, describe(t, files), key)
	good, err := m.BuildArchive(files.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	const brackets = "iit/brackets_labor.yaml"
	for name, change := range map[string]func(map[string][]byte){
		"a byte":            func(f map[string][]byte) { f[brackets] = append(f[brackets], '\n') },
		"a file gone":       func(f map[string][]byte) { delete(f, brackets) },
		"a file more":       func(f map[string][]byte) { f["iit/more.yaml"] = []byte("id: a.b\n") },
		"no manifest":       func(f map[string][]byte) { delete(f, rulepack.ManifestName) },
		"unsigned manifest": func(f map[string][]byte) { m := m; m.Signature = nil; f[rulepack.ManifestName], _ = json.Marshal(m) },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := rulepack.OpenArchive(rezip(t, good, change), trusted); err == nil {
				t.Error("taken")
			}
		})
	}
	if _, err := rulepack.OpenArchive(rezip(t, good, func(map[string][]byte) {}), trusted); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	if _, err := rulepack.OpenArchive(good[:len(good)/2], trusted); err == nil {
		t.Error("half an archive was taken")
	}
}

// rezip writes an archive again with other content.
func rezip(t *testing.T, archive []byte, change func(map[string][]byte)) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		if files[f.Name], err = fs.ReadFile(z, f.Name); err != nil {
			t.Fatal(err)
		}
	}
	change(files)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, data := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestVersionsAreComparedNumberByNumber(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"2026.9.1", "2026.11.22", -1}, {"2026.11.22", "2026.11.22", 0}, {"2026.11.22.1", "2026.11.22", 1}, {"1", "1.0", 0}, {"10", "9", 1}} {
		if got := rulepack.CompareVersions(c.a, c.b); got != c.want {
			t.Errorf("%s to %s: %d", c.a, c.b, got)
		}
		if got := rulepack.CompareVersions(c.b, c.a); got != -c.want {
			t.Errorf("%s to %s: %d", c.b, c.a, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"pack":"national","jurisdiction":"000000","version":"1","files":[{"path":"a.yaml","sha256":"` + strings.Repeat("ab", 32) + `"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := rulepack.ParseManifest(raw)
		if err != nil {
			return
		}
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rulepack.ParseManifest(out); err != nil {
			t.Errorf("%s was taken and %s was not: %v", raw, out, err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	key, trusted := publisher(f)
	files := national(f)
	m := signed(f, describe(f, files), key)
	good, err := m.BuildArchive(files.ReadFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, archive []byte) {
		b, err := rulepack.OpenArchive(archive, trusted)
		if err == nil && b.Manifest.PackID() != m.PackID() {
			t.Errorf("an archive of %v was taken, which nobody signed", b.Manifest.PackID())
		}
	})
}

func sha256Hex(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
