package contractcheck

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestTheSamplesHold(t *testing.T) {
	files, err := filepath.Glob("../../../samples/*/contracts/*.examples.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	var out strings.Builder
	if ok, err := checkExamples(files, &out); !ok || err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestNoFilesIsAnError(t *testing.T) {
	if _, err := checkExamples(nil, &strings.Builder{}); err == nil {
		t.Error("nothing was checked and nobody was told")
	}
}
