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

// process is a program that runs in the background, and the record that lets a later call find
// exactly it.
type process struct {
	Name    string   `json:"name"`
	PID     int      `json:"pid"`
	Started string   `json:"started"` // as the system tells it: a reused pid has another start
	Args    []string `json:"args"`
}

func recordPath(p profile, name string) string { return p.file(name + ".process.json") }
func logPath(p profile, name string) string    { return p.file(name + ".log") }

// running gives the recorded process if it is still the one that was started.
func running(p profile, name string) (process, bool) {
	var r process
	b, err := os.ReadFile(recordPath(p, name))
	if err != nil || json.Unmarshal(b, &r) != nil || r.PID <= 1 {
		return process{}, false
	}
	started, err := startOf(r.PID)
	return r, err == nil && started == r.Started
}

// startOf tells when a living process started, in the system's own words. A zombie counts as ended.
func startOf(pid int) (string, error) {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		return startInStat(string(stat))
	}
	// it asks the system, which answers at once
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

// startInStat reads field 22 of /proc/PID/stat, the start in clock ticks since boot. The program's
// name stands in brackets and may hold anything, so fields are counted from the last bracket.
func startInStat(stat string) (string, error) {
	_, rest, ok := cutLast(stat, ")")
	fields := strings.Fields(rest)
	const state, start = 0, 19
	if !ok || len(fields) <= start || fields[state] == "Z" {
		return "", fs.ErrNotExist
	}
	return fields[start], nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// ensure starts a program unless it runs already with the same arguments, and waits until its
// address answers. It says whether it was started now.
func ensure(ctx context.Context, p profile, name, addr, health string, env []string,
	args ...string) (started bool, err error) {
	if r, ok := running(p, name); ok {
		if slices.Equal(r.Args, args) && healthy(ctx, health) {
			return false, nil
		}
		if err := stop(p, name); err != nil {
			return false, err
		}
	}
	if err := free(ctx, p, addr); err != nil {
		return false, err
	}
	return true, start(ctx, p, name, health, env, args)
}

// free tells plainly when somebody else listens on an address.
func free(ctx context.Context, p profile, addr string) error {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf(
			"port %s is taken by another program (%w).\nStop that program, or choose other ports: %s "+
				"PORT=5600", addr[strings.LastIndex(addr, ":")+1:], err, p.make())
	}
	return l.Close()
}

func start(ctx context.Context, p profile, name, health string, env, args []string) error {
	log, err := os.Create(logPath(p, name))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // what it says is written by the program
	// It outlives this program, its terminal and an interrupt: what began is stopped by its record.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	if err := record(p, name, cmd.Process.Pid, args); err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		return err
	}
	return awaitHealth(ctx, p, name, health, died)
}

func record(p profile, name string, pid int, args []string) error {
	started, err := startOf(pid)
	if err != nil {
		return fmt.Errorf("%s ended at once; see %s", name, logPath(p, name))
	}
	b, err := json.Marshal(process{Name: name, PID: pid, Started: started, Args: args})
	if err != nil {
		return err
	}
	return os.WriteFile(recordPath(p, name), b, 0o600)
}

// errEnded is what a program says that ends itself when it should stay.
var errEnded = errors.New("it reported no error")

// startLimit is generous: a first start compiles the local AWS's Python.
const startLimit = 90 * time.Second

func awaitHealth(ctx context.Context, p profile, name, health string, died <-chan error) error {
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); {
		if healthy(ctx, health) {
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

func healthy(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close() // only its status was wanted
	return res.StatusCode == http.StatusOK
}

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

// stop ends a process that this project started, and what that started, and forgets it. Nothing
// else is touched: the record names pid and start, and both must still agree.
func stop(p profile, name string) error {
	r, ok := running(p, name)
	if ok {
		if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop %s (pid %d): %w", name, r.PID, err)
		}
		if !ended(r, 10*time.Second) {
			_ = syscall.Kill(r.PID, syscall.SIGKILL)
			ended(r, 5*time.Second)
		}
		// Its session leader is gone; what is left in its group are the functions' processes it had
		// started.
		_ = syscall.Kill(-r.PID, syscall.SIGKILL)
	}
	if err := os.Remove(recordPath(p, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func ended(r process, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(
		50 * time.Millisecond) {
		if started, err := startOf(r.PID); err != nil || started != r.Started {
			return true
		}
	}
	return false
}

// recorded lists the names of all processes that have a record.
func recorded(p profile) []string {
	const suffix = ".process.json"
	paths, _ := filepath.Glob(p.file("*" + suffix)) // the pattern is well formed
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), suffix))
	}
	return names
}
