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

// Example is one worked case: inputs of a tax kind, or of a jurisdiction, and what must come out.
type Example struct {
	ID       string          `json:"id"`
	Source   string          `json:"source"`
	Tax      string          `json:"tax"`
	Date     string          `json:"date"`
	Inputs   json.RawMessage `json:"inputs"`
	Steps    []string        `json:"steps"`
	Expected json.RawMessage `json:"expected"`
	Note     string          `json:"note"`

	// six digits; set in examples of a place, which have no tax kind
	Jurisdiction string `json:"jurisdiction"`
	Taxpayer     string `json:"taxpayer"` // individual_business, ..., natural_person_per_time
}

// Parse reads a list of examples, YAML or JSON.
//
// Errors: Problems with the file.
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

// Read reads all examples that stand beside the rules of a pack.
func Read(files fs.FS) ([]Example, error) {
	names, err := taxpack.Files(files)
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
