package goldens

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the lists in testdata anew from the code")

// set collects lines without repetition.
type set map[string]bool

func (s set) add(parts ...string) { s[strings.Join(parts, " ")] = true }

func (s set) sorted() []string { return slices.Sorted(maps.Keys(s)) }

// compare holds lines against a list of testdata: neither a line too few nor one too many is accepted.
func compare(t *testing.T, name string, lines []string) {
	t.Helper()
	if len(lines) < 5 {
		t.Fatalf("%s: only %d lines were found in the code", name, len(lines))
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for _, d := range differences(kept, lines) {
		t.Errorf("%s: %s", name, d)
	}
}

// differences lists what is in one list only, and says where the order alone has changed.
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

func TestAListThatDiffersIsNoticed(t *testing.T) {
	kept := []string{"a", "b", "c"}
	for name, c := range map[string]struct{ found, want []string }{
		"equal":   {[]string{"a", "b", "c"}, nil},
		"missing": {[]string{"a", "c"}, []string{"- b"}},
		"new":     {[]string{"a", "b", "c", "d"}, []string{"+ d"}},
		"changed": {[]string{"a", "x", "c"}, []string{"- b", "+ x"}},
		"order":   {[]string{"b", "a", "c"}, []string{"the same lines in another order or number"}},
	} {
		if got := differences(kept, c.found); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
