package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/audittest"
	"fenzhang/shared/vault/sm2signer"
)

// evidence writes three batches of two records into a folder and gives it with the key's file.
func evidence(t *testing.T) (dir, key string, proof audit.Proof) {
	t.Helper()
	signer, err := sm2signer.FromSecret(strings.Repeat("AB", 32))
	if err != nil {
		t.Fatal(err)
	}
	m := audittest.NewMemory()
	w := audit.Writer{Objects: m, Index: m, Signer: signer, Until: audit.RetainUntil, Now: time.Now}
	ctx := context.Background()
	for i := range 3 {
		if err := w.Write(ctx, "demo", []audit.Entry{audittest.Entry(t, "demo", fmt.Sprintf("r%d", 2*i)), audittest.Entry(t, "demo", fmt.Sprintf("r%d", 2*i+1))}); err != nil {
			t.Fatal(err)
		}
	}
	dir = t.TempDir()
	for name, file := range m.Files() {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), file.Data)
	}
	pem, err := signer.Public().PEM()
	if err != nil {
		t.Fatal(err)
	}
	key = filepath.Join(t.TempDir(), "public.pem")
	write(t, key, pem)
	if proof, err = (audit.Reader{Objects: m, Index: m}).Prove(ctx, "demo", "r5"); err != nil {
		t.Fatal(err)
	}
	return dir, key, proof
}

func write(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestVerify(t *testing.T) {
	second := func(dir string) string { return filepath.Join(dir, "demo", "000000000002.ndjson") }
	for _, c := range []struct {
		name   string
		tamper func(t *testing.T, dir string)
		code   int
		last   string
		names  string
	}{
		{"untouched", func(*testing.T, string) {}, 0, "9 passed, 0 failed", "demo: 6 records in 3 batches"},
		{"changed", func(t *testing.T, dir string) {
			raw, err := os.ReadFile(second(dir))
			if err != nil {
				t.Fatal(err)
			}
			write(t, second(dir), bytes.Replace(raw, []byte("10.00"), []byte("10.01"), 1))
		}, 1, "8 passed, 1 failed", "record r2: changed"},
		{"taken out", func(t *testing.T, dir string) {
			if err := os.Remove(second(dir)); err != nil {
				t.Fatal(err)
			}
		}, 1, "7 passed, 2 failed", "record number 3: missing"},
		{"nothing there", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "demo")); err != nil {
				t.Fatal(err)
			}
		}, 1, "0 passed, 0 failed", "there is nothing to check"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, key, _ := evidence(t)
			c.tamper(t, dir)
			var out, problems bytes.Buffer
			if code := run([]string{dir, "-key", key}, &out, &problems); code != c.code {
				t.Errorf("exit code %d, want %d; %s", code, c.code, problems.String())
			}
			if got := lastLine(out.String()); got != c.last || !strings.Contains(out.String(), c.names) {
				t.Errorf("printed\n%s", out.String())
			}
		})
	}
}

func TestKeptHeadAndProof(t *testing.T) {
	dir, key, proof := evidence(t)
	raw, err := json.Marshal(proof)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "proof.json")
	write(t, kept, raw)
	var out, problems bytes.Buffer
	if code := run([]string{"-proof", kept, "-key", key}, &out, &problems); code != 0 || out.String() != "1 passed, 0 failed\n" {
		t.Errorf("proof: code %d\n%s%s", code, out.String(), problems.String())
	}
	out.Reset()
	if code := run([]string{"-head", kept, dir, "-key", key}, &out, &problems); code != 0 || lastLine(out.String()) != "10 passed, 0 failed" {
		t.Errorf("kept head: code %d\n%s%s", code, out.String(), problems.String())
	}
	for _, name := range []string{"000000000003.ndjson", filepath.Join("heads", "000000000003.json")} {
		if err := os.Remove(filepath.Join(dir, "demo", name)); err != nil {
			t.Fatal(err)
		}
	}
	out.Reset()
	if code := run([]string{dir, "-key", key, "-head", kept}, &out, &problems); code != 1 || lastLine(out.String()) != "6 passed, 1 failed" {
		t.Errorf("cut end: code %d\n%s%s", code, out.String(), problems.String())
	}
	proof.Line = strings.Replace(proof.Line, "10.00", "10.01", 1)
	if raw, err = json.Marshal(proof); err != nil {
		t.Fatal(err)
	}
	write(t, kept, raw)
	out.Reset()
	if code := run([]string{"-proof", kept, "-key", key}, &out, &problems); code != 1 || lastLine(out.String()) != "0 passed, 1 failed" {
		t.Errorf("forged proof: code %d\n%s%s", code, out.String(), problems.String())
	}
}

func TestWhatCannotBeCheckedIsSaid(t *testing.T) {
	dir, key, _ := evidence(t)
	for _, args := range [][]string{{}, {dir}, {"-key", key}, {dir, dir, "-key", key}, {dir, "-key", dir + "/none"}, {dir + "/none", "-key", key}, {dir, "-key", key, "-head", dir + "/none"}, {"-bogus"}} {
		var out, problems bytes.Buffer
		if code := run(args, &out, &problems); code != 2 || problems.Len() == 0 {
			t.Errorf("%v: code %d, said %q", args, code, problems.String())
		}
	}
}
