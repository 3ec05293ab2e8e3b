package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs in the background. It is stored as a record in which a later call
// finds exactly this process.
type process struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// in the format of the operating system; a reused pid has another start
	Started string   `json:"started"`
	Args    []string `json:"args"`
}

// recordPath returns the path of the record of a process.
func recordPath(p profile, name string) string { return p.statePath(name + ".process.json") }

// logPath returns the path of the log of a process.
func logPath(p profile, name string) string { return p.statePath(name + ".log") }

// runningProcess returns the recorded process with a name, and whether it still runs.
func runningProcess(p profile, name string) (process, bool) {
	var r process
	b, err := os.ReadFile(recordPath(p, name))
	if err != nil || json.Unmarshal(b, &r) != nil || r.PID <= 1 {
		return process{}, false
	}
	started, err := processStart(r.PID)
	return r, err == nil && started == r.Started
}

// processStart returns when a living process started, in the format of the operating system; a pid
// that was reused has another start. A zombie counts as ended.
func processStart(pid int) (string, error) {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		return parseProcessStart(string(stat))
	}
	// ps answers at once; the timeout is a safeguard
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-o", "stat=,lstart=", "-p", fmt.Sprint(pid)).Output()
	if err != nil {
		return "", err
	}
	state, started, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !ok || strings.HasPrefix(state, "Z") {
		return "", fs.ErrNotExist
	}
	return strings.TrimSpace(started), nil
}

// parseProcessStart reads field 22 of /proc/PID/stat, the start time in clock ticks since boot.
// The name of the program is in brackets and may hold any character, so that fields are counted
// from the last bracket.
func parseProcessStart(stat string) (string, error) {
	_, rest, ok := cutLast(stat, ")")
	fields := strings.Fields(rest)
	const state, start = 0, 19
	if !ok || len(fields) <= start || fields[state] == "Z" {
		return "", fs.ErrNotExist
	}
	return fields[start], nil
}

// cutLast splits a text at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// ensureRunning starts a program unless it runs with the same arguments, and waits until its
// health address answers. It returns whether the program was started by this call.
func ensureRunning(ctx context.Context, p profile, name, addr, health string, env []string,
	args ...string) (started bool, err error) {
	if r, ok := runningProcess(p, name); ok {
		if slices.Equal(r.Args, args) && isHealthy(ctx, health) {
			return false, nil
		}
		if err := stopProcess(p, name); err != nil {
			return false, err
		}
	}
	if err := checkPortFree(ctx, p, addr); err != nil {
		return false, err
	}
	return true, startProcess(ctx, p, name, health, env, args)
}

// checkPortFree returns an error with advice when another program listens on an address.
func checkPortFree(ctx context.Context, p profile, addr string) error {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf(
			"port %s is taken by another program (%w).\nStop that program, or choose other ports: %s "+
				"PORT=5600", addr[strings.LastIndex(addr, ":")+1:], err, p.makeTarget())
	}
	return l.Close()
}

// startProcess starts a program in the background, records it, and waits until its health address
// answers.
func startProcess(ctx context.Context, p profile, name, health string, env, args []string) error {
	log, err := os.Create(logPath(p, name))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the started program writes to the log
	// The process outlives this program, its terminal and an interrupt; stopProcess ends it later.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	if err := writeRecord(p, name, cmd.Process.Pid, args); err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		return err
	}
	return awaitHealth(ctx, p, name, health, died)
}

// writeRecord stores which process runs under a name.
func writeRecord(p profile, name string, pid int, args []string) error {
	// the start time tells this process from a later one with the same pid
	started, err := processStart(pid)
	if err != nil {
		return fmt.Errorf("%s ended at once; see %s", name, logPath(p, name))
	}
	b, err := json.Marshal(process{Name: name, PID: pid, Started: started, Args: args})
	if err != nil {
		return err
	}
	return os.WriteFile(recordPath(p, name), b, 0o600)
}

// errEnded is the error of a background program that ends with exit code 0 while it is starting.
var errEnded = errors.New("it reported no error")

// startLimit is how long a program may take to start: the first start of the local AWS compiles
// its Python code.
const startLimit = 90 * time.Second

// awaitHealth waits until the health address of a program answers, or the program ends.
func awaitHealth(ctx context.Context, p profile, name, health string, died <-chan error) error {
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); {
		if isHealthy(ctx, health) {
			return nil
		}
		select {
		case err := <-died:
			return fmt.Errorf("%s ended while starting: %w\n%s", name, cmp.Or(err, errEnded),
				lastLines(logPath(p, name)))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s did not answer within %s; see %s", name, startLimit, logPath(p, name))
}

// isHealthy reports whether a URL answers with status 200.
func isHealthy(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close() // only the status is used
	return res.StatusCode == http.StatusOK
}

// lastLines returns the last lines of a log.
func lastLines(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var t tail
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		t.add(line)
	}
	return t.String()
}

// stopProcess ends a recorded process and its children, and removes the record. No other process
// is touched: both pid and start time of the record must match.
func stopProcess(p profile, name string) error {
	r, ok := runningProcess(p, name)
	if ok {
		if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop %s (pid %d): %w", name, r.PID, err)
		}
		// a program that ignores SIGTERM is killed
		if !hasEndedWithin(r, 10*time.Second) {
			_ = syscall.Kill(r.PID, syscall.SIGKILL)
			hasEndedWithin(r, 5*time.Second)
		}
		// the process is gone; its process group still holds the functions that it had started
		_ = syscall.Kill(-r.PID, syscall.SIGKILL)
	}
	if err := os.Remove(recordPath(p, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// hasEndedWithin reports whether a process has ended within a time span.
func hasEndedWithin(r process, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(
		50 * time.Millisecond) {
		if started, err := processStart(r.PID); err != nil || started != r.Started {
			return true
		}
	}
	return false
}

// recordedNames lists the names of all recorded processes.
func recordedNames(p profile) []string {
	const suffix = ".process.json"
	paths, _ := filepath.Glob(p.statePath("*" + suffix)) // the pattern is well formed
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), suffix))
	}
	return names
}
