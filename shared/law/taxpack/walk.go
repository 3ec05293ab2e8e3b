package taxpack

import (
	"errors"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"fenzhang/shared/input/yamldoc"
)

// parser reads one rule file.
type parser struct {
	file     string
	id       string // of the definition, once it is read
	problems Problems
}

func (p *parser) bad(line int, format string, args ...any) {
	p.problems = append(p.problems, Problem{p.file, line, fmt.Sprintf(format, args...)})
}

// root reads the document of the file; nil means that it could not be read, and the problem is
// noted.
func (p *parser) root(data []byte) *yaml.Node {
	n, err := yamldoc.Parse(data)
	if err != nil {
		p.problems = append(p.problems, YAMLProblem(p.file, err))
		return nil
	}
	return n
}

// YAMLProblem finds the line in an error of the YAML reader.
func YAMLProblem(file string, err error) Problem {
	var y *yamldoc.Error
	if errors.As(err, &y) {
		return Problem{file, y.Line, y.Text}
	}
	return Problem{file, 0, err.Error()}
}

// The functions below read nodes. What has another shape than is asked for becomes a problem with
// its line and reads as nothing.

// fields reads a mapping with known keys; read tells whether it knows the key.
func (p *parser) fields(n *yaml.Node, read func(key string, v *yaml.Node) bool) {
	if n.Kind != yaml.MappingNode {
		p.bad(n.Line, "a mapping of keys must stand here")
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		if k := n.Content[i]; !read(k.Value, n.Content[i+1]) {
			p.bad(k.Line, "unknown field %q", k.Value)
		}
	}
}

// table reads a mapping with keys of the file's own choice.
func table[T any](p *parser, n *yaml.Node, read func(*yaml.Node) T) map[string]T {
	if n.Kind != yaml.MappingNode {
		p.bad(n.Line, "a mapping of keys must stand here")
		return nil
	}
	m := make(map[string]T, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		m[n.Content[i].Value] = read(n.Content[i+1])
	}
	return m
}

func list[T any](p *parser, n *yaml.Node, read func(*yaml.Node) T) []T {
	if n.Kind != yaml.SequenceNode {
		p.bad(n.Line, "a list must stand here")
		return nil
	}
	items := make([]T, len(n.Content))
	for i, v := range n.Content {
		items[i] = read(v)
	}
	return items
}

// text reads a word, a sentence or a day. Numbers must be quoted, so that no reader takes them for
// binary fractions.
func (p *parser) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || (n.Tag != "!!str" && n.Tag != "!!timestamp") {
		p.bad(n.Line, "text must stand here, numbers in quotes")
		return ""
	}
	return n.Value
}

// name reads a scalar as it is written: 2026.11 is a version and no number.
func (p *parser) name(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		p.bad(n.Line, "one word must stand here")
	}
	return n.Value
}

func (p *parser) whole(n *yaml.Node) int {
	number, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		p.bad(n.Line, "a whole number must stand here")
	}
	return number
}

func (p *parser) yesNo(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		p.bad(n.Line, "true or false must stand here")
	}
	return n.Value == "true"
}
