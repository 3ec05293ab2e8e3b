package pack

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/vault/sm2signer/keyfile"
)

// generateKey writes a new private key into a file, which must not exist, and prints the public
// key.
func generateKey(_ context.Context, args []string, out io.Writer) error {
	key, text, err := keyfile.Generate()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	line, err := key.Public().Line()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, line)
	return err
}

// pack holds the arguments and flags of describe and sign.
type pack struct {
	dir, key, state string
	with            []string // folders of packs that replace those of this program
}

// parsePack reads the flags and the folder of describe or sign.
func parsePack(name string, args []string) (pack, error) {
	var p pack
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	if name == "sign" {
		f.StringVar(&p.key, "key", "", "file with the publisher's private key")
		f.StringVar(&p.state, "state", string(rulepack.Draft), "what the manifest asks for")
	}
	f.Func("with", "folder of another pack in force", func(dir string) error {
		p.with = append(p.with, dir)
		return nil
	})
	if err := f.Parse(args); err != nil || f.NArg() != 1 {
		return p, errors.Join(err, errUsage)
	}
	p.dir = f.Arg(0)
	return p, nil
}

// buildCheckedManifest makes the manifest of a pack and checks the pack as publish-rules would, its
// examples included.
func (p pack) buildCheckedManifest(out io.Writer) (rulepack.Manifest, error) {
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		return rulepack.Manifest{}, err
	}
	for _, dir := range p.with {
		id, err := rulepack.IdentifyPack(os.DirFS(dir))
		if err != nil {
			return rulepack.Manifest{}, err
		}
		packs = packs.WithPack(id.Pack, os.DirFS(dir))
	}
	files := os.DirFS(p.dir)
	m, err := rulepack.DescribePack(files, packs)
	if err != nil {
		return m, err
	}
	tried, err := m.TryFiles(files, packs)
	if err != nil {
		return m, err
	}
	_, err = fmt.Fprintf(out, "pack %s version %s: %d files, %d examples passed, SHA-256 %s\n", m.Pack,
		m.Version, len(m.Files), tried.Examples, m.PackID().SHA256)
	return m, err
}

// describePack prints the unsigned manifest of a pack. The result of the check goes to the error
// output, so that the output holds the manifest only.
func describePack(_ context.Context, args []string, out io.Writer) error {
	p, err := parsePack("describe", args)
	if err != nil {
		return err
	}
	m, err := p.buildCheckedManifest(os.Stderr)
	if err != nil {
		return err
	}
	return writeManifest(out, m)
}

// writeManifest prints a manifest as indented JSON.
func writeManifest(out io.Writer, m rulepack.Manifest) error {
	e := json.NewEncoder(out)
	e.SetIndent("", " ")
	return e.Encode(m)
}

// signPack checks a pack and writes its signed manifest beside the files.
func signPack(ctx context.Context, args []string, out io.Writer) error {
	p, err := parsePack("sign", args)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(p.key)
	if err != nil {
		return fmt.Errorf("-key: %w", err)
	}
	key, err := keyfile.Parse(text)
	if err != nil {
		return err
	}
	m, err := p.buildCheckedManifest(out)
	if err != nil {
		return err
	}
	m.State = rulepack.State(p.state)
	if m, err = m.Sign(ctx, key); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if _, err := rulepack.ParseManifest(raw); err != nil { // refuses an unknown state
		return err
	}
	name := filepath.Join(p.dir, rulepack.ManifestName)
	if err := os.WriteFile(name, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "signed with key %s, asking for %s: %s\n", m.Signature.Key,
		m.WantedState(), name)
	return err
}
