// Package goldens keeps lists of everything that is stored or that callers rely on: table keys,
// attribute names, stored values, error reasons, shapes of messages, routes. The lists are read
// from the code, so that a new line shows up by itself; they hold no name of a folder or file, so
// that moving code does not change them. A line that disappears or changes breaks stored data or
// callers. `go test ./local/checks/goldens -update` writes the lists again, and the reviewer of the
// commit reads the difference.
package goldens

import (
	_ "embed" // the list of routes
	"os"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/identity"
)

// shortestList is the least number of lines of a golden list; a shorter list means that the code
// was not scanned at all.
const shortestList = 5

// Compare compares lines found in the code with the golden list in a file and reports every
// missing and every additional line to t. With write set it writes the file instead.
func Compare(t testing.TB, path string, lines []string, write bool) {
	t.Helper()
	// a scan that finds nothing would otherwise pass after an update
	if len(lines) < shortestList {
		t.Fatalf("%s: only %d lines were found in the code", path, len(lines))
	}
	if write {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), lines) {
		t.Errorf("%s: %s", path, d)
	}
}

// differences lists the lines that are in only one of two lists; when both have the same lines, it
// reports a difference in order or number.
func differences(kept, found []string) []string {
	var out []string
	for _, line := range kept {
		if !slices.Contains(found, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range found {
		if !slices.Contains(kept, line) {
			out = append(out, "+ "+line)
		}
	}
	if out == nil && !slices.Equal(kept, found) {
		out = append(out, "the same lines in another order or number")
	}
	return out
}

//go:embed testdata/routes.txt
var routes string

// Open is written in the list of routes instead of roles when a route needs no token.
const Open = "open"

// Routes returns the roles that may call each route, such as "POST /v1/things/{id}"; an open route
// has no roles.
func Routes() map[string][]identity.Role {
	out := map[string][]identity.Role{}
	for line := range strings.Lines(routes) {
		route, roles, _ := strings.Cut(strings.TrimSpace(line), ": ")
		out[route] = nil
		for _, role := range strings.Fields(roles) {
			if role != Open {
				out[route] = append(out[route], identity.Role(role))
			}
		}
	}
	return out
}
