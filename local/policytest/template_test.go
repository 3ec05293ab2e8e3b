// Package policytest reads template.yaml as AWS will and holds it against the rules of the house: least
// privilege, a dead-letter queue and alarms for every queue, tags on everything, nothing tied to one partition.
// The local AWS enforces no policies and fires no alarms, so this is where they are tested.
package policytest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// root is the checkout, seen from this package.
var root = filepath.Join("..", "..")

// object is a mapping of the template. CloudFormation's short forms are written out: !Ref x is {"Ref": "x"},
// !Sub x is {"Fn::Sub": "x"}, !GetAtt a.b is {"Fn::GetAtt": "a.b"}.
type object = map[string]any

type resource struct {
	id, kind   string
	properties object
	policy     string // DeletionPolicy
}

type template struct {
	text      string
	globals   object // of functions
	resources map[string]resource
}

func load(t *testing.T) template {
	t.Helper()
	path := filepath.Join(root, "template.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	doc := plain(file.Content[0]).(object)
	loaded := template{text: string(text), globals: doc["Globals"].(object)["Function"].(object), resources: map[string]resource{}}
	for id, v := range doc["Resources"].(object) {
		r := v.(object)
		properties, _ := r["Properties"].(object)
		policy, _ := r["DeletionPolicy"].(string)
		loaded.resources[id] = resource{id: id, kind: r["Type"].(string), properties: properties, policy: policy}
	}
	if len(loaded.resources) < 100 {
		t.Fatalf("read only %d resources", len(loaded.resources))
	}
	return loaded
}

// plain turns a YAML node into maps, slices and scalars.
func plain(n *yaml.Node) any {
	if short := strings.TrimPrefix(n.Tag, "!"); !strings.HasPrefix(short, "!") && short != n.Tag {
		if short != "Ref" {
			short = "Fn::" + short
		}
		inner := *n
		inner.Tag = ""
		return object{short: plain(&inner)}
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := object{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, v := range n.Content {
			list = append(list, plain(v))
		}
		return list
	default:
		var v any
		if err := n.Decode(&v); err != nil {
			return n.Value
		}
		return v
	}
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
	id, _, _ := strings.Cut(text(v, "Fn::GetAtt"), ".")
	return id
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
