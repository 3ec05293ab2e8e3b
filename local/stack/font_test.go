package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTemplateNamesTheSameFont(t *testing.T) {
	template, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Default: " + fontKey, "Default: " + fontSHA256} {
		if !strings.Contains(string(template), want) {
			t.Errorf("the template does not say %q", want)
		}
	}
}

func TestOneFileOfAPackage(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, body := range map[string]string{"package/a": "x", "package/font.ttf": "letters"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(body)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "p.tgz")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := readFromPackage(path, "package/font.ttf"); err != nil || string(got) != "letters" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := readFromPackage(path, "package/none"); err == nil {
		t.Error("a file that is not there was read")
	}
	if hasFont(t.TempDir()) {
		t.Error("an empty folder has the font")
	}
}
