package goldens

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWordsOfTheStoredFormKeepTheirNumbers lists the words of META with their numbers, by which they are stored.
func TestWordsOfTheStoredFormKeepTheirNumbers(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(named(t, "settlementdb").dir, "meta.words"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for word := range strings.Lines(string(b)) {
		lines = append(lines, fmt.Sprintf("%d %s", len(lines), strings.TrimSuffix(word, "\n")))
	}
	compare(t, "meta-words.txt", lines)
}
