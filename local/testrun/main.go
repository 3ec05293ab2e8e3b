// Command testrun is `make test`: it runs every test and ends with a line "N passed, N failed, N
// skipped". Its exit code is the tests'. All tests share one local AWS; the end-to-end tests run
// beside the others, on a stack of their own that comes up meanwhile and is taken down at the end.
package main

import (
	"cmp"
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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"fenzhang/shared/lambda/dynamotest"
)

// endToEnd is where the tests live that need a running stack. They mostly wait for it.
const endToEnd = module + "local/e2e"

// environment names the file with the stack's addresses to the end-to-end tests.
const environment = "FENZHANG_E2E_ENV"

// The stack of the tests takes the ports from defaultPort, unless another one is given; the local
// AWS of all other tests takes the port after the stack's own. A fixed port lets go test use
// results again that depend on the address.
const (
	defaultPort = 4766
	afterStack  = 3
)

// options are those of the command line.
type options struct {
	port   int
	keep   bool
	shard  shard
	budget bool
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == measuring {
		os.Exit(measure(os.Args[2:], os.Stdout))
	}
	var o options
	flag.IntVar(&o.port, "port", 0, "port of the test stack's local AWS")
	flag.BoolVar(&o.keep, "keep", false, "leave the test stack up, to look into it")
	flag.BoolVar(&o.budget, "budget", false, "write the processor seconds of this run into "+
		budgetFile)
	flag.Func("shard", "run one part of the packages, such as 1/2", o.shard.parse)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	began := time.Now()
	packages, err := list(ctx)
	if err != nil {
		return err
	}
	packages = o.shard.of(packages)
	stack := func(ctx context.Context, command string) error {
		return show(ctx, "go", "run", "./local/stack", "-profile", "test", "-port", strconv.Itoa(o.port),
			command)
	}
	vet := func() error { return show(ctx, "go", append([]string{"vet"}, packages...)...) }
	if err := together(vet, func() error { return stack(ctx, "install") }); err != nil {
		return err
	}
	if err := provide(cmp.Or(o.port, defaultPort) + afterStack); err != nil {
		return err
	}
	tests := newReport(os.Stdout)
	both := []func() error{func() error { return test(ctx, tests, without(packages, endToEnd)...) }}
	if slices.Contains(packages, endToEnd) {
		if !o.keep {
			// Also after an interruption: what was started is stopped.
			defer func() { _ = stack(context.WithoutCancel(ctx), "down") }()
		}
		both = append(both, func() error {
			if err := stack(ctx, "up"); err != nil {
				return err
			}
			return test(ctx, tests, "-count=1", endToEnd)
		})
	}
	failed := together(both...)
	failed = errors.Join(failed, tests.checkBudget(o.budget))
	tests.summary(time.Since(began))
	if failed == nil && tests.failed > 0 {
		failed = errors.New("tests failed")
	}
	return failed
}

// provide starts the local AWS of all tests but the end-to-end ones, unless there is one already.
// It ends with this process.
func provide(port int) error {
	if os.Getenv(dynamotest.EndpointVariable) != "" {
		return nil
	}
	endpoint, err := dynamotest.Start(port)
	if err != nil {
		return fmt.Errorf(
			"the local AWS of the tests does not start on port %d (make test PORT= takes another): %w",
			port, err)
	}
	return os.Setenv(dynamotest.EndpointVariable, endpoint)
}

// together runs tasks side by side and returns all their errors.
func together(tasks ...func() error) error {
	errs := make([]error, len(tasks))
	var all sync.WaitGroup
	for i, do := range tasks {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// show runs a command whose output people see.
func show(ctx context.Context, name string, args ...string) error {
	cmd := interruptible(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args[:min(len(args), 6)], " "), err)
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

// test runs packages and feeds what happens to the report. They have been vetted already.
func test(ctx context.Context, r *report, args ...string) error {
	wrapper, err := os.Executable()
	if err != nil {
		return err
	}
	env, err := filepath.Abs(filepath.Join(".local", "test", "stack.env"))
	if err != nil {
		return err
	}
	exec := fmt.Sprintf("-exec='%s' %s", wrapper, measuring)
	cmd := interruptible(ctx, "go",
		append([]string{"test", "-json", "-vet=off", "-timeout", "12m", exec}, args...)...)
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
