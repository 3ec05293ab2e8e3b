// Package ruleschema checks rule files against rules/schema.json, which editors use too.
package ruleschema

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"fenzhang/shared/input/yamldoc"
)

// Schema is the compiled JSON Schema of all files of a pack.
type Schema struct{ compiled *jsonschema.Schema }

// NewSchema compiles the JSON Schema.
//
// Errors: the data is no JSON Schema.
func NewSchema(data []byte) (*Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		return nil, err
	}
	s, err := c.Compile("schema.json")
	return &Schema{s}, err
}

// ListProblems lists what is wrong with a file, such as "values/0/value: got string, want object";
// an empty list means that the file is valid.
func (s *Schema) ListProblems(data []byte) []string {
	node, err := yamldoc.Parse(data)
	if err != nil {
		return []string{err.Error()}
	}
	text, err := yamldoc.JSON(node)
	if err != nil {
		return []string{err.Error()}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	var wrong *jsonschema.ValidationError
	switch err := s.compiled.Validate(doc); {
	case errors.As(err, &wrong):
		return innermostProblems(wrong)
	case err != nil:
		return []string{err.Error()}
	}
	return nil
}

// innermostProblems lists the innermost causes of a validation error, each once, because the outer
// ones only say that something inside is wrong.
func innermostProblems(e *jsonschema.ValidationError) []string {
	// a cause without causes of its own names the faulty place
	if len(e.Causes) == 0 {
		at := strings.Join(e.InstanceLocation, "/")
		if at == "" {
			at = "file"
		}
		return []string{at + ": " + e.ErrorKind.LocalizedString(message.NewPrinter(language.English))}
	}
	var list []string
	for _, c := range e.Causes {
		for _, p := range innermostProblems(c) {
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// ListProblemsBelow checks every YAML file below a folder; it returns lines "file: problem" and the
// number of files.
//
// Errors: a file cannot be read.
func (s *Schema) ListProblemsBelow(files fs.FS) (list []string, count int, err error) {
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		count++
		data, err := fs.ReadFile(files, name)
		for _, p := range s.ListProblems(data) {
			list = append(list, fmt.Sprintf("%s: %s", name, p))
		}
		return err
	})
	return list, count, err
}
