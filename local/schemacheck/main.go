// Command schemacheck is `make rules-schema`: it holds every file of rules/ against rules/schema.json.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fenzhang/shared/law/ruleschema"
)

func main() {
	ok, err := run("rules", os.Stdout)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run tells whether every file below a folder keeps to the schema in it, and prints what does not.
func run(folder string, out io.Writer) (bool, error) {
	data, err := os.ReadFile(filepath.Join(folder, "schema.json"))
	if err != nil {
		return false, err
	}
	schema, err := ruleschema.New(data)
	if err != nil {
		return false, err
	}
	problems, files, err := schema.CheckAll(os.DirFS(folder))
	if err != nil {
		return false, err
	}
	for _, p := range problems {
		_, _ = fmt.Fprintln(out, folder+"/"+p)
	}
	_, err = fmt.Fprintf(out, "%d files of %s, %d problems\n", files, strings.TrimSuffix(folder, "/"), len(problems))
	return len(problems) == 0, err
}
