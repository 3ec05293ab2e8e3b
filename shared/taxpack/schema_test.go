package taxpack_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"
)

// Every rule file keeps to rules/schema.json, which editors and other tools read; the schema refuses what is no
// rule file.
func TestSchema(t *testing.T) {
	data, err := os.ReadFile("../../rules/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema openapi3.Schema
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	visit := func(text []byte) error {
		j, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(j, &v); err != nil {
			t.Fatal(err)
		}
		return schema.VisitJSON(v)
	}
	files := 0
	packs := os.DirFS("../../rules")
	err = fs.WalkDir(packs, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".yaml" {
			return err
		}
		if base := path.Base(name); base == "manifest.yaml" || base == "examples.yaml" || strings.HasPrefix(name, "national/calendar/") {
			return nil
		}
		files++
		text, err := fs.ReadFile(packs, name)
		if err != nil {
			return err
		}
		if err := visit(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return nil
	})
	if err != nil || files < 300 {
		t.Fatalf("%d files, %v", files, err)
	}
	spoiled := []byte("id: a.b\nkind: amount\ntitle: {zh: 甲, en: A}\nvalues: [{from: 2019-01-01, value: \"1.00\"}]\n")
	if visit(spoiled) == nil {
		t.Error("a value without reference keeps to the schema")
	}
}
