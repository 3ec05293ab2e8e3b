package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

// measuring is the argument with which go test runs this program around a test binary.
const measuring = "measure"

// spent is how measure reports processor seconds in the output of a package.
const spent = "fenzhang-processor-seconds "

// measure runs a test binary and prints the processor seconds that it took, which do not depend on
// what else the machine does. Its result is the binary's exit code.
func measure(command []string, out io.Writer) int {
	binary := command[0]
	// go test keeps a result for the next time only with this log of what the tests read, and does not
	// ask for it itself when another program runs them. It looks for it beside the binary.
	args := append([]string{"-test.testlogfile=" + filepath.Join(filepath.Dir(binary), "testlog.txt")},
		command[1:]...)
	//nolint:noctx // the signals that it passes on end it
	cmd := exec.Command(binary, args...)
	cmd.Stdin = os.Stdin
	cmd.Stdout = out
	cmd.Stderr = os.Stderr
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended
		}
	}()
	err := cmd.Wait()
	_, _ = fmt.Fprintf(out, "%s%.2f\n", spent,
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return max(1, failed.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
