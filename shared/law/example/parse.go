package example

import (
	"fenzhang/shared/law/taxpack"

	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"fenzhang/shared/input/yamldoc"
)

// Example is one worked case: the inputs of a kind of tax, or of a jurisdiction, and the expected
// values.
type Example struct {
	ID       string          `json:"id"`
	Source   string          `json:"source"`
	Tax      string          `json:"tax"`
	Date     string          `json:"date"`
	Inputs   json.RawMessage `json:"inputs"`
	Steps    []string        `json:"steps"`
	Expected json.RawMessage `json:"expected"`
	Note     string          `json:"note"`

	// Jurisdiction has six digits; it is set in examples of a place, which have no kind of tax.
	Jurisdiction string `json:"jurisdiction"`
	// Taxpayer is individual_business and the like, or natural_person_per_time.
	Taxpayer string `json:"taxpayer"`
}

// Parse reads a list of examples from YAML or JSON.
//
// Errors: a list of type Problems with the file.
func Parse(name string, data []byte) ([]Example, error) {
	if strings.HasSuffix(name, ".yaml") {
		n, err := yamldoc.Parse(data)
		if err != nil {
			return nil, taxpack.Problems{taxpack.YAMLProblem(name, err)}
		}
		if data, err = yamldoc.JSON(n); err != nil {
			return nil, taxpack.Problems{taxpack.YAMLProblem(name, err)}
		}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	// a misspelt key would silently weaken the example
	d.DisallowUnknownFields()
	var list []Example
	if err := d.Decode(&list); err != nil {
		return nil, taxpack.Problems{{File: name, Text: err.Error()}}
	}
	for i, x := range list {
		if x.ID == "" || (x.Tax == "") == (x.Jurisdiction == "") || len(x.Inputs) == 0 ||
			len(x.Expected) == 0 {
			return nil, taxpack.Problems{
				{File: name, Text: fmt.Sprintf("example %d needs id, tax or jurisdiction, inputs and expected",
					i+1)}}
		}
	}
	return list, nil
}

// ReadExamples reads all examples of a pack, which lie beside its rules in files examples.yaml.
func ReadExamples(files fs.FS) ([]Example, error) {
	names, err := taxpack.ListFiles(files)
	if err != nil {
		return nil, err
	}
	var all []Example
	for _, name := range names {
		if path.Base(name) != taxpack.ExamplesName {
			continue
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		list, err := Parse(name, data)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}
