// Command testrun is `make test`: it brings a stack of its own up, runs every test against it, takes it down
// again, and ends with a line "N passed, N failed, N skipped". Its exit code is the tests'.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// endToEnd is where the tests live that need a running stack; they run last and alone, so that nothing else
// competes for the machine.
const endToEnd = "fenzhang/local/e2e"

// environment names the file with the stack's addresses to the end-to-end tests.
const environment = "FENZHANG_E2E_ENV"

func main() {
	port := flag.String("port", "0", "port of the test stack's local AWS")
	keep := flag.Bool("keep", false, "leave the test stack up, to look into it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *port, *keep)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, port string, keep bool) error {
	began := time.Now()
	packages, err := list(ctx)
	if err != nil {
		return err
	}
	stack := func(ctx context.Context, command string) error {
		return show(ctx, "go", "run", "./local/stack", "-profile", "test", "-port", port, command)
	}
	if !keep {
		// Also after an interruption: what was started is stopped.
		defer func() { _ = stack(context.WithoutCancel(ctx), "down") }()
	}
	if err := errors.Join(show(ctx, "go", "vet", "./..."), stack(ctx, "up")); err != nil {
		return err
	}
	tests := newReport(os.Stdout)
	last := slices.Index(packages, endToEnd)
	if last >= 0 {
		packages = slices.Delete(packages, last, last+1)
	}
	failed := test(ctx, tests, packages...)
	if last >= 0 {
		failed = errors.Join(failed, test(ctx, tests, "-count=1", endToEnd))
	}
	tests.summary(time.Since(began))
	if failed == nil && tests.failed > 0 {
		failed = errors.New("tests failed")
	}
	return failed
}

// list names all packages of the module.
func list(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// show runs a command whose output people see.
func show(ctx context.Context, name string, args ...string) error {
	cmd := interruptible(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// interruptible is a command that gets a chance to clean up when ctx ends.
func interruptible(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// test runs packages and feeds what happens to the report.
func test(ctx context.Context, r *report, args ...string) error {
	cmd := interruptible(ctx, "go", append([]string{"test", "-json", "-timeout", "12m"}, args...)...)
	env, err := filepath.Abs(filepath.Join(".local", "test", "stack.env"))
	if err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), environment+"="+env)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, os.Stderr
	read := make(chan error, 1)
	go func() { read <- r.follow(out) }()
	err = cmd.Run()
	_ = in.Close() // the end of a pipe; it cannot fail
	if ferr := <-read; ferr != nil {
		return ferr
	}
	if err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	return nil
}
