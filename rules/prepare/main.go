// Command prepare parses and checks all policy packs and writes their prepared form into the folder
// prepared.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"fenzhang/rules"
	"fenzhang/shared/law/taxpack"
)

// folder is where the prepared packs are written, relative to the rules folder.
const folder = "prepared"

func main() {
	if err := writePreparedPacks(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writePreparedPacks replaces all files of the folder prepared.
func writePreparedPacks() error {
	forms, err := taxpack.PrepareForms(rules.NationalPack(), rules.JurisdictionPacks()...)
	if err != nil {
		return err
	}
	// Files of packs that no longer exist must not stay behind, so the old ones are removed first.
	old, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	for name, data := range forms {
		if err := os.WriteFile(filepath.Join(folder, name), data,
			0o644); err != nil { //nolint:gosec // a file of the repository, readable like the others
			return err
		}
	}
	return nil
}
