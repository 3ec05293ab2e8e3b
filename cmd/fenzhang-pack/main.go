// Command fenzhang-pack writes the manifest of a policy pack, with the SHA-256 of each rule file:
//
//	fenzhang-pack DIR > DIR/manifest.json
//
// It refuses a pack that publish-rules would refuse. Hand the pack in by copying the folder into the rules bucket,
// the manifest last.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"fenzhang/shared/rulepack"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: fenzhang-pack DIR > DIR/%s", rulepack.ManifestName)
	}
	files := os.DirFS(args[0])
	m, err := rulepack.Describe(files)
	if err != nil {
		return err
	}
	if _, err := m.Verify(files); err != nil {
		return err
	}
	e := json.NewEncoder(out)
	e.SetIndent("", " ")
	return e.Encode(m)
}
