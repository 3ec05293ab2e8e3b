package rulesschema

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that breaks the schema is named with its problem, and the answer is no.
func TestNamesFileAndProblem(t *testing.T) {
	folder := t.TempDir()
	schema, err := os.ReadFile("../../../rules/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"schema.json": string(schema), "national/good.yaml": good, "national/bad.yaml": strings.Replace(good, `"0.20"`, `"20"`, 1)} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	ok, err := checkRules(folder, &out)
	if err != nil || ok || !strings.Contains(out.String(), "/national/bad.yaml: values/0/value: ") || strings.Contains(out.String(), "good.yaml") {
		t.Errorf("%v, %v: %s", ok, err, out.String())
	}
	if !strings.HasSuffix(out.String(), ", 1 problems\n") {
		t.Errorf("the last line is not the sum: %s", out.String())
	}
	if _, err := checkRules(t.TempDir(), &out); err == nil {
		t.Error("a folder without a schema")
	}
}

const good = `id: a.b
kind: rate
title: {zh: 甲, en: A}
values:
  - from: 2019-01-01
    value: "0.20"
    status: confirmed
    reference: {document: 甲, number: 乙, article: 丙, url: "https://example.cn", published: 2019-01-01}
`
