// Package goldens holds, as text, what others have stored or rely on: key forms, attribute names,
// stored words, refusals, shapes of messages, routes. The lists are read from the code, so that a
// new line shows up by itself, and no name of a folder or file is in them, so that moving code
// leaves them as they are. A line that leaves or changes breaks what was stored or what callers
// know; `go test <this folder> -update` writes the lists anew, and the difference is then read by
// whoever reviews the commit.
package goldens

import (
	_ "embed" // the list of routes
	"os"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/identity"
)

// least is the number of lines below which a list was not read from the code at all.
const least = 5

// Compare holds lines against the list in a file: neither a line too few nor one too many is
// accepted. With write it writes the file instead.
func Compare(t testing.TB, path string, lines []string, write bool) {
	t.Helper()
	if len(lines) < least {
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

// differences lists what is in one list only, or says that the order alone has changed.
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

// Open stands in the list of routes for the roles of a route that needs no token.
const Open = "open"

// Routes gives the roles that may call each route, "POST /v1/things/{id}"; none for an open one.
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
