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

// sayEvery is how often a long step shows that it is alive.
const sayEvery = 10 * time.Second

// step runs one part of the way up and tells what it does, how it goes and how long it took.
func step(ctx context.Context, what string,
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
		for {
			select {
			case <-done:
				return
			case <-time.After(sayEvery):
				mu.Lock()
				line := latest
				mu.Unlock()
				fmt.Printf("    ... %s, %d s: %s\n", what, int(time.Since(began).Seconds()), shorten(line, 70))
			}
		}
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

func shorten(s string, n int) string {
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "..."
	}
	return s
}

// command runs a program to its end. Its output goes to a log file; each line is told to say, and
// the last ones are part of the error.
func command(ctx context.Context, cmd *exec.Cmd, logPath string, say func(string)) error {
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the log is for people; the command's own result counts
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
	_ = in.Close() // the end of a pipe; it cannot fail
	<-read
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s\n(all of it: %s)", cmd.Path, err, last.String(), logPath)
	}
	return nil
}

// tail keeps the last lines of an output.
type tail struct{ lines []string }

func (t *tail) add(line string) {
	t.lines = append(t.lines, line)
	if len(t.lines) > 15 {
		t.lines = t.lines[1:]
	}
}

func (t *tail) String() string {
	var b bytes.Buffer
	for _, l := range t.lines {
		fmt.Fprintln(&b, "    "+l)
	}
	return strings.TrimRight(b.String(), "\n")
}

// program is a command that ends, children and all, when ctx does.
func program(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// together runs tasks side by side and gives all their errors.
func together(tasks ...func() error) error {
	errs := make([]error, len(tasks))
	var all sync.WaitGroup
	for i, do := range tasks {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
}
