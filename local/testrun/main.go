// Command testrun is `make test`: it runs every test and ends with a line "N passed, N failed, N
// skipped". Its exit code is 1 when a test failed. All tests share one local AWS; the end-to-end
// tests run in parallel with the others, on a separate stack that is started meanwhile and stopped
// at the end.
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

// endToEndTests is the package of the tests that need a running stack. They mostly wait for the
// stack and use little processor time.
const endToEndTests = module + "local/e2e"

// stackEnvVariable is the environment variable that names the file with the addresses of the stack
// to the end-to-end tests.
const stackEnvVariable = "FENZHANG_E2E_ENV"

// The stack of the end-to-end tests uses the ports from defaultPort on, unless a flag gives another
// port; the local AWS of all other tests uses the port after those of the stack. The port is fixed,
// because go test reuses cached results only when the address of the local AWS is the same.
const (
	defaultPort = 4766
	afterStack  = 3
)

// options are the flags of the command line.
type options struct {
	port   int
	keep   bool
	shard  shard
	budget bool
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == measureArgument {
		os.Exit(measureBinary(os.Args[2:], os.Stdout))
	}
	var o options
	flag.IntVar(&o.port, "port", 0, "port of the test stack's local AWS")
	flag.BoolVar(&o.keep, "keep", false, "leave the test stack up, to look into it")
	flag.BoolVar(&o.budget, "budget", false, "write the processor seconds of this run into "+
		budgetFile)
	flag.Func("shard", "run one part of the packages, such as 1/2", o.shard.parse)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runTests(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runTests vets and tests the packages, with the end-to-end tests beside the others, and prints
// the summary.
//
// Errors: an error when a test failed or a package exceeded its budget.
func runTests(ctx context.Context, o options) error {
	began := time.Now()
	packages, err := listPackages(ctx)
	if err != nil {
		return err
	}
	packages = o.shard.selectPackages(packages)
	stack := func(ctx context.Context, command string) error {
		return runVisibly(ctx, "go", "run", "./local/stack", "-profile", "test", "-port",
			strconv.Itoa(o.port),
			command)
	}
	vet := func() error { return runVisibly(ctx, "go", append([]string{"vet"}, packages...)...) }
	if err := runTogether(vet, func() error { return stack(ctx, "install") }); err != nil {
		return err
	}
	if err := provideLocalAWS(cmp.Or(o.port, defaultPort) + afterStack); err != nil {
		return err
	}
	tests := newReport(os.Stdout)
	failed := runTogether(func() error {
		return runPackages(ctx, tests, withoutPackage(packages, endToEndTests)...)
	}, func() error {
		if !slices.Contains(packages, endToEndTests) {
			return nil
		}
		return runEndToEnd(ctx, tests, stack, o.keep)
	})
	failed = errors.Join(failed, tests.checkBudget(o.budget))
	tests.printSummary(time.Since(began))
	if failed == nil && tests.failed > 0 {
		failed = errors.New("tests failed")
	}
	return failed
}

// runEndToEnd starts the stack, runs the end-to-end tests, and stops the stack unless keep is set.
func runEndToEnd(ctx context.Context, tests *report, stack func(context.Context, string) error,
	keep bool) error {
	if !keep {
		// The stack is stopped also after an interruption.
		defer func() { _ = stack(context.WithoutCancel(ctx), "down") }()
	}
	if err := stack(ctx, "up"); err != nil {
		return err
	}
	return runPackages(ctx, tests, "-count=1", endToEndTests)
}

// provideLocalAWS starts the local AWS of all tests except the end-to-end tests, unless the
// environment names a running one. The local AWS ends with this process.
func provideLocalAWS(port int) error {
	if os.Getenv(dynamotest.EndpointVariable) != "" {
		return nil
	}
	endpoint, err := dynamotest.StartLocalAWS(port)
	if err != nil {
		return fmt.Errorf(
			"the local AWS of the tests does not start on port %d (make test PORT= takes another): %w",
			port, err)
	}
	return os.Setenv(dynamotest.EndpointVariable, endpoint)
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

// runVisibly runs a command and shows its output.
func runVisibly(ctx context.Context, name string, args ...string) error {
	cmd := interruptibleCommand(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args[:min(len(args), 6)], " "), err)
	}
	return nil
}

// interruptibleCommand returns a command that is interrupted, and not killed, when ctx ends, so
// that it can clean up.
func interruptibleCommand(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// runPackages runs go test for some packages and passes its events to the report. The packages
// were vetted before.
func runPackages(ctx context.Context, r *report, args ...string) error {
	wrapper, err := os.Executable()
	if err != nil {
		return err
	}
	env, err := filepath.Abs(filepath.Join(".local", "test", "stack.env"))
	if err != nil {
		return err
	}
	exec := fmt.Sprintf("-exec='%s' %s", wrapper, measureArgument)
	cmd := interruptibleCommand(ctx, "go",
		append([]string{"test", "-json", "-vet=off", "-timeout", "12m", exec}, args...)...)
	cmd.Env = append(os.Environ(), stackEnvVariable+"="+env)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, os.Stderr
	read := make(chan error, 1)
	go func() { read <- r.readEvents(out) }()
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
