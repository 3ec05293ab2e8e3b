// Package ruletest makes policy packs for tests and demonstrations: copies of the packs in the
// repository with a higher version and changed rules, and keys to sign them.
package ruletest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"testing/fstest"

	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/vault/sm2signer"
)

// CopyPack returns the files of an embedded pack under another version; the caller may change them.
func CopyPack(pack, version string) (fstest.MapFS, error) {
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	from, ok := packs[pack]
	if !ok {
		return nil, fmt.Errorf("ruletest: no pack %s", pack)
	}
	files := fstest.MapFS{}
	err = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, name)
		files[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		return nil, err
	}
	// the version must differ from the embedded one, or publishing would refuse the pack
	head := files["manifest.yaml"]
	head.Data = versionLine.ReplaceAll(head.Data, []byte("${1}"+version))
	return files, nil
}

var versionLine = regexp.MustCompile(`(?m)^(version: ).*$`)

// ReplaceText replaces a text in a file; it fails when the file does not contain the text.
func ReplaceText(files fstest.MapFS, name, from, to string) error {
	f, ok := files[name]
	if !ok || !bytes.Contains(f.Data, []byte(from)) {
		return fmt.Errorf("ruletest: %s does not hold %q", name, from)
	}
	files[name] = &fstest.MapFile{Data: bytes.ReplaceAll(f.Data, []byte(from), []byte(to))}
	return nil
}

// Change replaces a text of a rule file by what another law would say.
type Change struct{ File, From, To string }

// ChangedLaw returns the corpus of the packs in the repository, with changed texts in the national
// pack.
func ChangedLaw(changes ...Change) (*tax.Corpus, error) {
	files, err := CopyPack(rulepack.National, "2027.01.01")
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if err := ReplaceText(files, c.File, c.From, c.To); err != nil {
			return nil, err
		}
	}
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	return rulepack.CompilePacks(packs.WithPack(rulepack.National, files))
}

// LaborCostChange changes the share that is deducted from labor income, from its first day on.
func LaborCostChange(share string) Change {
	return Change{"iit/labor/cost_rate.yaml", `value: "0.20"`, `value: "` + share + `"`}
}

// PackWithCostRate returns the national pack in which another share is deducted from labor income
// from 2026-10-16 on, so that the tax on 10,000.00 changes on that day.
func PackWithCostRate(version, share string) (fstest.MapFS, error) {
	files, err := CopyPack(rulepack.National, version)
	if err != nil {
		return nil, err
	}
	const name = "iit/labor/cost_rate.yaml"
	old := files[name]
	if old == nil {
		return nil, fmt.Errorf("ruletest: no %s", name)
	}
	// the value in force is ended the day before, because values of a rule must not overlap
	list := bytes.SplitN(old.Data, []byte("  - from: 2019-01-01\n"), 2)
	if len(list) != 2 {
		return nil, fmt.Errorf("ruletest: %s has another form", name)
	}
	value := list[1]
	var out bytes.Buffer
	out.Write(list[0])
	out.WriteString("  - from: 2019-01-01\n    to: 2026-10-15\n")
	out.Write(value)
	out.WriteString("  - from: 2026-10-16\n")
	out.Write(bytes.Replace(value, []byte(`value: "0.20"`), []byte(`value: "`+share+`"`), 1))
	files[name] = &fstest.MapFile{Data: out.Bytes()}
	return files, nil
}

// SignManifest returns the signed manifest of some files for a requested state, as the bytes to
// upload.
func SignManifest(ctx context.Context, files fs.FS, key *sm2signer.Local,
	state rulepack.State) ([]byte, error) {
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	m, err := rulepack.DescribePack(files, packs)
	if err != nil {
		return nil, err
	}
	m.State = state
	if m, err = m.Sign(ctx, key); err != nil {
		return nil, err
	}
	return json.MarshalIndent(m, "", " ")
}

// NewTrustedKey generates a publisher's key, and the list of trusted keys with only this one.
func NewTrustedKey() (*sm2signer.Local, rulepack.Trusted, error) {
	key, err := sm2signer.Generate()
	if err != nil {
		return nil, nil, err
	}
	return key, rulepack.Trusted{key.Public().KeyID(): key.Public()}, nil
}

// ArchivePack returns the archive of files as publishing stores it, with its manifest.
func ArchivePack(ctx context.Context, files fstest.MapFS,
	key *sm2signer.Local) (rulepack.Manifest, []byte, error) {
	raw, err := SignManifest(ctx, files, key, "")
	if err != nil {
		return rulepack.Manifest{}, nil, err
	}
	m, err := rulepack.ParseManifest(raw)
	if err != nil {
		return m, nil, err
	}
	archive, err := m.BuildArchive(files.ReadFile)
	return m, archive, err
}

// PackWithLocalRate returns a local pack with its own rate of the local education surcharge. Only a
// studio registered in that place then files another surcharge than before.
func PackWithLocalRate(pack, version, rate string) (fstest.MapFS, error) {
	files, err := CopyPack(pack, version)
	if err != nil {
		return nil, err
	}
	above, err := CopyPack(rulepack.National, version)
	if err != nil {
		return nil, err
	}
	const name = "fees/ledu_rate.yaml"
	if files[name] = above["surcharges/ledu_rate.yaml"]; files[name] == nil {
		return nil, fmt.Errorf("ruletest: the national pack has no rate of that surcharge")
	}
	return files, ReplaceText(files, name, `value: "0.02"`, `value: "`+rate+`"`)
}
