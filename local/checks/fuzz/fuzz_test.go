package fuzz

import (
	"os"
	"slices"
	"testing"
	"testing/fstest"
)

func TestTargets(t *testing.T) {
	tree := fstest.MapFS{
		"a/x_test.go":      {Data: []byte("package a\n\nfunc FuzzOne(f *testing.F) {}\nfunc TestTwo(t *testing.T) {}\n// func FuzzNot(\n")},
		"a/x.go":           {Data: []byte("package a\n\nfunc FuzzNoTest() {}\n")},
		".local/b_test.go": {Data: []byte("func FuzzHidden(f *testing.F) {}\n")},
	}
	list, err := findTargets(tree, "")
	if err != nil || !slices.Equal(list, []target{{"a", "FuzzOne"}}) {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := findTargets(tree, "FuzzNot"); err == nil {
		t.Error("a target that is not there")
	}
	all, err := findTargets(os.DirFS("../../.."), "")
	for _, want := range []string{"FuzzParseRule", "FuzzManifest", "FuzzNotice", "FuzzParse", "FuzzExpression"} {
		if err != nil || !slices.ContainsFunc(all, func(x target) bool { return x.name == want }) {
			t.Errorf("%s is not found: %v", want, err)
		}
	}
}
