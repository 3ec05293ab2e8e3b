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

// measureArgument is the first argument with which go test runs this program instead of a test
// binary.
const measureArgument = "measure"

// secondsPrefix begins the line by which measureBinary reports processor seconds in the output of
// a package.
const secondsPrefix = "fenzhang-processor-seconds "

// measureBinary runs a test binary and prints the processor seconds that the binary used; unlike
// elapsed time they do not depend on what else the machine does. It returns the exit code of the
// binary.
func measureBinary(command []string, out io.Writer) int {
	binary := command[0]
	// go test caches a result only when the test binary has written a log of the files and variables
	// that it read. go test does not ask for this log when another program runs the binary, but reads
	// the log beside the binary.
	args := append([]string{"-test.testlogfile=" + filepath.Join(filepath.Dir(binary), "testlog.txt")},
		command[1:]...)
	//nolint:noctx // the signals that are forwarded below end the test binary
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
			_ = cmd.Process.Signal(s) // the binary may have ended
		}
	}()
	err := cmd.Wait()
	_, _ = fmt.Fprintf(out, "%s%.2f\n", secondsPrefix,
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
