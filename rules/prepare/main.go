// Command prepare reads and checks all packs and writes their prepared form beside them.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"fenzhang/rules"
	"fenzhang/shared/law/taxpack"
)

const folder = "prepared"

func main() {
	if err := run(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	forms, err := taxpack.Prepare(rules.NationalPack(), rules.JurisdictionPacks()...)
	if err != nil {
		return err
	}
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
