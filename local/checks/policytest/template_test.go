// Package policytest reads template.yaml as AWS will and holds it against the rules of the house: least
// privilege, a dead-letter queue and alarms for every queue, tags on everything, nothing tied to one partition.
// The local AWS enforces no policies and fires no alarms, so this is where they are tested.
package policytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// root is the checkout, seen from this package.
var root = filepath.Join("..", "..", "..")

// object is a mapping of the template. CloudFormation's short forms are written out: !Ref x is {"Ref": "x"},
// !Sub x is {"Fn::Sub": "x"}, !GetAtt a.b is {"Fn::GetAtt": ["a", "b"]}.
type object = map[string]any

type resource struct {
	id, kind   string
	properties object
	policy     string // DeletionPolicy
}

type template struct {
	source     string // as it is written, with loops
	size       int    // in bytes, loops written out
	transforms []string
	globals    object // of functions
	resources  map[string]resource
}

// load gives the template with its loops written out, or skips the test where the local AWS, whose transform does
// that, is not installed.
func load(t *testing.T) template {
	t.Helper()
	loaded, err := read()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the local AWS writes the template's loops out; install it with `go run ./local/stack tools aws` (%v)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

var read = sync.OnceValues(func() (template, error) {
	source, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		return template{}, err
	}
	expanded, err := expand()
	if err != nil {
		return template{}, err
	}
	return parse(source, expanded)
})

// expand runs local/stack/expand.py, which reads the template only when it has changed since the last time.
func expand() ([]byte, error) {
	python, err := filepath.Abs(filepath.Join(root, ".local", "venv-aws", "bin", "python"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(python); err != nil {
		return nil, err
	}
	output := filepath.Join(".local", "template.json")
	cmd := exec.Command(python, filepath.Join("local", "stack", "expand.py"), "template.yaml", output)
	cmd.Dir = root
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("expand the template: %w\n%s", err, said)
	}
	return os.ReadFile(filepath.Join(root, output))
}

// parse reads both forms of the template.
func parse(source, expanded []byte) (template, error) {
	var written struct {
		Transform yaml.Node `yaml:"Transform"`
	}
	if err := yaml.Unmarshal(source, &written); err != nil {
		return template{}, err
	}
	var doc struct {
		Globals   map[string]object `yaml:"Globals"`
		Resources map[string]struct {
			Type           string `yaml:"Type"`
			Properties     object `yaml:"Properties"`
			DeletionPolicy string `yaml:"DeletionPolicy"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(expanded, &doc); err != nil { // JSON is YAML, and this reader keeps whole numbers whole
		return template{}, err
	}
	loaded := template{source: string(source), globals: doc.Globals["Function"], resources: map[string]resource{}}
	for _, name := range written.Transform.Content {
		loaded.transforms = append(loaded.transforms, name.Value)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, expanded); err != nil {
		return template{}, err
	}
	loaded.size = compact.Len()
	for id, r := range doc.Resources {
		loaded.resources[id] = resource{id: id, kind: r.Type, properties: r.Properties, policy: r.DeletionPolicy}
	}
	if len(loaded.resources) < 100 {
		return template{}, fmt.Errorf("read only %d resources", len(loaded.resources))
	}
	return loaded, nil
}

// of lists the resources of a kind, by name.
func (t template) of(kind string) []resource {
	var list []resource
	for _, r := range t.resources {
		if r.kind == kind {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b resource) int { return strings.Compare(a.id, b.id) })
	return list
}

// get follows a path of mapping keys; absent is nil.
func get(v any, path ...string) any {
	for _, key := range path {
		m, ok := v.(object)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func text(v any, path ...string) string {
	s, _ := get(v, path...).(string)
	return s
}

func number(v any, path ...string) int {
	n, _ := get(v, path...).(int)
	return n
}

// target is the resource that a Ref or GetAtt names, "" for anything else.
func target(v any) string {
	if id := text(v, "Ref"); id != "" {
		return id
	}
	if path := words(get(v, "Fn::GetAtt")); len(path) > 0 {
		return path[0]
	}
	return ""
}

// elsewhere is what an !If gives where its condition does not hold; anything else is itself.
func elsewhere(v any) any {
	if list, ok := get(v, "Fn::If").([]any); ok && len(list) == 3 {
		return list[2]
	}
	return v
}

// list is v as a list: a single value counts as one.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// words is v as a list of texts.
func words(v any) []string {
	var out []string
	for _, w := range list(v) {
		out = append(out, fmt.Sprint(w))
	}
	return out
}
