package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// progressInterval is how often a long step prints that it is still running.
const progressInterval = 10 * time.Second

// runStep runs one step of the start, and prints its name, its progress, its result and its
// duration.
func runStep(ctx context.Context, what string,
	do func(ctx context.Context, say func(string)) (result string, err error)) error {
	began := time.Now()
	var mu sync.Mutex
	latest := ""
	say := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		latest = line
	}
	done := make(chan struct{})
	var ticker sync.WaitGroup
	ticker.Go(func() {
		printProgress(what, began, done, func() string {
			mu.Lock()
			defer mu.Unlock()
			return latest
		})
	})
	result, err := do(ctx, say)
	close(done)
	ticker.Wait()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	fmt.Printf("  %-34s %-44s %6.1f s\n", what, result, time.Since(began).Seconds())
	return nil
}

// printProgress prints the latest line of a step at intervals until done is closed.
func printProgress(what string, began time.Time, done <-chan struct{}, latest func() string) {
	for {
		select {
		case <-done:
			return
		case <-time.After(progressInterval):
			fmt.Printf("    ... %s, %d s: %s\n", what, int(time.Since(began).Seconds()),
				shorten(latest(), 70))
		}
	}
}

// shorten cuts a text to a number of characters.
func shorten(s string, n int) string {
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "..."
	}
	return s
}

// runLogged runs a program to its end. The output goes to a log file and line by line to say; an
// error holds the last lines.
func runLogged(ctx context.Context, cmd *exec.Cmd, logPath string, say func(string)) error {
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the log is for people; only the result of the command counts
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	var last tail
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(io.TeeReader(out, log))
		for lines.Scan() {
			if text := lines.Text(); strings.TrimSpace(text) != "" {
				say(text)
				last.add(text)
			}
		}
		_, _ = io.Copy(log, out) // a line too long for the scanner must not block the program
	}()
	err = cmd.Run()
	_ = in.Close() // closing a pipe cannot fail
	<-read
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s\n(all of it: %s)", cmd.Path, err, last.String(), logPath)
	}
	return nil
}

// tail keeps the last 15 lines of an output.
type tail struct{ lines []string }

// add appends a line and drops the oldest one.
func (t *tail) add(line string) {
	t.lines = append(t.lines, line)
	if len(t.lines) > 15 {
		t.lines = t.lines[1:]
	}
}

// String returns the kept lines, indented.
func (t *tail) String() string {
	var b bytes.Buffer
	for _, l := range t.lines {
		fmt.Fprintln(&b, "    "+l)
	}
	return strings.TrimRight(b.String(), "\n")
}

// newCommand returns a command that ends with all its child processes when ctx ends.
func newCommand(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// runTogether runs tasks in parallel and returns all their errors.
func runTogether(tasks ...func() error) error {
	errs := make([]error, len(tasks))
	var all sync.WaitGroup
	for i, do := range tasks {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
}
