// Command prepare reads and checks all packs and writes their prepared form beside them.
package main

import (
	"fmt"
	"os"

	"fenzhang/rules"
	"fenzhang/shared/taxpack"
)

func main() {
	if err := run(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	data, err := taxpack.Prepare(rules.National(), rules.Jurisdictions()...)
	if err != nil {
		return err
	}
	return os.WriteFile("prepared.json", data, 0o644) //nolint:gosec // a file of the repository, readable like the others
}
