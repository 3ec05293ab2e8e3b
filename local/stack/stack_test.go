package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// away is a profile in a folder of its own.
func away(t *testing.T) profile {
	t.Helper()
	root := t.TempDir()
	p, err := newProfile(root, "run", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEnvFileIsPlain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stack.env")
	if err := writeEnv(path, []setting{{"A", "http://127.0.0.1:1/x"}, {"B", ""}}); err != nil {
		t.Fatal(err)
	}
	vars, err := readEnv(path)
	if err != nil || len(vars) != 2 || vars["A"] != "http://127.0.0.1:1/x" {
		t.Errorf("got %v, %v", vars, err)
	}
	for _, bad := range []string{"a b", "a$b", `"a"`, "a\nb", "a`b"} {
		if err := writeEnv(path, []setting{{"A", bad}}); err == nil {
			t.Errorf("wrote %q, which shells read differently", bad)
		}
	}
	if again, err := readEnv(path); err != nil || again["A"] != vars["A"] {
		t.Errorf("a refused write changed the file: %v, %v", again, err)
	}
}

func TestProfilesDoNotMeet(t *testing.T) {
	run, err := newProfile("/x", "run", 0)
	if err != nil {
		t.Fatal(err)
	}
	test, err := newProfile("/x", "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	if run.dir == test.dir || run.envFile == test.envFile {
		t.Error("the profiles share files")
	}
	for _, a := range []int{0, 1, 2} {
		for _, b := range []int{0, 1, 2} {
			if run.address(a) == test.address(b) {
				t.Errorf("both use %s", run.address(a))
			}
		}
	}
	if _, err := newProfile("/x", "prod", 0); err == nil {
		t.Error("a profile of that name exists")
	}
}

func TestPortIsRememberedUntilDown(t *testing.T) {
	p := away(t)
	if err := os.WriteFile(p.portFile(), []byte("5600"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := newProfile(p.root, "run", 0)
	if err != nil || again.port != 5600 {
		t.Errorf("port %d, %v", again.port, err)
	}
	if named, err := newProfile(p.root, "run", 5700); err != nil || named.port != 5700 {
		t.Errorf("port %d, %v", named.port, err)
	}
	if err := takeDown(p); err != nil {
		t.Fatal(err)
	}
	if after, err := newProfile(p.root, "run", 0); err != nil || after.port != 4566 {
		t.Errorf("port %d, %v", after.port, err)
	}
}

// sleeper starts a harmless program under a record.
func sleeper(t *testing.T, p profile, name string) process {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	if err := writeRecord(p, name, cmd.Process.Pid, []string{"sleep", "60"}); err != nil {
		t.Fatal(err)
	}
	r, ok := runningProcess(p, name)
	if !ok {
		t.Fatal("what was just started is not found")
	}
	return r
}

func TestStopEndsExactlyWhatWasStarted(t *testing.T) {
	p := away(t)
	ours, other := sleeper(t, p, "ours"), sleeper(t, p, "other")
	if err := stopProcess(p, "ours"); err != nil {
		t.Fatal(err)
	}
	if !hasEndedWithin(ours, time.Minute) {
		t.Error("it still runs")
	}
	if r, ok := runningProcess(p, "other"); !ok || r.PID != other.PID {
		t.Error("another program was stopped too")
	}
	if _, err := os.Stat(recordPath(p, "ours")); err == nil {
		t.Error("its record is still there")
	}
	if err := stopProcess(p, "ours"); err != nil {
		t.Errorf("stopping it twice: %v", err)
	}
}

func TestStopLeavesAProgramThatTookThePID(t *testing.T) {
	p := away(t)
	r := sleeper(t, p, "ours")
	stale := r
	stale.Started += "0"
	b, err := json.Marshal(stale)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recordPath(p, "ours"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := stopProcess(p, "ours"); err != nil {
		t.Fatal(err)
	}
	if started, err := processStart(r.PID); err != nil || started != r.Started {
		t.Error("a program that was not ours was stopped")
	}
}

func TestStartInStat(t *testing.T) {
	fields := strings.Repeat("0 ", 18) + "4711 1 2"
	for name, c := range map[string]struct{ stat, want string }{
		"plain":            {"12 (sleep) S " + fields, "4711"},
		"brackets in name": {"12 (a) S (b) S " + fields, "4711"},
		"zombie":           {"12 (sleep) Z " + fields, ""},
		"cut off":          {"12 (sleep) S 0 0", ""},
	} {
		got, err := parseProcessStart(c.stat)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	err = checkPortFree(t.Context(), away(t), addr)
	if err == nil || !strings.Contains(err.Error(), addr[strings.LastIndex(addr, ":")+1:]) || !strings.Contains(err.Error(), "make run PORT=") {
		t.Errorf("got %v", err)
	}
}

func TestZipHoldsAnExecutableBootstrapAndIsReproducible(t *testing.T) {
	dir := t.TempDir()
	built, path := filepath.Join(dir, "record-incentive"), filepath.Join(dir, "record-incentive.zip")
	if err := os.WriteFile(built, []byte("binary"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := zipBinary(built, path); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil || len(r.File) != 1 || r.File[0].Name != "bootstrap" || r.File[0].Mode().Perm() != 0o755 {
		t.Fatalf("got %v, %v", r, err)
	}
	f, err := r.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(f); err != nil || string(content) != "binary" {
		t.Errorf("got %q, %v", content, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := zipBinary(built, path); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same binary gave another zip, %v", err)
	}
	if err := os.WriteFile(built, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := zipBinary(built, path); err != nil {
		t.Fatal(err)
	}
	if changed, err := os.ReadFile(path); err != nil || bytes.Equal(first, changed) {
		t.Errorf("another binary gave the same zip, %v", err)
	}
}

func TestErrorOfAProgramShowsItsLastLines(t *testing.T) {
	var said []string
	cmd := newCommand(t.Context(), t.TempDir(), "sh", "-c", "for i in $(seq 40); do echo line $i; done; exit 3")
	err := runLogged(t.Context(), cmd, filepath.Join(t.TempDir(), "log"), func(line string) { said = append(said, line) })
	if err == nil || !strings.Contains(err.Error(), "line 40") || strings.Contains(err.Error(), "line 9\n") || len(said) != 40 {
		t.Errorf("got %v after %d lines", err, len(said))
	}
}
