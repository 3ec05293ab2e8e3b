package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"fenzhang/shared/rulepack"
)

func TestManifestOfTheNationalPack(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{filepath.Join("..", "..", "rules", "national")}, &out); err != nil {
		t.Fatal(err)
	}
	if m, err := rulepack.Parse(out.Bytes()); err != nil || m.Pack != "national" {
		t.Errorf("got %+v %v", m, err)
	}
}

func TestWrongUseIsSaid(t *testing.T) {
	for _, args := range [][]string{{}, {"a", "b"}, {t.TempDir()}} {
		if run(args, &bytes.Buffer{}) == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
