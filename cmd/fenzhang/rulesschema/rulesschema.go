// Package rulesschema checks every file of rules/ against rules/schema.json.
package rulesschema

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fenzhang/shared/law/ruleschema"
)

// Command returns the function that checks the rules of this checkout.
func Command(*flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	return func(_ context.Context, out io.Writer) (bool, error) { return checkRules("rules", out) }
}

// checkRules checks every file below a folder against the schema in that folder, prints the
// problems, and returns true when there are none.
func checkRules(folder string, out io.Writer) (bool, error) {
	data, err := os.ReadFile(filepath.Join(folder, "schema.json"))
	if err != nil {
		return false, err
	}
	schema, err := ruleschema.NewSchema(data)
	if err != nil {
		return false, err
	}
	problems, files, err := schema.ListProblemsBelow(os.DirFS(folder))
	if err != nil {
		return false, err
	}
	for _, p := range problems {
		_, _ = fmt.Fprintln(out, folder+"/"+p)
	}
	_, err = fmt.Fprintf(out, "%d files of %s, %d problems\n", files, strings.TrimSuffix(folder, "/"),
		len(problems))
	return len(problems) == 0, err
}
