package ident

import (
	"regexp"
	"strings"
	"testing"
)

// TestValidIsTheShape compares the loop of Valid with the pattern that the contract shows.
func TestValidIsTheShape(t *testing.T) {
	shape := regexp.MustCompile(Pattern)
	ids := []string{"", "c-1001", strings.Repeat("x", 64), strings.Repeat("x", 65), "a\n", "-", "_", "达人"}
	for c := range 256 {
		ids = append(ids, string([]byte{'a', byte(c)}))
	}
	for _, id := range ids {
		if got, want := Valid(id), shape.MatchString(id); got != want {
			t.Errorf("Valid(%q) is %v, want %v", id, got, want)
		}
	}
}
