// Package taxpack reads rule packs: it checks every file, naming file, line and problem, and compiles them into
// an engine.
package taxpack

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// Problem is one thing that is wrong in a rule file.
type Problem struct {
	File string
	Line int // 0 = the whole file
	Text string
}

// Error gives file:line: problem.
func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Problems are all problems of a pack.
type Problems []Problem

// Error lists them, one per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// yamlProblem finds the line in an error of the YAML reader.
func yamlProblem(file string, err error) Problem {
	var y yaml.Error
	if errors.As(err, &y) {
		line := 0
		if t := y.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
		return Problem{file, line, y.GetMessage()}
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return Problem{file, 0, text}
}
