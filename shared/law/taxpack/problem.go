// Package taxpack reads policy packs: it checks every rule file, reports each problem with file and
// line, and compiles the packs into the tax engine.
package taxpack

import (
	"fmt"
	"strings"
)

// Problem is one fault of a rule file.
type Problem struct {
	File string
	// Line is 0 for a problem of the whole file.
	Line int
	Text string
}

// Error returns the problem as "file:line: text".
func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Problems are all problems of a pack, found in one reading.
type Problems []Problem

// Error lists the problems, one per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}
