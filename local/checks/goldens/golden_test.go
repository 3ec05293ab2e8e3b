package goldens

import (
	"flag"
	"maps"
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

func compare(t *testing.T, name string, lines []string) {
	t.Helper()
	Compare(t, filepath.Join("testdata", name), lines, *update)
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
