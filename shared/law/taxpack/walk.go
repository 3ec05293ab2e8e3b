package taxpack

import (
	"errors"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"fenzhang/shared/input/yamldoc"
)

// ruleParser reads one rule file and collects its problems.
type ruleParser struct {
	file string
	// bounds are those of the file's rate; nil where the file declares none.
	bounds   *rateBounds
	problems Problems
}

// addProblem adds a problem with its line.
func (p *ruleParser) addProblem(line int, format string, args ...any) {
	p.problems = append(p.problems, Problem{p.file, line, fmt.Sprintf(format, args...)})
}

// parseDocument parses the YAML document of the file; it returns nil when the file is no YAML, and
// adds that problem.
func (p *ruleParser) parseDocument(data []byte) *yaml.Node {
	n, err := yamldoc.Parse(data)
	if err != nil {
		p.problems = append(p.problems, YAMLProblem(p.file, err))
		return nil
	}
	return n
}

// YAMLProblem returns a problem with the line that an error of the YAML parser names.
func YAMLProblem(file string, err error) Problem {
	var y *yamldoc.Error
	if errors.As(err, &y) {
		return Problem{file, y.Line, y.Text}
	}
	return Problem{file, 0, err.Error()}
}

// The functions below read nodes of a YAML document. A node of another form than the function reads
// becomes a problem with its line, and its value is empty.

// readFields reads a mapping with known keys; read returns false for a key that it does not know.
func (p *ruleParser) readFields(n *yaml.Node, read func(key string, v *yaml.Node) bool) {
	if n.Kind != yaml.MappingNode {
		p.addProblem(n.Line, "a mapping of keys must stand here")
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		if k := n.Content[i]; !read(k.Value, n.Content[i+1]) {
			p.addProblem(k.Line, "unknown field %q", k.Value)
		}
	}
}

// readMapping reads a mapping whose keys the file chooses itself.
func readMapping[T any](p *ruleParser, n *yaml.Node, read func(*yaml.Node) T) map[string]T {
	if n.Kind != yaml.MappingNode {
		p.addProblem(n.Line, "a mapping of keys must stand here")
		return nil
	}
	m := make(map[string]T, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		m[n.Content[i].Value] = read(n.Content[i+1])
	}
	return m
}

// readList reads a list of items of one form.
func readList[T any](p *ruleParser, n *yaml.Node, read func(*yaml.Node) T) []T {
	if n.Kind != yaml.SequenceNode {
		p.addProblem(n.Line, "a list must stand here")
		return nil
	}
	items := make([]T, len(n.Content))
	for i, v := range n.Content {
		items[i] = read(v)
	}
	return items
}

// readText reads a text or a day. Numbers must be quoted in rule files, so that no YAML parser
// rounds them to a binary fraction.
func (p *ruleParser) readText(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || (n.Tag != "!!str" && n.Tag != "!!timestamp") {
		p.addProblem(n.Line, "text must stand here, numbers in quotes")
		return ""
	}
	return n.Value
}

// readScalar reads a value as it is written: 2026.11 is a version and not a number.
func (p *ruleParser) readScalar(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		p.addProblem(n.Line, "one word must stand here")
	}
	return n.Value
}

// readWholeNumber reads a whole number, such as a year.
func (p *ruleParser) readWholeNumber(n *yaml.Node) int {
	number, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		p.addProblem(n.Line, "a whole number must stand here")
	}
	return number
}

// readBool reads true or false.
func (p *ruleParser) readBool(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		p.addProblem(n.Line, "true or false must stand here")
	}
	return n.Value == "true"
}
