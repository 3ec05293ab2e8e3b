// Package taxpack reads rule packs: it checks every file, naming file, line and problem, and
// compiles them into an engine.
package taxpack

import (
	"fmt"
	"strings"
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
