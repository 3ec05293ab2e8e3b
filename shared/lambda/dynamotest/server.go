package dynamotest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// server is the local AWS of this test binary, or the reason why there is none.
type server struct {
	endpoint string
	// missing says what has to be installed first.
	missing string
	err     error
}

// sharedServer starts the local AWS at its first call; a test binary is one process, which needs
// only one.
var sharedServer = sync.OnceValue(startServer)

// program is the Python program that runs the local AWS until its standard input ends. Thereby the
// server ends with this process, even when this process is killed.
const program = `
import os, runpy, signal, sys, threading, time
def end_with_parent():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(3)
    os._exit(0)
threading.Thread(target=end_with_parent, daemon=True).start()
runpy.run_module("ministack", run_name="__main__")
`

// StartLocalAWS starts the local AWS on a port of this machine, for programs that are no tests. The
// server ends with this process.
func StartLocalAWS(port int) (endpoint string, err error) {
	python, err := findPython()
	if err != nil {
		return "", err
	}
	// a server that already runs on this port would be mistaken for the new one
	if _, err := findFreePort(port); err != nil {
		return "", err
	}
	return launchOnPort(python, port)
}

// startServer starts the local AWS on a free port.
func startServer() server {
	python, err := findPython()
	if err != nil {
		return server{missing: err.Error()}
	}
	// another process may take the free port before the server uses it
	const attempts = 3
	for i := 0; ; i++ {
		endpoint, err := launchOnFreePort(python)
		// after the last attempt its error is the result
		if err == nil || i == attempts-1 {
			return server{endpoint: endpoint, err: err}
		}
	}
}

// findPython returns the Python interpreter of the checkout's virtual environment.
//
// Errors: one that says how to install it.
func findPython() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside a checkout")
		}
		dir = parent
	}
	python := filepath.Join(dir, ".local", "venv-aws", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return "", fmt.Errorf(
			"no virtual environment at .local/venv-aws (make run and make test install it), and %s is "+
				"not set", EndpointVariable)
	}
	return python, nil
}

// launchOnFreePort starts the local AWS on a port that nobody uses.
func launchOnFreePort(python string) (string, error) {
	port, err := findFreePort(0)
	if err != nil {
		return "", err
	}
	return launchOnPort(python, port)
}

// launchOnPort starts the local AWS on a port and waits until it answers.
func launchOnPort(python string, port int) (string, error) {
	// the server has no deadline: it ends when this process does
	cmd := exec.CommandContext(context.Background(), python, "-c", program)
	cmd.Env = append(os.Environ(), "GATEWAY_PORT="+strconv.Itoa(port), "BIND_HOST=127.0.0.1",
		"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
		"LOG_LEVEL=ERROR", "PERSIST_STATE=0", "AUTH=false")
	cmd.Stderr = os.Stderr
	// cmd keeps the pipe open until this process ends, and program waits for its end
	if _, err := cmd.StdinPipe(); err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the local AWS: %w", err)
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	endpoint := "http://127.0.0.1:" + strconv.Itoa(port)
	if err := waitReady(endpoint, died); err != nil {
		// an error here means that the process has ended already
		_ = cmd.Process.Kill()
		return "", err
	}
	return endpoint, nil
}

// findFreePort checks that a port can be used and returns it; for 0 it returns any free port.
func findFreePort(port int) (int, error) {
	var c net.ListenConfig
	l, err := c.Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// errEnded is the reason when the server ended with exit code 0 while it was starting.
var errEnded = errors.New("without an error")

// startLimit is how long the server may take to start; it is long because several test binaries
// start their servers at the same time on few cores.
const startLimit = 2 * time.Minute

// waitReady waits until the server answers.
//
// Errors: when the process ends first, or startLimit is over.
func waitReady(endpoint string, died <-chan error) error {
	deadline := time.Now().Add(startLimit)
	for time.Now().Before(deadline) {
		if isReady(endpoint, 5*time.Second) {
			return nil
		}
		select {
		case err := <-died:
			return fmt.Errorf("the local AWS ended while starting: %w", cmp.Or(err, errEnded))
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the local AWS was not ready within %s", startLimit)
}

// isReady reports whether an endpoint answers, within the given time, as the local AWS does.
func isReady(endpoint string, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_ministack/health", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}
